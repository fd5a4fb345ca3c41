//! Flowing MNIST, rotation: digits that turn about the centre, each with its own velocity.

use super::canvas::Canvas;
use super::moving_digits::{Motion, MovingDigits, Sprite};
use crate::flow::DegreesPerFrame;
use crate::ops::Resampling;
use crate::rng::Stream;

/// Digits that turn about the centre of the canvas (Keller 2025, §5).
pub type RotatingMnist = MovingDigits<Rotating>;

/// Every frame is rendered from the upright digit in the middle by one bilinear rotation, by
/// start + t·velocity.
///
/// The paper's code rotates on a canvas of 40×40 pixels and cuts out the middle. With zeros outside
/// the frame that is the same, pixel for pixel, as rotating the frame itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotating;

/// An angle in [0°, 360°), counter-clockwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Degrees(pub f64);

impl Motion for Rotating {
    type Velocity = DegreesPerFrame;
    type Start = Degrees;
    const STREAM: &'static str = "rotating-mnist";

    fn start(&self, _: Canvas, stream: &mut Stream) -> Degrees {
        Degrees(stream.uniform_in(0.0, 360.0))
    }

    fn perform(&self, canvas: Canvas, cast: &[(Sprite<Self>, Vec<f32>)], frames: &mut [f32]) {
        let Canvas { size, .. } = canvas;
        for (sprite, image) in cast {
            let upright = canvas.centred(image);
            for (t, frame) in frames.chunks_exact_mut(size * size).enumerate() {
                let degrees = sprite.start.0 + f64::from(sprite.velocity.0) * t as f64;
                let turned = Resampling::rotation((size, size), degrees).apply(&upright);
                frame.iter_mut().zip(turned).for_each(|(sum, ink)| *sum += ink);
            }
        }
    }
}
