//! What every recurrent cell does, and what the theory claims of a flow equivariant one.

use crate::error::Result;
use crate::flow::{FlowGroup, Lift, VelocitySet};
use crate::ops::{self, Feed};
use candle_core::{DType, Device, Tensor};

/// A recurrent cell over frames.
///
/// Time index: [`Cell::step`] takes the state before frame t and returns the state after it.
pub trait Cell {
    /// What the cell remembers between frames.
    type State: Clone;

    /// h_0 for `batch` sequences of frames; `extents` is (H, W).
    fn zero_state(
        &self,
        batch: usize,
        extents: (usize, usize),
        dtype: DType,
        device: &Device,
    ) -> Result<Self::State>;

    /// The state after one more frame (B, C_in, H, W).
    fn step(&self, frame: &Tensor, state: &Self::State) -> Result<Self::State>;

    /// The state after one more step whose frame (B, C_in, H, W) is that of the step before.
    ///
    /// A cell with velocities moves it on by each of them; see
    /// [`Input::FormerFrame`](crate::flow::Input::FormerFrame). Others take it as it is.
    fn step_on_former(&self, frame: &Tensor, state: &Self::State) -> Result<Self::State> {
        self.step(frame, state)
    }

    /// What a decoder sees of a state: (B, C, H, W).
    fn read_out(&self, state: &Self::State) -> Result<Tensor>;

    /// The same state cut from the autograd graph.
    fn detach(&self, state: &Self::State) -> Self::State;

    /// Runs from h_0 over all `seen` frames, then `steps` times over the frame that `feed` makes of
    /// the newest read-out; the first of these is fed the last seen frame again. Returns the
    /// read-outs of these steps, channels last, as decoders read them.
    ///
    /// Gradients flow to the seen frames and the cell's kernels; frames from `feed` are constants.
    ///
    /// # Shapes
    /// `seen` (B, T, C_in, H, W) with T ≥ 1; `feed` maps (B, H, W, C) to (B, H, W, C_in); result
    /// (S, B, H, W, C), S = `steps` ≥ 1.
    fn unroll(&self, seen: &Tensor, steps: usize, feed: &mut Feed<'_>) -> Result<Tensor>
    where
        Self: Sized,
    {
        unroll_step_by_step(self, seen, steps, (feed, Age::New), &mut |_| ())
    }
}

/// How frames that are fed back are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// As if they were new ([`Cell::step`]), like the paper's public code.
    New,
    /// As the frames of the step before, which they are ([`Cell::step_on_former`]).
    Former,
}

/// A cell whose hidden state lives on V × G, and what the theory claims of it.
///
/// Implement it for a cell of your own to measure it with [`crate::equivariance`].
pub trait FlowCell: Cell {
    /// The group that acts on frames and on hidden states.
    type Group: FlowGroup;

    /// The group.
    fn group(&self) -> &Self::Group;

    /// The velocities, in the order of the hidden state's velocity axis.
    fn velocities(&self) -> &VelocitySet<<Self::Group as FlowGroup>::Velocity>;

    /// The frame of reference of the hidden state, which decides the law that it obeys.
    fn lift(&self) -> Lift {
        Lift::Trivial
    }

    /// The hidden state that the law is about, (B, V, H, W, C).
    fn hidden(&self, state: &Self::State) -> Result<Tensor>;

    /// The pairs of places (ν, ν − ν̂) on the velocity axis for which the theory claims the law
    /// after frame `t`, when the input flows by ν̂ = `flow`.
    fn claimed(
        &self,
        flow: <Self::Group as FlowGroup>::Velocity,
        _t: usize,
    ) -> Vec<(usize, usize)> {
        self.velocities().pairs_apart(flow)
    }
}

/// [`Cell::unroll`] by way of single steps, showing the state after every frame to `observe`.
pub fn unroll_step_by_step<C: Cell>(
    cell: &C,
    seen: &Tensor,
    steps: usize,
    (feed, age): (&mut Feed<'_>, Age),
    observe: &mut dyn FnMut(&C::State),
) -> Result<Tensor> {
    let (batch, frames, _, height, width) = seen.dims5()?;
    let frame =
        |t: usize| -> Result<Tensor> { Ok(seen.narrow(1, t, 1)?.squeeze(1)?.contiguous()?) };
    let mut state = cell.zero_state(batch, (height, width), seen.dtype(), seen.device())?;
    for t in 0..frames {
        state = cell.step(&frame(t)?, &state)?;
        observe(&state);
    }
    let (mut fed, mut read_outs) = (frame(frames.saturating_sub(1))?, Vec::with_capacity(steps));
    for _ in 0..steps {
        state = match age {
            Age::New => cell.step(&fed, &state)?,
            Age::Former => cell.step_on_former(&fed, &state)?,
        };
        observe(&state);
        let read_out = ops::to_channels_last(&cell.read_out(&state)?)?;
        fed = ops::to_channels_first(&feed(&read_out.detach())?.detach())?;
        read_outs.push(read_out);
    }
    Ok(Tensor::stack(&read_outs, 0)?)
}
