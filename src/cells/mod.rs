//! Recurrent cells, one per file, each written once for every [`FlowGroup`](crate::flow::FlowGroup).

mod rnn;

pub use rnn::{FlowRnn, TranslationRnn};

use crate::error::Result;
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
        unroll_step_by_step(self, seen, steps, feed, &mut |_| ())
    }
}

/// [`Cell::unroll`] by way of [`Cell::step`], showing the state after every frame to `observe`.
pub fn unroll_step_by_step<C: Cell>(
    cell: &C,
    seen: &Tensor,
    steps: usize,
    feed: &mut Feed<'_>,
    observe: &mut dyn FnMut(&C::State),
) -> Result<Tensor> {
    let (batch, frames, _, height, width) = seen.dims5()?;
    let frame =
        |t: usize| -> Result<Tensor> { Ok(seen.narrow(1, t, 1)?.squeeze(1)?.contiguous()?) };
    let mut state = cell.zero_state(batch, (height, width), seen.dtype(), seen.device())?;
    let mut advance = |frame: &Tensor| -> Result<C::State> {
        state = cell.step(frame, &state)?;
        observe(&state);
        Ok(state.clone())
    };
    for t in 0..frames {
        advance(&frame(t)?)?;
    }
    let (mut fed, mut read_outs) = (frame(frames.saturating_sub(1))?, Vec::with_capacity(steps));
    for _ in 0..steps {
        let state = advance(&fed)?;
        let read_out = ops::to_channels_last(&cell.read_out(&state)?)?;
        fed = ops::to_channels_first(&feed(&read_out.detach())?.detach())?;
        read_outs.push(read_out);
    }
    Ok(Tensor::stack(&read_outs, 0)?)
}
