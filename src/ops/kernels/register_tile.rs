//! The two innermost loops of every convolution: matrix products whose result stays in registers.
//!
//! Channels fill `VECTORS` vectors; a run of `RUN` pixels (or tiles, or input channels) is computed
//! together, so that each loaded vector is used `RUN` times.

use super::lanes::{Float, Kernel, Lanes};

/// The accumulators of a run: one row of `VECTORS` vectors per pixel.
pub(super) type Sums<L, const RUN: usize, const VECTORS: usize> =
    [[<L as Lanes>::Vector; VECTORS]; RUN];

/// Numbers that a block of channels fills: two vectors, or one where the channels need one or three, of which
/// pairs would leave a fourth empty.
#[inline(always)]
pub(crate) fn block(channels: usize, lanes: usize) -> usize {
    match channels.div_ceil(lanes) {
        1 | 3 => lanes,
        _ => 2 * lanes,
    }
}

/// Something that is computed in runs of neighbours.
pub(super) trait Runs<L: Lanes, const VECTORS: usize> {
    /// Computes the `RUN` items from `first` on.
    fn run<const RUN: usize>(&mut self, first: usize);
}

/// Covers `0..length` by the longest runs whose accumulators fit the registers, beside the vectors
/// that are being multiplied. No sum depends on the run that it is computed in.
#[inline(always)]
pub(super) fn in_runs<L: Lanes, const VECTORS: usize>(
    length: usize,
    work: &mut impl Runs<L, VECTORS>,
) {
    let accumulators = if L::REGISTERS >= 32 { 28 } else { 12 } / VECTORS;
    let mut first = 0;
    while first < length {
        let left = (length - first).min(accumulators);
        first += match left {
            28.. => go::<L, 28, VECTORS>(work, first),
            14.. => go::<L, 14, VECTORS>(work, first),
            12.. => go::<L, 12, VECTORS>(work, first),
            7.. => go::<L, 7, VECTORS>(work, first),
            6.. => go::<L, 6, VECTORS>(work, first),
            4.. => go::<L, 4, VECTORS>(work, first),
            2.. => go::<L, 2, VECTORS>(work, first),
            _ => go::<L, 1, VECTORS>(work, first),
        };
    }
}

#[inline(always)]
fn go<L: Lanes, const RUN: usize, const VECTORS: usize>(
    work: &mut impl Runs<L, VECTORS>,
    first: usize,
) -> usize {
    work.run::<RUN>(first);
    RUN
}

/// Where the numbers of a matrix lie: place (m, k) is `m · row + k · step` numbers from the first.
#[derive(Clone, Copy)]
pub(super) struct Strides {
    pub row: usize,
    pub step: usize,
}

/// `sums[r][v] + Σ_k a[r · row + k · step] · b[k · b_step + v]` over vectors v.
///
/// By value, so that the accumulators have no address and stay in registers.
///
/// # Safety
/// `a` and `b` must be valid for reading at all of these places.
#[inline(always)]
pub(super) unsafe fn multiply<L: Lanes, const RUN: usize, const VECTORS: usize>(
    lanes: L,
    terms: usize,
    (mut a, strides): (*const L::Number, Strides),
    (mut b, b_step): (*const L::Number, usize),
    mut sums: Sums<L, RUN, VECTORS>,
) -> Sums<L, RUN, VECTORS> {
    for _ in 0..terms {
        // SAFETY: the caller's promise.
        unsafe {
            let row = load_row::<L, VECTORS>(lanes, b);
            for (r, sums) in sums.iter_mut().enumerate() {
                let value = lanes.splat(*a.add(r * strides.row));
                for v in 0..VECTORS {
                    sums[v] = lanes.mul_add(value, row[v], sums[v]);
                }
            }
            a = a.wrapping_add(strides.step);
            b = b.wrapping_add(b_step);
        }
    }
    sums
}

/// `VECTORS` neighbouring vectors.
///
/// Loops, not closures, here and in all kernels: a closure inherits no instruction set, and where it
/// is not inlined every vector in it goes through memory.
///
/// # Safety
/// `from` must be valid for reading them.
#[inline(always)]
unsafe fn load_row<L: Lanes, const VECTORS: usize>(
    lanes: L,
    from: *const L::Number,
) -> [L::Vector; VECTORS] {
    let mut row = [lanes.zero(); VECTORS];
    for (v, vector) in row.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *vector = unsafe { lanes.load(from.add(v * L::COUNT)) };
    }
    row
}

