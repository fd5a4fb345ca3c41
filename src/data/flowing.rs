//! Flowing MNIST, translation: two digits on a torus, each with its own constant velocity.

use super::digits::{Digits, Split};
use crate::error::{Error, Result};
use crate::flow::PixelsPerFrame;
use crate::rng::Stream;
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Extents of the torus and of the digits on it, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canvas {
    /// Height and width of the torus.
    pub size: usize,
    /// Height and width of a digit: 28, or a divisor of it, to which digits are averaged down.
    pub digit: usize,
}

/// A digit's path: at frame t its top left corner lies at start + t·velocity on the torus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Motion {
    /// Position in the first frame, (x, y) in pixels.
    pub start: PixelsPerFrame,
    /// Displacement per frame.
    pub velocity: PixelsPerFrame,
}

/// One digit of a sequence: an image of its split and how it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sprite {
    /// Place of the image in its split.
    pub image: usize,
    /// Its path.
    pub motion: Motion,
}

/// The generator of flowing sequences; every sample is a pure function of (seed, split, index).
#[derive(Clone, Debug)]
pub struct FlowingMnist<'a> {
    digits: &'a Digits,
    canvas: Canvas,
    frames: usize,
    velocities: Vec<PixelsPerFrame>,
    seed: u64,
    device: Device,
}

impl<'a> FlowingMnist<'a> {
    /// Sequences of `frames` frames whose digits draw their velocities from `velocities`.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the digit size does not divide 28 or exceeds the canvas, or
    /// when there is no frame or no velocity.
    pub fn new(
        digits: &'a Digits,
        canvas: Canvas,
        frames: usize,
        velocities: &[PixelsPerFrame],
        seed: u64,
    ) -> Result<Self> {
        let refuse =
            |problem: String, remedy| Err(Error::configuration("the canvas", problem, remedy));
        if canvas.digit == 0 || 28 % canvas.digit != 0 {
            let problem = format!("has digits of {} pixels", canvas.digit);
            return refuse(problem, "use a divisor of 28, such as 28, 14 or 7");
        }
        if canvas.digit > canvas.size {
            let problem = format!("of {} pixels is smaller than its digits", canvas.size);
            return refuse(problem, "enlarge the canvas or shrink the digits");
        }
        if frames == 0 || velocities.is_empty() {
            return refuse(
                "has no frame or no velocity to draw".into(),
                "give at least one of each",
            );
        }
        let (velocities, device) = (velocities.to_vec(), Device::Cpu);
        Ok(Self { digits, canvas, frames, velocities, seed, device })
    }

    /// The same sequences on another device than the CPU.
    pub fn on(self, device: &Device) -> Self {
        Self { device: device.clone(), ..self }
    }

    /// The same sequences with other velocities to draw from: images and start positions stay.
    pub fn with_velocities(&self, velocities: &[PixelsPerFrame]) -> Self {
        Self { velocities: velocities.to_vec(), ..self.clone() }
    }

    /// The same sequences, longer or shorter.
    pub fn with_frames(&self, frames: usize) -> Self {
        Self { frames, ..self.clone() }
    }

    /// The two digits of a sample, and how they move.
    pub fn sprites(&self, split: Split, index: u64) -> [Sprite; 2] {
        let purpose = format!("flowing-mnist/{}", split.name());
        let mut stream = Stream::new(self.seed, &purpose, index);
        std::array::from_fn(|_| {
            let image = stream.below(self.digits.len(split));
            let mut coordinate = || stream.below(self.canvas.size) as i32;
            let start = PixelsPerFrame { x: coordinate(), y: coordinate() };
            let velocity = self.velocities[stream.below(self.velocities.len())];
            Sprite { image, motion: Motion { start, velocity } }
        })
    }

    /// Draws sprites as (T, H, W) values in [0, 1]: digits are added and clamped at 1.
    pub fn render(&self, split: Split, sprites: &[Sprite]) -> Vec<f32> {
        let size = self.canvas.size;
        let mut frames = vec![0f32; self.frames * size * size];
        for sprite in sprites {
            let digit = averaged_down(self.digits.pixels(split, sprite.image), self.canvas.digit);
            for (t, frame) in frames.chunks_exact_mut(size * size).enumerate() {
                let Motion { start, velocity } = sprite.motion;
                let place = |start: i32, speed: i32, offset: usize| {
                    (start as i64 + speed as i64 * t as i64 + offset as i64).rem_euclid(size as i64)
                        as usize
                };
                for (i, &ink) in digit.iter().enumerate() {
                    let row = place(start.y, velocity.y, i / self.canvas.digit);
                    let column = place(start.x, velocity.x, i % self.canvas.digit);
                    frame[row * size + column] += ink;
                }
            }
        }
        frames.iter_mut().for_each(|value| *value = value.min(1.0));
        frames
    }

    /// One sample as (T, H, W) values in [0, 1].
    pub fn sample(&self, split: Split, index: u64) -> Vec<f32> {
        self.render(split, &self.sprites(split, index))
    }

    /// Samples as a tensor (B, T, 1, H, W), built on all threads.
    pub fn batch(&self, split: Split, indices: Range<u64>) -> Result<Tensor> {
        let (size, batch) = (self.canvas.size, (indices.end - indices.start) as usize);
        let samples: Vec<Vec<f32>> =
            indices.into_par_iter().map(|index| self.sample(split, index)).collect();
        let shape = (batch, self.frames, 1, size, size);
        Ok(Tensor::from_vec(samples.concat(), shape, &self.device)?)
    }

    /// A batch divided in time: (the first `seen` frames, the rest).
    pub fn pair(&self, split: Split, indices: Range<u64>, seen: usize) -> Result<(Tensor, Tensor)> {
        let batch = self.batch(split, indices)?;
        let rest = self.frames - seen;
        Ok((batch.narrow(1, 0, seen)?.contiguous()?, batch.narrow(1, seen, rest)?.contiguous()?))
    }

    /// The first `count` samples of a split as pairs in batches; the last batch may be smaller.
    pub fn pairs(
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

/// A 28×28 image as values in [0, 1], averaged over blocks to `size`×`size`.
fn averaged_down(pixels: &[u8], size: usize) -> Vec<f32> {
    let factor = 28 / size;
    (0..size * size)
        .map(|i| {
            let (row, column) = (i / size * factor, i % size * factor);
            let block = (0..factor * factor)
                .map(|k| pixels[(row + k / factor) * 28 + column + k % factor] as u32);
            block.sum::<u32>() as f32 / (255 * factor * factor) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averaging_keeps_the_mean_and_the_place() {
        let mut pixels = vec![0u8; 784];
        pixels[2 * 28 + 5] = 255; // row 2, column 5: block (1, 2) of 2×2
        let small = averaged_down(&pixels, 14);
        assert_eq!(small[14 + 2], 0.25);
        assert_eq!(small.iter().sum::<f32>(), 0.25);
        assert_eq!(averaged_down(&pixels, 28)[2 * 28 + 5], 1.0);
    }
}
