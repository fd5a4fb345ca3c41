//! The square on which digits move.

use crate::error::{Error, Result};
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
    ///
    /// # Errors
    /// [`Error::Configuration`] with the sizes that there are.
    pub fn check(self) -> Result<()> {
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

    /// An image of 28×28 pixels as a digit of this canvas: values in [0, 1], averaged over blocks.
    pub(super) fn shrink(self, pixels: &[u8]) -> Vec<f32> {
        let (size, factor) = (self.digit, 28 / self.digit);
        (0..size * size)
            .map(|i| {
                let (row, column) = (i / size * factor, i % size * factor);
                let block = (0..factor * factor)
                    .map(|k| pixels[(row + k / factor) * 28 + column + k % factor] as u32);
                block.sum::<u32>() as f32 / (255 * factor * factor) as f32
            })
            .collect()
    }

    /// A digit in the middle of an empty canvas.
    pub(super) fn centred(self, digit: &[f32]) -> Vec<f32> {
        let margin = (self.size - self.digit) / 2;
        let mut canvas = vec![0f32; self.size * self.size];
        for (row, pixels) in digit.chunks_exact(self.digit).enumerate() {
            canvas[(margin + row) * self.size + margin..][..self.digit].copy_from_slice(pixels);
        }
        canvas
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averaging_keeps_the_mean_and_the_place() {
        let mut pixels = vec![0u8; 784];
        pixels[2 * 28 + 5] = 255; // row 2, column 5: block (1, 2) of 2×2
        let shrunk = |digit| Canvas { size: 28, digit }.shrink(&pixels);
        let small = shrunk(14);
        assert_eq!(small[14 + 2], 0.25);
        assert_eq!(small.iter().sum::<f32>(), 0.25);
        assert_eq!(shrunk(28)[2 * 28 + 5], 1.0);
    }

    #[test]
    fn a_centred_digit_has_the_same_margin_on_all_sides_and_the_odd_pixel_below() {
        let canvas = Canvas { size: 5, digit: 2 }.centred(&[1.0, 2.0, 3.0, 4.0]);
        let mut expected = vec![0.0; 25];
        (expected[6], expected[7], expected[11], expected[12]) = (1.0, 2.0, 3.0, 4.0);
        assert_eq!(canvas, expected);
    }
}
