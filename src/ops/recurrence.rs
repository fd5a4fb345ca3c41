//! One step of the flow equivariant recurrence as a single differentiable operation.

use super::Activation;
use super::convolution::geometry;
use super::driver::{self, CpuView, Weights};
use super::element::Element;
use super::geometry::{Geometry, Shift};
use crate::error::{Result, expect_shape};
use candle_core::{CpuStorage, CustomOp3, DType, Layout, Shape, Tensor};
use rayon::prelude::*;

/// `h'(ν) = σ( shift_ν[W ⋆ h(ν)] + u )`, one shift per slice of the velocity axis.
///
/// # Shapes
/// `state` (B, V, H, W, C); `kernel` (C, C, kh, kw), odd; `lifted` (B, H, W, C), the same for every
/// ν; `shifts` one per velocity; result (B, V, H, W, C).
///
/// # Equivariance
/// Commutes with shifts of the torus bit for bit.
///
/// # Errors
/// [`crate::Error::Shape`] when extents disagree, [`crate::Error::Configuration`] for an even kernel.
pub fn flow_recurrence(
    state: &Tensor,
    kernel: &Tensor,
    lifted: &Tensor,
    shifts: &[Shift],
    activation: Activation,
) -> Result<Tensor> {
    expect_shape(
        "hidden state",
        state,
        &[("B", None), ("V", Some(shifts.len())), ("H", None), ("W", None), ("C", None)],
    )?;
    let geometry = geometry("recurrent kernel", state, kernel)?;
    let (batch, _, height, width, channels) = state.dims5()?;
    expect_shape(
        "recurrent kernel",
        kernel,
        &[("C", Some(channels)), ("C", Some(channels)), ("kh", None), ("kw", None)],
    )?;
    expect_shape(
        "lifted input",
        lifted,
        &[("B", Some(batch)), ("H", Some(height)), ("W", Some(width)), ("C", Some(channels))],
    )?;
    let operation = Recurrence { geometry, shifts: shifts.to_vec(), activation };
    Ok(state.contiguous()?.apply_op3(&kernel.contiguous()?, &lifted.contiguous()?, operation)?)
}

struct Recurrence {
    geometry: Geometry,
    shifts: Vec<Shift>,
    activation: Activation,
}

impl Recurrence {
    fn forward<T: Element>(&self, state: &[T], kernel: &[T], lifted: &[T]) -> CpuStorage {
        let g = &self.geometry;
        let (image, velocities) = (g.pixels() * g.outputs, self.shifts.len());
        let packed = driver::pack(g, kernel, Weights::Forward);
        let next = driver::convolve(g, state, &packed, &self.shifts, |n, out| {
            add(out, &lifted[n / velocities * image..][..image]);
            self.activation.apply(out);
        });
        T::to_cpu_storage_owned(next)
    }

    /// Gradients to (state, kernel, lifted).
    fn backward<T: Element>(
        &self,
        [state, kernel, lifted]: [&Tensor; 3],
        result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let g = &self.geometry;
        let views = [state, kernel, result, gradient].map(CpuView::of);
        let [h, weights, result, gradient] = &views;
        let (inner, to_lifted) = self.inner_gradient(result.slice::<T>()?, gradient.slice()?);
        let to_kernel = driver::weight_gradient(g, h.slice::<T>()?, &inner, &self.shifts);
        let to_state = if state.track_op() {
            let back: Vec<Shift> = self.shifts.iter().map(|s| s.inverse()).collect();
            let packed = driver::pack(g, weights.slice::<T>()?, Weights::Adjoint);
            let to_state = driver::convolve(g, &inner, &packed, &back, |_, _| ());
            Some(Tensor::from_vec(to_state, state.shape(), state.device())?)
        } else {
            None
        };
        let to_kernel = Tensor::from_vec(to_kernel, kernel.shape(), kernel.device())?;
        let to_lifted = Tensor::from_vec(to_lifted, lifted.shape(), lifted.device())?;
        Ok([to_state, Some(to_kernel), Some(to_lifted)])
    }

    /// The gradient before the non-linearity (B, V, H, W, C), and its sum over V (B, H, W, C).
    fn inner_gradient<T: Element>(&self, result: &[T], gradient: &[T]) -> (Vec<T>, Vec<T>) {
        let image = self.geometry.pixels() * self.geometry.outputs;
        let sample = self.shifts.len() * image;
        let mut inner = vec![T::default(); result.len()];
        let mut summed = vec![T::default(); result.len() / self.shifts.len()];
        inner
            .par_chunks_mut(sample)
            .zip(summed.par_chunks_mut(image))
            .zip(result.par_chunks(sample).zip(gradient.par_chunks(sample)))
            .for_each(|((inner, summed), (result, gradient))| {
                let slices = inner.chunks_mut(image).zip(result.chunks(image));
                for ((inner, result), gradient) in slices.zip(gradient.chunks(image)) {
                    self.activation.chain(result, gradient, inner);
                    add(summed, inner);
                }
            });
        (inner, summed)
    }
}

/// x += y.
fn add<T: Element>(x: &mut [T], y: &[T]) {
    x.iter_mut().zip(y).for_each(|(x, &y)| *x += y);
}

impl CustomOp3 for Recurrence {
    fn name(&self) -> &'static str {
        "flow-recurrence"
    }

    fn cpu_fwd(
        &self,
        state: &CpuStorage,
        state_layout: &Layout,
        kernel: &CpuStorage,
        kernel_layout: &Layout,
        lifted: &CpuStorage,
        lifted_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let next = match state {
            CpuStorage::F64(_) => self.forward::<f64>(
                driver::contiguous(state, state_layout)?,
                driver::contiguous(kernel, kernel_layout)?,
                driver::contiguous(lifted, lifted_layout)?,
            ),
            _ => self.forward::<f32>(
                driver::contiguous(state, state_layout)?,
                driver::contiguous(kernel, kernel_layout)?,
                driver::contiguous(lifted, lifted_layout)?,
            ),
        };
        Ok((next, state_layout.shape().clone()))
    }

    fn bwd(
        &self,
        state: &Tensor,
        kernel: &Tensor,
        lifted: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let arguments = [state, kernel, lifted];
        let [to_state, to_kernel, to_lifted] = match state.dtype() {
            DType::F64 => self.backward::<f64>(arguments, result, &gradient)?,
            _ => self.backward::<f32>(arguments, result, &gradient)?,
        };
        Ok((to_state, to_kernel, to_lifted))
    }
}
