//! Cells whose memory lives on V × G: what they share.

use super::cell::{Cell, FlowCell, check, unroll_step_by_step};
use crate::error::{Result, expect_shape};
use crate::flow::{
    Drive, FlowGroup, FlowSpace, Input, Lift, LiftedState, Sequence, StateShape, VelocitySet,
};
use crate::ops::{self, ReadOut, VelocityPooling};
use candle_core::{DType, Device, Tensor};

/// A recurrent layer over V × G. Every layer is a [`Cell`] and a [`FlowCell`]; several of them make
/// a [`Stacked`](super::Stacked) cell.
///
/// # Equivariance
/// From a zero state, after frames 0..=t: flowing the input by ν̂ flows the state by t·ν̂ and moves
/// slice ν − ν̂ to ν ([`Lift::Trivial`]), or only moves the slices ([`Lift::CoMoving`]), for the pairs
/// that [`FlowLayer::comparable`] names.
///
/// A cell of your own needs four methods and its group (the guide, `docs/own_cell.md`, goes on from here):
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use fernn::cells::{Cell, FlowLayer};
/// use fernn::flow::{FlowSpace, Input, Lift, LiftedState, Translation, VelocitySet};
///
/// /// h' = ψ_1(ν)·h / 2 + U ⋆ f
/// struct Fading {
///     space: FlowSpace<Translation>,
///     u: Tensor, // (C, C_in, k, k)
/// }
///
/// impl FlowLayer for Fading {
///     type Group = Translation;
///
///     fn space(&self) -> &FlowSpace<Translation> {
///         &self.space
///     }
///
///     fn channels(&self) -> usize {
///         self.u.dims()[0]
///     }
///
///     fn parameters(&self) -> Vec<&Tensor> {
///         vec![&self.u]
///     }
///
///     fn advance(&self, input: Input<'_>, state: &LiftedState) -> fernn::Result<LiftedState> {
///         let faded = (self.space.carry(state.hidden())? * 0.5)?;
///         Ok(state.next(vec![faded.broadcast_add(&self.space.drive_by(input, &self.u, state)?)?]))
///     }
/// }
///
/// # fn main() -> fernn::Result<()> {
/// let space = FlowSpace::new(Translation, VelocitySet::square(1), Lift::CoMoving);
/// let cell = Fading { space, u: Tensor::ones((4, 1, 3, 3), DType::F32, &Device::Cpu)? };
/// let state = cell.zero_state(2, (5, 7), DType::F32, &Device::Cpu)?;
/// let frame = Tensor::ones((2, 1, 5, 7), DType::F32, &Device::Cpu)?;
/// let next = cell.step(Input::Frame(&frame), &state)?;
/// assert_eq!(cell.read_out(&next)?.dims(), [2, 4, 5, 7]);
/// # Ok(())
/// # }
/// ```
pub trait FlowLayer {
    /// The group.
    type Group: FlowGroup;

    /// The space that the memory lives on.
    fn space(&self) -> &FlowSpace<Self::Group>;

    /// Hidden channels C.
    fn channels(&self) -> usize;

    /// Tensors remembered between frames, the hidden state among them.
    fn memories(&self) -> usize {
        1
    }

    /// The pooling over V in the read-out: the paper's maximum, unless the layer says otherwise.
    fn pooling(&self) -> VelocityPooling {
        VelocityPooling::default()
    }

    /// The kernels: what is trained, or over rotations what was expanded from it.
    fn parameters(&self) -> Vec<&Tensor>;

    /// The state after one more input.
    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState>;

    /// The pairs that [`FlowCell::claimed`] names.
    fn comparable(
        &self,
        flow: <Self::Group as FlowGroup>::Velocity,
        _t: usize,
    ) -> Vec<(usize, usize)> {
        self.space().velocities().pairs_apart(flow)
    }

    /// [`Cell::unroll`] as one operation, where there is one: of the simple cell, the GRU and the LSTM, on the
    /// CPU. Over translations it runs in the co-moving frame whatever the layer's own: the network is the
    /// same, and flows bit for bit with every algorithm.
    fn unroll_at_once(
        &self,
        _sequence: Sequence<'_>,
        _read_out: ReadOut<'_>,
    ) -> Result<Option<Tensor>> {
        Ok(None)
    }
}

