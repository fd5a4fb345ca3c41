//! One step of the flow equivariant recurrence as a differentiable operation.

use super::activation::Activation;
use super::composed;
use super::kernels::{
    Buffer, ConvAlgorithm, Convolution, Float, KernelView, Padding, Plane, Shift, stored_channels,
};
use super::layer::expect_square_kernel;
use super::parts::{enough_images, images_per_part};
use super::pointwise::{self, Moved};
use super::rule::RecurrentStep;
use super::storage::{CpuView, contiguous, restore_channels};
use crate::error::{Result, expect_shape};
use candle_core::{CpuStorage, CustomOp3, DType, Layout, Shape, Tensor};
use rayon::prelude::*;

/// `h'(ν) = σ( W ⋆ h(ν) + shift_ν u )`, one shift of the lifted input per slice of the velocity axis.
///
/// In a frame of reference that moves along with each slice the flow acts on the input alone, by
/// where it is read; see [`crate::flow::LiftedState`].
///
/// # Shapes
/// `state` (B, V, H, W, C); `kernel` (C, C, kh, kw), odd; `lifted` (B, H, W, C), the same for every
/// ν; `shifts` one per velocity; result (B, V, H, W, C).
///
/// # Equivariance
/// Commutes with shifts of the torus, bit for bit with [`ConvAlgorithm::Direct`], where the padding
/// is circular.
///
/// # Errors
/// [`crate::Error::Shape`] when extents disagree, [`crate::Error::Configuration`] for an even kernel.
pub fn flow_recurrence(
    state: &Tensor,
    kernel: &Tensor,
    lifted: &Tensor,
    shifts: &[Shift],
    step: RecurrentStep,
) -> Result<Tensor> {
    let names = [("B", None), ("V", Some(shifts.len())), ("H", None), ("W", None), ("C", None)];
    expect_shape("hidden state", state, &names)?;
    let (batch, _, height, width, channels) = state.dims5()?;
    expect_square_kernel(kernel, channels)?;
    expect_shape(
        "lifted input",
        lifted,
        &[("B", Some(batch)), ("H", Some(height)), ("W", Some(width)), ("C", Some(channels))],
    )?;
    if !state.device().is_cpu() {
        return composed::recurrence(state, kernel, lifted, shifts, step);
    }
    let (plane, shifts) = (Plane { height, width }, shifts.to_vec());
    let operation = FlowRecurrence { plane, channels, shifts, step };
    Ok(state.contiguous()?.apply_op3(&kernel.contiguous()?, &lifted.contiguous()?, operation)?)
}

/// σ(W ⋆ h(ν) + u(ν)) for slices (B, V, H, W, C) and inputs (B, V or 1, H, W, C).
///
/// # Errors
/// As [`flow_recurrence`].
pub fn recurrence(
    slices: &Tensor,
    kernel: &Tensor,
    inputs: &Tensor,
    step: RecurrentStep,
) -> Result<Tensor> {
    let (batch, velocities, height, width, channels) = slices.dims5()?;
    let still = |count| vec![Shift::default(); count];
    if inputs.dims5()?.1 == 1 {
        let shared = inputs.squeeze(1)?;
        return flow_recurrence(slices, kernel, &shared, &still(velocities), step);
    }
    // Each slice has an input of its own: every slice is a sample with a single velocity.
    let samples = batch * velocities;
    let slices_of_one = slices.reshape((samples, 1, height, width, channels))?;
    let inputs = inputs.reshape((samples, height, width, channels))?;
    let next = flow_recurrence(&slices_of_one, kernel, &inputs, &still(1), step)?;
    Ok(next.reshape(slices.shape())?)
}

struct FlowRecurrence {
    plane: Plane,
    channels: usize,
    shifts: Vec<Shift>,
    step: RecurrentStep,
}

/// The convolution of a recurrent kernel (C, C, kh, kw), `dims`, for maps as the kernels store them.
pub(super) fn square_convolution<T: Float>(
    algorithm: ConvAlgorithm,
    border: (Plane, Padding),
    kernel: &[T],
    dims: &[usize],
) -> Convolution<T> {
    let (outputs, inputs, height, width) = (dims[0], dims[1], dims[2], dims[3]);
    let kernel = KernelView { values: kernel, outputs, inputs, height, width };
    let stored = stored_channels::<T>(outputs);
    Convolution::new(algorithm, border, kernel, (stored, stored))
}

/// Maps (…, H, W, C) with their channels as the kernels store them.
pub(super) fn stored<T: Float>(maps: &[T], channels: usize) -> Buffer<T> {
    let stored = stored_channels::<T>(channels);
    let mut buffer = Buffer::take(maps.len() / channels * stored);
    restore_channels(maps, channels, &mut buffer, stored);
    buffer
}

impl FlowRecurrence {
    fn convolution<T: Float>(&self, kernel: &[T], dims: &[usize]) -> Convolution<T> {
        square_convolution(self.step.algorithm, (self.plane, self.step.padding), kernel, dims)
    }

    fn stored<T: Float>(&self, maps: &[T]) -> Buffer<T> {
        stored(maps, self.channels)
    }

    fn unstored<T: Float>(&self, maps: &[T]) -> Vec<T> {
        let stored = stored_channels::<T>(self.channels);
        let mut values = vec![T::default(); maps.len() / stored * self.channels];
        restore_channels(maps, stored, &mut values, self.channels);
        values
    }

