//! Every statement of the theory over all cells, lifts, velocity sets and algorithms.

use super::case::{Case, Sizes};
use super::kinds::{GroupKind, Specimen, Velocities};
use super::property::{Measurement, Property};
use crate::equivariance::{Diagnosis, EquivarianceError, Row, margin};
use crate::error::Result;
use crate::flow::{AnyVelocity, DegreesPerFrame, PixelsPerFrame};
use crate::ops::ConvAlgorithm;
use candle_core::DType;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Only these cells.
    pub cells: Vec<Specimen>,
    /// Flows of the input.
    pub flows: Vec<AnyVelocity>,
    /// Precisions; both are needed to tell rounding from a breach.
    pub dtypes: Vec<DType>,
    /// Seed of weights and frames.
    pub seed: u64,
}

impl Default for Selection {
    fn default() -> Self {
        let translation = |(x, y)| AnyVelocity::Translation(PixelsPerFrame::new(x, y));
        let rotation = |degrees| AnyVelocity::Rotation(DegreesPerFrame(degrees));
        let mut flows = [(1, 0), (0, 1), (-1, 2)].map(translation).to_vec();
        flows.extend([90, -90, 45].map(rotation));
        Self { cells: Specimen::ALL.to_vec(), flows, dtypes: vec![DType::F32, DType::F64], seed: 0 }
    }
}

/// Measures every statement, handing each row to `show` as soon as it is there.
///
/// # Errors
/// Those of tensor operations; a law that cannot be measured is an error, not a pass.
pub fn rows(selection: &Selection, mut show: impl FnMut(&Row)) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for Chapter { property, cases, flows, remark } in chapters(selection) {
        for case in cases {
            let Some(expected) = property.expected(&case) else { continue };
            let flows = flows_of(&case, &flows);
            let measured = Measurement::of(property, &case, &flows, &selection.dtypes)?;
            let Some(measured) = measured else { continue };
            let row = row(property, &case, &remark, expected, &measured);
            show(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The flows to measure a case with: where the group interpolates, those that are interpolated, if there
/// are any; a quarter turn is what the smaller group is for.
fn flows_of(case: &Case, flows: &[AnyVelocity]) -> Vec<AnyVelocity> {
    let of_group: Vec<AnyVelocity> =
        flows.iter().copied().filter(|&flow| case.group.has(flow)).collect();
    let is_interpolated = |flow: &&AnyVelocity| !GroupKind::Rotation(4).has(**flow);
    match case.group.is_exact() || of_group.iter().all(|flow| !is_interpolated(&flow)) {
        true => of_group,
        false => of_group.iter().filter(is_interpolated).copied().collect(),
    }
}

/// A law over the cases and flows on which it is measured.
struct Chapter {
    property: Property,
    cases: Vec<Case>,
    flows: Vec<AnyVelocity>,
    remark: String,
}

fn chapters(selection: &Selection) -> Vec<Chapter> {
    let mut chapters = Vec::new();
    for property in Property::ALL {
        let (cases, flows) = (cases(property, selection), selection.flows.clone());
        chapters.push(Chapter { property, cases: cases.clone(), flows, remark: String::new() });
        if property != Property::FlowedForecast {
            continue;
        }
        // How far a truncated set carries is told velocity by velocity.
        let is_told = |case: &Case| {
            case.cell == Specimen::Rnn && matches!(case.velocities, Velocities::Truncated(1..))
        };
        let cases: Vec<Case> = cases.into_iter().filter(is_told).collect();
        for &flow in &selection.flows {
            let remark = format!(" by {}", flow.name());
            chapters.push(Chapter { property, cases: cases.clone(), flows: vec![flow], remark });
        }
    }
    chapters
}

/// The cases on which a law is measured.
fn cases(property: Property, selection: &Selection) -> Vec<Case> {
    let sets = [
        Velocities::Truncated(0),
        Velocities::Truncated(1),
        Velocities::Truncated(2),
        Velocities::Closed,
    ];
    let seed = selection.seed;
    let mut cases = Vec::new();
    for group in GroupKind::ALL {
        let is_over = |cell: &&Specimen| cell.is_over(group);
        for &cell in selection.cells.iter().filter(is_over) {
            for velocities in sets {
                let sizes = Sizes::of_suite(group, velocities);
                for &lift in cell.lifts() {
                    let case =
                        |&algorithm| Case { group, cell, lift, velocities, algorithm, sizes, seed };
                    cases.extend(algorithms(group).iter().map(case));
                }
            }
        }
    }
    cases.retain(|case| is_worth_measuring(property, case));
    cases
}

/// Over rotations both round alike.
fn algorithms(group: GroupKind) -> &'static [ConvAlgorithm] {
    match group {
        GroupKind::Translation => &[ConvAlgorithm::Direct, ConvAlgorithm::Winograd],
        GroupKind::Rotation(_) => &[ConvAlgorithm::Direct],
    }
}

/// Leaves out what a cell does not have, and what would be the same measurement again.
fn is_worth_measuring(property: Property, case: &Case) -> bool {
    let is_direct = case.algorithm == ConvAlgorithm::Direct;
    let has_it = match case.cell {
        // Its matrices grow with the square of the pixels.
        Specimen::Dense => {
            case.group.is_exact() && case.velocities == Velocities::Truncated(0) && is_direct
        }
        // Their kernels reach two pixels; without velocities they are convolutions.
        Specimen::OneHotShift | Specimen::LearnedShift => {
            matches!(case.velocities, Velocities::Truncated(1 | 2))
        }
        // Each interpolated slice costs; two sets tell what all do.
        _ => {
            case.group.is_exact()
                || matches!(case.velocities, Velocities::Truncated(1) | Velocities::Closed)
        }
    };
    let lifts = case.cell.lifts();
    let is_breach = property.expected(case) == Some(Diagnosis::Broken);
    match property {
        Property::Action => {
            let is_first = case.lift == lifts[0] && case.velocities == Velocities::Truncated(1);
            case.cell == Specimen::Rnn && is_direct && is_first
        }
        // A decoder sees what is pooled, which is one thing for both lifts. Where the group interpolates,
        // its layers would add the grid's error to that of what they read.
        Property::StaticForecast | Property::FlowedForecast | Property::Forecast => {
            has_it
                && case.group.is_exact()
                && case.lift == lifts[lifts.len() - 1]
                && (is_direct || !is_breach)
        }
        _ => has_it && (is_direct || !is_breach),
    }
}

fn row(
    property: Property,
    case: &Case,
    remark: &str,
    expected: Diagnosis,
    measured: &Measurement,
) -> Row {
    let verdict = measured.diagnosis();
    let error = |error: &Option<EquivarianceError>| error.as_ref().map(EquivarianceError::max);
    let is_of_group = property == Property::Action;
    let unless_of_group = |name: &str| if is_of_group { "-".to_string() } else { name.to_string() };
    Row {
        property: format!("{}{remark}", property.name()),
        cell: unless_of_group(case.cell.name()),
        lift: unless_of_group(case.lift.name()),
        group: match is_of_group {
            true => case.group.name(),
            false => format!("{} {}", case.group.name(), case.velocities.name()),
        },
        algorithm: unless_of_group(case.algorithm.name()),
        expected: expected.name().into(),
        verdict: verdict.name().into(),
        error_f32: error(&measured.single),
        error_f64: error(&measured.double),
        margin: margin(expected),
        holds: measured.agrees_with(expected),
    }
}
