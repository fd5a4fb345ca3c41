//! Shifting slices of a torus, each by its own displacement; differentiable and exact.

use super::composed;
use super::kernels::{Float, Plane, Shift};
use super::storage::{CpuView, contiguous};
use crate::error::{Result, expect_shape};
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Shape, Tensor};
use rayon::prelude::*;

/// Moves slice v of (B, V, H, W, C) by `shifts[v]`: content wraps around, no value changes.
///
/// # Errors
/// [`crate::Error::Shape`] when the velocity axis and `shifts` differ in length.
pub fn shift_slices(x: &Tensor, shifts: &[Shift]) -> Result<Tensor> {
    expect_shape(
        "shifted tensor",
        x,
        &[("B", None), ("V", Some(shifts.len())), ("H", None), ("W", None), ("C", None)],
    )?;
    if !x.device().is_cpu() {
        return composed::shift_slices(x, shifts);
    }
    Ok(x.contiguous()?.apply_op1(ShiftSlices { shifts: shifts.to_vec() })?)
}

struct ShiftSlices {
    shifts: Vec<Shift>,
}

fn shifted<T: Float>(x: &[T], dims: &[usize], shifts: &[Shift]) -> Vec<T> {
    let (plane, channels) = (Plane { height: dims[2], width: dims[3] }, dims[4]);
    let slice = plane.pixels() * channels;
    let mut moved = vec![T::default(); x.len()];
    moved.par_chunks_mut(slice).zip(x.par_chunks(slice)).enumerate().for_each(
        |(n, (target, source))| {
            plane.moved(shifts[n % shifts.len()], |to, from, run| {
                target[to * channels..][..run * channels]
                    .copy_from_slice(&source[from * channels..][..run * channels]);
            });
        },
    );
    moved
}

impl CustomOp1 for ShiftSlices {
    fn name(&self) -> &'static str {
        "shift-slices"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let dims = layout.dims();
        let moved = match x {
            CpuStorage::F64(_) => {
                CpuStorage::F64(shifted(contiguous(x, layout)?, dims, &self.shifts))
            }
            _ => CpuStorage::F32(shifted(contiguous(x, layout)?, dims, &self.shifts)),
        };
        Ok((moved, layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let back: Vec<Shift> = self.shifts.iter().map(|s| s.inverse()).collect();
        let gradient = gradient.contiguous()?;
        let view = CpuView::of(&gradient);
        let (dims, shape, device) = (x.dims(), x.shape(), x.device());
        Ok(Some(match x.dtype() {
            DType::F64 => {
                Tensor::from_vec(shifted::<f64>(view.slice()?, dims, &back), shape, device)?
            }
            _ => Tensor::from_vec(shifted::<f32>(view.slice()?, dims, &back), shape, device)?,
        }))
    }
}
