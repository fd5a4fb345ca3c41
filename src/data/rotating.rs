//! Flowing MNIST, rotation: two digits that turn about the centre, each with its own velocity.

use super::digits::{Digits, averaged_down};
use super::flowing::Canvas;
use super::sequences::{Sequences, expect_some};
use super::split::Split;
use crate::error::Result;
use crate::flow::DegreesPerFrame;
use crate::ops::Resampling;
use crate::rng::Stream;
use candle_core::Device;

/// One digit of a sequence: an image of its split, and how it turns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spinner {
    /// Place of the image in its split.
    pub image: usize,
    /// Angle in the first frame, in degrees, counter-clockwise.
    pub start_deg: f64,
    /// Rotation per frame.
    pub velocity: DegreesPerFrame,
}

/// The generator of rotating sequences (Keller 2025, §5): every frame is rendered from the upright
/// digit by one bilinear rotation; digits are added and clamped at 1.
///
/// The paper's code rotates on a canvas of 40×40 pixels and cuts out the middle. With zeros outside
/// the frame that is the same, pixel for pixel, as rotating the frame itself.
#[derive(Clone, Debug)]
pub struct RotatingMnist<'a> {
    digits: &'a Digits,
    canvas: Canvas,
    frames: usize,
    velocities: Vec<DegreesPerFrame>,
    seed: u64,
    device: Device,
}

impl<'a> RotatingMnist<'a> {
    /// Sequences of `frames` frames whose digits draw their velocities from `velocities` and their
    /// first angle from [0°, 360°).
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] when the digit size does not divide 28 or exceeds the canvas,
    /// or when there is no frame or no velocity.
    pub fn new(
        digits: &'a Digits,
        canvas: Canvas,
        frames: usize,
        velocities: &[DegreesPerFrame],
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

    /// The two digits of a sample, and how they turn.
    pub fn spinners(&self, split: Split, index: u64) -> [Spinner; 2] {
        let purpose = format!("rotating-mnist/{}", split.name());
        let mut stream = Stream::new(self.seed, &purpose, index);
        std::array::from_fn(|_| {
            let image = stream.below(self.digits.len(split));
            let start_deg = stream.uniform_in(0.0, 360.0);
            let velocity = self.velocities[stream.below(self.velocities.len())];
            Spinner { image, start_deg, velocity }
        })
    }

    /// Draws spinners as (T, H, W) values in [0, 1].
    pub fn render(&self, split: Split, spinners: &[Spinner]) -> Vec<f32> {
        let size = self.canvas.size;
        let mut frames = vec![0f32; self.frames * size * size];
        for spinner in spinners {
            let upright = self.centred(split, spinner.image);
            for (t, frame) in frames.chunks_exact_mut(size * size).enumerate() {
                let degrees = spinner.start_deg + f64::from(spinner.velocity.0) * t as f64;
                let turned = Resampling::rotation((size, size), degrees).apply(&upright);
                frame.iter_mut().zip(turned).for_each(|(sum, ink)| *sum += ink);
            }
        }
        frames.iter_mut().for_each(|value| *value = value.min(1.0));
        frames
    }

    /// An upright digit in the middle of the canvas.
    fn centred(&self, split: Split, image: usize) -> Vec<f32> {
        let Canvas { size, digit } = self.canvas;
        let margin = (size - digit) / 2;
        let mut canvas = vec![0f32; size * size];
        let pixels = averaged_down(self.digits.pixels(split, image), digit);
        for (row, pixels) in pixels.chunks_exact(digit).enumerate() {
            canvas[(margin + row) * size + margin..][..digit].copy_from_slice(pixels);
        }
        canvas
    }
}

impl Sequences for RotatingMnist<'_> {
    type Velocity = DegreesPerFrame;

    fn frames(&self) -> usize {
        self.frames
    }

    fn size(&self) -> usize {
        self.canvas.size
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn with_velocities(&self, velocities: &[DegreesPerFrame]) -> Self {
        Self { velocities: velocities.to_vec(), ..self.clone() }
    }

    fn with_frames(&self, frames: usize) -> Self {
        Self { frames, ..self.clone() }
    }

    fn sample(&self, split: Split, index: u64) -> Vec<f32> {
        self.render(split, &self.spinners(split, index))
    }
}
