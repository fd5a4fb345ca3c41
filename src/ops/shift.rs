//! Shifting slices of a torus, each by its own displacement; differentiable and exact.

use super::driver::{self, CpuView};
use super::element::Element;
use super::geometry::{Geometry, Shift};
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
    Ok(x.contiguous()?.apply_op1(ShiftSlices { shifts: shifts.to_vec() })?)
}

struct ShiftSlices {
    shifts: Vec<Shift>,
}

/// Shifting is filling the halo of a 1×1 kernel.
fn shifted<T: Element>(x: &[T], dims: &[usize], shifts: &[Shift]) -> Vec<T> {
    let geometry = Geometry {
        images: dims[0] * dims[1],
        height: dims[2],
        width: dims[3],
        inputs: dims[4],
        outputs: dims[4],
        kernel_height: 1,
        kernel_width: 1,
    };
    let mut moved = vec![T::default(); x.len()];
    let image = geometry.padded_len();
    moved
        .par_chunks_mut(image)
        .zip(x.par_chunks(image))
        .enumerate()
        .for_each(|(n, (to, from))| geometry.fill_halo(from, shifts[n % shifts.len()], to));
    moved
}

impl CustomOp1 for ShiftSlices {
    fn name(&self) -> &'static str {
        "shift-slices"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        fn run<T: Element>(
            x: &CpuStorage,
            layout: &Layout,
            shifts: &[Shift],
        ) -> candle_core::Result<CpuStorage> {
            let moved = shifted::<T>(driver::contiguous(x, layout)?, layout.dims(), shifts);
            Ok(T::to_cpu_storage_owned(moved))
        }
        let moved = match x {
            CpuStorage::F64(_) => run::<f64>(x, layout, &self.shifts)?,
            _ => run::<f32>(x, layout, &self.shifts)?,
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
