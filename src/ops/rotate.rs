//! Rotating slices about the centre of the plane, with bilinear interpolation; differentiable.

use super::composed;
use super::gate_maps::GateMaps;
use super::kernels::Float;
use super::resampling::Turn;
use super::storage::{CpuView, contiguous};
use super::turning::{Rotations, Turns, Way, expect_fields};
use crate::error::{Result, expect_shape};
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Shape, Tensor};
use rayon::prelude::*;

/// Turns slice v of (B, V, H, W, C) by `turns[v]`. Channels are fields of `orientations` planes each:
/// plane field · N + o moves to field · N + (o + shift) mod N. With N = 1 planes are only rotated.
///
/// Bilinear between pixel centres, zero outside the frame. Multiples of 90° only move numbers, where
/// pixel centres fall on pixel centres: on square frames, and for 180° on all.
///
/// # Errors
/// [`crate::Error::Shape`] when the velocity axis and `turns` differ in length, [`crate::Error::Configuration`] when
/// the channels are no whole fields.
pub fn turn_slices(x: &Tensor, orientations: usize, turns: &[Turn]) -> Result<Tensor> {
    expect_shape(
        "turned tensor",
        x,
        &[("B", None), ("V", Some(turns.len())), ("H", None), ("W", None), ("C", None)],
    )?;
    let channels = x.dims()[4];
    expect_fields(channels, orientations)?;
    if !x.device().is_cpu() {
        return composed::turn_slices(x, orientations, turns);
    }
    match x.dtype() {
        DType::F64 => turned::<f64>(x, orientations, turns),
        _ => turned::<f32>(x, orientations, turns),
    }
}

fn turned<T: Float>(x: &Tensor, orientations: usize, turns: &[Turn]) -> Result<Tensor> {
    let (_, _, height, width, channels) = x.dims5()?;
    let (maps, turns) = (GateMaps::plain(channels), turns.iter().copied());
    let turns = Rotations::<T>::new((height, width)).turns(maps, orientations, turns)?;
    Ok(x.contiguous()?.apply_op1(TurnSlices(turns))?)
}

struct TurnSlices<T>(Turns<T>);

impl<T: Float> TurnSlices<T> {
    fn run(&self, x: &[T], way: Way) -> Vec<T> {
        let Self(turns) = self;
        let mut y = vec![T::default(); x.len()];
        let slices = y.par_chunks_mut(turns.slice()).zip(x.par_chunks(turns.slice()));
        slices.enumerate().for_each(|(number, (y, x))| {
            turns.turn(number % turns.velocities(), x, y, way);
        });
        y
    }
}

impl<T: Float> CustomOp1 for TurnSlices<T> {
    fn name(&self) -> &'static str {
        "turn-slices"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let turned = self.run(contiguous(x, layout)?, Way::Forward);
        Ok((T::to_cpu_storage_owned(turned), layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let gradient = gradient.contiguous()?;
        let turned = self.run(CpuView::of(&gradient).slice()?, Way::Adjoint);
        Ok(Some(Tensor::from_vec(turned, x.shape(), x.device())?))
    }
}
