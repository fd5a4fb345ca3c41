//! Flowing MNIST, translation: digits on a torus, each with its own constant velocity.

use super::canvas::Canvas;
use super::moving_digits::{Motion, MovingDigits, Sprite};
use crate::flow::PixelsPerFrame;
use crate::rng::Stream;

/// Digits that move on a torus by whole pixels (Keller 2025, §5).
///
/// ```
/// use fernn::data::{Canvas, Sequences, Sources, Split, TranslatingMnist};
/// use fernn::flow::VelocitySet;
///
/// # fn main() -> fernn::Result<()> {
/// let (velocities, canvas) = (VelocitySet::square(1), Canvas { size: 14, digit: 14 });
/// let digits = Sources::embedded().digits()?;
/// let data = TranslatingMnist::new(digits, canvas, 6, velocities.as_slice(), 0)?;
/// let (seen, target) = data.pair(Split::Train, 0..4, 2)?; // (B, T, C, H, W), divided in time
/// assert_eq!((seen.dims(), target.dims()), (&[4, 2, 1, 14, 14][..], &[4, 4, 1, 14, 14][..]));
/// assert_eq!(data.pairs(Split::Test, 10, 4, 2).count(), 3, "in batches of four at most");
/// # Ok(())
/// # }
/// ```
pub type TranslatingMnist = MovingDigits<Translating>;

/// At frame t a digit's top left corner lies at start + t·velocity on the torus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Translating;

/// A pixel of the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixel {
    /// To the right.
    pub x: usize,
    /// Downwards.
    pub y: usize,
}

impl Motion for Translating {
    type Velocity = PixelsPerFrame;
    /// Where the top left corner is in frame 0.
    type Start = Pixel;
    const STREAM: &'static str = "flowing-mnist";

    fn start(&self, canvas: Canvas, stream: &mut Stream) -> Pixel {
        Pixel { x: stream.below(canvas.size), y: stream.below(canvas.size) }
    }

    fn perform(&self, canvas: Canvas, cast: &[(Sprite<Self>, Vec<f32>)], frames: &mut [f32]) {
        let Canvas { size, digit } = canvas;
        for (t, frame) in frames.chunks_exact_mut(size * size).enumerate() {
            let place = |start: usize, speed: i32, offset: usize| {
                let unwrapped = start as i64 + i64::from(speed) * t as i64 + offset as i64;
                unwrapped.rem_euclid(size as i64) as usize
            };
            for (Sprite { start, velocity, .. }, image) in cast {
                for (i, &ink) in image.iter().enumerate() {
                    let row = place(start.y, velocity.y, i / digit);
                    let column = place(start.x, velocity.x, i % digit);
                    frame[row * size + column] += ink;
                }
            }
        }
    }
}
