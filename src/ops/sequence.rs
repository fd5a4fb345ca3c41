//! The flow equivariant recurrence over a whole sequence, as one differentiable operation.

use super::activation::Activation;
use super::kernels::{ConvAlgorithm, Float, Shift, Torus};
use super::pool::VelocityPooling;
use super::recurrence::expect_square_kernel;
use super::rollout::Rollout;
use super::stack::expect_odd_kernel;
use super::storage::CpuView;
use crate::error::{Error, Result, expect_shape};
use candle_core::{CpuStorage, CustomOp3, DType, Layout, Shape, Tensor};
use std::sync::Mutex;

/// Winners of a maximum over velocities are remembered as 16-bit numbers.
const MOST_VELOCITIES: usize = 1 << 16;

/// How a recurrence runs: `h_{t+1}(ν) = σ( shift_ν[W ⋆ h_t(ν)] + U ⋆ f_t )`, h_0 = 0.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Displacement of each slice of the velocity axis per frame.
    pub shifts: Vec<Shift>,
    /// σ.
    pub activation: Activation,
    /// How the velocity axis is read out.
    pub pooling: VelocityPooling,
    /// How W is applied. U always is directly, so that states flow bit for bit with the input.
    pub algorithm: ConvAlgorithm,
}

/// Gives the next input frame (B, H, W, C_in), off the graph, from the newest read-out
/// (B, H, W, C).
pub type Feed<'a> = dyn FnMut(&Tensor) -> Result<Tensor> + 'a;

/// Runs over all `seen` frames, then `steps` times over the frame that `feed` makes of the newest
/// read-out; the first of these is fed the last seen frame again. Returns the read-outs of these
/// steps. What `feed` gives for the last one is not used.
///
/// # Shapes
/// `seen` (B, T, H, W, C_in) with T ≥ 1; `kernels` U (C, C_in, kh, kw) and W (C, C, kh', kw'), odd;
/// result (S, B, H, W, C), S = `steps`. f32 or f64, on the CPU.
///
/// # Equivariance
/// Flowing all frames by ν̂ flows the states bit for bit, with every algorithm: slices are computed
/// in frames of reference that move along with them, where the flow is no more than the place
/// where the lifted input is read.
///
/// # Gradients
/// To the seen frames and both kernels; frames from `feed` count as constants. Kept for the
/// backward pass are the hidden states alone.
///
/// # Errors
/// [`Error::Shape`] when extents disagree, [`Error::Configuration`] for an even kernel, no frame, no
/// step, or more than 65,536 velocities.
pub fn flow_sequence(
    seen: &Tensor,
    (input_kernel, recurrent_kernel): (&Tensor, &Tensor),
    recipe: &Recipe,
    steps: usize,
    feed: &mut Feed<'_>,
) -> Result<Tensor> {
    let dims = ["B", "T", "H", "W", "C_in"].map(|name| (name, None));
    expect_shape("input sequence", seen, &dims)?;
    let (_, frames, _, _, inputs) = seen.dims5()?;
    expect_odd_kernel("input kernel", input_kernel, inputs)?;
    expect_square_kernel(recurrent_kernel, input_kernel.dims()[0])?;
    if frames == 0 || steps == 0 {
        return Err(Error::configuration(
            "the sequence",
            format!("has {frames} seen and {steps} further frames"),
            "ask for at least one of each",
        ));
    }
    if recipe.shifts.len() > MOST_VELOCITIES {
        return Err(Error::configuration(
            "the velocity set",
            format!("has {} velocities", recipe.shifts.len()),
            format!("take at most {MOST_VELOCITIES}"),
        ));
    }
    let kernels = [input_kernel.contiguous()?, recurrent_kernel.contiguous()?];
    match seen.dtype() {
        DType::F64 => run::<f64>(seen, kernels, recipe, steps, feed),
        _ => run::<f32>(seen, kernels, recipe, steps, feed),
    }
}

fn run<T: Float>(
    seen: &Tensor,
    kernels: [Tensor; 2],
    recipe: &Recipe,
    steps: usize,
    feed: &mut Feed<'_>,
) -> Result<Tensor> {
    let (batch, frames, height, width, _) = seen.dims5()?;
    let torus = Torus { height, width };
    let is_tracked = seen.track_op() || kernels.iter().any(Tensor::track_op);
    let mut rollout = Rollout::<T>::new(recipe, torus, batch, &kernels, is_tracked)?;
    for t in 0..frames {
        rollout.step(&seen.narrow(1, t, 1)?.squeeze(1)?.detach())?;
    }
    let last = seen.narrow(1, frames - 1, 1)?;
    let mut inputs = vec![seen.clone(), last.clone()];
    let mut fed = last.squeeze(1)?.detach();
    let length = steps * batch * torus.pixels() * rollout.channels();
    let mut read_outs = Vec::with_capacity(length);
    for step in 0..steps {
        rollout.step(&fed)?;
        let newest = rollout.read_out();
        let shape = (batch, height, width, rollout.channels());
        fed = feed(&Tensor::from_slice(&newest, shape, seen.device())?)?.detach();
        read_outs.extend(newest);
        if step + 1 < steps && is_tracked {
            inputs.push(fed.unsqueeze(1)?);
        }
    }
    let shape: Shape = (steps, batch, height, width, rollout.channels()).into();
    if !is_tracked {
        return Ok(Tensor::from_vec(read_outs, shape, seen.device())?);
    }
    let inputs = Tensor::cat(&inputs, 1)?;
    let operation = FlowSequence { rollout, shape, read_outs: Mutex::new(read_outs) };
    let [input_kernel, recurrent_kernel] = &kernels;
    Ok(inputs.contiguous()?.apply_op3(input_kernel, recurrent_kernel, operation)?)
}

/// The read-outs as a function of (all input frames, U, W).
struct FlowSequence<T> {
    rollout: Rollout<T>,
    shape: Shape,
    read_outs: Mutex<Vec<T>>,
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
        // Computed already: each frame that was fed depended on the read-out before it.
        let mut read_outs = self.read_outs.lock().expect("no panic while this is locked");
        Ok((T::to_cpu_storage_owned(std::mem::take(&mut *read_outs)), self.shape.clone()))
    }

    fn bwd(
        &self,
        frames: &Tensor,
        input_kernel: &Tensor,
        recurrent_kernel: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let views = [frames, &gradient].map(CpuView::of);
        let gradients =
            self.rollout.backward(views[0].slice()?, views[1].slice()?, frames.track_op());
        let tensor = |values: Vec<T>, like: &Tensor| {
            Tensor::from_vec(values, like.shape(), like.device()).map(Some)
        };
        let to_frames = match gradients.frames {
            Some(values) => tensor(values, frames)?,
            None => None,
        };
        let to_kernels = [
            tensor(gradients.input_kernel, input_kernel)?,
            tensor(gradients.recurrent_kernel, recurrent_kernel)?,
        ];
        let [to_input, to_recurrent] = to_kernels;
        Ok((to_frames, to_input, to_recurrent))
    }
}
