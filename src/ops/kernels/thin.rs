//! Convolutions with a single channel on one side, as matrix products.
//!
//! [`unfold`] lays the values under a kernel side by side, so that a convolution of one channel
//! becomes a matrix product; [`fold`] is its transpose and ends a convolution to one channel. Both
//! keep one order of summation for all pixels.

use super::geometry::{Geometry, Padding, Plane};
use std::ops::Range;

/// Which neighbour belongs to a tap.
#[derive(Clone, Copy)]
pub(super) enum Side {
    /// p + d, as a convolution reads.
    Ahead,
    /// p − d, as its transpose reads.
    Behind,
}

/// The neighbours under one tap of the pixels of a row.
struct Neighbours {
    /// Their row, where it is not beyond the border.
    row: Option<usize>,
    /// The column of the first pixel's neighbour, in the plane.
    first: usize,
    /// The pixels of the row whose neighbour is not beyond the border.
    inside: Range<usize>,
}

fn neighbours(g: &Geometry, side: Side, tap: usize, y: usize) -> Neighbours {
    let Plane { height, width } = g.plane;
    let sign = match side {
        Side::Ahead => 1,
        Side::Behind => -1,
    };
    let dy = sign * ((tap / g.kernel_width) as i64 - (g.kernel_height / 2) as i64);
    let dx = sign * ((tap % g.kernel_width) as i64 - (g.kernel_width / 2) as i64);
    let (row, first) = (g.plane.row(y as i64 + dy), g.plane.column(dx));
    match g.padding {
        Padding::Circular => Neighbours { row: Some(row), first, inside: 0..width },
        Padding::Zero => {
            let is_inside = (0..height as i64).contains(&(y as i64 + dy));
            let end = width as i64;
            let (from, to) = ((-dx).clamp(0, end) as usize, (end - dx).clamp(0, end) as usize);
            Neighbours { row: is_inside.then_some(row), first, inside: from..to }
        }
    }
}

/// `patches[p · stride + d] = image[p ± d]` for one image (H, W) of one channel.
pub(super) fn unfold<T: Copy + Default>(
    g: &Geometry,
    side: Side,
    image: &[T],
    patches: &mut [T],
    stride: usize,
) {
    let Plane { height, width } = g.plane;
    for y in 0..height {
        let patches = &mut patches[y * width * stride..][..width * stride];
        for (number, first) in (0..g.taps()).step_by(g.kernel_width).enumerate() {
            match (side, g.kernel_width) {
                (Side::Ahead, 3) => {
                    let rest = put_inner(g, image, (y, number), (&mut patches[first..], stride));
                    (first..first + 3).for_each(|tap| {
                        put_tap(g, side, image, (y, tap), (patches, stride), rest.clone());
                    });
                }
                _ => (first..first + g.kernel_width).for_each(|tap| {
                    put_tap(g, side, image, (y, tap), (patches, stride), [0..width, 0..0]);
                }),
            }
        }
    }
}

/// One row of a kernel of three for the pixels of a row whose neighbours all lie in it; gives the others.
fn put_inner<T: Copy + Default>(
    g: &Geometry,
    image: &[T],
    (y, kernel_row): (usize, usize),
    (patches, stride): (&mut [T], usize),
) -> [Range<usize>; 2] {
    let width = g.plane.width;
    let Neighbours { row, .. } = neighbours(g, Side::Ahead, kernel_row * g.kernel_width, y);
    let Some(row) = row else { return [0..width, 0..0] };
    let row = &image[row * width..][..width];
    for (x, neighbours) in (1..).zip(row.windows(3)) {
        patches[x * stride..][..3].copy_from_slice(neighbours);
    }
    [0..1.min(width), (width - 1).max(1)..width]
}

/// What lies under one tap, for some pixels of a row.
fn put_tap<T: Copy + Default>(
    g: &Geometry,
    side: Side,
    image: &[T],
    (y, tap): (usize, usize),
    (patches, stride): (&mut [T], usize),
    pixels: [Range<usize>; 2],
) {
    let width = g.plane.width;
    let Neighbours { row, first, inside } = neighbours(g, side, tap, y);
    for x in pixels.into_iter().flatten() {
        let column = if x + first < width { x + first } else { x + first - width };
        patches[x * stride + tap] = match row {
            Some(row) if inside.contains(&x) => image[row * width + column],
            _ => T::default(),
        };
    }
}

/// `image[p] = Σ_d patches[(p ± d) · stride + d]` for one image (H, W) of one channel.
pub(super) fn fold<T: Copy + Default + std::ops::Add<Output = T>>(
    g: &Geometry,
    side: Side,
    patches: &[T],
    stride: usize,
    image: &mut [T],
) {
    let width = g.plane.width;
    for (y, target) in image.chunks_exact_mut(width).enumerate() {
        target.fill(T::default());
        for tap in 0..g.taps() {
            let Neighbours { row, first, inside } = neighbours(g, side, tap, y);
            let Some(row) = row else { continue };
            let row = patches[row * width * stride..][..width * stride].chunks_exact(stride);
            let neighbours = row.clone().skip(first).chain(row.take(first)).skip(inside.start);
            for (sum, patch) in target[inside].iter_mut().zip(neighbours) {
                *sum = *sum + patch[tap];
            }
        }
    }
}
