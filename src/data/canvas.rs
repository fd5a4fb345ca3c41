//! The square on which digits move.

use super::shrink::Shrink;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Extents of the torus and of the digits on it, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canvas {
    /// Height and width of the torus.
    pub size: usize,
    /// Height and width of a digit, to which images are averaged down (MNIST's 28×28 pixels, over whole blocks
    /// where it divides 28).
    pub digit: usize,
}

impl Canvas {
    /// Refuses digits of no pixel, or larger than the canvas.
    ///
    /// # Errors
    /// [`Error::Configuration`] with the sizes that there are.
    pub fn check(self) -> Result<()> {
        let refuse =
            |problem: String, remedy| Err(Error::configuration("the canvas", problem, remedy));
        if self.digit == 0 {
            return refuse("has digits of 0 pixels".into(), "use at least 1");
        }
        if self.digit > self.size {
            let problem = format!("of {} pixels is smaller than its digits", self.size);
            return refuse(problem, "enlarge the canvas or shrink the digits");
        }
        Ok(())
    }

    /// An image of (height, width) as a digit of this canvas: values in [0, 1], averaged over the area that
    /// each pixel covers; an image that is not square lies in the middle of an empty square.
    pub(super) fn shrink(self, (height, width): (usize, usize), pixels: &[u8]) -> Vec<f32> {
        let side = height.max(width);
        let (above, before) = ((side - height) / 2, (side - width) / 2);
        let mut square = vec![0; side * side];
        for (row, pixels) in pixels.chunks_exact(width).enumerate() {
            square[(above + row) * side + before..][..width].copy_from_slice(pixels);
        }
        Shrink::or_enlarge((side, side), (self.digit, self.digit)).means(&square)
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
        let shrunk = |digit| Canvas { size: 28, digit }.shrink((28, 28), &pixels);
        let small = shrunk(14);
        assert_eq!(small[14 + 2], 0.25);
        assert_eq!(small.iter().sum::<f32>(), 0.25);
        assert_eq!(shrunk(28)[2 * 28 + 5], 1.0);
    }

    #[test]
    fn averaging_keeps_the_mass_whatever_the_sizes_are() {
        let pixels: Vec<u8> = (0..5 * 3).map(|i| (i * 17) as u8).collect();
        let mass: f64 = pixels.iter().map(|&p| f64::from(p) / 255.0).sum();
        for digit in 1..=9 {
            let shrunk = Canvas { size: 9, digit }.shrink((5, 3), &pixels);
            let sum: f64 = shrunk.iter().map(|&v| f64::from(v)).sum();
            let area = 25.0 / (digit * digit) as f64;
            assert!((sum * area - mass).abs() < 1e-5, "{digit}: {} against {mass}", sum * area);
            assert!(shrunk.iter().all(|v| (0.0..=1.0).contains(v)));
        }
        let wide = Canvas { size: 5, digit: 5 }.shrink((3, 5), &pixels);
        assert_eq!((wide[0], wide[4], wide[6], wide[24]), (0.0, 0.0, 17.0 / 255.0, 0.0));
        // At its own size the image stands in the middle: a column is empty on either side.
        let same = Canvas { size: 5, digit: 5 }.shrink((5, 3), &pixels);
        assert_eq!((same[0], same[1], same[3], same[4]), (0.0, 0.0, 34.0 / 255.0, 0.0));
    }

    #[test]
    fn a_centred_digit_has_the_same_margin_on_all_sides_and_the_odd_pixel_below() {
        let canvas = Canvas { size: 5, digit: 2 }.centred(&[1.0, 2.0, 3.0, 4.0]);
        let mut expected = vec![0.0; 25];
        (expected[6], expected[7], expected[11], expected[12]) = (1.0, 2.0, 3.0, 4.0);
        assert_eq!(canvas, expected);
    }
}
