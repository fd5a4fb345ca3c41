//! Register-blocked direct convolution for f32, dispatched to the CPU's vector width at run time.
//!
//! A block of output channels fills one or two vectors. For a run of neighbouring pixels the
//! kernel keeps one accumulator per pixel and vector in registers, walks over taps and input
//! channels, loads the weights of the block once and multiplies them with one input of each pixel.
//! Every pixel sums its products in the same order wherever it lies, hence bit-exact translation.

use super::geometry::Geometry;
use pulp::{Arch, Simd, WithSimd};
use std::sync::LazyLock;

static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

struct Lanes;
impl WithSimd for Lanes {
    type Output = usize;
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

static LANES: LazyLock<usize> = LazyLock::new(|| ARCH.dispatch(Lanes));

/// Lanes of an f32 vector on this CPU.
pub(super) fn lanes() -> usize {
    *LANES
}

/// Output channels per block: two vectors where the outputs fill more than one.
pub(super) fn block(outputs: usize) -> usize {
    if outputs > lanes() { 2 * lanes() } else { lanes() }
}

pub(super) fn convolve_image(g: &Geometry, padded: &[f32], packed: &[f32], out: &mut [f32]) {
    assert!(padded.len() >= g.padded_len() && out.len() == g.pixels() * g.outputs);
    assert_eq!(packed.len(), g.outputs.next_multiple_of(block(g.outputs)) * g.taps() * g.inputs);
    ARCH.dispatch(Convolve { g, padded, packed, out });
}

pub(super) fn accumulate_weights(g: &Geometry, padded: &[f32], gradient: &[f32], sums: &mut [f32]) {
    let outputs = g.outputs.next_multiple_of(block(g.outputs));
    assert!(padded.len() >= g.padded_len() && gradient.len() == g.pixels() * outputs);
    assert_eq!(sums.len(), g.taps() * g.inputs * outputs);
    ARCH.dispatch(AccumulateWeights { g, padded, gradient, sums });
}

struct Convolve<'a> {
    g: &'a Geometry,
    padded: &'a [f32],
    packed: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.g.outputs > S::F32_LANES {
            self.all_blocks::<S, 2>(simd);
        } else {
            self.all_blocks::<S, 1>(simd);
        }
    }
}

impl Convolve<'_> {
    #[inline(always)]
    fn all_blocks<S: Simd, const VECTORS: usize>(mut self, simd: S) {
        let block = VECTORS * S::F32_LANES;
        for first in (0..self.g.outputs).step_by(block) {
            for y in 0..self.g.height {
                let mut x = 0;
                while x < self.g.width {
                    // The widest run that the registers hold: 28 + 2 of 32, or 12 + 2 of 16.
                    let left = self.g.width - x;
                    x += match left {
                        14.. if S::REGISTER_COUNT >= 32 => {
                            self.run::<S, 14, VECTORS>(simd, first, y, x)
                        }
                        7.. if S::REGISTER_COUNT >= 32 => {
                            self.run::<S, 7, VECTORS>(simd, first, y, x)
                        }
                        6.. => self.run::<S, 6, VECTORS>(simd, first, y, x),
                        4.. => self.run::<S, 4, VECTORS>(simd, first, y, x),
                        2.. => self.run::<S, 2, VECTORS>(simd, first, y, x),
                        _ => self.run::<S, 1, VECTORS>(simd, first, y, x),
                    };
                }
            }
        }
    }

    /// Computes outputs `first..` of the `RUN` pixels from (y, x) on; returns `RUN`.
    #[inline(always)]
    fn run<S: Simd, const RUN: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        first: usize,
        y: usize,
        x: usize,
    ) -> usize {
        let g = self.g;
        let block = VECTORS * S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; RUN];
        let mut weights = self.packed[first * g.taps() * g.inputs..].as_ptr();
        for ky in 0..g.kernel_height {
            for kx in 0..g.kernel_width {
                let offset = ((y + ky) * g.padded_width() + x + kx) * g.inputs;
                let inputs = self.padded[offset..offset + RUN * g.inputs].as_ptr();
                for input in 0..g.inputs {
                    // SAFETY: `inputs` spans RUN pixels of g.inputs values (sliced above); `weights`
                    // advances by one block per (tap, input), taps × inputs blocks per `first`,
                    // whose total length is asserted in `convolve_image`.
                    unsafe {
                        let w: [S::f32s; VECTORS] = load(weights);
                        for (pixel, sums) in sums.iter_mut().enumerate() {
                            let value = simd.splat_f32s(*inputs.add(pixel * g.inputs + input));
                            for v in 0..VECTORS {
                                sums[v] = simd.mul_add_e_f32s(value, w[v], sums[v]);
                            }
                        }
                        weights = weights.add(block);
                    }
                }
            }
        }
        let width = block.min(g.outputs - first);
        for (pixel, sums) in sums.iter().enumerate() {
            let start = (y * g.width + x + pixel) * g.outputs + first;
            store::<S, VECTORS>(simd, &mut self.out[start..start + width], sums);
        }
        RUN
    }
}

