//! One step of a recurrence whose hidden slices turn, as a differentiable operation.

use super::Activation;
use super::kernels::{Buffer, ConvAlgorithm, Convolution, Float, Padding, Plane, stored_channels};
use super::layer::expect_square_kernel;
use super::parts::{enough_images, images_per_part};
use super::pointwise;
use super::recurrence::{square_convolution, stored};
use super::rotate::{Turn, TurnSlices, Way};
use super::storage::{CpuView, contiguous, restore_channels};
use crate::error::{Result, expect_shape};
use candle_core::{CpuStorage, CustomOp3, DType, Layout, Shape, Tensor};
use rayon::prelude::*;

/// `h'(ν) = σ( turn_ν [W ⋆ h(ν)] + u )`, convolutions padded with zeros, one turn per slice of the
/// velocity axis: a step of the recurrence over rotations in the lab frame. See
/// [`turn_slices`](super::turn_slices).
///
/// # Shapes
/// `state` (B, V, H, W, C); `kernel` (C, C, kh, kw), odd; `lifted` (B, H, W, C), the same for every
/// ν; result (B, V, H, W, C).
///
/// # Errors
/// [`crate::Error::Shape`] when extents disagree, [`crate::Error::Configuration`] for an even kernel or
/// channels that are no whole fields.
pub fn turned_recurrence(
    state: &Tensor,
    kernel: &Tensor,
    lifted: &Tensor,
    (orientations, turns): (usize, &[Turn]),
    (activation, algorithm): (Activation, ConvAlgorithm),
) -> Result<Tensor> {
    let names = [("B", None), ("V", Some(turns.len())), ("H", None), ("W", None), ("C", None)];
    expect_shape("hidden state", state, &names)?;
    let (batch, _, height, width, channels) = state.dims5()?;
    expect_square_kernel(kernel, channels)?;
    expect_shape(
        "lifted input",
        lifted,
        &[("B", Some(batch)), ("H", Some(height)), ("W", Some(width)), ("C", Some(channels))],
    )?;
    let turning = TurnSlices::new((height, width), channels, orientations, turns)?;
    if !state.device().is_cpu() {
        let convolved = super::convolve_slices(state, kernel, Padding::Zero, algorithm)?;
        let turned = super::turn_slices(&convolved, orientations, turns)?;
        return super::activate(&turned.broadcast_add(&lifted.unsqueeze(1)?)?, activation);
    }
    let plane = Plane { height, width };
    let operation = TurnedRecurrence { plane, channels, turning, activation, algorithm };
    Ok(state.contiguous()?.apply_op3(&kernel.contiguous()?, &lifted.contiguous()?, operation)?)
}

struct TurnedRecurrence {
    plane: Plane,
    channels: usize,
    turning: TurnSlices,
    activation: Activation,
    algorithm: ConvAlgorithm,
}

impl TurnedRecurrence {
    fn convolution<T: Float>(&self, kernel: &[T], dims: &[usize]) -> Convolution<T> {
        square_convolution(self.algorithm, (self.plane, Padding::Zero), kernel, dims)
    }

    /// Numbers of a slice, as tensors have it and as stored.
    fn slice<T: Float>(&self) -> (usize, usize) {
        let pixels = self.plane.pixels();
        (pixels * self.channels, pixels * stored_channels::<T>(self.channels))
    }

    fn stored<T: Float>(&self, maps: &[T]) -> Buffer<T> {
        stored(maps, self.channels)
    }

    fn forward<T: Float>(&self, state: &[T], kernel: (&[T], &[usize]), lifted: &[T]) -> Vec<T> {
        let convolution = self.convolution(kernel.0, kernel.1);
        let (slice, in_store) = self.slice::<T>();
        let per_task = enough_images(self.plane.height, self.plane.width);
        let mut next = vec![T::default(); state.len()];
        next.par_chunks_mut(per_task * slice)
            .zip(state.par_chunks(per_task * slice))
            .enumerate()
            .for_each(|(task, (next, state))| {
                let state = self.stored(state);
                let mut convolved = Buffer::take(state.len());
                convolution.forward(&state, &mut convolved);
                let mut plain = Buffer::take(slice);
                for (number, next) in next.chunks_mut(slice).enumerate() {
                    let convolved = &convolved[number * in_store..][..in_store];
                    restore_channels(
                        convolved,
                        in_store / self.plane.pixels(),
                        &mut plain,
                        self.channels,
                    );
                    let number = task * per_task + number;
                    self.turning.turn_slice(number, &plain, next, Way::Forward);
                    let u = &lifted[number / self.turning.turns.len() * slice..][..slice];
                    pointwise::add_and_activate(self.activation, u, next);
                }
            });
        next
    }

