//! Winograd's minimal filtering F(4×4, 3×3) (Winograd 1980; Lavin & Gray 2016).
//!
//! `y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A` computes a tile of 4×4 outputs from 6×6 inputs with 36
//! multiplications per pair of channels instead of 144. Over many tiles the products at each of the
//! 36 places ("frequencies") form a matrix product over channels. Tiles wrap around the border, or are
//! copied and filled up with zeros where they reach over the border; the outputs of a last tile that
//! reach over the edge are dropped, so every extent works.

use super::buffer::Buffer;
use super::geometry::{Geometry, Padding};
use super::lanes::{Float, Kernel, Lanes};
use super::register_tile::{Product, Strides, block};
use super::tiling::Tiling;
use super::transforms::{
    FREQUENCIES, SPAN, TILE, transform_input, transform_output, transform_output_gradient,
};

/// Convolves whole images with weights [frequency][block][input][output in block].
pub(super) struct Convolve<'a, T> {
    pub tiling: &'a Tiling,
    pub x: &'a [T],
    pub weights: &'a [T],
    pub y: &'a mut [T],
}

impl<T: Float> Kernel<T> for Convolve<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, lanes: L) {
        let (tiling, g) = (self.tiling, &self.tiling.g);
        let mut inputs = Buffer::take(FREQUENCIES * tiling.frequency_stride(g.inputs));
        let mut products = Buffer::take(FREQUENCIES * tiling.frequency_stride(g.outputs));
        let total = self.x.len() / g.input_len() * tiling.tiles();
        for first in (0..total).step_by(tiling.chunk) {
            let tiles = first..(first + tiling.chunk).min(total);
            let chunk = Chunk { lanes, tiling, tiles };
            chunk.transform_inputs(self.x, g.inputs, &mut inputs);
            chunk.multiply(&inputs, self.weights, &mut products);
            chunk.transform_outputs(&products, self.y);
        }
    }
}

/// Where asked, adds whole images' weight gradient to `sums` [frequency][input][output], and writes
/// the gradient to the input, both in one pass over the images.
pub(super) struct Backward<'a, T> {
    /// Forward, and on the way back.
    pub tilings: (&'a Tiling, &'a Tiling),
    pub x: &'a [T],
    pub gradient: &'a [T],
    pub sums: Option<&'a mut [T]>,
    /// The adjoint's weights [frequency][block][output][input in block], and its result.
    pub to_x: Option<(&'a [T], &'a mut [T])>,
}

impl<T: Float> Kernel<T> for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Number = T>>(mut self, lanes: L) {
        let (tiling, adjoint) = self.tilings;
        let g = &tiling.g;
        let widest = tiling.frequency_stride(g.inputs.max(g.outputs));
        let mut first_buffer = Buffer::take(FREQUENCIES * widest);
        let mut second_buffer = Buffer::take(FREQUENCIES * widest);
        let total = self.x.len() / g.input_len() * tiling.tiles();
        for first in (0..total).step_by(tiling.chunk) {
            let tiles = first..(first + tiling.chunk).min(total);
            if let Some(sums) = &mut self.sums {
                let chunk = Chunk { lanes, tiling, tiles: tiles.clone() };
                chunk.transform_inputs(self.x, g.inputs, &mut first_buffer);
                chunk.transform_gradients(self.gradient, &mut second_buffer);
                chunk.accumulate(&first_buffer, &second_buffer, sums);
            }
            if let Some((weights, to_x)) = &mut self.to_x {
                let chunk = Chunk { lanes, tiling: adjoint, tiles };
                chunk.transform_inputs(self.gradient, g.outputs, &mut first_buffer);
                chunk.multiply(&first_buffer, weights, &mut second_buffer);
                chunk.transform_outputs(&second_buffer, to_x);
            }
        }
    }
}

/// Consecutive tiles, possibly of several images.
struct Chunk<'a, L> {
    lanes: L,
    tiling: &'a Tiling,
    tiles: std::ops::Range<usize>,
}