/// The number of scalars in a layer's kernels. Over rotations these are expanded filters, and the number
/// trained is that of their coefficients ([`crate::ops::SteerableBasis`]).
///
/// It does not depend on |V| where kernels are shared over velocities, as the theory has it.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use fernn::cells::{TranslationRnn, parameter_count};
/// use fernn::flow::{Translation, VelocitySet};
///
/// # fn main() -> fernn::Result<()> {
/// let kernel = |inputs| Tensor::ones((4, inputs, 3, 3), DType::F32, &Device::Cpu);
/// for range in [0, 2] {
///     let velocities = VelocitySet::square(range);
///     let cell = TranslationRnn::new(Translation, velocities, kernel(1)?, kernel(4)?)?;
///     assert_eq!(parameter_count(&cell), 4 * 9 + 16 * 9);
/// }
/// # Ok(())
/// # }
/// ```
pub fn parameter_count(layer: &impl FlowLayer) -> usize {
    layer.parameters().iter().map(|parameter| parameter.elem_count()).sum()
}

/// Refuses kernels that are not U (`gates`·C, C_in, …), where there is one, and W (`gates`·C, C, …).
pub(super) fn expect_gates(
    input: Option<Tensor>,
    recurrent: &Tensor,
    gates: usize,
) -> Result<Drive> {
    let channels = recurrent.dims4()?.1;
    let rows = Some(gates * channels);
    if let Some(input) = &input {
        expect_shape(
            "input kernel",
            input,
            &[("gates·C", rows), ("C_in", None), ("kh", None), ("kw", None)],
        )?;
    }
    expect_shape(
        "recurrent kernel",
        recurrent,
        &[("gates·C", rows), ("C", Some(channels)), ("kh", None), ("kw", None)],
    )?;
    Ok(Drive::new(input, gates * channels))
}

impl<L: FlowLayer + ?Sized> FlowLayer for Box<L> {
    type Group = L::Group;

    fn space(&self) -> &FlowSpace<L::Group> {
        (**self).space()
    }

    fn channels(&self) -> usize {
        (**self).channels()
    }

    fn memories(&self) -> usize {
        (**self).memories()
    }

    fn pooling(&self) -> VelocityPooling {
        (**self).pooling()
    }

    fn parameters(&self) -> Vec<&Tensor> {
        (**self).parameters()
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        (**self).advance(input, state)
    }

    fn comparable(&self, flow: <L::Group as FlowGroup>::Velocity, t: usize) -> Vec<(usize, usize)> {
        (**self).comparable(flow, t)
    }

    fn unroll_at_once(
        &self,
        sequence: Sequence<'_>,
        read_out: ReadOut<'_>,
    ) -> Result<Option<Tensor>> {
        (**self).unroll_at_once(sequence, read_out)
    }
}

impl<L: FlowLayer> Cell for L {
    type State = LiftedState;

    fn zero_state(
        &self,
        batch: usize,
        extents: (usize, usize),
        dtype: DType,
        device: &Device,
    ) -> Result<LiftedState> {
        let (memories, channels) = (self.memories(), self.channels());
        let shape = StateShape { memories, batch, channels, extents };
        self.space().zero_state(shape, dtype, device)
    }

    fn step(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        self.advance(input, state)
    }

    fn read_out(&self, state: &LiftedState) -> Result<Tensor> {
        let lab = self.space().in_lab(state)?;
        ops::to_channels_first(&ops::pool_velocities(&lab, self.pooling())?)
    }

    fn detach(&self, state: &LiftedState) -> LiftedState {
        state.detach()
    }

    fn unroll(&self, sequence: Sequence<'_>, mut read_out: ReadOut<'_>) -> Result<Tensor> {
        check(sequence, &read_out)?;
        match self.unroll_at_once(sequence, read_out.by_ref())? {
            Some(read_outs) => Ok(read_outs),
            None => unroll_step_by_step(self, sequence, read_out, &mut |_| ()),
        }
    }
}

impl<L: FlowLayer> FlowCell for L {
    type Group = L::Group;

    fn group(&self) -> &L::Group {
        self.space().group()
    }

    fn velocities(&self) -> &VelocitySet<<L::Group as FlowGroup>::Velocity> {
        self.space().velocities()
    }

    fn lift(&self) -> Lift {
        self.space().lift()
    }

    fn hidden(&self, state: &LiftedState) -> Result<Tensor> {
        Ok(state.hidden().clone())
    }

    fn claimed(&self, flow: <L::Group as FlowGroup>::Velocity, t: usize) -> Vec<(usize, usize)> {
        self.comparable(flow, t)
    }
}
