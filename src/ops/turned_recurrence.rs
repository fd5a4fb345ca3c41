//! One step of a recurrence whose hidden slices turn, as a differentiable operation.

use super::kernels::{Buffer, ConvAlgorithm, Convolution, Float, Padding, Plane, stored_channels};
use super::layer::expect_square_kernel;
use super::parts::{enough_images, images_per_part};
use super::pointwise;
use super::recurrence::{square_convolution, stored};
use super::resampling::{Turn, Way};
use super::rotate::{TurnSlices, turn_slices};
use super::storage::{CpuView, contiguous, restore_channels};
use super::{Activation, CarryOrder};
use crate::error::{Result, expect_shape};
use candle_core::{CpuStorage, CustomOp3, DType, Layout, Shape, Tensor};
use rayon::prelude::*;

/// How the slices of a hidden state turn in a step.
#[derive(Clone, Copy, Debug)]
pub struct Turning<'a> {
    /// Orientations N of every field.
    pub orientations: usize,
    /// A turn for every slice of the velocity axis.
    pub turns: &'a [Turn],
    /// Whether slices turn before they are convolved or after.
    pub order: CarryOrder,
}

/// A step of the recurrence over rotations in the lab frame, convolutions padded with zeros, one turn per
/// slice of the velocity axis; see [`turn_slices`](super::turn_slices).
///
/// - [`CarryOrder::CarryFirst`]: `h'(ν) = σ( W ⋆ (turn_ν h(ν)) + u )`
/// - [`CarryOrder::ConvolveFirst`]: `h'(ν) = σ( turn_ν [W ⋆ h(ν)] + u )`
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
    turning: Turning<'_>,
    (activation, algorithm): (Activation, ConvAlgorithm),
) -> Result<Tensor> {
    let Turning { orientations, turns, order } = turning;
    let names = [("B", None), ("V", Some(turns.len())), ("H", None), ("W", None), ("C", None)];
    expect_shape("hidden state", state, &names)?;
    let (batch, _, height, width, channels) = state.dims5()?;
    expect_square_kernel(kernel, channels)?;
    expect_shape(
        "lifted input",
        lifted,
        &[("B", Some(batch)), ("H", Some(height)), ("W", Some(width)), ("C", Some(channels))],
    )?;
    if !state.device().is_cpu() {
        return composed(state, kernel, lifted, turning, (activation, algorithm));
    }
    let turning = TurnSlices::new((height, width), channels, orientations, turns)?;
    let (plane, velocities) = (Plane { height, width }, turns.len());
    let operation =
        TurnedRecurrence { plane, channels, velocities, turning, order, activation, algorithm };
    Ok(state.contiguous()?.apply_op3(&kernel.contiguous()?, &lifted.contiguous()?, operation)?)
}

/// The same of operations that run on every device.
fn composed(
    state: &Tensor,
    kernel: &Tensor,
    lifted: &Tensor,
    Turning { orientations, turns, order }: Turning<'_>,
    (activation, algorithm): (Activation, ConvAlgorithm),
) -> Result<Tensor> {
    let turn = |x: &Tensor| turn_slices(x, orientations, turns);
    let convolve = |x: &Tensor| super::convolve_slices(x, kernel, Padding::Zero, algorithm);
    let carried = match order {
        CarryOrder::CarryFirst => convolve(&turn(state)?)?,
        CarryOrder::ConvolveFirst => turn(&convolve(state)?)?,
    };
    super::activate(&carried.broadcast_add(&lifted.unsqueeze(1)?)?, activation)
}

struct TurnedRecurrence {
    plane: Plane,
    channels: usize,
    velocities: usize,
    turning: TurnSlices,
    order: CarryOrder,
    activation: Activation,
    algorithm: ConvAlgorithm,
}

impl TurnedRecurrence {
    fn convolution<T: Float>(&self, kernel: &[T], dims: &[usize]) -> Convolution<T> {
        square_convolution(self.algorithm, (self.plane, Padding::Zero), kernel, dims)
    }

    /// Numbers of a slice.
    fn slice(&self) -> usize {
        self.plane.pixels() * self.channels
    }

    fn stored<T: Float>(&self, maps: &[T]) -> Buffer<T> {
        stored(maps, self.channels)
    }

    /// Slices turned, numbered from `first` on, with their channels as the kernels store them.
    fn stored_turned<T: Float>(&self, first: usize, maps: &[T], way: Way) -> Buffer<T> {
        let (from, to) = (self.channels, stored_channels::<T>(self.channels));
        let mut turned = Buffer::take(maps.len() / from * to);
        self.turning.turn(first, (maps, from), (&mut turned, to), way);
        turned
    }