impl<T: Float, L: Lanes<Number = T>> Chunk<'_, L> {
    /// Bᵀ x B of every tile → `v` [frequency][tile][channel].
    #[inline(always)]
    fn transform_inputs(&self, x: &[T], channels: usize, v: &mut [T]) {
        let (g, stride) = (&self.tiling.g, self.tiling.frequency_stride(channels));
        let image = g.plane.pixels() * channels;
        assert!(channels.is_multiple_of(L::COUNT) && v.len() >= FREQUENCIES * stride);
        assert!(self.tiles.len() * channels <= stride);
        let is_zero = g.padding == Padding::Zero;
        let mut copy = Buffer::take(if is_zero { FREQUENCIES * channels } else { 0 });
        for (place, tile) in self.tiles.clone().enumerate() {
            let tile = self.tiling.at(tile);
            let mut x = &x[tile.image * image..][..image];
            let (mut rows, mut columns) = self.tiling.inputs(tile, channels);
            if self.tiling.reads_zeros(tile) {
                self.tiling.copy_with_zeros(tile, (x, channels), &mut copy);
                x = &copy;
                for i in 0..SPAN {
                    (rows[i], columns[i]) = (i * SPAN * channels, i * channels);
                }
            }
            for c in (0..channels).step_by(L::COUNT) {
                // SAFETY: rows, columns and c stay within one image, whose length was just cut, or
                // within the copy of a tile; place < tiles, for which every frequency's stretch has
                // room, as was compared above.
                unsafe {
                    let source = x.as_ptr().add(c);
                    let target = v.as_mut_ptr().add(place * channels + c);
                    transform_input(self.lanes, source, (&rows, &columns), target, stride);
                }
            }
        }
    }

    /// A g Aᵀ of every tile's 4×4 output gradients → `v`; those over the edge count as zero.
    #[inline(always)]
    fn transform_gradients(&self, gradient: &[T], v: &mut [T]) {
        let g = &self.tiling.g;
        let (stride, row) = (self.tiling.frequency_stride(g.outputs), g.plane.width * g.outputs);
        assert!(g.outputs.is_multiple_of(L::COUNT) && v.len() >= FREQUENCIES * stride);
        assert!(self.tiles.len() * g.outputs <= stride);
        for (place, tile) in self.tiles.clone().enumerate() {
            let tile = self.tiling.at(tile);
            let (valid_rows, valid_columns) = self.tiling.valid(tile);
            let image = &gradient[tile.image * g.output_len()..][..g.output_len()];
            let start = (tile.y * g.plane.width + tile.x) * g.outputs;
            for c in (0..g.outputs).step_by(L::COUNT) {
                let mut tile = [[self.lanes.zero(); TILE]; TILE];
                for (i, row_of_tile) in tile.iter_mut().enumerate().take(valid_rows) {
                    for (j, vector) in row_of_tile.iter_mut().enumerate().take(valid_columns) {
                        let place = start + i * row + j * g.outputs + c;
                        // SAFETY: the pixel lies in the plane, in the image just cut.
                        *vector = unsafe { self.lanes.load(image.as_ptr().add(place)) };
                    }
                }
                // SAFETY: as in `transform_inputs`: place < tiles, and every stretch has room for those.
                unsafe {
                    let target = v.as_mut_ptr().add(place * g.outputs + c);
                    transform_output_gradient(self.lanes, tile, target, stride);
                }
            }
        }
    }

    /// Per frequency, tiles × own inputs times own inputs × outputs.
    #[inline(always)]
    fn multiply(&self, v: &[T], weights: &[T], m: &mut [T]) {
        let Geometry { inputs, outputs, .. } = self.tiling.g;
        let (from, to) =
            (self.tiling.frequency_stride(inputs), self.tiling.frequency_stride(outputs));
        let block = block(outputs, L::COUNT);
        for f in 0..FREQUENCIES {
            Product {
                rows: self.tiles.len(),
                terms: self.tiling.own_inputs,
                a: &v[f * from..],
                a_strides: Strides { row: inputs, step: 1 },
                b: &weights[f * inputs * outputs..][..inputs * outputs],
                b_steps: (block, inputs * block),
                c: &mut m[f * to..][..to],
                c_row: outputs,
                columns: outputs,
                accumulate: false,
            }
            .run(self.lanes);
        }
    }

    /// Per frequency, own inputs × tiles times tiles × outputs, added to `sums`.
    #[inline(always)]
    fn accumulate(&self, v: &[T], gradients: &[T], sums: &mut [T]) {
        let Geometry { inputs, outputs, .. } = self.tiling.g;
        let (from, other) =
            (self.tiling.frequency_stride(inputs), self.tiling.frequency_stride(outputs));
        for f in 0..FREQUENCIES {
            Product {
                rows: self.tiling.own_inputs,
                terms: self.tiles.len(),
                a: &v[f * from..],
                a_strides: Strides { row: 1, step: inputs },
                b: &gradients[f * other..][..other],
                b_steps: (outputs, block(outputs, L::COUNT)),
                c: &mut sums[f * inputs * outputs..][..inputs * outputs],
                c_row: outputs,
                columns: outputs,
                accumulate: true,
            }
            .run(self.lanes);
        }
    }

    /// Aᵀ m A of every tile → pixels of `y`.
    #[inline(always)]
    fn transform_outputs(&self, m: &[T], y: &mut [T]) {
        let g = &self.tiling.g;
        let (stride, row) = (self.tiling.frequency_stride(g.outputs), g.plane.width * g.outputs);
        assert!(g.outputs.is_multiple_of(L::COUNT) && m.len() >= FREQUENCIES * stride);
        assert!(self.tiles.len() * g.outputs <= stride);
        for (place, tile) in self.tiles.clone().enumerate() {
            let tile = self.tiling.at(tile);
            let (rows, columns) = self.tiling.valid(tile);
            let image = &mut y[tile.image * g.output_len()..][..g.output_len()];
            let start = (tile.y * g.plane.width + tile.x) * g.outputs;
            for c in (0..g.outputs).step_by(L::COUNT) {
                // SAFETY: place < tiles, for which every frequency's stretch has room, as was compared above.
                let outputs = unsafe {
                    transform_output(self.lanes, m.as_ptr().add(place * g.outputs + c), stride)
                };
                for (i, outputs) in outputs.iter().enumerate().take(rows) {
                    for (j, &output) in outputs.iter().enumerate().take(columns) {
                        let place = start + i * row + j * g.outputs + c;
                        // SAFETY: the pixel lies in the plane, in the image just cut.
                        unsafe { self.lanes.store(image.as_mut_ptr().add(place), output) };
                    }
                }
            }
        }
    }
}
