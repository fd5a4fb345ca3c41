//! What every recurrent cell does, and what the theory claims of a flow equivariant one.

use crate::error::Result;
use crate::flow::{FlowGroup, Input, Lift, Sequence, VelocitySet};
use crate::ops::{self, FedAs, ReadOut};
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

    /// The state after one more input.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) when extents disagree,
    /// [`Error::Configuration`](crate::Error::Configuration) for an input that the cell cannot take.
    fn step(&self, input: Input<'_>, state: &Self::State) -> Result<Self::State>;

    /// What a decoder sees of a state: (B, C, H, W).
    fn read_out(&self, state: &Self::State) -> Result<Tensor>;

    /// The same state cut from the autograd graph.
    fn detach(&self, state: &Self::State) -> Self::State;

    /// Runs from h_0 over a sequence and returns what `read_out` asks for, channels last, as decoders
    /// read it: what single steps give, to rounding where a sequence is computed in another way.
    ///
    /// Gradients flow to the sequence and to the cell's kernels; what is fed counts as a constant.
    ///
    /// # Shapes
    /// `sequence` (B, T, C_in, H, W) with T ≥ 1; [`ReadOut::Fed`] maps (B, H, W, C) to
    /// (B, H, W, C_in); result (S, B, H, W, C), S ≥ 1 as [`ReadOut`] says.
    ///
    /// # Errors
    /// Those of [`Cell::step`]; [`Error::Configuration`](crate::Error::Configuration) for a sequence
    /// of no frame, no step, and for feature maps that are fed as former ones.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use fernn::cells::{Cell, TranslationRnn};
    /// use fernn::flow::{Sequence, Translation, VelocitySet};
    /// use fernn::ops::{FedAs, ReadOut};
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let kernel = |shape: (usize, usize, usize, usize)| Tensor::randn(0f32, 0.3, shape, &Device::Cpu);
    /// let (u, w) = (kernel((4, 1, 3, 3))?, kernel((4, 4, 3, 3))?);
    /// let cell = TranslationRnn::new(Translation, VelocitySet::square(1), u, w)?;
    /// let frames = Tensor::randn(0f32, 1.0, (2, 5, 1, 7, 11), &Device::Cpu)?;
    /// let every = cell.unroll(Sequence::Frames(&frames), ReadOut::Every)?;
    /// assert_eq!(every.dims(), [5, 2, 7, 11, 4]);
    /// let mut feed = |read_out: &Tensor| Ok(read_out.narrow(3, 0, 1)?.contiguous()?);
    /// let fed = ReadOut::Fed { steps: 3, feed: &mut feed, fed_as: FedAs::New };
    /// assert_eq!(cell.unroll(Sequence::Frames(&frames), fed)?.dims(), [3, 2, 7, 11, 4]);
    /// # Ok(())
    /// # }
    /// ```
    fn unroll(&self, sequence: Sequence<'_>, read_out: ReadOut<'_>) -> Result<Tensor>
    where
        Self: Sized,
    {
        unroll_step_by_step(self, sequence, read_out, &mut |_| ())
    }
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

    /// The hidden states of all layers, the lowest first and [`FlowCell::hidden`] last.
    fn hidden_of_layers(&self, state: &Self::State) -> Result<Vec<Tensor>> {
        Ok(vec![self.hidden(state)?])
    }

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

/// [`Cell::unroll`] by way of single steps, showing the state after every one of them to `observe`.
///
/// # Errors
/// As [`Cell::unroll`].
pub fn unroll_step_by_step<C: Cell>(
    cell: &C,
    sequence: Sequence<'_>,
    read_out: ReadOut<'_>,
    observe: &mut dyn FnMut(&C::State),
) -> Result<Tensor> {
    let [batch, count, _, height, width] = sequence.extents()?;
    check(sequence, &read_out)?;
    let (dtype, device) = (sequence.tensor().dtype(), sequence.tensor().device());
    let mut state = cell.zero_state(batch, (height, width), dtype, device)?;
    let mut read_outs = Vec::new();
    for t in 0..count {
        state = cell.step(sequence.input(&sequence.at(t)?), &state)?;
        observe(&state);
        if read_out.reads(t, count) {
            read_outs.push(ops::to_channels_last(&cell.read_out(&state)?)?);
        }
    }
    if let ReadOut::Fed { steps, feed, fed_as } = read_out {
        let mut fed = sequence.at(count - 1)?;
        for _ in 0..steps {
            let input = match fed_as {
                FedAs::New => sequence.input(&fed),
                FedAs::Former => Input::FormerFrame(&fed),
            };
            state = cell.step(input, &state)?;
            observe(&state);
            let read_out = ops::to_channels_last(&cell.read_out(&state)?)?;
            fed = ops::to_channels_first(&feed(&read_out.detach())?.detach())?;
            read_outs.push(read_out);
        }
    }
    Ok(Tensor::stack(&read_outs, 0)?)
}

/// Refuses what [`Cell::unroll`] says it refuses.
pub(super) fn check(sequence: Sequence<'_>, read_out: &ReadOut<'_>) -> Result<()> {
    read_out.check(sequence.extents()?[1])?;
    read_out.check_fed_maps(sequence.are_maps())
}
