//! The flow equivariant recurrence over a whole sequence, as one differentiable operation.

use super::division::samples_together;
use super::gates::KEPT;
use super::kernels::{Float, Plane, stored_channels};
use super::layer::expect_odd_kernel;
use super::memory::{Needs, history_budget, stride};
use super::read_out::{FedAs, ReadOut};
use super::rollout::{Gradients, Kept, Rollout};
use super::rule::{Kernels, Unrolled, Update};
use super::slice_action::SliceAction;
use super::storage::CpuView;
use crate::error::{Error, Result, expect_shape};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Layout, Shape, Tensor};
use std::sync::Mutex;

/// Of how many velocities the winner of a maximum is told for certain: its number is remembered as f32, which holds
/// whole numbers up to 2²⁴, and nobody needs as many.
const MOST_VELOCITIES: usize = 1 << 16;

/// `h_{t+1}(ν) = σ( W ⋆ (ψ_1(ν)·h_t(ν)) + U ⋆ f_t )` from h_0 = 0 over a sequence, or what
/// [`SliceAction`] says in its place; returns what is read out. `action` is how each slice of the velocity
/// axis moves, ψ_1(ν), and in which frame of reference states are kept. Without U the frames are feature
/// maps already computed.
///
/// A gated update ([`Gated`](super::Gated)) takes the place of the sum and σ; all that is remembered moves.
///
/// # Shapes
/// `frames` (B, T, H, W, C_in) with T ≥ 1, C_in = G·C without U; `kernels` see [`Kernels`]; result
/// (S, B, H, W, C), see [`ReadOut`]. f32 or f64, on the CPU.
///
/// # Equivariance
/// With [`SliceAction::Shifts`] flowing all frames by ν̂ flows the states bit for bit, with every algorithm:
/// slices are computed in frames of reference that move along with them, where the flow is no more than
/// the place where the lifted input is read. Turns by multiples of 90° only move numbers on square frames
/// and commute to rounding with steerable kernels; others interpolate between pixels, and every law holds up
/// to the grid's discretisation.
///
/// # Gradients
/// To the frames and the kernels; frames that are fed count as constants. Kept for the backward pass
/// are what is remembered and the gates, as many as [`history_budget`](super::history_budget) allows.
///
/// # Errors
/// [`Error::Shape`] when extents disagree, [`Error::Configuration`] for an even kernel, no frame, no
/// step, feature maps that are fed as former ones, no velocity or more than 65,536, an extent of 0, or maps
/// that are no whole fields of the orientations that turn.
pub fn flow_sequence(
    frames: &Tensor,
    kernels: Kernels<'_>,
    action: SliceAction<'_>,
    how: impl Into<Unrolled>,
    read_out: ReadOut<'_>,
) -> Result<Tensor> {
    unrolled(frames, kernels, action, how.into(), read_out)
}

/// The same, compiled with this crate once, kernels and all, and not once more with everything that calls it.
fn unrolled(
    frames: &Tensor,
    kernels: Kernels<'_>,
    action: SliceAction<'_>,
    how: Unrolled,
    read_out: ReadOut<'_>,
) -> Result<Tensor> {
    let channels = kernels.recurrent.dims4()?.1;
    let maps = how.update.gates() * channels;
    let inputs = if kernels.input.is_some() { None } else { Some(maps) };
    let dims = [("B", None), ("T", None), ("H", None), ("W", None), ("C_in", inputs)];
    expect_shape("input sequence", frames, &dims)?;
    expect_odd_kernel("recurrent kernel", kernels.recurrent, channels)?;
    let rows = [("G·C", Some(maps)), ("C", None), ("kh", None), ("kw", None)];
    expect_shape("recurrent kernel", kernels.recurrent, &rows)?;
    if let Some(kernel) = kernels.input {
        expect_odd_kernel("input kernel", kernel, frames.dims()[4])?;
        let rows = [("G·C", Some(maps)), ("C_in", None), ("kh", None), ("kw", None)];
        expect_shape("input kernel", kernel, &rows)?;
    }
    read_out.check(frames.dims()[1])?;
    read_out.check_fed_maps(kernels.input.is_none())?;
    if frames.elem_count() == 0 || kernels.recurrent.elem_count() == 0 {
        let problem = format!("has the shape {:?}", frames.dims());
        return Err(Error::configuration("the sequence", problem, "give extents of at least 1"));
    }
    action.check_fields(channels)?;
    if !(1..=MOST_VELOCITIES).contains(&action.velocities()) {
        return Err(Error::configuration(
            "the velocity set",
            format!("has {} velocities", action.velocities()),
            format!("take at least one and at most {MOST_VELOCITIES}"),
        ));
    }
    let input = kernels.input.map(Tensor::contiguous).transpose()?;
    let recurrent = kernels.recurrent.contiguous()?;
    let kernels = Kernels { input: input.as_ref(), recurrent: &recurrent };
    match frames.dtype() {
        DType::F64 => run::<f64>(frames, kernels, action, how, read_out),
        _ => run::<f32>(frames, kernels, action, how, read_out),
    }
}

