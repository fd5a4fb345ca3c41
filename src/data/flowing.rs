//! Flowing MNIST, translation: two digits on a torus, each with its own constant velocity.

use super::digits::{Digits, averaged_down};
use super::sequences::{Sequences, expect_some};
use super::split::Split;
use crate::error::{Error, Result};
use crate::flow::PixelsPerFrame;
use crate::rng::Stream;
use candle_core::Device;
use serde::{Deserialize, Serialize};

/// Extents of the torus and of the digits on it, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canvas {
    /// Height and width of the torus.
    pub size: usize,
    /// Height and width of a digit: 28, or a divisor of it, to which digits are averaged down.
    pub digit: usize,
}

impl Canvas {
    /// Refuses digits that 28 pixels cannot be averaged down to, or that are larger than the canvas.
    pub(super) fn check(self) -> Result<()> {
        let refuse =
            |problem: String, remedy| Err(Error::configuration("the canvas", problem, remedy));
        if self.digit == 0 || 28 % self.digit != 0 {
            let problem = format!("has digits of {} pixels", self.digit);
            return refuse(problem, "use a divisor of 28, such as 28, 14 or 7");
        }
        if self.digit > self.size {
            let problem = format!("of {} pixels is smaller than its digits", self.size);
            return refuse(problem, "enlarge the canvas or shrink the digits");
        }
        Ok(())
    }
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
        canvas.check()?;
        expect_some(frames, velocities.len())?;
        let (velocities, device) = (velocities.to_vec(), Device::Cpu);
        Ok(Self { digits, canvas, frames, velocities, seed, device })
    }

    /// The same sequences on another device than the CPU.
    pub fn on(self, device: &Device) -> Self {
        Self { device: device.clone(), ..self }
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
}

impl Sequences for FlowingMnist<'_> {
    type Velocity = PixelsPerFrame;

    fn frames(&self) -> usize {
        self.frames
    }

    fn size(&self) -> usize {
        self.canvas.size
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn with_velocities(&self, velocities: &[PixelsPerFrame]) -> Self {
        Self { velocities: velocities.to_vec(), ..self.clone() }
    }

    fn with_frames(&self, frames: usize) -> Self {
        Self { frames, ..self.clone() }
    }

    fn sample(&self, split: Split, index: u64) -> Vec<f32> {
        self.render(split, &self.sprites(split, index))
    }
}
