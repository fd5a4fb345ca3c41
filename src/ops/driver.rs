//! Runs the convolution kernels over many images on all threads, with results that do not depend
//! on the number of threads.

use super::element::Element;
use super::geometry::{Geometry, Shift};
use candle_core::{CpuStorage, Layout, Storage, StorageRef, Tensor};
use rayon::prelude::*;

/// Parts that a weight gradient is summed in; fixed, so that rounding never depends on threads.
const PARTIAL_SUMS: usize = 16;

/// The channel pairing of a convolution's weights.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weights {
    /// As stored: (outputs, inputs, kh, kw).
    Forward,
    /// Flipped in space and with the channels exchanged, for the gradient to the input.
    Adjoint,
}

/// Convolves images (N, H, W, inputs), image n first moved by `shifts[n % shifts.len()]`, and
/// hands every finished image to `finish(n, image)`.
pub(super) fn convolve<T: Element>(
    g: &Geometry,
    x: &[T],
    packed: &[T],
    shifts: &[Shift],
    finish: impl Fn(usize, &mut [T]) + Sync,
) -> Vec<T> {
    let mut out = vec![T::default(); g.images * g.pixels() * g.outputs];
    let scratch = || vec![T::default(); g.padded_len()];
    out.par_chunks_mut(g.pixels() * g.outputs)
        .zip(x.par_chunks(g.pixels() * g.inputs))
        .enumerate()
        .with_min_len(g.images.div_ceil(64))
        .for_each_init(scratch, |padded, (n, (out, image))| {
            // `out` is zero already, which is right for the state before the first frame.
            if !is_zero(image) {
                g.fill_halo(image, shifts[n % shifts.len()], padded);
                T::convolve_image(g, padded, packed, out);
            }
            finish(n, out);
        });
    out
}

/// Whether every element is zero; reads no further than the first that is not.
fn is_zero<T: Element>(image: &[T]) -> bool {
    image.iter().all(|&x| x == T::default())
}

/// Packs weights for `g` as [block][tap][input][output in block], short blocks filled with zeros.
///
/// For [`Weights::Adjoint`], `g` is the adjoint's geometry and `weights` are the forward ones.
pub(super) fn pack<T: Element>(g: &Geometry, weights: &[T], pairing: Weights) -> Vec<T> {
    let (taps, block) = (g.taps(), T::block(g.outputs));
    let mut packed = vec![T::default(); g.outputs.next_multiple_of(block) * taps * g.inputs];
    for output in 0..g.outputs {
        for tap in 0..taps {
            for input in 0..g.inputs {
                let source = match pairing {
                    Weights::Forward => (output * g.inputs + input) * taps + tap,
                    Weights::Adjoint => (input * g.outputs + output) * taps + (taps - 1 - tap),
                };
                let group = (output / block * taps + tap) * g.inputs + input;
                packed[group * block + output % block] = weights[source];
            }
        }
    }
    packed
}

/// Σ_n over all images of the weight gradient, in the stored order (outputs, inputs, kh, kw).
pub(super) fn weight_gradient<T: Element>(
    g: &Geometry,
    x: &[T],
    gradient: &[T],
    shifts: &[Shift],
) -> Vec<T> {
    let outputs = g.outputs.next_multiple_of(T::block(g.outputs));
    let per_part = g.images.div_ceil(PARTIAL_SUMS);
    let parts: Vec<Vec<T>> = (0..g.images)
        .into_par_iter()
        .step_by(per_part)
        .map(|first| {
            let mut sums = vec![T::default(); g.taps() * g.inputs * outputs];
            let mut padded = vec![T::default(); g.padded_len()];
            let mut widened = vec![T::default(); g.pixels() * outputs];
            for n in first..(first + per_part).min(g.images) {
                let image = &x[n * g.pixels() * g.inputs..][..g.pixels() * g.inputs];
                let gradient = &gradient[n * g.pixels() * g.outputs..][..g.pixels() * g.outputs];
                if is_zero(image) {
                    continue;
                }
                g.fill_halo(image, shifts[n % shifts.len()], &mut padded);
                if outputs == g.outputs {
                    T::accumulate_weights(g, &padded, gradient, &mut sums);
                } else {
                    widen(gradient, g.outputs, &mut widened, outputs);
                    T::accumulate_weights(g, &padded, &widened, &mut sums);
                }
            }
            sums
        })
        .collect();
    unpack_sum(g, &parts, outputs)
}

/// Copies pixels of `from` channels into pixels of `to` channels; the rest stays zero.
fn widen<T: Copy>(source: &[T], from: usize, target: &mut [T], to: usize) {
    for (source, target) in source.chunks_exact(from).zip(target.chunks_exact_mut(to)) {
        target[..from].copy_from_slice(source);
    }
}

/// Adds the parts in order and reorders [tap][input][output] to (outputs, inputs, kh, kw).
fn unpack_sum<T: Element>(g: &Geometry, parts: &[Vec<T>], outputs: usize) -> Vec<T> {
    let taps = g.taps();
    let mut gradient = vec![T::default(); g.outputs * g.inputs * taps];
    for output in 0..g.outputs {
        for input in 0..g.inputs {
            for tap in 0..taps {
                let at = (tap * g.inputs + input) * outputs + output;
                let sum = parts.iter().fold(T::default(), |sum, part| sum + part[at]);
                gradient[(output * g.inputs + input) * taps + tap] = sum;
            }
        }
    }
    gradient
}

/// The elements of a contiguous tensor on the CPU.
pub(super) fn contiguous<'a, T: Element>(
    storage: &'a CpuStorage,
    layout: &Layout,
) -> candle_core::Result<&'a [T]> {
    let all = T::cpu_storage_as_slice(storage)?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&all[start..end]),
        None => candle_core::bail!("this operation needs a contiguous tensor"),
    }
}

/// A tensor's elements on the CPU, locked for reading.
pub(super) struct CpuView<'a> {
    storage: StorageRef<'a>,
    layout: &'a Layout,
}

impl<'a> CpuView<'a> {
    pub fn of(tensor: &'a Tensor) -> Self {
        let (storage, layout) = tensor.storage_and_layout();
        Self { storage, layout }
    }

    /// The elements of a contiguous tensor.
    pub fn slice<T: Element>(&self) -> candle_core::Result<&[T]> {
        match &*self.storage {
            Storage::Cpu(storage) => contiguous(storage, self.layout),
            _ => candle_core::bail!("this operation runs on the CPU only"),
        }
    }
}