    /// Gradients to (state, kernel, lifted).
    fn backward<T: Float>(
        &self,
        [state, kernel]: [&Tensor; 2],
        (lifted, result): (&Tensor, &Tensor),
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let views = [state, kernel, result, gradient].map(CpuView::of);
        let (h, y) = (views[0].slice::<T>()?, views[2].slice::<T>()?);
        let convolution = self.convolution::<T>(views[1].slice()?, kernel.dims());
        let ((slice, _), velocities) = (self.slice::<T>(), self.turning.turns.len());
        let mut inner = views[3].slice::<T>()?.to_vec();
        let mut to_lifted = vec![T::default(); inner.len() / velocities];
        inner
            .par_chunks_mut(slice * velocities)
            .zip(y.par_chunks(slice * velocities))
            .zip(to_lifted.par_chunks_mut(slice))
            .enumerate()
            .for_each(|(sample, ((inner, y), to_lifted))| {
                pointwise::chain(self.activation, y, inner);
                let mut turned = Buffer::take(slice);
                for (v, inner) in inner.chunks_mut(slice).enumerate() {
                    to_lifted.iter_mut().zip(&*inner).for_each(|(sum, &g)| *sum += g);
                    turned.fill(T::default());
                    self.turning.turn_slice(
                        sample * velocities + v,
                        inner,
                        &mut turned,
                        Way::Adjoint,
                    );
                    inner.copy_from_slice(&turned);
                }
            });
        let mut to_state = vec![T::default(); h.len()];
        let per_part = images_per_part(h.len() / slice, self.plane.height, self.plane.width);
        let sums: Vec<Buffer<T>> = to_state
            .par_chunks_mut(per_part * slice)
            .zip(h.par_chunks(per_part * slice).zip(inner.par_chunks(per_part * slice)))
            .map(|(to_state, (h, inner))| {
                let (h, inner) = (self.stored(h), self.stored(inner));
                let mut sums = Buffer::zeros(convolution.sums_len());
                let mut stored = Buffer::take(h.len());
                let wanted = kernel.track_op().then_some(&mut *sums);
                let target = state.track_op().then_some(&mut *stored);
                let is_wanted = target.is_some();
                convolution.backward(&h, &inner, wanted, target);
                if is_wanted {
                    let from = stored_channels::<T>(self.channels);
                    restore_channels(&stored, from, to_state, self.channels);
                }
                sums
            })
            .collect();
        let tensor = |values: Vec<T>, like: &Tensor| {
            Tensor::from_vec(values, like.shape(), like.device()).map(Some)
        };
        let to_state = if state.track_op() { tensor(to_state, state)? } else { None };
        let to_kernel = tensor(convolution.weight_gradient(&sums), kernel)?;
        Ok([to_state, to_kernel, tensor(to_lifted, lifted)?])
    }
}

impl CustomOp3 for TurnedRecurrence {
    fn name(&self) -> &'static str {
        "turned-recurrence"
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
        let dims = kernel_layout.dims();
        let next = match state {
            CpuStorage::F64(_) => CpuStorage::F64(self.forward(
                contiguous(state, state_layout)?,
                (contiguous(kernel, kernel_layout)?, dims),
                contiguous(lifted, lifted_layout)?,
            )),
            _ => CpuStorage::F32(self.forward(
                contiguous(state, state_layout)?,
                (contiguous(kernel, kernel_layout)?, dims),
                contiguous(lifted, lifted_layout)?,
            )),
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
        let [to_state, to_kernel, to_lifted] = match state.dtype() {
            DType::F64 => self.backward::<f64>([state, kernel], (lifted, result), &gradient)?,
            _ => self.backward::<f32>([state, kernel], (lifted, result), &gradient)?,
        };
        Ok((to_state, to_kernel, to_lifted))
    }
}
