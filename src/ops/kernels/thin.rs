//! Convolutions with a single channel on one side, as matrix products.
//!
//! [`unfold`] lays the values under a kernel side by side, so that a convolution of one channel
//! becomes a matrix product; [`fold`] is its transpose and ends a convolution to one channel. Both
//! keep one order of summation for all pixels.

use super::geometry::{Geometry, Torus};

/// Which neighbour belongs to a tap.
#[derive(Clone, Copy)]
pub(super) enum Side {
    /// p + d, as a convolution reads.
    Ahead,
    /// p − d, as its transpose reads.
    Behind,
}

/// Rows (from, to) and columns of the neighbour under `tap` for pixels of the row `y`.
fn neighbour(g: &Geometry, side: Side, tap: usize, y: usize) -> (usize, usize) {
    let dy = (tap / g.kernel_width) as i64 - (g.kernel_height / 2) as i64;
    let dx = (tap % g.kernel_width) as i64 - (g.kernel_width / 2) as i64;
    let sign = match side {
        Side::Ahead => 1,
        Side::Behind => -1,
    };
    (g.torus.row(y as i64 + sign * dy), g.torus.column(sign * dx))
}

/// `patches[p · stride + d] = image[p ± d]` for one image (H, W) of one channel.
pub(super) fn unfold<T: Copy>(
    g: &Geometry,
    side: Side,
    image: &[T],
    patches: &mut [T],
    stride: usize,
) {
    let Torus { height, width } = g.torus;
    for y in 0..height {
        let patches = &mut patches[y * width * stride..][..width * stride];
        for tap in 0..g.taps() {
            let (row, first) = neighbour(g, side, tap, y);
            let row = &image[row * width..][..width];
            let neighbours = row[first..].iter().chain(&row[..first]);
            for (patch, &value) in patches.chunks_exact_mut(stride).zip(neighbours) {
                patch[tap] = value;
            }
        }
    }
}

/// `image[p] = Σ_d patches[(p ± d) · stride + d]` for one image (H, W) of one channel.
pub(super) fn fold<T: Copy + std::ops::Add<Output = T>>(
    g: &Geometry,
    side: Side,
    patches: &[T],
    stride: usize,
    image: &mut [T],
) {
    let width = g.torus.width;
    for (y, target) in image.chunks_exact_mut(width).enumerate() {
        for tap in 0..g.taps() {
            let (row, first) = neighbour(g, side, tap, y);
            let row = patches[row * width * stride..][..width * stride].chunks_exact(stride);
            let neighbours = row.clone().skip(first).chain(row.take(first));
            for (sum, patch) in target.iter_mut().zip(neighbours) {
                *sum = if tap == 0 { patch[0] } else { *sum + patch[tap] };
            }
        }
    }
}
