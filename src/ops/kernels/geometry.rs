//! Extents of a convolution on a plane, and the index arithmetic of wrapping.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A displacement of the content of a torus, in pixels; extents are applied modulo the torus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// Rows, positive downwards (to larger row indices).
    pub down: i64,
    /// Columns, positive to the right.
    pub right: i64,
}

impl Shift {
    /// The displacement that undoes this one.
    pub fn inverse(self) -> Self {
        self.times(-1)
    }

    /// This displacement and then `other`.
    pub fn plus(self, other: Self) -> Self {
        Self { down: self.down + other.down, right: self.right + other.right }
    }

    /// This displacement `count` times over.
    pub fn times(self, count: i64) -> Self {
        Self { down: self.down * count, right: self.right * count }
    }
}

/// A plane of H × W pixels, whose content wraps around where it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    pub height: usize,
    pub width: usize,
}

impl Plane {
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    pub fn row(self, y: i64) -> usize {
        y.rem_euclid(self.height as i64) as usize
    }

    pub fn column(self, x: i64) -> usize {
        x.rem_euclid(self.width as i64) as usize
    }

    /// The plane in stretches of pixels that stay neighbours when the content moves by `shift`:
    /// calls `visit(first pixel here, first pixel of what moves there, pixels)`.
    #[inline(always)]
    pub fn moved(self, shift: Shift, visit: impl FnMut(usize, usize, usize)) {
        self.moved_rows(0..self.height, shift, visit);
    }

    /// [`Plane::moved`] for some rows, of which the first pixel is number 0 here.
    #[inline(always)]
    pub fn moved_rows(
        self,
        rows: Range<usize>,
        shift: Shift,
        mut visit: impl FnMut(usize, usize, usize),
    ) {
        let first = self.column(-shift.right);
        let wrapped = self.width - first;
        for (place, y) in rows.enumerate() {
            let (to, from) = (place * self.width, self.row(y as i64 - shift.down) * self.width);
            visit(to, from + first, wrapped);
            if first > 0 {
                visit(to + wrapped, from, first);
            }
        }
    }
}

/// What a convolution reads beyond the border of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// The opposite side: the image is a torus.
    #[default]
    Circular,
    /// Zeros.
    Zero,
}

/// Extents of one convolution with an odd kernel; channels are counted as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub plane: Plane,
    pub padding: Padding,
    pub inputs: usize,
    pub outputs: usize,
    pub kernel_height: usize,
    pub kernel_width: usize,
}

impl Geometry {
    /// The geometry of the gradient to the input: channels change places.
    pub fn transposed(self) -> Self {
        Self { inputs: self.outputs, outputs: self.inputs, ..self }
    }

    pub fn taps(&self) -> usize {
        self.kernel_height * self.kernel_width
    }

    /// Of one image, summed directly.
    pub fn multiplications(&self) -> usize {
        self.plane.pixels() * self.taps() * self.inputs * self.outputs
    }

    pub fn padded_width(&self) -> usize {
        self.plane.width + self.kernel_width - 1
    }

    /// Numbers of one input image with its halo.
    pub fn padded_len(&self) -> usize {
        (self.plane.height + self.kernel_height - 1) * self.padded_width() * self.inputs
    }

    /// Numbers of one input image.
    pub fn input_len(&self) -> usize {
        self.plane.pixels() * self.inputs
    }

    /// Numbers of one output image.
    pub fn output_len(&self) -> usize {
        self.plane.pixels() * self.outputs
    }

    /// Copies one image (H, W, inputs) into `padded` with a halo of half a kernel on each side.
    pub fn fill_halo<T: Copy + Default>(&self, image: &[T], padded: &mut [T]) {
        match self.padding {
            Padding::Circular => self.fill_circular_halo(image, padded),
            Padding::Zero => self.fill_zero_halo(image, padded),
        }
    }

    fn fill_zero_halo<T: Copy + Default>(&self, image: &[T], padded: &mut [T]) {
        let (above, left) = (self.kernel_height / 2, self.kernel_width / 2 * self.inputs);
        let row = self.plane.width * self.inputs;
        padded.fill(T::default());
        let rows = padded.chunks_exact_mut(self.padded_width() * self.inputs).skip(above);
        for (target, source) in rows.zip(image.chunks_exact(row)) {
            target[left..][..row].copy_from_slice(source);
        }
    }

    fn fill_circular_halo<T: Copy>(&self, image: &[T], padded: &mut [T]) {
        let (half_y, half_x) = ((self.kernel_height / 2) as i64, (self.kernel_width / 2) as i64);
        let (pixel, width) = (self.inputs, self.plane.width);
        let first = self.plane.column(-half_x);
        for (y, target) in padded.chunks_exact_mut(self.padded_width() * pixel).enumerate() {
            let row = self.plane.row(y as i64 - half_y) * width * pixel;
            let source = &image[row..][..width * pixel];
            let (mut x, mut from) = (0, first);
            while x < self.padded_width() {
                let run = (width - from).min(self.padded_width() - x);
                target[x * pixel..][..run * pixel]
                    .copy_from_slice(&source[from * pixel..][..run * pixel]);
                x += run;
                from = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halo_wraps_or_is_zero() {
        let geometry = Geometry {
            plane: Plane { height: 2, width: 3 },
            padding: Padding::Circular,
            inputs: 1,
            outputs: 1,
            kernel_height: 3,
            kernel_width: 3,
        };
        let mut padded = vec![0; geometry.padded_len()];
        geometry.fill_halo(&[0, 1, 2, 10, 11, 12], &mut padded);
        let expected =
            [[12, 10, 11, 12, 10], [2, 0, 1, 2, 0], [12, 10, 11, 12, 10], [2, 0, 1, 2, 0]];
        assert_eq!(padded, expected.concat());
        let geometry = Geometry { padding: Padding::Zero, ..geometry };
        geometry.fill_halo(&[0, 1, 2, 10, 11, 12], &mut padded);
        let expected = [[0; 5], [0, 0, 1, 2, 0], [0, 10, 11, 12, 0], [0; 5]];
        assert_eq!(padded, expected.concat());
    }

    #[test]
    fn every_pixel_is_visited_once_with_the_pixel_that_moves_there() {
        let plane = Plane { height: 3, width: 5 };
        for (down, right) in [(0, 0), (1, 2), (-4, 7), (3, -5)] {
            let mut seen = vec![None; plane.pixels()];
            plane.moved(Shift { down, right }, |to, from, run| {
                for i in 0..run {
                    assert_eq!(seen[to + i].replace(from + i), None);
                }
            });
            for (to, from) in seen.into_iter().enumerate() {
                let (y, x) = ((to / 5) as i64 - down, (to % 5) as i64 - right);
                assert_eq!(from, Some(plane.row(y) * 5 + plane.column(x)));
            }
        }
    }
}
