//! What a unit will cost, from steps on two batches that are timed.

use crate::error::Result;
use crate::parameters::Parameters;
use crate::training::{Adam, Learner, Schedule, training_step};
use candle_nn::Optimizer;
use std::collections::HashMap;
use std::time::Instant;

/// What a unit is expected to take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExpectedCost {
    /// Seconds with the threads that there are now.
    pub seconds: f64,
    /// Bytes of memory, at least: weights with their moments, and the history of a step.
    pub memory: usize,
    /// Bytes of its checkpoint.
    pub disk: usize,
}

/// What was timed so far: steps and evaluations that several models have in common are timed once.
#[derive(Clone, Debug, Default)]
pub struct Timings(HashMap<String, Timing>);

/// What a model was found to take.
#[derive(Clone, Copy, Debug)]
struct Timing {
    training: Line,
    evaluation: Line,
}

/// How often a unit does what is timed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amounts {
    /// Samples of an optimiser step.
    pub batch: u64,
    /// Frames of a sample in training.
    pub frames: usize,
    /// Samples times frames that are evaluated in all, validation and test.
    pub evaluated: u64,
    /// Bytes of the history of a step.
    pub history: usize,
}

impl Amounts {
    /// Frames that `evaluations` on the validation split come to.
    pub fn validated(schedule: &Schedule, samples: u64, frames: usize) -> u64 {
        schedule.steps.div_ceil(schedule.interval.max(1)) * samples * frames as u64
    }
}

/// Steps that are timed where they are short.
const REPEATS: usize = 3;
/// Seconds from which a step is timed once, and needs none before it that warms up.
const LONG: f64 = 0.5;

/// Times optimiser steps and evaluations on two batches, and counts how many there will be. `batch` makes the
/// smaller and the larger one of the two [`Size`]s, with its samples times frames; `what` names all that their time
/// depends on.
pub(super) fn expected_cost<L: Learner<Batch: Clone>>(
    (learner, parameters): (&L, &Parameters),
    schedule: &Schedule,
    batch: &dyn Fn(Size) -> Result<(L::Batch, u64)>,
    amounts: Amounts,
    (what, timings): (String, &mut Timings),
) -> Result<ExpectedCost> {
    let Timing { training, evaluation } = match timings.0.get(&what) {
        Some(timing) => *timing,
        None => {
            let timing = timed((learner, parameters), schedule, batch)?;
            *timings.0.entry(what).or_insert(timing)
        }
    };
    let of_step = amounts.batch * amounts.frames as u64;
    let evaluations = amounts.evaluated as f64 / of_step as f64;
    // A weight, its gradient and two moments; in a checkpoint the best weights instead of gradients.
    let weights = 4 * 4 * parameters.count();
    Ok(ExpectedCost {
        seconds: training.seconds(of_step) * schedule.steps as f64
            + evaluation.seconds(of_step) * evaluations,
        memory: weights + amounts.history,
        disk: weights,
    })
}

fn timed<L: Learner<Batch: Clone>>(
    (learner, parameters): (&L, &Parameters),
    schedule: &Schedule,
    batch: &dyn Fn(Size) -> Result<(L::Batch, u64)>,
) -> Result<Timing> {
    let mut optimiser = Adam::new(parameters.variables(), schedule.adam)?;
    let training = Line::timed(batch, |batch| {
        training_step(learner, parameters, &mut optimiser, batch, schedule.clip)?;
        Ok(())
    })?;
    let evaluation = Line::timed(batch, |batch| {
        learner.score(&parameters.detached(), std::slice::from_ref(batch))?;
        Ok(())
    })?;
    Ok(Timing { training, evaluation })
}

/// The batches that are timed: what a step takes whatever its batch is told apart by two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Small,
    Large,
}

/// Seconds as a function of samples times frames: filters are expanded and weights moved once in a step, the
/// rest grows with what it sees. What cells that run step by step spend on each frame, whatever the batch, is
/// counted for each sample, and evaluations are taken to have batches as large as those of training.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    once: f64,
    each: f64,
}

impl Line {
    /// From both batches, or the smaller one where they are the same. A first run that is short warms up.
    fn timed<B>(
        batch: &dyn Fn(Size) -> Result<(B, u64)>,
        mut run: impl FnMut(&B) -> Result<()>,
    ) -> Result<Self> {
        let ((small, few), (large, many)) = (batch(Size::Small)?, batch(Size::Large)?);
        let first = seconds(|| run(&small))?;
        let short = if first > LONG { first } else { shortest(|| run(&small))? };
        let long = if many > few { shortest(|| run(&large))? } else { short };
        Ok(Self::through((few, short), (many, long)))
    }

    /// Through two points; through the origin and the second where noise leaves no other line that rises.
    fn through((few, short): (u64, f64), (many, long): (u64, f64)) -> Self {
        let each = (long - short) / (many as f64 - few as f64);
        let once = short - each * few as f64;
        match each > 0.0 && once >= 0.0 {
            true => Self { once, each },
            false => Self { once: 0.0, each: long / many as f64 },
        }
    }

    fn seconds(self, amount: u64) -> f64 {
        self.once + self.each * amount as f64
    }
}

/// The time of the shortest of some runs, or of one that is long.
fn shortest(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut shortest = f64::INFINITY;
    for _ in 0..REPEATS {
        shortest = shortest.min(seconds(&mut run)?);
        if shortest > LONG {
            break;
        }
    }
    Ok(shortest)
}

fn seconds(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_takes_once_is_not_counted_for_every_sample() {
        let line = Line::through((10, 3.0), (20, 4.0));
        assert!((line.seconds(1000) - 102.0).abs() < 1e-9, "{line:?}");
    }

    #[test]
    fn noise_makes_no_line_that_falls_or_begins_below_zero() {
        for (few, many) in [((10, 4.0), (20, 3.0)), ((10, 1.0), (20, 3.0)), ((20, 3.0), (20, 3.0))]
        {
            assert_eq!(Line::through(few, many), Line { once: 0.0, each: 0.15 });
        }
    }
}