struct AccumulateWeights<'a> {
    g: &'a Geometry,
    padded: &'a [f32],
    gradient: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for AccumulateWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.g.outputs > S::F32_LANES {
            self.all_blocks::<S, 2>(simd);
        } else {
            self.all_blocks::<S, 1>(simd);
        }
    }
}

impl AccumulateWeights<'_> {
    #[inline(always)]
    fn all_blocks<S: Simd, const VECTORS: usize>(mut self, simd: S) {
        let block = VECTORS * S::F32_LANES;
        for first in (0..self.g.outputs).step_by(block) {
            for tap in 0..self.g.taps() {
                let mut input = 0;
                while input < self.g.inputs {
                    input += match self.g.inputs - input {
                        8.. if S::REGISTER_COUNT >= 32 => {
                            self.run::<S, 8, VECTORS>(simd, first, tap, input)
                        }
                        4.. => self.run::<S, 4, VECTORS>(simd, first, tap, input),
                        2.. => self.run::<S, 2, VECTORS>(simd, first, tap, input),
                        _ => self.run::<S, 1, VECTORS>(simd, first, tap, input),
                    };
                }
            }
        }
    }

    /// Adds Σ_pixels input · gradient for one tap, `RUN` inputs from `input` on and one block of
    /// outputs from `first` on; returns `RUN`.
    #[inline(always)]
    fn run<S: Simd, const RUN: usize, const VECTORS: usize>(
        &mut self,
        simd: S,
        first: usize,
        tap: usize,
        input: usize,
    ) -> usize {
        let g = self.g;
        let block = VECTORS * S::F32_LANES;
        let outputs = g.outputs.next_multiple_of(block);
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; RUN];
        for y in 0..g.height {
            let row = (y + tap / g.kernel_width) * g.padded_width() + tap % g.kernel_width;
            let inputs = &self.padded[row * g.inputs..][..g.width * g.inputs];
            let gradients = &self.gradient[y * g.width * outputs..][..g.width * outputs];
            // SAFETY: x < g.width, so both pointers stay inside the two slices: input + RUN ≤
            // g.inputs and first + block ≤ outputs by the callers' loops.
            unsafe {
                for x in 0..g.width {
                    let d: [S::f32s; VECTORS] = load(gradients.as_ptr().add(x * outputs + first));
                    let values = inputs.as_ptr().add(x * g.inputs + input);
                    for (i, sums) in sums.iter_mut().enumerate() {
                        let value = simd.splat_f32s(*values.add(i));
                        for v in 0..VECTORS {
                            sums[v] = simd.mul_add_e_f32s(value, d[v], sums[v]);
                        }
                    }
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            let start = (tap * g.inputs + input + i) * outputs + first;
            let target = &mut self.sums[start..start + block];
            // SAFETY: `target` is one block long.
            let old: [S::f32s; VECTORS] = unsafe { load(target.as_ptr()) };
            let mut new = old;
            for v in 0..VECTORS {
                new[v] = simd.add_f32s(old[v], sums[v]);
            }
            store::<S, VECTORS>(simd, target, &new);
        }
        RUN
    }
}

/// Reads `VECTORS` vectors from `pointer`.
///
/// # Safety
/// The memory must be valid for that many lanes; alignment does not matter.
#[inline(always)]
unsafe fn load<V: Copy, const VECTORS: usize>(pointer: *const f32) -> [V; VECTORS] {
    unsafe { pointer.cast::<[V; VECTORS]>().read_unaligned() }
}

/// Writes the first `target.len()` lanes of the vectors.
#[inline(always)]
fn store<S: Simd, const VECTORS: usize>(simd: S, target: &mut [f32], vectors: &[S::f32s; VECTORS]) {
    for (part, &vector) in target.chunks_mut(S::F32_LANES).zip(vectors) {
        simd.partial_store_f32s(part, vector);
    }
}
