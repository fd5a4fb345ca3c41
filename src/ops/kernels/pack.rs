//! Weights in the orders that the kernels read them in.

use super::algorithm::Method;
use super::buffer::Buffer;
use super::geometry::Geometry;
use super::lanes::Float;
use super::register_tile::block;
use super::transforms::{FREQUENCIES, transform_kernel};
use rayon::prelude::*;

/// A convolution's kernel as it comes: values (outputs, inputs, kh, kw).
#[derive(Clone, Copy)]
pub(crate) struct KernelView<'a, T> {
    pub values: &'a [T],
    pub outputs: usize,
    pub inputs: usize,
    pub height: usize,
    pub width: usize,
}

impl<T: Float> KernelView<'_, T> {
    /// Weight by output, input and tap; zero for channels that exist only as padding.
    fn at(&self, output: usize, input: usize, tap: usize) -> T {
        if output >= self.outputs || input >= self.inputs {
            return T::default();
        }
        self.values[(output * self.inputs + input) * self.height * self.width + tap]
    }
}

/// Weights by frequency: [frequency][block of outputs][input][output in block], and the adjoint's.
pub(super) fn pack_winograd<T: Float>(
    g: &Geometry,
    kernel: &KernelView<'_, T>,
    lanes: usize,
) -> (Buffer<T>, Buffer<T>) {
    let (outputs, inputs) = (kernel.outputs, kernel.inputs);
    // Both transforms of every pair of channels, [output][input][frequency], as T.
    let mut transformed = Buffer::<T>::take(outputs * inputs * 2 * FREQUENCIES);
    transformed.par_chunks_mut(inputs * 2 * FREQUENCIES).enumerate().for_each(
        |(o, transformed)| {
            for (i, pair) in transformed.chunks_exact_mut(2 * FREQUENCIES).enumerate() {
                let mut w: [f64; 9] = std::array::from_fn(|tap| kernel.at(o, i, tap).to_f64());
                let (forward, adjoint) = pair.split_at_mut(FREQUENCIES);
                forward.copy_from_slice(&transform_kernel(w).map(T::from_f64));
                w.reverse();
                adjoint.copy_from_slice(&transform_kernel(w).map(T::from_f64));
            }
        },
    );
    let at = |o: usize, i: usize, f: usize| transformed[(o * inputs + i) * 2 * FREQUENCIES + f];
    let matrix = g.inputs * g.outputs;
    let length = FREQUENCIES * matrix;
    let (mut forward, mut adjoint) = (Buffer::zeros(length), Buffer::zeros(length));
    let matrices = forward.par_chunks_mut(matrix).zip(adjoint.par_chunks_mut(matrix));
    matrices.enumerate().for_each(|(f, (forward, adjoint))| {
        for o in 0..outputs {
            for i in 0..inputs {
                forward[blocked(i, o, g.inputs, block(g.outputs, lanes))] = at(o, i, f);
                adjoint[blocked(o, i, g.outputs, block(g.inputs, lanes))] =
                    at(o, i, FREQUENCIES + f);
            }
        }
    });
    (forward, adjoint)
}

/// Place of (row, column) in [block of columns][row][column in block].
fn blocked(row: usize, column: usize, rows: usize, block: usize) -> usize {
    (column / block * rows + row) * block + column % block
}

/// Weights [block of outputs][tap][input][output in block] and the adjoint's; where one side has
/// a single channel, the taps take its place.
pub(super) fn pack_direct<T: Float>(
    g: &Geometry,
    kernel: &KernelView<'_, T>,
    method: Method,
    lanes: usize,
) -> (Buffer<T>, Buffer<T>) {
    let taps = g.taps();
    let pack = |rows: usize, columns: usize, at: &dyn Fn(usize, usize) -> T| {
        let block = block(columns, lanes);
        let mut packed = Buffer::zeros(rows * columns.next_multiple_of(block));
        for row in 0..rows {
            for column in 0..columns {
                packed[blocked(row, column, rows, block)] = at(row, column);
            }
        }
        packed
    };
    match method {
        Method::OneInput => (
            pack(taps, g.outputs, &|tap, o| kernel.at(o, 0, tap)),
            pack(g.outputs, taps, &|o, tap| kernel.at(o, 0, tap)),
        ),
        Method::OneOutput => (
            pack(g.inputs, taps, &|i, tap| kernel.at(0, i, tap)),
            pack(taps, g.inputs, &|tap, i| kernel.at(0, i, tap)),
        ),
        _ => (
            pack(taps * g.inputs, g.outputs, &|row, o| {
                kernel.at(o, row % g.inputs, row / g.inputs)
            }),
            pack(taps * g.outputs, g.inputs, &|row, i| {
                kernel.at(row % g.outputs, i, taps - 1 - row / g.outputs)
            }),
        ),
    }
}
