//! Winograd's minimal filtering F(4×4, 3×3) (Winograd 1980; Lavin & Gray 2016).
//!
//! `y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A` computes a tile of 4×4 outputs from 6×6 inputs with 36
//! multiplications per pair of channels instead of 144. Over many tiles the products at each of the
//! 36 places ("frequencies") form a matrix product over channels. Tiles wrap around the torus, or are
//! copied and filled up with zeros where they reach over the border; the outputs of a last tile that
//! reach over the edge are dropped, so every extent works.
//!
//! Lanes are channels, so the transforms are sums of vectors and never move a number between lanes.

use super::buffer::Buffer;
use super::geometry::{Geometry, Padding, Torus};
use super::lanes::{Float, Kernel, Lanes};
use super::register_tile::{Product, block};

/// Outputs along the side of a tile.
const TILE: usize = 4;
/// Inputs along the side of a tile.
const SPAN: usize = 6;
/// Products per pair of channels.
pub(super) const FREQUENCIES: usize = SPAN * SPAN;
/// Bytes of transformed tiles that are worked on at a time: half of a common L2 cache.
const CHUNK_BYTES: usize = 256 << 10;

/// The weight transform G.
const G: [[f64; 3]; SPAN] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// G w Gᵀ for a 3×3 kernel w, by frequency.
pub(super) fn transform_kernel(w: [f64; 9]) -> [f64; FREQUENCIES] {
    let mut u = [0.0; FREQUENCIES];
    for i in 0..SPAN {
        let mut row = [0.0; 3];
        for (tap, row) in row.iter_mut().enumerate() {
            *row = (0..3).map(|k| G[i][k] * w[3 * k + tap]).sum();
        }
        for j in 0..SPAN {
            u[i * SPAN + j] = (0..3).map(|k| row[k] * G[j][k]).sum();
        }
    }
    u
}

/// Gᵀ u G, the transpose of [`transform_kernel`].
pub(super) fn transform_gradient(u: [f64; FREQUENCIES]) -> [f64; 9] {
    let mut w = [0.0; 9];
    for tap in 0..3 {
        let mut row = [0.0; SPAN];
        for (j, row) in row.iter_mut().enumerate() {
            *row = (0..SPAN).map(|i| G[i][tap] * u[i * SPAN + j]).sum();
        }
        for other in 0..3 {
            w[3 * tap + other] = (0..SPAN).map(|j| row[j] * G[j][other]).sum();
        }
    }
    w
}

