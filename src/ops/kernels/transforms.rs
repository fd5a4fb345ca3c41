//! Winograd's transforms of a tile: of kernels in f64, of inputs, outputs and their gradients on vectors
//! of channels.
//!
//! Lanes are channels, so that the transforms are sums of vectors and never move a number between lanes.

use super::lanes::Lanes;

/// Outputs along the side of a tile.
pub(super) const TILE: usize = 4;
/// Inputs along the side of a tile.
pub(super) const SPAN: usize = 6;
/// Products per pair of channels.
pub(super) const FREQUENCIES: usize = SPAN * SPAN;
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

/// Bᵀ x B of one tile and one vector of channels.
///
/// # Safety
/// `source` plus any row plus any column, and `target` plus 36 strides, must be valid vectors.
#[inline(always)]
pub(super) unsafe fn transform_input<L: Lanes>(
    l: L,
    source: *const L::Number,
    places: (&[usize; SPAN], &[usize; SPAN]),
    target: *mut L::Number,
    stride: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        match L::REGISTERS >= 32 {
            true => transform_in_halves(l, source, places, target, stride),
            false => transform_at_once(l, source, places, target, stride),
        }
    }
}

/// [`transform_input`] in two halves, each of which fits 32 registers.
///
/// # Safety
/// That of [`transform_input`].
#[inline(always)]
unsafe fn transform_in_halves<L: Lanes>(
    l: L,
    source: *const L::Number,
    (rows, columns): (&[usize; SPAN], &[usize; SPAN]),
    target: *mut L::Number,
    stride: usize,
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
            put_row(l, target.add((i + 1) * SPAN * stride), stride, row);
        }
        for j in 0..SPAN {
            let column = source.add(columns[j]);
            for (i, end_row) in ends.iter_mut().enumerate() {
                let [a, b, c] = [i, i + 2, i + 4].map(|i| column.add(rows[i]));
                end_row[j] = end(l, [l.load(a), l.load(b), l.load(c)]);
            }
        }
        for (i, row) in ends.into_iter().enumerate() {
            put_row(l, target.add(i * 5 * SPAN * stride), stride, row);
        }
    }
}

/// [`transform_input`] with every number read once, where the registers do not hold half a tile either.
///
/// # Safety
/// That of [`transform_input`].
#[inline(always)]
unsafe fn transform_at_once<L: Lanes>(
    l: L,
    source: *const L::Number,
    (rows, columns): (&[usize; SPAN], &[usize; SPAN]),
    target: *mut L::Number,
    stride: usize,
) {
    let mut inner = [[l.zero(); SPAN]; SPAN];
    for j in 0..SPAN {
        let mut column = [l.zero(); SPAN];
        for (vector, row) in column.iter_mut().zip(rows) {
            // SAFETY: the caller's promise.
            *vector = unsafe { l.load(source.add(columns[j]).add(*row)) };
        }
        for (row, value) in inner.iter_mut().zip(transform_row(l, column)) {
            row[j] = value;
        }
    }
    for (i, row) in inner.into_iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { put_row(l, target.add(i * SPAN * stride), stride, row) };
    }
}

/// Transforms a row and writes it, a stride apart each.
///
/// # Safety
/// `target` plus six strides must be valid vectors.
#[inline(always)]
unsafe fn put_row<L: Lanes>(l: L, target: *mut L::Number, stride: usize, row: [L::Vector; SPAN]) {
    for (j, vector) in transform_row(l, row).into_iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { l.store(target.add(j * stride), vector) };
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
/// `m` plus 36 strides must be valid vectors.
#[inline(always)]
pub(super) unsafe fn transform_output<L: Lanes>(
    l: L,
    m: *const L::Number,
    stride: usize,
) -> [[L::Vector; TILE]; TILE] {
    let mut inner = [[l.zero(); SPAN]; TILE];
    for j in 0..SPAN {
        let mut column = [l.zero(); SPAN];
        for (i, vector) in column.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *vector = unsafe { l.load(m.add((i * SPAN + j) * stride)) };
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
/// `target` plus 36 strides must be valid vectors.
#[inline(always)]
pub(super) unsafe fn transform_output_gradient<L: Lanes>(
    l: L,
    gradients: [[L::Vector; TILE]; TILE],
    target: *mut L::Number,
    stride: usize,
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
            unsafe { l.store(target.add((i * SPAN + j) * stride), vector) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{Float, InstructionSet, Kernel};
    use super::*;

    /// A tile from a map of 8×8 pixels, both ways.
    struct BothWays<'a>(&'a [f32]);

    impl Kernel<f32> for BothWays<'_> {
        type Output = [Vec<f32>; 2];

        #[inline(always)]
        fn run<L: Lanes<Number = f32>>(self, l: L) -> [Vec<f32>; 2] {
            let stride = L::COUNT + 3;
            let rows = [7, 0, 1, 2, 3, 4].map(|row: usize| row * 8 * L::COUNT);
            let columns = [2, 3, 4, 5, 6, 7].map(|column: usize| column * L::COUNT);
            let mut found = [(); 2].map(|()| vec![0.0; FREQUENCIES * stride]);
            let [halves, once] = &mut found;
            let x = self.0.as_ptr();
            // SAFETY: the map has 64 pixels of a vector, the results a stretch for every frequency.
            unsafe {
                transform_in_halves(l, x, (&rows, &columns), halves.as_mut_ptr(), stride);
                transform_at_once(l, x, (&rows, &columns), once.as_mut_ptr(), stride);
            }
            found
        }
    }

    #[test]
    fn a_tile_is_transformed_to_the_same_bits_both_ways() {
        let x: Vec<f32> = (0..64 * 16).map(|i| ((i * 37 % 101) as f32).sin()).collect();
        for set in InstructionSet::all() {
            let [halves, once] = f32::run(set, BothWays(&x));
            assert!(halves.iter().any(|&value| value != 0.0));
            assert_eq!(halves, once, "{}", set.name());
        }
    }
}
