//! Sequences that are functions of (seed, split, index), and how they become tensors.

use super::split::Split;
use crate::error::{Error, Result};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::ops::Range;

/// A generator of flowing sequences; every sample is a pure function of (seed, split, index).
pub trait Sequences: Clone + Sized + Send + Sync + 'static {
    /// Velocities of what moves.
    type Velocity;

    /// Frames T of a sequence.
    fn frames(&self) -> usize;

    /// Channels C of a frame.
    fn channels(&self) -> usize;

    /// (Height, width) of a frame.
    fn extents(&self) -> (usize, usize);

    /// Where tensors are made.
    fn device(&self) -> &Device;

    /// The same sequences with other velocities, at least one, to draw from: images and starts stay.
    fn with_velocities(&self, velocities: &[Self::Velocity]) -> Self;

    /// The same sequences, longer or shorter.
    fn with_frames(&self, frames: usize) -> Self;

    /// One sample as (T, C, H, W) values in [0, 1].
    fn sample(&self, split: Split, index: u64) -> Vec<f32>;

    /// How many of so many samples there are to evaluate [default: all, for they are made when asked for].
    fn at_most(&self, _split: Split, count: u64) -> u64 {
        count
    }

    /// The class of a sample, where sequences have one [default: none].
    fn label(&self, _split: Split, _index: u64) -> Option<u32> {
        None
    }

    /// Samples as a tensor (B, T, C, H, W), built on all threads.
    ///
    /// # Errors
    /// Those of the device.
    fn batch(&self, split: Split, indices: Range<u64>) -> Result<Tensor> {
        let batch = indices.end.saturating_sub(indices.start) as usize;
        let samples: Vec<Vec<f32>> =
            indices.into_par_iter().map(|index| self.sample(split, index)).collect();
        let (height, width) = self.extents();
        let shape = (batch, self.frames(), self.channels(), height, width);
        Ok(Tensor::from_vec(samples.concat(), shape, self.device())?)
    }

    /// A batch divided in time: (the first `seen` frames, the rest), both (B, T, C, H, W).
    ///
    /// # Errors
    /// [`Error::Configuration`] when there are fewer frames than `seen`.
    fn pair(&self, split: Split, indices: Range<u64>, seen: usize) -> Result<(Tensor, Tensor)> {
        let Some(rest) = self.frames().checked_sub(seen) else {
            let problem = format!("has {} frames, of which {seen} are to be seen", self.frames());
            return Err(Error::configuration("the sequence", problem, "show fewer of them"));
        };
        let batch = self.batch(split, indices)?;
        Ok((batch.narrow(1, 0, seen)?.contiguous()?, batch.narrow(1, seen, rest)?.contiguous()?))
    }

    /// The first `count` samples of a split, or all where there are fewer, as pairs in batches; the last batch
    /// may be smaller.
    fn pairs(
        &self,
        split: Split,
        count: u64,
        batch: u64,
        seen: usize,
    ) -> impl Iterator<Item = Result<(Tensor, Tensor)>> + '_ {
        let count = self.at_most(split, count);
        (0..count)
            .step_by(batch as usize)
            .map(move |first| self.pair(split, first..(first + batch).min(count), seen))
    }
}
