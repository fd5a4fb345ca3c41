//! One step of the flow equivariant recurrence as a differentiable operation.

use super::CarryOrder;
use super::activation::{Activation, activate};
use super::carried::{Carried, Reads};
use super::composed;
use super::convolution::convolve_slices;
use super::gate_maps::GateMaps;
use super::kernels::{
    Buffer, ConvAlgorithm, Convolution, Float, KernelView, Padding, Plane, Shift, stored_channels,
};
use super::layer::expect_square_kernel;
use super::parts::{enough_images, images_per_part};
use super::pointwise::{self, Moved};
use super::resampling::Turn;
use super::rotate::turn_slices;
use super::rule::RecurrentStep;
use super::slice_action::Turning;
use super::storage::{CpuView, contiguous, restore_channels};
use super::turning::expect_fields;
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
    check([state, kernel, lifted], shifts.len())?;
    if !state.device().is_cpu() {
        return composed::recurrence(state, kernel, lifted, shifts, step);
    }
    run([state, kernel, lifted], (shifts.to_vec(), None), step)
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
    let Turning { orientations, turns, .. } = turning;
    check([state, kernel, lifted], turns.len())?;
    expect_fields(state.dims()[4], orientations)?;
    if !state.device().is_cpu() {
        return composed_of_turns(state, kernel, lifted, turning, (activation, algorithm));
    }
    let step = RecurrentStep { activation, padding: Padding::Zero, algorithm };
    let moves = (vec![Shift::default(); turns.len()], Some(OwnedTurning::of(turning)));
    run([state, kernel, lifted], moves, step)
}

/// The same of operations that run on every device.
fn composed_of_turns(
    state: &Tensor,
    kernel: &Tensor,
    lifted: &Tensor,
    Turning { orientations, turns, order }: Turning<'_>,
    (activation, algorithm): (Activation, ConvAlgorithm),
) -> Result<Tensor> {
    let turn = |x: &Tensor| turn_slices(x, orientations, turns);
    let convolve = |x: &Tensor| convolve_slices(x, kernel, Padding::Zero, algorithm);
    let carried = match order {
        CarryOrder::CarryFirst => convolve(&turn(state)?)?,
        CarryOrder::ConvolveFirst => turn(&convolve(state)?)?,
    };
    activate(&carried.broadcast_add(&lifted.unsqueeze(1)?)?, activation)
}

/// Refuses extents that disagree.
fn check([state, kernel, lifted]: [&Tensor; 3], velocities: usize) -> Result<()> {
    let names = [("B", None), ("V", Some(velocities)), ("H", None), ("W", None), ("C", None)];
    expect_shape("hidden state", state, &names)?;
    let (batch, _, height, width, channels) = state.dims5()?;
    expect_square_kernel(kernel, channels)?;
    let names =
        [("B", Some(batch)), ("H", Some(height)), ("W", Some(width)), ("C", Some(channels))];
    expect_shape("lifted input", lifted, &names)
}

fn run(
    arguments: [&Tensor; 3],
    (shifts, turning): (Vec<Shift>, Option<OwnedTurning>),
    step: RecurrentStep,
) -> Result<Tensor> {
    let (_, _, height, width, channels) = arguments[0].dims5()?;
    let plane = Plane { height, width };
    let operation = FlowRecurrence { plane, channels, shifts, turning, step };
    let [state, kernel, lifted] = arguments.map(Tensor::contiguous);
    Ok(state?.apply_op3(&kernel?, &lifted?, operation)?)
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
    /// How each slice sees the input.
    shifts: Vec<Shift>,
    /// How slices turn, if they do.
    turning: Option<OwnedTurning>,
    step: RecurrentStep,
}

struct OwnedTurning {
    orientations: usize,
    turns: Vec<Turn>,
    order: CarryOrder,
}

impl OwnedTurning {
    fn of(Turning { orientations, turns, order }: Turning<'_>) -> Self {
        Self { orientations, turns: turns.to_vec(), order }
    }
}

impl FlowRecurrence {
    fn velocities(&self) -> usize {
        self.shifts.len()
    }

    /// Beside what a slice sees.
    fn moved(&self, velocity: usize, channels: usize) -> Moved {
        Moved::new(self.plane, channels, self.shifts[velocity])
    }

