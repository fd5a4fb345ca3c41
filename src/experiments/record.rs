//! Records: one row per measured value, the only thing that experiments produce and reports read.

use super::metric::Metric;
use super::subject::Subject;
use crate::data::Split;
use crate::flow::AnyVelocity;
use serde::{Deserialize, Serialize};

/// The experiment name of rows that describe the run instead of a measurement: the metric names
/// the property and the note holds it.
pub const PROVENANCE: &str = "provenance";

/// One measured value in long form. Columns that do not apply are empty; see `results/README.md`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct Record {
    /// The experiment's name in the catalogue.
    pub experiment: String,
    /// The model.
    pub subject: Subject,
    /// The seed of initialisation and data.
    pub seed: Option<u64>,
    /// `quick`, `desk` or `paper`; another word for measurements without settings.
    pub profile: String,
    /// The part of the data.
    pub split: Option<Split>,
    /// What was measured.
    pub metric: Metric,
    /// Velocities |V| of the model, or of the test clips, where that is what varies.
    pub velocities: Option<u32>,
    /// Optimiser steps taken.
    pub step: Option<u64>,
    /// Predicted frame, counted from 1; 0 is the last frame seen. Of hidden states: the frame seen; of
    /// redrawn windows: the draw; both counted from 1.
    pub horizon: Option<u32>,
    /// Velocity of the test sequences.
    pub velocity: Option<AnyVelocity>,
    /// The value; empty in rows of provenance and settings.
    pub value: Option<f64>,
    /// Text, in rows of provenance and settings.
    pub note: String,
}

impl Record {
    /// A row that describes the run.
    pub fn provenance(metric: &str, note: impl Into<String>) -> Self {
        let metric = Metric::named(metric);
        Self { experiment: PROVENANCE.into(), metric, note: note.into(), ..Self::default() }
    }

    /// Whether another row is about the same place, and so must have the same value.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        let place = |r: &Self| Self { value: None, note: String::new(), ..r.clone() };
        place(self) == place(other)
    }
}

/// The columns of the file.
#[derive(Serialize, Deserialize)]
struct Row {
    experiment: String,
    model: String,
    variant: String,
    seed: Option<u64>,
    profile: String,
    split: Option<Split>,
    metric: Metric,
    velocities: Option<u32>,
    step: Option<u64>,
    horizon: Option<u32>,
    velocity: Option<AnyVelocity>,
    value: Option<f64>,
    note: String,
}

/// The names of the columns, in order.
pub const COLUMNS: [&str; 13] = [
    "experiment",
    "model",
    "variant",
    "seed",
    "profile",
    "split",
    "metric",
    "velocities",
    "step",
    "horizon",
    "velocity",
    "value",
    "note",
];

impl From<Record> for Row {
    fn from(r: Record) -> Self {
        let Subject { model, variant } = r.subject;
        Self {
            experiment: r.experiment,
            model,
            variant,
            seed: r.seed,
            profile: r.profile,
            split: r.split,
            metric: r.metric,
            velocities: r.velocities,
            step: r.step,
            horizon: r.horizon,
            velocity: r.velocity,
            value: r.value,
            note: r.note,
        }
    }
}

impl From<Row> for Record {
    fn from(r: Row) -> Self {
        Self {
            experiment: r.experiment,
            subject: Subject { model: r.model, variant: r.variant },
            seed: r.seed,
            profile: r.profile,
            split: r.split,
            metric: r.metric,
            velocities: r.velocities,
            step: r.step,
            horizon: r.horizon,
            velocity: r.velocity,
            value: r.value,
            // Spreadsheets and git may have rewritten the line ends of a text.
            note: r.note.replace("\r\n", "\n"),
        }
    }
}