    fn forward<T: Float>(&self, state: &[T], kernel: (&[T], &[usize]), lifted: &[T]) -> Vec<T> {
        let convolution = self.convolution(kernel.0, kernel.1);
        let (slice, stored) = (self.slice(), stored_channels::<T>(self.channels));
        let per_task = enough_images(self.plane.height, self.plane.width);
        let mut next = vec![T::default(); state.len()];
        next.par_chunks_mut(per_task * slice)
            .zip(state.par_chunks(per_task * slice))
            .enumerate()
            .for_each(|(task, (next, state))| {
                let first = task * per_task;
                let state = match self.order {
                    CarryOrder::CarryFirst => self.stored_turned(first, state, Way::Forward),
                    CarryOrder::ConvolveFirst => self.stored(state),
                };
                let mut convolved = Buffer::take(state.len());
                convolution.forward(&state, &mut convolved);
                match self.order {
                    CarryOrder::CarryFirst => {
                        restore_channels(&convolved, stored, next, self.channels);
                    }
                    CarryOrder::ConvolveFirst => {
                        let to = (&mut *next, self.channels);
                        self.turning.turn(first, (&convolved, stored), to, Way::Forward);
                    }
                }
                for (number, next) in next.chunks_mut(slice).enumerate() {
                    let u = &lifted[(first + number) / self.velocities * slice..][..slice];
                    pointwise::add_and_activate(self.activation, u, next);
                }
            });
        next
    }

    /// The gradient before the non-linearity, and its sum over velocities: that to the lifted input.
    fn chain<T: Float>(&self, y: &[T], gradient: &[T]) -> (Vec<T>, Vec<T>) {
        let slice = self.slice();
        let mut inner = gradient.to_vec();
        let mut to_lifted = vec![T::default(); inner.len() / self.velocities];
        inner
            .par_chunks_mut(slice * self.velocities)
            .zip(y.par_chunks(slice * self.velocities))
            .zip(to_lifted.par_chunks_mut(slice))
            .for_each(|((inner, y), to_lifted)| {
                pointwise::chain(self.activation, y, inner);
                for inner in inner.chunks(slice) {
                    to_lifted.iter_mut().zip(inner).for_each(|(sum, &g)| *sum += g);
                }
            });
        (inner, to_lifted)
    }

    /// Gradients to (state, kernel, lifted).
    fn backward<T: Float>(
        &self,
        [state, kernel]: [&Tensor; 2],
        (lifted, result): (&Tensor, &Tensor),
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let views = [state, kernel, result, gradient].map(CpuView::of);
        let h = views[0].slice::<T>()?;
        let convolution = self.convolution::<T>(views[1].slice()?, kernel.dims());
        let (inner, to_lifted) = self.chain(views[2].slice()?, views[3].slice()?);
        let slice = self.slice();
        let mut to_state = vec![T::default(); h.len()];
        let per_part = images_per_part(h.len() / slice, self.plane.height, self.plane.width);
        let wanted = (kernel.track_op(), state.track_op());
        let sums: Vec<Buffer<T>> = to_state
            .par_chunks_mut(per_part * slice)
            .zip(h.par_chunks(per_part * slice).zip(inner.par_chunks(per_part * slice)))
            .enumerate()
            .map(|(part, (to_state, (h, inner)))| {
                self.backward_part(&convolution, part * per_part, (h, inner), (wanted, to_state))
            })
            .collect();
        let tensor = |values: Vec<T>, like: &Tensor| {
            Tensor::from_vec(values, like.shape(), like.device()).map(Some)
        };
        let to_state = if state.track_op() { tensor(to_state, state)? } else { None };
        let to_kernel = tensor(convolution.weight_gradient(&sums), kernel)?;
        Ok([to_state, to_kernel, tensor(to_lifted, lifted)?])
    }

    /// The slices from `first` on back through turn and convolution, on this thread: writes the gradient
    /// to the state and gives back the sums of the kernel's, each if wanted (kernel, state).
    fn backward_part<T: Float>(
        &self,
        convolution: &Convolution<T>,
        first: usize,
        (h, inner): (&[T], &[T]),
        ((wants_kernel, wants_state), to_state): ((bool, bool), &mut [T]),
    ) -> Buffer<T> {
        // What the convolution read, and the gradient to what it made.
        let (read, made) = match self.order {
            CarryOrder::CarryFirst => {
                (self.stored_turned(first, h, Way::Forward), self.stored(inner))
            }
            CarryOrder::ConvolveFirst => {
                (self.stored(h), self.stored_turned(first, inner, Way::Adjoint))
            }
        };
        let mut sums = Buffer::zeros(convolution.sums_len());
        let mut to_read = Buffer::take(read.len());
        convolution.backward(
            &read,
            &made,
            wants_kernel.then_some(&mut *sums),
            wants_state.then_some(&mut *to_read),
        );
        let (from, to) = (stored_channels::<T>(self.channels), self.channels);
        match self.order {
            _ if !wants_state => {}
            CarryOrder::CarryFirst => {
                self.turning.turn(first, (&to_read, from), (to_state, to), Way::Adjoint);
            }
            CarryOrder::ConvolveFirst => restore_channels(&to_read, from, to_state, to),
        }
        sums
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