    /// The recurrent convolution by a kernel (C, C, kh, kw), `dims`, of maps as the kernels store them.
    fn carried<T: Float>(&self, kernel: &[T], dims: &[usize]) -> candle_core::Result<Carried<T>> {
        let (outputs, inputs, height, width) = (dims[0], dims[1], dims[2], dims[3]);
        let kernel = KernelView { values: kernel, outputs, inputs, height, width };
        let stored = stored_channels::<T>(outputs);
        let border = (self.plane, self.step.padding);
        let convolution = Convolution::new(self.step.algorithm, border, kernel, (stored, stored));
        let Some(OwnedTurning { orientations, turns, order }) = &self.turning else {
            return Ok(Carried::still(convolution));
        };
        let turning = Turning { orientations: *orientations, turns, order: *order };
        let maps = GateMaps::new::<T>(1, self.channels);
        Carried::turned(convolution, maps, turning).map_err(candle_core::Error::wrap)
    }

    /// Maps (…, H, W, C) with their channels as the kernels store them.
    fn stored<T: Float>(&self, maps: &[T]) -> Buffer<T> {
        GateMaps::new::<T>(1, self.channels).stored(maps)
    }

    fn unstored<T: Float>(&self, maps: &[T]) -> Vec<T> {
        let stored = stored_channels::<T>(self.channels);
        let mut values = vec![T::default(); maps.len() / stored * self.channels];
        restore_channels(maps, stored, &mut values, self.channels);
        values
    }

    fn forward<T: Float>(
        &self,
        state: &[T],
        kernel: (&[T], &[usize]),
        lifted: &[T],
    ) -> candle_core::Result<Vec<T>> {
        let carried = self.carried(kernel.0, kernel.1)?;
        let [state, lifted] = [state, lifted].map(|maps| self.stored(maps));
        let mut next = Buffer::take(state.len());
        let (slice, velocities) = (carried.convolution.geometry().output_len(), self.velocities());
        let channels = carried.convolution.geometry().outputs;
        let per_task = enough_images(self.plane.height, self.plane.width);
        next.par_chunks_mut(per_task * slice)
            .zip(state.par_chunks(per_task * slice))
            .enumerate()
            .for_each(|(task, (next, state))| {
                let first = task * per_task;
                carried.forward(&carried.remembered(first, state, Reads::KernelAlone), next);
                for (number, next) in (first..).zip(next.chunks_mut(slice)) {
                    let u = &lifted[number / velocities * slice..][..slice];
                    let moved = self.moved(number % velocities, channels);
                    moved.add_and_activate(self.step.activation, u, next);
                }
            });
        Ok(self.unstored(&next))
    }

    /// Gradients to (state, kernel, lifted).
    fn backward<T: Float>(
        &self,
        [state, kernel, lifted]: [&Tensor; 3],
        result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<[Option<Tensor>; 3]> {
        let views = [state, kernel, result, gradient].map(CpuView::of);
        let carried = self.carried::<T>(views[1].slice()?, kernel.dims())?;
        let convolution = &carried.convolution;
        let h = self.stored(views[0].slice::<T>()?);
        let y = self.stored(views[2].slice::<T>()?);
        let mut inner = self.stored(views[3].slice::<T>()?);
        let (slice, channels) =
            (convolution.geometry().output_len(), convolution.geometry().outputs);
        let of_sample = slice * self.velocities();
        let mut to_lifted = Buffer::zeros(inner.len() / self.velocities());
        inner
            .par_chunks_mut(of_sample)
            .zip(y.par_chunks(of_sample))
            .zip(to_lifted.par_chunks_mut(slice))
            .for_each(|((inner, y), to_lifted)| {
                pointwise::chain(self.step.activation, y, inner);
                for (velocity, inner) in inner.chunks(slice).enumerate() {
                    self.moved(velocity, channels).inverse().add(inner, to_lifted);
                }
            });
        let mut to_state = Buffer::take(h.len());
        let per_part = images_per_part(h.len() / slice, self.plane.height, self.plane.width);
        let sums: Vec<Buffer<T>> = to_state
            .par_chunks_mut(per_part * slice)
            .zip(h.par_chunks(per_part * slice).zip(inner.par_chunks(per_part * slice)))
            .enumerate()
            .map(|(part, (to_state, (h, inner)))| {
                let mut sums = Buffer::zeros(convolution.sums_len());
                let to_state = state.track_op().then_some(to_state);
                let wanted = kernel.track_op().then_some(&mut *sums);
                let slices = carried.remembered(part * per_part, h, Reads::KernelAlone);
                carried.backward(&slices, inner, wanted, (to_state, None));
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
            )?),
            _ => CpuStorage::F32(self.forward(
                contiguous(state, state_layout)?,
                (contiguous(kernel, kernel_layout)?, dims),
                contiguous(lifted, lifted_layout)?,
            )?),
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
