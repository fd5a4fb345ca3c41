//! Extents of a convolution over shifted slices of a torus, and the index arithmetic of its halo.

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
        Self { down: -self.down, right: -self.right }
    }
}

/// Extents of one circular convolution: `images` planes sets of H × W pixels, odd kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub images: usize,
    pub height: usize,
    pub width: usize,
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

    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    pub fn padded_width(&self) -> usize {
        self.width + self.kernel_width - 1
    }

    /// Elements of one input image with its halo.
    pub fn padded_len(&self) -> usize {
        (self.height + self.kernel_height - 1) * self.padded_width() * self.inputs
    }

    /// Copies one image (H, W, inputs) into `padded`, moved by `shift` and with a circular halo of
    /// half a kernel on each side.
    pub fn fill_halo<T: Copy>(&self, image: &[T], shift: Shift, padded: &mut [T]) {
        let (half_y, half_x) = ((self.kernel_height / 2) as i64, (self.kernel_width / 2) as i64);
        let (pixel, row) = (self.inputs, self.width * self.inputs);
        let first = (-half_x - shift.right).rem_euclid(self.width as i64) as usize;
        for (y, target) in padded.chunks_exact_mut(self.padded_width() * pixel).enumerate() {
            let source = (y as i64 - half_y - shift.down).rem_euclid(self.height as i64) as usize;
            let source = &image[source * row..][..row];
            let (mut x, mut from) = (0, first);
            while x < self.padded_width() {
                let run = (self.width - from).min(self.padded_width() - x);
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
    fn the_halo_wraps_and_moves() {
        let geometry = Geometry {
            images: 1,
            height: 2,
            width: 3,
            inputs: 1,
            outputs: 1,
            kernel_height: 3,
            kernel_width: 3,
        };
        let mut padded = vec![0; geometry.padded_len()];
        geometry.fill_halo(&[0, 1, 2, 10, 11, 12], Shift { down: 1, right: 1 }, &mut padded);
        // Moved one down and one right: rows (12 10 11), (2 0 1); then one pixel of halo around.
        let expected =
            [[1, 2, 0, 1, 2], [11, 12, 10, 11, 12], [1, 2, 0, 1, 2], [11, 12, 10, 11, 12]];
        assert_eq!(padded, expected.concat());
    }
}
