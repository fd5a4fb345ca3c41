//! Rotating slices about the centre of the plane, with bilinear interpolation; differentiable.

use super::composed;
use super::kernels::{Buffer, Float, InstructionSet, Kernel, Lanes};
use super::resampling::{ReadyTurn, Resampling, Turn, Way};
use super::storage::{CpuView, contiguous};
use crate::error::{Error, Result, expect_shape};
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Shape, Tensor};
use rayon::prelude::*;

/// Turns slice v of (B, V, H, W, C) by `turns[v]`. Channels are fields of `orientations` planes each:
/// plane field · N + o moves to field · N + (o + shift) mod N. With N = 1 planes are only rotated.
///
/// Bilinear between pixel centres, zero outside the frame. Multiples of 90° only move numbers, where
/// pixel centres fall on pixel centres: on square frames, and for 180° on all.
///
/// # Errors
/// [`Error::Shape`] when the velocity axis and `turns` differ in length, [`Error::Configuration`] when
/// the channels are no whole fields.
pub fn turn_slices(x: &Tensor, orientations: usize, turns: &[Turn]) -> Result<Tensor> {
    expect_shape(
        "turned tensor",
        x,
        &[("B", None), ("V", Some(turns.len())), ("H", None), ("W", None), ("C", None)],
    )?;
    let (_, _, height, width, channels) = x.dims5()?;
    let operation = TurnSlices::new((height, width), channels, orientations, turns)?;
    if !x.device().is_cpu() {
        return composed::turn_slices(x, orientations, &operation.turns);
    }
    Ok(x.contiguous()?.apply_op1(operation)?)
}

/// Turns made ready for slices of some extents.
pub(super) struct TurnSlices {
    turns: Vec<ReadyTurn>,
    channels: usize,
}

impl TurnSlices {
    pub fn new(
        extents: (usize, usize),
        channels: usize,
        orientations: usize,
        turns: &[Turn],
    ) -> Result<Self> {
        if orientations == 0 || !channels.is_multiple_of(orientations) {
            return Err(Error::configuration(
                "the turned tensor",
                format!("has {channels} channels, no whole fields of {orientations} orientations"),
                "give a multiple of the number of orientations",
            ));
        }
        let ready = |turn: &Turn| ReadyTurn::new(extents, orientations, turn);
        Ok(Self { turns: turns.iter().map(ready).collect(), channels })
    }

    /// Pixels of a plane.
    fn pixels(&self) -> usize {
        self.turns.first().map_or(1, |turn| turn.resampling.pixels())
    }

    fn run<T: Float>(&self, x: &[T], way: Way) -> Vec<T> {
        let (slice, channels) = (self.pixels() * self.channels, self.channels);
        let mut y = vec![T::default(); x.len()];
        let each = y.par_chunks_mut(slice).zip(x.par_chunks(slice)).enumerate();
        each.for_each(|(number, (y, x))| self.turn(number, (x, channels), (y, channels), way));
        y
    }

    /// Turns slices on this thread, numbered from `first` on, batch and velocities counted together. Each
    /// side comes with the channels that its pixels hold; those beyond the turned ones are padding, which
    /// is zero in `y`. What `y` held before does not matter.
    pub fn turn<T: Float>(
        &self,
        first: usize,
        (x, x_channels): (&[T], usize),
        (y, y_channels): (&mut [T], usize),
        way: Way,
    ) {
        let (channels, pixels) = (self.channels, self.pixels());
        let each = x.chunks(pixels * x_channels).zip(y.chunks_mut(pixels * y_channels));
        for (number, (x, y)) in each.enumerate() {
            let turn = &self.turns[(first + number) % self.turns.len()];
            let one = TurnSlice { turn, channels, way, x: (x, x_channels), y: (y, y_channels) };
            T::run(InstructionSet::best(), one);
        }
    }
}

