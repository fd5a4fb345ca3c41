//! What a unit will cost, from a step that is timed.

use crate::error::Result;
use crate::parameters::Parameters;
use crate::training::{Adam, Learner, Schedule, training_step};
use candle_nn::Optimizer;
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
/// Seconds from which a step is timed once.
const LONG: f64 = 0.5;

/// Times optimiser steps and evaluations on a batch of `timed` samples times frames, and counts how many
/// there will be.
pub(super) fn expected_cost<L: Learner<Batch: Clone>>(
    (learner, parameters): (&L, &Parameters),
    schedule: &Schedule,
    (batch, timed): (&dyn Fn() -> Result<L::Batch>, u64),
    amounts: Amounts,
) -> Result<ExpectedCost> {
    let mut optimiser = Adam::new(parameters.variables(), schedule.adam)?;
    let training = seconds(|| {
        training_step(learner, parameters, &mut optimiser, &batch()?, schedule.clip)?;
        Ok(())
    })?;
    let evaluation = seconds(|| {
        learner.score(&parameters.detached(), &[batch()?])?;
        Ok(())
    })?;
    let in_all = schedule.steps * amounts.batch * amounts.frames as u64;
    let times = |samples: u64| samples as f64 / timed as f64;
    // A weight, its gradient and two moments; in a checkpoint the best weights instead of gradients.
    let weights = 4 * 4 * parameters.count();
    Ok(ExpectedCost {
        seconds: training * times(in_all) + evaluation * times(amounts.evaluated),
        memory: weights + amounts.history,
        disk: weights,
    })
}

/// The shortest of some runs, the first of which is left out where there are several.
fn seconds(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut timed = || -> Result<f64> {
        let start = Instant::now();
        run()?;
        Ok(start.elapsed().as_secs_f64())
    };
    let first = timed()?;
    if first > LONG {
        return Ok(first);
    }
    let mut shortest = f64::INFINITY;
    for _ in 0..REPEATS {
        shortest = shortest.min(timed()?);
    }
    Ok(shortest)
}
