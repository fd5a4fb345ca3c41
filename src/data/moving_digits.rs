//! Two digits of MNIST that move on a canvas; how they move is a [`Motion`].

use super::canvas::Canvas;
use super::digits::Digits;
use super::sequences::Sequences;
use super::split::Split;
use crate::error::{Error, Result};
use crate::rng::Stream;
use candle_core::Device;
use std::fmt::Debug;
use std::sync::Arc;

/// A way for digits to move: what is drawn for each, and how all of a sample are put on its frames.
pub trait Motion: Clone + Debug + Send + Sync + 'static {
    /// How fast a digit moves; drawn from a list.
    type Velocity: Copy + Debug + PartialEq + Send + Sync + 'static;

    /// What else is drawn for a digit: its place, or its angle, in frame 0.
    type Start: Copy + Debug + PartialEq + Send + Sync + 'static;

    /// What the random streams of this motion are named after; a split's name follows.
    const STREAM: &'static str;

    /// Draws where a digit is in frame 0.
    fn start(&self, canvas: Canvas, stream: &mut Stream) -> Self::Start;

    /// Adds the digits of a sample to its empty frames; what exceeds 1 is clamped afterwards.
    ///
    /// All digits come at once, because some motions let them meet. Frame t must not depend on how
    /// many frames follow it.
    ///
    /// # Shapes
    /// `cast`: each sprite with its image (digit, digit); `frames` (T, size, size), row by row.
    fn perform(&self, canvas: Canvas, cast: &[(Sprite<Self>, Vec<f32>)], frames: &mut [f32]);
}

/// One digit of a sequence: an image of its split, and how it moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sprite<M: Motion> {
    /// Place of the image in its split.
    pub image: usize,
    /// Where it is in frame 0.
    pub start: M::Start,
    /// How fast it moves.
    pub velocity: M::Velocity,
}

/// The generator of sequences of two digits: a sample is a pure function of (seed, split, index).
///
/// Digits are added, and clamped at 1.
#[derive(Clone, Debug)]
pub struct MovingDigits<M: Motion> {
    motion: M,
    digits: Arc<Digits>,
    canvas: Canvas,
    frames: usize,
    velocities: Vec<M::Velocity>,
    seed: u64,
    device: Device,
}

impl<M: Motion + Default> MovingDigits<M> {
    /// Sequences of `frames` frames whose digits draw their velocities from `velocities`.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the digit size is 0 or exceeds the canvas, or
    /// when there is no frame or no velocity.
    pub fn new(
        digits: Arc<Digits>,
        canvas: Canvas,
        frames: usize,
        velocities: &[M::Velocity],
        seed: u64,
    ) -> Result<Self> {
        canvas.check()?;
        if frames == 0 || velocities.is_empty() {
            return Err(Error::configuration(
                "the sequence",
                "has no frame or no velocity to draw",
                "give at least one of each",
            ));
        }
        let (velocities, device) = (velocities.to_vec(), Device::Cpu);
        Ok(Self { motion: M::default(), digits, canvas, frames, velocities, seed, device })
    }
}

impl<M: Motion> MovingDigits<M> {
    /// The same sequences on another device than the CPU.
    pub fn on(self, device: &Device) -> Self {
        Self { device: device.clone(), ..self }
    }

    /// The two digits of a sample, and how they move.
    pub fn sprites(&self, split: Split, index: u64) -> [Sprite<M>; 2] {
        let purpose = format!("{}/{split}", M::STREAM);
        let mut stream = Stream::new(self.seed, &purpose, index);
        std::array::from_fn(|_| Sprite {
            image: stream.below(self.digits.len(split)),
            start: self.motion.start(self.canvas, &mut stream),
            velocity: self.velocities[stream.below(self.velocities.len())],
        })
    }

    /// Each digit of a sample alone, as (T, 1, H, W) values in [0, 1], and how fast it moves.
    pub fn apart(&self, split: Split, index: u64) -> Vec<(Vec<f32>, M::Velocity)> {
        let alone = |sprite: Sprite<M>| {
            (self.render(split, std::slice::from_ref(&sprite)), sprite.velocity)
        };
        self.sprites(split, index).into_iter().map(alone).collect()
    }

    /// Draws sprites as (T, 1, H, W) values in [0, 1].
    pub fn render(&self, split: Split, sprites: &[Sprite<M>]) -> Vec<f32> {
        let Canvas { size, .. } = self.canvas;
        let mut frames = vec![0f32; self.frames * size * size];
        let image = |sprite: &Sprite<M>| {
            self.canvas.shrink(self.digits.extents(), self.digits.pixels(split, sprite.image))
        };
        let cast: Vec<_> = sprites.iter().map(|sprite| (sprite.clone(), image(sprite))).collect();
        self.motion.perform(self.canvas, &cast, &mut frames);
        frames.iter_mut().for_each(|value| *value = value.min(1.0));
        frames
    }
}

impl<M: Motion> Sequences for MovingDigits<M> {
    type Velocity = M::Velocity;

    fn frames(&self) -> usize {
        self.frames
    }

    fn channels(&self) -> usize {
        1
    }

    fn extents(&self) -> (usize, usize) {
        (self.canvas.size, self.canvas.size)
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn with_velocities(&self, velocities: &[M::Velocity]) -> Self {
        Self { velocities: velocities.to_vec(), ..self.clone() }
    }

    fn with_frames(&self, frames: usize) -> Self {
        Self { frames, ..self.clone() }
    }

    fn sample(&self, split: Split, index: u64) -> Vec<f32> {
        self.render(split, &self.sprites(split, index))
    }
}