    fn forward<T: Float>(&self, state: &[T], kernel: (&[T], &[usize]), lifted: &[T]) -> Vec<T> {
        let convolution = self.convolution(kernel.0, kernel.1);
        let [state, lifted] = [state, lifted].map(|maps| self.stored(maps));
        let mut next = Buffer::take(state.len());
        let (plane, activation) = (self.plane, self.step.activation);
        let step = Step { plane, shifts: &self.shifts, activation, threads: Threads::All };
        step.advance(&convolution, &state, &lifted, &mut next);
        self.unstored(&next)
    }

    /// Gradients to (state, kernel, lifted).
    fn backward<T: Float>(
        &self,
        [state, kernel, lifted]: [&Tensor; 3],
        result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let views = [state, kernel, result, gradient].map(CpuView::of);
        let convolution = self.convolution::<T>(views[1].slice()?, kernel.dims());
        let h = self.stored(views[0].slice::<T>()?);
        let y = self.stored(views[2].slice::<T>()?);
        let mut inner = self.stored(views[3].slice::<T>()?);
        let slice = convolution.geometry().output_len();
        let mut to_lifted = Buffer::zeros(inner.len() / self.shifts.len());
        let samples = inner.par_chunks_mut(slice * self.shifts.len());
        samples
            .zip(y.par_chunks(slice * self.shifts.len()))
            .zip(to_lifted.par_chunks_mut(slice))
            .for_each(|((inner, y), to_lifted)| {
                pointwise::chain(self.step.activation, y, inner);
                let channels = convolution.geometry().outputs;
                for (inner, &shift) in inner.chunks(slice).zip(&self.shifts) {
                    let back = shift.inverse();
                    Moved { plane: self.plane, channels, shift: back }.add(inner, to_lifted);
                }
            });
        let mut to_state = Buffer::take(h.len());
        let per_part = images_per_part(h.len() / slice, self.plane.height, self.plane.width);
        let sums: Vec<Buffer<T>> = to_state
            .par_chunks_mut(per_part * slice)
            .zip(h.par_chunks(per_part * slice).zip(inner.par_chunks(per_part * slice)))
            .map(|(to_state, (h, inner))| {
                let mut sums = Buffer::zeros(convolution.sums_len());
                let to_state = state.track_op().then_some(to_state);
                let wanted = kernel.track_op().then_some(&mut *sums);
                convolution.backward(h, inner, wanted, to_state);
                sums
            })
            .collect();
        let tensor = |values: Vec<T>, like: &Tensor| {
            Tensor::from_vec(values, like.shape(), like.device()).map(Some)
        };
        let to_state = match state.track_op() {
            true => tensor(self.unstored(&to_state), state)?,
            false => None,
        };
        let to_kernel = tensor(convolution.weight_gradient(&sums), kernel)?;
        Ok([to_state, to_kernel, tensor(self.unstored(&to_lifted), lifted)?])
    }
}

/// Which threads share the work of a step.
#[derive(Clone, Copy)]
pub(super) enum Threads {
    All,
    /// The calling one alone, where others are busy with steps of their own.
    This,
}

impl Threads {
    /// The least pieces of work that a thread takes at once.
    pub fn least(self) -> usize {
        match self {
            Self::All => 1,
            Self::This => usize::MAX,
        }
    }
}

/// What turns states into the next ones.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub plane: Plane,
    pub shifts: &'a [Shift],
    pub activation: Activation,
    pub threads: Threads,
}

impl Step<'_> {
    /// `next` = σ(W ⋆ `state` + shifted `lifted`), one shift per slice.
    pub fn advance<T: Float>(
        &self,
        convolution: &Convolution<T>,
        state: &[T],
        lifted: &[T],
        next: &mut [T],
    ) {
        let slice = convolution.geometry().output_len();
        let per_task = enough_images(self.plane.height, self.plane.width);
        next.par_chunks_mut(per_task * slice)
            .zip(state.par_chunks(per_task * slice))
            .with_min_len(self.threads.least())
            .enumerate()
            .for_each(|(task, (next, state))| {
                convolution.forward(state, next);
                for (number, next) in next.chunks_mut(slice).enumerate() {
                    self.finish(task * per_task + number, lifted, next);
                }
            });
    }

    /// Adds slice `number`'s view of the lifted input, and applies the non-linearity.
    pub fn finish<T: Float>(&self, number: usize, lifted: &[T], slice: &mut [T]) {
        let (sample, velocity) = (number / self.shifts.len(), number % self.shifts.len());
        let channels = slice.len() / self.plane.pixels();
        let u = &lifted[sample * slice.len()..][..slice.len()];
        let shift = self.shifts[velocity];
        Moved { plane: self.plane, channels, shift }.add_and_activate(self.activation, u, slice);
    }
}

impl CustomOp3 for FlowRecurrence {
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
        let arguments = [state, kernel, lifted];
        let [to_state, to_kernel, to_lifted] = match state.dtype() {
            DType::F64 => self.backward::<f64>(arguments, result, &gradient)?,
            _ => self.backward::<f32>(arguments, result, &gradient)?,
        };
        Ok((to_state, to_kernel, to_lifted))
    }
}
