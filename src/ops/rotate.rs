//! Rotating slices about the centre of the plane, with bilinear interpolation; differentiable.

use super::composed;
use super::kernels::{Float, InstructionSet, Kernel, Lanes};
use super::resampling::{ReadyTurn, Turn};
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
        let ready = |turn: &Turn| ReadyTurn::new(extents, channels, orientations, turn);
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
        if way == Way::Adjoint || y_channels > self.channels {
            y.fill(T::default());
        }
        let (channels, pixels) = (self.channels, self.pixels());
        let each = x.chunks(pixels * x_channels).zip(y.chunks_mut(pixels * y_channels));
        for (number, (x, y)) in each.enumerate() {
            let turn = &self.turns[(first + number) % self.turns.len()];
            let one = TurnSlice { turn, channels, way, x: (x, x_channels), y: (y, y_channels) };
            T::run(InstructionSet::best(), one);
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Way {
    Forward,
    Adjoint,
}

/// One slice, each side with the channels of its pixels; on the way of the adjoint `y` is zero before.
struct TurnSlice<'a, T> {
    turn: &'a ReadyTurn,
    channels: usize,
    way: Way,
    x: (&'a [T], usize),
    y: (&'a mut [T], usize),
}

impl<T: Float> Kernel<T> for TurnSlice<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        let (channels, map) = (self.channels, &self.turn.resampling);
        let ((x, x_channels), (y, y_channels)) = (self.x, self.y);
        let mut row = vec![T::default(); channels];
        for pixel in 0..map.pixels() {
            match self.way {
                Way::Forward => {
                    row.fill(T::default());
                    for (from, weight) in map.terms(pixel) {
                        add_weighted(weight, &x[from * x_channels..][..channels], &mut row);
                    }
                    permute(&self.turn.from, &row, &mut y[pixel * y_channels..][..channels]);
                }
                Way::Adjoint => {
                    permute(&self.turn.to, &x[pixel * x_channels..][..channels], &mut row);
                    for (to, weight) in map.terms(pixel) {
                        add_weighted(weight, &row, &mut y[to * y_channels..][..channels]);
                    }
                }
            }
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

/// to = from, place by place. No copying of stretches: those of a field are too short for it.
#[inline(always)]
fn permute<T: Copy>(places: &[usize], from: &[T], to: &mut [T]) {
    for (to, &place) in to.iter_mut().zip(places) {
        *to = from[place];
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
