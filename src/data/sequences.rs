//! Sequences that are functions of (seed, split, index), and how they become tensors.

use super::split::Split;
use crate::error::{Error, Result};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::ops::Range;

/// A generator of flowing sequences; every sample is a pure function of (seed, split, index).
pub trait Sequences: Sized + Sync {
    /// Velocities of what moves.
    type Velocity;

    /// Frames T of a sequence.
    fn frames(&self) -> usize;

    /// Height and width of a frame.
    fn size(&self) -> usize;

    /// Where tensors are made.
    fn device(&self) -> &Device;

    /// The same sequences with other velocities to draw from: images and starts stay.
    fn with_velocities(&self, velocities: &[Self::Velocity]) -> Self;

    /// The same sequences, longer or shorter.
    fn with_frames(&self, frames: usize) -> Self;

    /// One sample as (T, H, W) values in [0, 1].
    fn sample(&self, split: Split, index: u64) -> Vec<f32>;

    /// Samples as a tensor (B, T, 1, H, W), built on all threads.
    fn batch(&self, split: Split, indices: Range<u64>) -> Result<Tensor> {
        let (size, batch) = (self.size(), (indices.end - indices.start) as usize);
        let samples: Vec<Vec<f32>> =
            indices.into_par_iter().map(|index| self.sample(split, index)).collect();
        let shape = (batch, self.frames(), 1, size, size);
        Ok(Tensor::from_vec(samples.concat(), shape, self.device())?)
    }

    /// A batch divided in time: (the first `seen` frames, the rest).
    fn pair(&self, split: Split, indices: Range<u64>, seen: usize) -> Result<(Tensor, Tensor)> {
        let batch = self.batch(split, indices)?;
        let rest = self.frames() - seen;
        Ok((batch.narrow(1, 0, seen)?.contiguous()?, batch.narrow(1, seen, rest)?.contiguous()?))
    }

    /// The first `count` samples of a split as pairs in batches; the last batch may be smaller.
    fn pairs(
        &self,
        split: Split,
        count: u64,
        batch: u64,
        seen: usize,
    ) -> impl Iterator<Item = Result<(Tensor, Tensor)>> + '_ {
        (0..count)
            .step_by(batch as usize)
            .map(move |first| self.pair(split, first..(first + batch).min(count), seen))
    }
}

/// Refuses sequences without frames, or without velocities to draw from.
pub(super) fn expect_some(frames: usize, velocities: usize) -> Result<()> {
    match frames.min(velocities) {
        0 => Err(Error::configuration(
            "the sequence",
            "has no frame or no velocity to draw",
            "give at least one of each",
        )),
        _ => Ok(()),
    }
}