/// How images are cut into tiles, and tiles into chunks.
#[derive(Clone)]
pub(super) struct Tiling {
    g: Geometry,
    down: usize,
    across: usize,
    chunk: usize,
    /// The row, and the column, of the torus under every place from one before the first tile to
    /// one after the last.
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl Tiling {
    pub fn new<T>(g: Geometry) -> Self {
        let (down, across) = (g.torus.height.div_ceil(TILE), g.torus.width.div_ceil(TILE));
        let per_tile = FREQUENCIES * g.inputs.max(g.outputs) * size_of::<T>();
        // Multiples of the register tile's 14 rows.
        let chunk = (CHUNK_BYTES / per_tile / 14 * 14).clamp(14, 56);
        let rows = (-1..=(down * TILE) as i64).map(|y| g.torus.row(y)).collect();
        let columns = (-1..=(across * TILE) as i64).map(|x| g.torus.column(x)).collect();
        Self { g, down, across, chunk, rows, columns }
    }

    /// The tiling of the gradient's way back, with the same tiles.
    pub fn transposed(&self) -> Self {
        Self { g: self.g.transposed(), ..self.clone() }
    }

    fn tiles(&self) -> usize {
        self.down * self.across
    }

    fn at(&self, tile: usize) -> Tile {
        let (image, place) = (tile / self.tiles(), tile % self.tiles());
        Tile { image, y: place / self.across * TILE, x: place % self.across * TILE }
    }

    /// Offsets of the six rows and of the six columns of a tile's inputs in an image of `channels`.
    #[inline(always)]
    fn inputs(&self, tile: Tile, channels: usize) -> ([usize; SPAN], [usize; SPAN]) {
        let (mut rows, mut columns) = ([0; SPAN], [0; SPAN]);
        for i in 0..SPAN {
            rows[i] = self.rows[tile.y + i] * self.g.torus.width * channels;
            columns[i] = self.columns[tile.x + i] * channels;
        }
        (rows, columns)
    }

    /// Whether a tile reads zeros beyond the border.
    #[inline(always)]
    fn reads_zeros(&self, tile: Tile) -> bool {
        let Torus { height, width } = self.g.torus;
        let is_inner =
            tile.y > 0 && tile.x > 0 && tile.y + SPAN <= height + 1 && tile.x + SPAN <= width + 1;
        self.g.padding == Padding::Zero && !is_inner
    }

    /// Copies a tile's inputs [row][column][channel] from an image, with zeros beyond the border.
    fn copy_with_zeros<T: Copy + Default>(
        &self,
        tile: Tile,
        (image, channels): (&[T], usize),
        copy: &mut [T],
    ) {
        let Torus { height, width } = self.g.torus;
        copy.fill(T::default());
        // The place (i, j) of the tile is the pixel (y + i − 1, x + j − 1).
        for i in usize::from(tile.y == 0)..SPAN.min(height + 1 - tile.y) {
            for j in usize::from(tile.x == 0)..SPAN.min(width + 1 - tile.x) {
                let pixel = (tile.y + i - 1) * width + tile.x + j - 1;
                copy[(i * SPAN + j) * channels..][..channels]
                    .copy_from_slice(&image[pixel * channels..][..channels]);
            }
        }
    }

    /// Rows and columns of a tile's outputs that lie on the torus.
    #[inline(always)]
    fn valid(&self, tile: Tile) -> (usize, usize) {
        let Torus { height, width } = self.g.torus;
        ((height - tile.y).min(TILE), (width - tile.x).min(TILE))
    }

    /// Distance of two frequencies; a little more than needed, so that the places of a tile do not
    /// all fall into the same cache set.
    fn plane(&self, channels: usize) -> usize {
        self.chunk * channels + 16
    }
}

/// The first output pixel of a tile, and its image.
#[derive(Clone, Copy)]
struct Tile {
    image: usize,
    y: usize,
    x: usize,
}

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
        let mut inputs = Buffer::take(FREQUENCIES * tiling.plane(g.inputs));
        let mut products = Buffer::take(FREQUENCIES * tiling.plane(g.outputs));
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
        let widest = tiling.plane(g.inputs.max(g.outputs));
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
        let (g, plane) = (&self.tiling.g, self.tiling.plane(channels));
        let image = g.torus.pixels() * channels;
        assert!(channels.is_multiple_of(L::COUNT) && v.len() >= FREQUENCIES * plane);
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
                // within the copy of a tile; place < chunk, so that every frequency stays within
                // its plane.
                unsafe {
                    let source = x.as_ptr().add(c);
                    let target = v.as_mut_ptr().add(place * channels + c);
                    transform_input(self.lanes, source, (&rows, &columns), target, plane);
                }
            }
        }
    }

    /// A g Aᵀ of every tile's 4×4 output gradients → `v`; those over the edge count as zero.
    #[inline(always)]
    fn transform_gradients(&self, gradient: &[T], v: &mut [T]) {
        let g = &self.tiling.g;
        let (plane, row) = (self.tiling.plane(g.outputs), g.torus.width * g.outputs);
        assert!(g.outputs.is_multiple_of(L::COUNT) && v.len() >= FREQUENCIES * plane);
        for (place, tile) in self.tiles.clone().enumerate() {
            let tile = self.tiling.at(tile);
            let (valid_rows, valid_columns) = self.tiling.valid(tile);
            let image = &gradient[tile.image * g.output_len()..][..g.output_len()];
            let start = (tile.y * g.torus.width + tile.x) * g.outputs;
            for c in (0..g.outputs).step_by(L::COUNT) {
                let mut tile = [[self.lanes.zero(); TILE]; TILE];
                for (i, row_of_tile) in tile.iter_mut().enumerate().take(valid_rows) {
                    for (j, vector) in row_of_tile.iter_mut().enumerate().take(valid_columns) {
                        let place = start + i * row + j * g.outputs + c;
                        // SAFETY: the pixel lies on the torus, in the image just cut.
                        *vector = unsafe { self.lanes.load(image.as_ptr().add(place)) };
                    }
                }
                // SAFETY: as in `transform_inputs`.
                unsafe {
                    let target = v.as_mut_ptr().add(place * g.outputs + c);
                    transform_output_gradient(self.lanes, tile, target, plane);
                }
            }
        }
    }

    /// Per frequency, tiles × inputs times inputs × outputs.
    #[inline(always)]
    fn multiply(&self, v: &[T], weights: &[T], m: &mut [T]) {
        let Geometry { inputs, outputs, .. } = self.tiling.g;
        let (from, to) = (self.tiling.plane(inputs), self.tiling.plane(outputs));
        let block = block(outputs, L::COUNT);
        for f in 0..FREQUENCIES {
            Product {
                rows: self.tiles.len(),
                terms: inputs,
                a: (&v[f * from..], inputs, 1),
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

    /// Per frequency, inputs × tiles times tiles × outputs, added to `sums`.
    #[inline(always)]
    fn accumulate(&self, v: &[T], gradients: &[T], sums: &mut [T]) {
        let Geometry { inputs, outputs, .. } = self.tiling.g;
        let (from, other) = (self.tiling.plane(inputs), self.tiling.plane(outputs));
        for f in 0..FREQUENCIES {
            Product {
                rows: inputs,
                terms: self.tiles.len(),
                a: (&v[f * from..], 1, inputs),
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
        let (plane, row) = (self.tiling.plane(g.outputs), g.torus.width * g.outputs);
        assert!(g.outputs.is_multiple_of(L::COUNT) && m.len() >= FREQUENCIES * plane);
        for (place, tile) in self.tiles.clone().enumerate() {
            let tile = self.tiling.at(tile);
            let (rows, columns) = self.tiling.valid(tile);
            let image = &mut y[tile.image * g.output_len()..][..g.output_len()];
            let start = (tile.y * g.torus.width + tile.x) * g.outputs;
            for c in (0..g.outputs).step_by(L::COUNT) {
                // SAFETY: place < chunk, so that every frequency stays within its plane.
                let outputs = unsafe {
                    transform_output(self.lanes, m.as_ptr().add(place * g.outputs + c), plane)
                };
                for (i, outputs) in outputs.iter().enumerate().take(rows) {
                    for (j, &output) in outputs.iter().enumerate().take(columns) {
                        let place = start + i * row + j * g.outputs + c;
                        // SAFETY: the pixel lies on the torus, in the image just cut.
                        unsafe { self.lanes.store(image.as_mut_ptr().add(place), output) };
                    }
                }
            }
        }
    }
}

/// A constant of the transforms in every lane.
#[inline(always)]
fn number<L: Lanes>(l: L, value: f64) -> L::Vector {
    l.splat(candle_core::WithDType::from_f64(value))
}

/// Entries 1 to 4 of Bᵀ d, which need d₁ to d₄.
#[inline(always)]
fn middle<L: Lanes>(l: L, [d1, d2, d3, d4]: [L::Vector; 4]) -> [L::Vector; 4] {
    let even = l.mul_add(number(l, -4.0), d2, d4);
    let odd = l.mul_add(number(l, -4.0), d1, d3);
    let (far, near) = (l.sub(d4, d2), l.sub(d3, d1));
    [
        l.add(even, odd),
        l.sub(even, odd),
        l.mul_add(number(l, 2.0), near, far),
        l.mul_add(number(l, -2.0), near, far),
    ]
}

/// Entry 0 of Bᵀ d from (d₀, d₂, d₄), and entry 5 from (d₁, d₃, d₅).
#[inline(always)]
fn end<L: Lanes>(l: L, [a, b, c]: [L::Vector; 3]) -> L::Vector {
    l.mul_add(number(l, 4.0), a, l.mul_add(number(l, -5.0), b, c))
}

/// Bᵀ d.
#[inline(always)]
fn transform_row<L: Lanes>(l: L, d: [L::Vector; SPAN]) -> [L::Vector; SPAN] {
    let [a, b, c, e] = middle(l, [d[1], d[2], d[3], d[4]]);
    [end(l, [d[0], d[2], d[4]]), a, b, c, e, end(l, [d[1], d[3], d[5]])]
}

/// Bᵀ x B of one tile and one vector of channels. In two halves, each of which fits the registers.
///
/// # Safety
/// `source` plus any row plus any column, and `target` plus 36 planes, must be valid vectors.
#[inline(always)]
unsafe fn transform_input<L: Lanes>(
    l: L,
    source: *const L::Number,
    (rows, columns): (&[usize; SPAN], &[usize; SPAN]),
    target: *mut L::Number,
    plane: usize,
) {
    // SAFETY: the caller's promise, here and below.
    unsafe {
        let mut inner = [[l.zero(); SPAN]; 4];
        let mut ends = [[l.zero(); SPAN]; 2];
        for j in 0..SPAN {
            let column = source.add(columns[j]);
            let [d1, d2, d3, d4] = [1, 2, 3, 4].map(|i: usize| column.add(rows[i]));
            let column = middle(l, [l.load(d1), l.load(d2), l.load(d3), l.load(d4)]);
            for i in 0..4 {
                inner[i][j] = column[i];
            }
        }
        for (i, row) in inner.into_iter().enumerate() {
            put_row(l, target.add((i + 1) * SPAN * plane), plane, row);
        }
        for j in 0..SPAN {
            let column = source.add(columns[j]);
            for (i, end_row) in ends.iter_mut().enumerate() {
                let [a, b, c] = [i, i + 2, i + 4].map(|i| column.add(rows[i]));
                end_row[j] = end(l, [l.load(a), l.load(b), l.load(c)]);
            }
        }
        for (i, row) in ends.into_iter().enumerate() {
            put_row(l, target.add(i * 5 * SPAN * plane), plane, row);
        }
    }
}

/// Transforms a row and writes it, a plane apart each.
///
/// # Safety
/// `target` plus six planes must be valid vectors.
#[inline(always)]
unsafe fn put_row<L: Lanes>(l: L, target: *mut L::Number, plane: usize, row: [L::Vector; SPAN]) {
    for (j, vector) in transform_row(l, row).into_iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { l.store(target.add(j * plane), vector) };
    }
}

/// Aᵀ m.
#[inline(always)]
fn transform_column<L: Lanes>(l: L, m: [L::Vector; SPAN]) -> [L::Vector; TILE] {
    let (sum, difference) = (l.add(m[1], m[2]), l.sub(m[1], m[2]));
    let (far_sum, far_difference) = (l.add(m[3], m[4]), l.sub(m[3], m[4]));
    [
        l.add(m[0], l.add(sum, far_sum)),
        l.mul_add(number(l, 2.0), far_difference, difference),
        l.mul_add(number(l, 4.0), far_sum, sum),
        l.add(m[5], l.mul_add(number(l, 8.0), far_difference, difference)),
    ]
}

/// Aᵀ m A of one tile and one vector of channels.
///
/// # Safety
/// `m` plus 36 planes must be valid vectors.
#[inline(always)]
unsafe fn transform_output<L: Lanes>(
    l: L,
    m: *const L::Number,
    plane: usize,
) -> [[L::Vector; TILE]; TILE] {
    let mut inner = [[l.zero(); SPAN]; TILE];
    for j in 0..SPAN {
        let mut column = [l.zero(); SPAN];
        for (i, vector) in column.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *vector = unsafe { l.load(m.add((i * SPAN + j) * plane)) };
        }
        for (row, value) in inner.iter_mut().zip(transform_column(l, column)) {
            row[j] = value;
        }
    }
    let mut outputs = [[l.zero(); TILE]; TILE];
    for (outputs, row) in outputs.iter_mut().zip(inner) {
        *outputs = transform_column(l, row);
    }
    outputs
}

/// A g, the transpose of [`transform_column`].
#[inline(always)]
fn spread<L: Lanes>(l: L, g: [L::Vector; TILE]) -> [L::Vector; SPAN] {
    let (even, odd) = (l.add(g[0], g[2]), l.add(g[1], g[3]));
    let far_even = l.mul_add(number(l, 4.0), g[2], g[0]);
    let far_odd = l.mul_add(number(l, 8.0), g[3], l.add(g[1], g[1]));
    [
        g[0],
        l.add(even, odd),
        l.sub(even, odd),
        l.add(far_even, far_odd),
        l.sub(far_even, far_odd),
        g[3],
    ]
}

/// A g Aᵀ of one tile and one vector of channels.
///
/// # Safety
/// `target` plus 36 planes must be valid vectors.
#[inline(always)]
unsafe fn transform_output_gradient<L: Lanes>(
    l: L,
    gradients: [[L::Vector; TILE]; TILE],
    target: *mut L::Number,
    plane: usize,
) {
    let mut inner = [[l.zero(); TILE]; SPAN];
    for j in 0..TILE {
        let [a, b, c, d] = gradients;
        let column = spread(l, [a[j], b[j], c[j], d[j]]);
        for i in 0..SPAN {
            inner[i][j] = column[i];
        }
    }
    for (i, row) in inner.into_iter().enumerate() {
        for (j, vector) in spread(l, row).into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { l.store(target.add((i * SPAN + j) * plane), vector) };
        }
    }
}