fn run<T: Float>(
    frames: &Tensor,
    kernels: Kernels<'_>,
    action: SliceAction<'_>,
    how: Unrolled,
    read_out: ReadOut<'_>,
) -> Result<Tensor> {
    let (batch, count, height, width, _) = frames.dims5()?;
    let (plane, tensors) = (Plane { height, width }, [kernels.input, Some(kernels.recurrent)]);
    let is_tracked = frames.track_op() || tensors.into_iter().flatten().any(Tensor::track_op);
    let steps = count + read_out.further_steps();
    let kept = if is_tracked {
        kept::<T>((plane, batch), (kernels, how.update), (steps, action.velocities()))
    } else {
        Kept::Newest
    };
    let mut rollout = Rollout::<T>::new((action, how), (plane, batch), kernels, kept)?;
    let mut read_outs = Vec::new();
    for t in 0..count {
        rollout.step(&frames.narrow(1, t, 1)?.squeeze(1)?.detach(), FedAs::New)?;
        if read_out.reads(t, count) {
            read_outs.extend(rollout.read_out());
        }
    }
    let mut inputs = vec![frames.clone()];
    if let ReadOut::Fed { .. } = read_out {
        inputs.extend(run_fed(&mut rollout, frames, read_out, &mut read_outs)?);
    }
    let map = batch * plane.pixels() * rollout.channels();
    let shape = (read_outs.len() / map, batch, height, width, rollout.channels());
    if !is_tracked {
        return Ok(Tensor::from_vec(read_outs, shape, frames.device())?);
    }
    let inputs = Tensor::cat(&inputs, 1)?.contiguous()?;
    let read_outs = Mutex::new(read_outs);
    let operation = FlowSequence { rollout, shape: shape.into(), read_outs };
    Ok(match kernels.input {
        Some(input) => inputs.apply_op3(input, kernels.recurrent, operation)?,
        None => inputs.apply_op2(kernels.recurrent, operation)?,
    })
}

/// As many states as the budget for history allows.
fn kept<T: Float>(
    (plane, batch): (Plane, usize),
    (kernels, update): (Kernels<'_>, Update),
    (steps, velocities): (usize, usize),
) -> Kept {
    let channels = stored_channels::<T>(kernels.recurrent.dims()[1]);
    let map = velocities * plane.pixels() * channels * size_of::<T>();
    let together = samples_together(plane, velocities) * rayon::current_num_threads();
    let (memories, gates) = match update {
        Update::Simple(_) => (1, 0),
        Update::Gated(update) => (1 + usize::from(update.has_cell()), KEPT),
    };
    let needs = Needs {
        whole: batch * (memories + gates) * map,
        memories: batch * memories * map,
        part: together.min(batch) * (memories + gates) * map,
    };
    Kept::Every(stride(steps, needs, history_budget()))
}

/// The further steps that are fed; returns the frames (B, 1, H, W, C_in) that were fed.
fn run_fed<T: Float>(
    rollout: &mut Rollout<T>,
    frames: &Tensor,
    read_out: ReadOut<'_>,
    read_outs: &mut Vec<T>,
) -> Result<Vec<Tensor>> {
    let ReadOut::Fed { steps, feed, fed_as } = read_out else { return Ok(Vec::new()) };
    let (batch, count, height, width, _) = frames.dims5()?;
    let mut all_fed = vec![frames.narrow(1, count - 1, 1)?];
    for step in 0..steps {
        rollout.step(&all_fed[step].squeeze(1)?.detach(), fed_as)?;
        let newest = rollout.read_out();
        let shape = (batch, height, width, rollout.channels());
        let fed = feed(&Tensor::from_slice(&newest, shape, frames.device())?)?.detach();
        read_outs.extend(newest);
        all_fed.push(fed.unsqueeze(1)?);
    }
    all_fed.truncate(steps);
    Ok(all_fed)
}

/// The read-outs as a function of all input frames, U where there is one, and W.
struct FlowSequence<T> {
    rollout: Rollout<T>,
    shape: Shape,
    read_outs: Mutex<Vec<T>>,
}

impl<T: Float> FlowSequence<T> {
    /// Computed already: each frame that was fed depended on the read-out before it.
    fn computed(&self) -> (CpuStorage, Shape) {
        let mut read_outs = self.read_outs.lock().expect("no panic while this is locked");
        (T::to_cpu_storage_owned(std::mem::take(&mut *read_outs)), self.shape.clone())
    }

    fn gradients(&self, frames: &Tensor, gradient: &Tensor) -> candle_core::Result<Gradients<T>> {
        let gradient = gradient.contiguous()?;
        let views = [frames, &gradient].map(CpuView::of);
        Ok(self.rollout.backward(views[0].slice()?, views[1].slice()?, frames.track_op()))
    }
}

fn tensor<T: Float>(values: Option<Vec<T>>, like: &Tensor) -> candle_core::Result<Option<Tensor>> {
    values.map(|values| Tensor::from_vec(values, like.shape(), like.device())).transpose()
}

impl<T: Float> CustomOp3 for FlowSequence<T> {
    fn name(&self) -> &'static str {
        "flow-sequence"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        Ok(self.computed())
    }

    fn bwd(
        &self,
        frames: &Tensor,
        input_kernel: &Tensor,
        recurrent_kernel: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradients = self.gradients(frames, gradient)?;
        Ok((
            tensor(gradients.frames, frames)?,
            tensor(gradients.input_kernel, input_kernel)?,
            tensor(Some(gradients.recurrent_kernel), recurrent_kernel)?,
        ))
    }
}

/// Without U.
impl<T: Float> CustomOp2 for FlowSequence<T> {
    fn name(&self) -> &'static str {
        "flow-sequence of maps"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        Ok(self.computed())
    }

    fn bwd(
        &self,
        maps: &Tensor,
        recurrent_kernel: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let gradients = self.gradients(maps, gradient)?;
        Ok((
            tensor(gradients.frames, maps)?,
            tensor(Some(gradients.recurrent_kernel), recurrent_kernel)?,
        ))
    }
}
