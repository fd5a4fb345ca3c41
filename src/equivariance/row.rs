//! Statements with their measurements, as tables list them.

use super::diagnosis::Diagnosis;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a statement is about, column by column; [`Key::NONE`] in a column that says nothing of it. Its text form, both
/// ways, is that of the columns, as `fernn verify --format csv` prints and a baseline is read; `Display` is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The law.
    pub property: String,
    /// The flow of the input, as [`AnyVelocity`](crate::flow::AnyVelocity) is written, where it is measured
    /// under one alone.
    pub flow: String,
    /// The cell.
    pub cell: String,
    /// The frame of reference.
    pub lift: String,
    /// The group.
    pub group: String,
    /// The set of velocities.
    pub velocities: String,
    /// How convolutions are computed.
    pub algorithm: String,
}

impl Key {
    /// What stands in a column that does not apply.
    pub const NONE: &str = "-";
}

/// Nothing in any column.
impl Default for Key {
    fn default() -> Self {
        let none = || Self::NONE.to_string();
        Self {
            property: none(),
            flow: none(),
            cell: none(),
            lift: none(),
            group: none(),
            velocities: none(),
            algorithm: none(),
        }
    }
}

/// The columns in a line, without those that say nothing.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { property, flow, cell, lift, group, velocities, algorithm } = self;
        let by = format!("{property} by {flow}");
        let law = if flow == Self::NONE { property } else { &by };
        let said = [law, cell, lift, group, velocities, algorithm];
        let said: Vec<&str> =
            said.iter().map(|text| text.as_str()).filter(|&text| text != Self::NONE).collect();
        f.write_str(&said.join(", "))
    }
}

/// One statement with its measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The law.
    pub property: String,
    /// The flow of the input, where it is measured under one alone.
    pub flow: String,
    /// The cell.
    pub cell: String,
    /// The frame of reference.
    pub lift: String,
    /// The group.
    pub group: String,
    /// The set of velocities.
    pub velocities: String,
    /// How convolutions are computed.
    pub algorithm: String,
    /// What the theory says: `exact`, `rounding`, `discretisation` or `BROKEN`.
    pub expected: String,
    /// What was measured: one of these, or [`Row::PROVES_NOTHING`].
    pub verdict: String,
    /// The largest error in f32, relative to the largest value; empty where not measured.
    pub error_f32: Option<f64>,
    /// The same in f64.
    pub error_f64: Option<f64>,
    /// By which factor an error may grow over a baseline's; empty for what is broken anyway.
    pub margin: Option<f64>,
    /// Whether the verdict is the expected one, or better.
    pub holds: bool,
}

impl Row {
    /// The verdict of what could only be measured in a way that proves nothing.
    pub const PROVES_NOTHING: &str = "proves nothing";

    /// A row without a measurement yet.
    pub(crate) fn of(key: Key, expected: Diagnosis) -> Self {
        let Key { property, flow, cell, lift, group, velocities, algorithm } = key;
        Self {
            property,
            flow,
            cell,
            lift,
            group,
            velocities,
            algorithm,
            expected: expected.name().into(),
            verdict: String::new(),
            error_f32: None,
            error_f64: None,
            margin: margin(expected),
            holds: false,
        }
    }

    /// What it is about.
    pub fn key(&self) -> Key {
        let Self { property, flow, cell, lift, group, velocities, algorithm, .. } = self.clone();
        Key { property, flow, cell, lift, group, velocities, algorithm }
    }
}

/// By which factor an error may grow over a baseline's: rounding differs between instruction sets, by far
/// less than this.
fn margin(expected: Diagnosis) -> Option<f64> {
    match expected {
        Diagnosis::Exact => Some(1.0),
        Diagnosis::Rounding => Some(8.0),
        Diagnosis::Discretisation => Some(1.25),
        Diagnosis::Broken => None,
    }
}
