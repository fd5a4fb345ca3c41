//! A search for counterexamples among random cases, shrunk to the smallest that still fails.

use super::drawn::Drawn;
use super::group::Velocities;
use super::list::Selection;
use super::property::Property;
use super::sizes::Sizes;
use super::statement::Statement;
use super::verified::Verified;
use crate::equivariance::{Diagnosis, Key};
use crate::error::{Error, Result};
use candle_core::DType;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::fmt;

/// A case for which the theory, or the cell, is wrong.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The law, the cell and the place.
    pub key: Key,
    /// The smallest extents found.
    pub sizes: Sizes,
    /// Seed of weights and frames.
    pub seed: u64,
    /// The flow of the input, in steps of the group.
    pub steps: (i32, i32),
    /// What was expected and what was measured, in words.
    pub reason: String,
}

/// In two lines: the law and what is wrong, then the case.
impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, sizes, seed, steps, reason } = self;
        write!(
            f,
            "counterexample to {key}: {reason}\n  flow of {steps:?} steps, seed {seed}, {sizes:?}"
        )
    }
}

/// Measures `count` random cases of the selection's cells and precisions; the cases are a function of
/// the selection's seed and `batch`.
///
/// # Errors
/// Those of the cells, and [`Error::Configuration`] when only controls are selected.
pub fn search(
    kinds: &[Box<dyn Verified>],
    selection: &Selection,
    batch: u64,
    count: u32,
) -> Result<Option<Counterexample>> {
    let searched: Vec<&dyn Verified> = kinds
        .iter()
        .map(|kind| &**kind)
        .filter(|&kind| selection.has(kind) && kind.is_searched())
        .collect();
    if searched.is_empty() {
        return Err(Error::configuration(
            "the random search",
            "has no cell of which the theory claims anything",
            "select one that is no control",
        ));
    }
    find(&searched, Draws { seed: selection.seed, batch, count }, |statement| {
        judge(statement, &selection.dtypes)
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
    kinds: &[&dyn Verified],
    Draws { seed, batch, count }: Draws,
    judge: impl Fn(&Statement<'_>) -> Result<Option<String>>,
) -> Result<Option<Counterexample>> {
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&batch.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, random);
    let complaint = |drawn: &Drawn| judge(&kinds[drawn.kind].random_statement(drawn)?);
    let outcome = runner.run(&draws(kinds.len()), |drawn| match complaint(&drawn) {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(TestCaseError::fail(reason)),
        Err(Error::Vacuous(why)) => Err(TestCaseError::reject(why)),
        Err(error) => Err(TestCaseError::fail(error.to_string())),
    });
    match outcome {
        Ok(()) => Ok(None),
        Err(TestError::Fail(reason, drawn)) => {
            let statement = kinds[drawn.kind].random_statement(&drawn)?;
            let Statement { key, sizes, seed, .. } = statement;
            let reason = reason.message().into();
            Ok(Some(Counterexample { key, sizes, seed, steps: drawn.steps, reason }))
        }
        Err(TestError::Abort(reason)) => {
            Err(Error::Vacuous(format!("too many random cases: {}", reason.message())))
        }
    }
}

/// What is wrong with a case, if anything is.
///
/// Controls are left to the fixed list: a random one may be too small to break its law by the margin.
fn judge(statement: &Statement<'_>, dtypes: &[DType]) -> Result<Option<String>> {
    let expected = statement.expected;
    if expected == Diagnosis::Broken {
        return Err(Error::Vacuous("the theory claims nothing".into()));
    }
    let Some(measured) = statement.measure(dtypes)? else {
        return Err(Error::Vacuous("the flow stands still".into()));
    };
    Ok((!measured.agrees_with(expected)).then(|| {
        let error = measured.double.as_ref().or(measured.single.as_ref());
        let error = error.map_or("nothing".into(), ToString::to_string);
        format!("expected {expected}, measured {}: {error}", measured.diagnosis())
    }))
}

fn draws(kinds: usize) -> impl Strategy<Value = Drawn> {
    let velocities = prop::sample::select(vec![
        Velocities::Truncated(0),
        Velocities::Truncated(1),
        Velocities::Truncated(2),
        Velocities::Closed,
    ]);
    let property = prop::sample::select(Property::ALL.to_vec());
    let steps = (-4i32..=4, -4i32..=4);
    let what = (0..kinds, property, 0usize..4, velocities);
    (what, sizes(), any::<u64>(), steps).prop_map(|(what, sizes, seed, steps)| {
        let (kind, property, choice, velocities) = what;
        Drawn { kind, property, choice, velocities, sizes, seed, steps }
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
    use super::super::specimen::Specimen;
    use super::*;

    #[test]
    fn what_is_found_is_shrunk_to_the_smallest_case() -> Result<()> {
        let kind = Specimen::Rnn.over_translations();
        let complains = |statement: &Statement<'_>| {
            let is_wide = statement.sizes.width > 4 && statement.key.lift == "co-moving";
            Ok(is_wide.then(|| "wide".to_string()))
        };
        let draws = Draws { seed: 3, batch: 0, count: 200 };
        let found = find(&[&kind], draws, complains)?.expect("half of the widths and of the lifts");
        assert_eq!(found.sizes.width, 5);
        let sizes = Sizes { width: 1, ..found.sizes };
        let smallest =
            Sizes { batch: 1, frames: 1, inputs: 1, channels: 1, height: 1, width: 1, kernel: 1 };
        assert_eq!(sizes, smallest);
        assert_eq!((found.steps, found.reason.as_str()), ((0, 0), "wide"));
        assert!(find(&[&kind], Draws { count: 20, ..draws }, |_| Ok(None))?.is_none());
        Ok(())
    }
}
