//! Sizes that settings may have: beyond them a run ends in a panic, never, or in all of the memory.

use crate::error::{Error, Result};
use crate::training::Schedule;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Refuses a setting outside of a range.
pub(super) fn expect_within<T: PartialOrd + Display>(
    key: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    let what = format!("the setting `{key}`");
    Err(Error::configuration(what, format!("is {value}"), format!("take {least} to {most}")))
}

/// Sequences or clips of a batch or an evaluation.
pub(super) const SAMPLES: RangeInclusive<u64> = 1..=1_000_000;
/// Frames seen, predicted or cut.
pub(super) const FRAMES: RangeInclusive<usize> = 1..=10_000;
/// N of a set V_N.
pub(super) const VELOCITIES: RangeInclusive<u32> = 0..=64;
/// Pixels along a side.
pub(super) const PIXELS: RangeInclusive<usize> = 1..=1_024;
/// Channels of a layer.
pub(super) const CHANNELS: RangeInclusive<usize> = 1..=8_192;
/// Layers of a network.
pub(super) const LAYERS: RangeInclusive<usize> = 1..=64;
/// Optimiser steps.
const STEPS: RangeInclusive<u64> = 1..=1_000_000_000;

/// Refuses a schedule that cannot be followed, with batches in more parts than `most_parts`.
pub(super) fn check_schedule(schedule: &Schedule, most_parts: u64) -> Result<()> {
    let Schedule { steps, interval, clip, parts, adam } = *schedule;
    expect_within("schedule.steps", steps, STEPS)?;
    expect_within("schedule.interval", interval, STEPS)?;
    expect_within("schedule.parts", parts, 1..=most_parts)?;
    if let Some(clip) = clip {
        expect_within("schedule.clip", clip, f64::MIN_POSITIVE..=f64::INFINITY)?;
    }
    expect_within("schedule.adam.learning_rate", adam.learning_rate, 0.0..=1e3)?;
    const DECAYS: RangeInclusive<f64> = 0.0..=1.0 - f64::EPSILON;
    expect_within("schedule.adam.beta1", adam.beta1, DECAYS)?;
    expect_within("schedule.adam.beta2", adam.beta2, DECAYS)?;
    expect_within("schedule.adam.epsilon", adam.epsilon, f64::MIN_POSITIVE..=1.0)
}