/// Writes a row of accumulators to the first `target.len()` of their places.
#[inline(always)]
pub(super) fn store_row<L: Lanes, const VECTORS: usize>(
    lanes: L,
    target: &mut [L::Number],
    row: &[L::Vector; VECTORS],
) {
    if target.len() == VECTORS * L::COUNT {
        for (v, &vector) in row.iter().enumerate() {
            // SAFETY: the length was just compared.
            unsafe { lanes.store(target.as_mut_ptr().add(v * L::COUNT), vector) };
        }
        return;
    }
    for (part, &vector) in target.chunks_mut(L::COUNT).zip(row) {
        const LONGEST: usize = 16; // AVX-512's, of f32
        const { assert!(L::COUNT <= LONGEST) };
        let mut whole = [L::Number::default(); LONGEST];
        // SAFETY: no vector holds more numbers, which the compiler has compared.
        unsafe { lanes.store(whole.as_mut_ptr(), vector) };
        part.copy_from_slice(&whole[..part.len()]);
    }
}

/// `c[m][n] (+)= Σ_k a[m · row + k · step] · b[n / block][k][n % block]` for whole blocks of n:
/// the matrix product that Winograd's tiles go through once per frequency.
pub(super) struct Product<'a, T> {
    pub rows: usize,
    pub terms: usize,
    pub a: &'a [T],
    pub a_strides: Strides,
    pub b: &'a [T],
    /// Distance of two terms of b, and of two blocks of b.
    pub b_steps: (usize, usize),
    pub c: &'a mut [T],
    pub c_row: usize,
    pub columns: usize,
    pub accumulate: bool,
}

impl<T: Float> Kernel<T> for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, lanes: L) {
        match block(self.columns, L::COUNT) > L::COUNT {
            true => self.by_blocks::<L, 2>(lanes),
            false => self.by_blocks::<L, 1>(lanes),
        }
    }
}

impl<T: Float> Product<'_, T> {
    #[inline(always)]
    fn by_blocks<L: Lanes<Number = T>, const VECTORS: usize>(mut self, lanes: L) {
        let Strides { row, step } = self.a_strides;
        assert!(self.columns.is_multiple_of(VECTORS * L::COUNT) && self.rows * self.terms > 0);
        assert!(self.a.len() > (self.rows - 1) * row + (self.terms - 1) * step);
        let blocks = self.columns / (VECTORS * L::COUNT);
        let (b_step, b_block) = self.b_steps;
        let last_b = (self.terms - 1) * b_step + (blocks - 1) * b_block + VECTORS * L::COUNT;
        assert!(self.b.len() >= last_b);
        assert!(self.c.len() >= (self.rows - 1) * self.c_row + self.columns);
        for block in 0..blocks {
            let rows = self.rows;
            let mut runs = ProductRuns::<L, T> { lanes, product: &mut self, block };
            in_runs::<L, VECTORS>(rows, &mut runs);
        }
    }
}

struct ProductRuns<'a, 'b, L, T> {
    lanes: L,
    product: &'a mut Product<'b, T>,
    block: usize,
}

impl<T: Float, L: Lanes<Number = T>, const VECTORS: usize> Runs<L, VECTORS>
    for ProductRuns<'_, '_, L, T>
{
    #[inline(always)]
    fn run<const RUN: usize>(&mut self, first: usize) {
        let (lanes, p) = (self.lanes, &mut *self.product);
        let (b_step, b_block) = p.b_steps;
        let mut sums = [[lanes.zero(); VECTORS]; RUN];
        let start = first * p.c_row + self.block * VECTORS * L::COUNT;
        // SAFETY: first + RUN ≤ rows and block < blocks; `by_blocks` compared the lengths with the
        // last places that these reach.
        unsafe {
            let c = p.c.as_mut_ptr().add(start);
            if p.accumulate {
                for (r, sums) in sums.iter_mut().enumerate() {
                    *sums = load_row::<L, VECTORS>(lanes, c.add(r * p.c_row));
                }
            }
            let a = (p.a.as_ptr().add(first * p.a_strides.row), p.a_strides);
            let b = (p.b.as_ptr().add(self.block * b_block), b_step);
            sums = multiply::<L, RUN, VECTORS>(lanes, p.terms, a, b, sums);
            for (r, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    lanes.store(c.add(r * p.c_row + v * L::COUNT), sum);
                }
            }
        }
    }
}
