//! The direct algorithm: one image at a time, every output pixel summed over taps and channels.
//!
//! A pixel's sum runs in the same order wherever the pixel lies, hence bit-exact translation.

use super::buffer::Buffer;
use super::geometry::Geometry;
use super::lanes::{Float, InstructionSet, Kernel, Lanes};
use super::register_tile::{Product, Runs, Strides, block, in_runs, multiply, store_row};

/// Convolves whole images (H, W, inputs) with weights [block][tap][input][output in block].
pub(super) fn convolve<T: Float>(
    set: InstructionSet,
    g: &Geometry,
    x: &[T],
    weights: &[T],
    y: &mut [T],
) {
    let mut padded = Buffer::take(g.padded_len());
    for (image, y) in x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(g.output_len())) {
        if g.taps() == 1 {
            T::run(set, Convolve { g, padded: image, weights, y });
        } else {
            g.fill_halo(image, &mut padded);
            T::run(set, Convolve { g, padded: &padded, weights, y });
        }
    }
}

/// Adds the weight gradient of whole images to `sums` [tap][input][`columns`]: the outputs, rounded
/// up to whole blocks.
pub(super) fn accumulate_weights<T: Float>(
    set: InstructionSet,
    g: &Geometry,
    x: &[T],
    gradient: &[T],
    (sums, columns): (&mut [T], usize),
) {
    let mut padded = Buffer::take(g.padded_len());
    let mut widened = Buffer::zeros(g.plane.pixels() * columns);
    let images = x.chunks_exact(g.input_len()).zip(gradient.chunks_exact(g.output_len()));
    for (image, mut gradient) in images {
        g.fill_halo(image, &mut padded);
        if columns != g.outputs {
            for (to, from) in
                widened.chunks_exact_mut(columns).zip(gradient.chunks_exact(g.outputs))
            {
                to[..g.outputs].copy_from_slice(from);
            }
            gradient = &widened;
        }
        T::run(set, AccumulateWeights { g, padded: &padded, gradient, sums, columns });
    }
}

struct Convolve<'a, T> {
    g: &'a Geometry,
    padded: &'a [T],
    weights: &'a [T],
    y: &'a mut [T],
}

impl<T: Float> Kernel<T> for Convolve<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, lanes: L) {
        match block(self.g.outputs, L::COUNT) > L::COUNT {
            true => self.by_blocks::<L, 2>(lanes),
            false => self.by_blocks::<L, 1>(lanes),
        }
    }
}

impl<T: Float> Convolve<'_, T> {
    #[inline(always)]
    fn by_blocks<L: Lanes<Number = T>, const VECTORS: usize>(self, lanes: L) {
        let g = self.g;
        let (width, block) = (g.plane.width, VECTORS * L::COUNT);
        let per_block = g.taps() * g.inputs * block;
        assert!(self.padded.len() >= g.padded_len() && self.y.len() == g.output_len());
        assert!(self.weights.len() == g.outputs.div_ceil(block) * per_block);
        for (first, weights) in
            (0..g.outputs).step_by(block).zip(self.weights.chunks_exact(per_block))
        {
            for (y, row) in self.y.chunks_exact_mut(width * g.outputs).enumerate() {
                let padded = &self.padded[y * g.padded_width() * g.inputs..];
                let mut runs = ConvolveRuns { lanes, g, padded, weights, row, first };
                in_runs::<L, VECTORS>(width, &mut runs);
            }
        }
    }
}

/// A row of pixels and a block of outputs.
struct ConvolveRuns<'a, L, T> {
    lanes: L,
    g: &'a Geometry,
    padded: &'a [T],
    weights: &'a [T],
    row: &'a mut [T],
    first: usize,
}

impl<T: Float, L: Lanes<Number = T>, const VECTORS: usize> Runs<L, VECTORS>
    for ConvolveRuns<'_, L, T>
{
    #[inline(always)]
    fn run<const RUN: usize>(&mut self, x: usize) {
        let (g, block) = (self.g, VECTORS * L::COUNT);
        let mut sums = [[self.lanes.zero(); VECTORS]; RUN];
        // The taps of a kernel row and their channels lie together, in image and weights alike.
        let terms = g.kernel_width * g.inputs;
        for ky in 0..g.kernel_height {
            let start = (ky * g.padded_width() + x) * g.inputs;
            let inputs = &self.padded[start..][..(RUN - 1) * g.inputs + terms];
            let weights = &self.weights[ky * terms * block..][..terms * block];
            // SAFETY: the slices were just cut to the last places that are read.
            unsafe {
                let strides = Strides { row: g.inputs, step: 1 };
                let (a, b) = ((inputs.as_ptr(), strides), (weights.as_ptr(), block));
                sums = multiply::<L, RUN, VECTORS>(self.lanes, terms, a, b, sums);
            }
        }
        let width = block.min(g.outputs - self.first);
        for (pixel, sums) in sums.iter().enumerate() {
            let start = (x + pixel) * g.outputs + self.first;
            store_row(self.lanes, &mut self.row[start..start + width], sums);
        }
    }
}

struct AccumulateWeights<'a, T> {
    g: &'a Geometry,
    padded: &'a [T],
    gradient: &'a [T],
    sums: &'a mut [T],
    columns: usize,
}

impl<T: Float> Kernel<T> for AccumulateWeights<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, lanes: L) {
        let (g, columns) = (self.g, self.columns);
        let per_tap = g.inputs * columns;
        for (y, gradient) in self.gradient.chunks_exact(g.plane.width * columns).enumerate() {
            for (tap, sums) in self.sums.chunks_exact_mut(per_tap).enumerate() {
                let (ky, kx) = (tap / g.kernel_width, tap % g.kernel_width);
                Product {
                    rows: g.inputs,
                    terms: g.plane.width,
                    a: &self.padded[((y + ky) * g.padded_width() + kx) * g.inputs..],
                    a_strides: Strides { row: 1, step: g.inputs },
                    b: gradient,
                    b_steps: (columns, block(columns, L::COUNT)),
                    c: sums,
                    c_row: columns,
                    columns,
                    accumulate: true,
                }
                .run(lanes);
            }
        }
    }
}