/// One slice, each side with the channels of its pixels.
struct TurnSlice<'a, T> {
    turn: &'a ReadyTurn,
    channels: usize,
    way: Way,
    x: (&'a [T], usize),
    y: (&'a mut [T], usize),
}

/// Channels that are summed together, in registers.
const BLOCK: usize = 16;

impl<T: Float> Kernel<T> for TurnSlice<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        let (map, shift) = self.turn.parts(self.way);
        let channels = self.channels;
        // Orientations first, all pixels in a row: turned pixels are read across the slice, which memory
        // far from the CPU answers slowly.
        let mut near = Buffer::take(map.pixels() * channels);
        move_orientations(self.x, shift, (&mut near, channels));
        for (pixel, y) in self.y.0.chunks_exact_mut(self.y.1).enumerate() {
            let (y, padding) = y.split_at_mut(channels);
            padding.fill(T::default());
            resample(map, pixel, &near, y);
        }
    }
}

/// What the planes of a pixel are, from maps of as many.
#[inline(always)]
fn resample<T: Float>(map: &Resampling, pixel: usize, x: &[T], planes: &mut [T]) {
    let (channels, mut done) = (planes.len(), 0);
    let mut blocks = planes.chunks_exact_mut(BLOCK);
    for block in &mut blocks {
        let mut sum = [T::default(); BLOCK];
        for (from, weight) in map.terms(pixel) {
            add_weighted(weight, &x[from * channels + done..][..BLOCK], &mut sum);
        }
        block.copy_from_slice(&sum);
        done += BLOCK;
    }
    let rest = blocks.into_remainder();
    if !rest.is_empty() {
        rest.fill(T::default());
        for (from, weight) in map.terms(pixel) {
            add_weighted(weight, &x[from * channels + done..][..rest.len()], rest);
        }
    }
}

/// sum += weight · x.
#[inline(always)]
fn add_weighted<T: Float>(weight: f64, x: &[T], sum: &mut [T]) {
    let weight = T::from_f64(weight);
    for (sum, &x) in sum.iter_mut().zip(x) {
        *sum += weight * x;
    }
}

/// Moves the planes of every pixel on by `by` of the `n` places in their field. Each side comes with the
/// channels of its pixels, those of the source at least the planes.
#[inline(always)]
fn move_orientations<T: Float>(
    (x, x_channels): (&[T], usize),
    (by, n): (usize, usize),
    (y, planes): (&mut [T], usize),
) {
    // In words, of which a number has one or two: what is moved is bits.
    let words = size_of::<T>() / size_of::<u32>();
    let (x, y): (&[u32], &mut [u32]) = (bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y));
    let [x_channels, by, n, planes] = [x_channels, by, n, planes].map(|count| count * words);
    // They come from `by` places before, or where that is another field from `n` places after that.
    let wraps: Vec<u32> = (0..planes).map(|p| if p % n < by { u32::MAX } else { 0 }).collect();
    for (pixel, y) in y.chunks_exact_mut(planes).enumerate() {
        let here = pixel * x_channels;
        if by <= here && here + n - by + planes <= x.len() {
            // Both are read and one is taken bit by bit: a choice between places would be read one by one.
            let (stay, wrap) = (&x[here - by..][..planes], &x[here + n - by..][..planes]);
            for (((y, &wraps), &stay), &wrap) in y.iter_mut().zip(&wraps).zip(stay).zip(wrap) {
                *y = (wrap & wraps) | (stay & !wraps);
            }
        } else {
            for (plane, (y, &wraps)) in y.iter_mut().zip(&wraps).enumerate() {
                *y = x[here + plane + if wraps != 0 { n } else { 0 } - by];
            }
        }
    }
}

impl CustomOp1 for TurnSlices {
    fn name(&self) -> &'static str {
        "turn-slices"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let turned = match x {
            CpuStorage::F64(_) => CpuStorage::F64(self.run(contiguous(x, layout)?, Way::Forward)),
            _ => CpuStorage::F32(self.run(contiguous(x, layout)?, Way::Forward)),
        };
        Ok((turned, layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let gradient = gradient.contiguous()?;
        let view = CpuView::of(&gradient);
        let (shape, device) = (x.shape(), x.device());
        Ok(Some(match x.dtype() {
            DType::F64 => {
                Tensor::from_vec(self.run::<f64>(view.slice()?, Way::Adjoint), shape, device)?
            }
            _ => Tensor::from_vec(self.run::<f32>(view.slice()?, Way::Adjoint), shape, device)?,
        }))
    }
}
