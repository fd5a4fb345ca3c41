//! A search for counterexamples among random cases, shrunk to the smallest that still fails.

use super::case::{Case, Sizes};
use super::kinds::{GroupKind, Specimen, Velocities};
use super::property::{Measurement, Property};
use super::suite::Selection;
use crate::equivariance::Diagnosis;
use crate::error::{Error, Result};
use crate::flow::{AnyVelocity, DegreesPerFrame, Lift, PixelsPerFrame};
use crate::ops::ConvAlgorithm;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// A case for which the theory, or this crate, is wrong.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The smallest case found.
    pub case: Case,
    /// The law that it breaks.
    pub property: Property,
    /// The flow of the input.
    pub flow: AnyVelocity,
    /// What was expected and what was measured, in words.
    pub reason: String,
}

/// Measures `count` random cases of the selection's cells and precisions; the cases are a function of
/// the selection's seed and `batch`.
///
/// # Errors
/// Those of tensor operations, and [`Error::Configuration`] when only controls are selected.
pub fn search(selection: &Selection, batch: u64, count: u32) -> Result<Option<Counterexample>> {
    let is_claimed = |cell: &Specimen| cell.is_flow_equivariant(Lift::CoMoving);
    let cells: Vec<Specimen> = selection.cells.iter().copied().filter(is_claimed).collect();
    if cells.is_empty() {
        return Err(Error::configuration(
            "the random search",
            "has no cell of which the theory claims anything",
            "select one that is no control",
        ));
    }
    find(cells, Draws { seed: selection.seed, batch, count }, |case, property, flow| {
        judge(case, property, flow, selection)
    })
}

/// Which random cases are drawn, and how many.
#[derive(Clone, Copy)]
struct Draws {
    seed: u64,
    batch: u64,
    count: u32,
}

/// The smallest of `count` random cases for which `judge` has a reason to complain.
fn find(
    cells: Vec<Specimen>,
    Draws { seed, batch, count }: Draws,
    judge: impl Fn(&Case, Property, AnyVelocity) -> Result<Option<String>>,
) -> Result<Option<Counterexample>> {
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&batch.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, random);
    let outcome =
        runner.run(&cases(cells), |(case, property, flow)| match judge(&case, property, flow) {
            Ok(None) => Ok(()),
            Ok(Some(reason)) => Err(TestCaseError::fail(reason)),
            Err(Error::Vacuous(why)) => Err(TestCaseError::reject(why)),
            Err(error) => Err(TestCaseError::fail(error.to_string())),
        });
    match outcome {
        Ok(()) => Ok(None),
        Err(TestError::Fail(reason, (case, property, flow))) => {
            Ok(Some(Counterexample { case, property, flow, reason: reason.message().into() }))
        }
        Err(TestError::Abort(reason)) => {
            Err(Error::Vacuous(format!("too many random cases: {}", reason.message())))
        }
    }
}

/// What is wrong with a case, if anything is.
///
/// Controls are left to the fixed suite: a random one may be too small to break its law by the margin.
fn judge(
    case: &Case,
    property: Property,
    flow: AnyVelocity,
    selection: &Selection,
) -> Result<Option<String>> {
    let expected = match property.expected(case) {
        None | Some(Diagnosis::Broken) => {
            return Err(Error::Vacuous("the theory claims nothing".into()));
        }
        Some(expected) => expected,
    };
    let Some(measured) = Measurement::of(property, case, &[flow], &selection.dtypes)? else {
        return Err(Error::Vacuous("the flow stands still".into()));
    };
    Ok((!measured.agrees_with(expected)).then(|| {
        let error = measured.double.as_ref().or(measured.single.as_ref());
        let (expected, got) = (expected.name(), measured.diagnosis().name());
        format!("expected {expected}, measured {got}: {:?}", error.map(|e| e.worst()))
    }))
}

fn cases(cells: Vec<Specimen>) -> impl Strategy<Value = (Case, Property, AnyVelocity)> {
    let lift = prop::sample::select(vec![Lift::Trivial, Lift::CoMoving]);
    let velocities = prop::sample::select(vec![
        Velocities::Truncated(0),
        Velocities::Truncated(1),
        Velocities::Truncated(2),
        Velocities::Closed,
    ]);
    let algorithm = prop::sample::select(vec![ConvAlgorithm::Direct, ConvAlgorithm::Winograd]);
    let what = (prop::sample::select(cells), lift, velocities, algorithm, any::<bool>());
    let flow = (-4i32..=4, -4i32..=4);
    let property = prop::sample::select(Property::ALL.to_vec());
    (what, sizes(), any::<u64>(), property, flow).prop_map(|(what, sizes, seed, property, flow)| {
        let (cell, lift, velocities, algorithm, turns) = what;
        let is_one_hot = cell == Specimen::OneHotShift;
        // Where the grid carries rotations exactly: what is interpolated has no fixed bound.
        let turning = GroupKind::Rotation(4);
        let is_turning = cell.is_over(turning) && (turns || !cell.is_over(GroupKind::Translation));
        let case = Case {
            group: if is_turning { turning } else { GroupKind::Translation },
            cell,
            lift: if is_one_hot { Lift::Trivial } else { lift },
            velocities: match velocities {
                Velocities::Closed if is_one_hot => Velocities::Truncated(2),
                other => other,
            },
            algorithm,
            sizes: match is_turning {
                true => Sizes {
                    width: sizes.height,
                    kernel: sizes.kernel.max(3),
                    channels: sizes.channels.min(4),
                    ..sizes
                },
                false => sizes,
            },
            seed,
        };
        let flow = match is_turning {
            true => AnyVelocity::Rotation(DegreesPerFrame(90 * flow.0)),
            false => AnyVelocity::Translation(PixelsPerFrame::new(flow.0, flow.1)),
        };
        (case, property, flow)
    })
}

fn sizes() -> impl Strategy<Value = Sizes> {
    let extents = (1usize..=9, 1usize..=9);
    let kernel = prop::sample::select(vec![1usize, 3, 5]);
    let channels = (1usize..=3, 1usize..=12);
    (1usize..=3, 1usize..=6, channels, extents, kernel).prop_map(
        |(batch, frames, (inputs, channels), (height, width), kernel)| Sizes {
            batch,
            frames,
            inputs,
            channels,
            height,
            width,
            kernel,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_shrunk_to_the_smallest_case() -> Result<()> {
        let complains = |case: &Case, _: Property, flow: AnyVelocity| {
            let is_fast = matches!(flow, AnyVelocity::Translation(v) if v.x > 1);
            Ok((case.sizes.width > 4 && is_fast).then(|| "wide and fast".to_string()))
        };
        let found =
            find(Specimen::ALL.to_vec(), Draws { seed: 3, batch: 0, count: 200 }, complains)?;
        let found = found.expect("half of the widths and a third of the flows");
        let slowest = AnyVelocity::Translation(PixelsPerFrame::new(2, 0));
        assert_eq!((found.case.sizes.width, found.flow), (5, slowest));
        let sizes = Sizes { width: 1, ..found.case.sizes };
        let smallest =
            Sizes { batch: 1, frames: 1, inputs: 1, channels: 1, height: 1, width: 1, kernel: 1 };
        assert_eq!(sizes, smallest);
        assert_eq!(found.reason, "wide and fast");
        let content =
            find(vec![Specimen::Rnn], Draws { seed: 3, batch: 0, count: 20 }, |_, _, _| Ok(None))?;
        assert!(content.is_none());
        Ok(())
    }
}
