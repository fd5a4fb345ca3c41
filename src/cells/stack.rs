//! Several recurrent layers, one above the other.

use super::cell::{Cell, FlowCell};
use super::layer::FlowLayer;
use crate::error::{Error, Result};
use crate::flow::{FlowGroup, Input, Lift, LiftedState, VelocitySet};
use candle_core::{DType, Device, Tensor};

/// Layers over the same V × G. The lowest lifts the frames; each further one reads the hidden state
/// below it slice by slice: the velocity axis is carried up, nothing is lifted again.
///
/// # Equivariance
/// That of [`FlowLayer`], layer by layer: what a layer reads flows as its own state does. The pairs
/// claimed are those of all layers; layers that mix velocities should have one neighbourhood.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use fernn::cells::{Cell, FlowRnn, Stacked};
/// use fernn::flow::{FlowSpace, Lift, Sequence, Translation, VelocitySet};
/// use fernn::ops::ReadOut;
///
/// # fn main() -> fernn::Result<()> {
/// let kernel = |inputs| Tensor::ones((4, inputs, 3, 3), DType::F32, &Device::Cpu);
/// let space = FlowSpace::new(Translation, VelocitySet::square(1), Lift::CoMoving);
/// let layer = |inputs| FlowRnn::over(space.clone(), kernel(inputs)?, kernel(4)?);
/// let cell = Stacked::new(vec![layer(1)?, layer(4)?])?;
/// let frames = Tensor::ones((2, 3, 1, 5, 7), DType::F32, &Device::Cpu)?;
/// let last = cell.unroll(Sequence::Frames(&frames), ReadOut::Last)?;
/// assert_eq!(last.dims(), [1, 2, 5, 7, 4]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Stacked<L> {
    layers: Vec<L>,
}

impl<L: FlowLayer> Stacked<L> {
    /// A stack, lowest layer first.
    ///
    /// # Errors
    /// [`Error::Configuration`] when there is no layer, or layers differ in velocities or lift.
    pub fn new(layers: Vec<L>) -> Result<Self> {
        let refuse =
            |problem| Error::configuration("the stack", problem, "give all layers one V × G");
        let first = layers.first().ok_or_else(|| refuse("has no layer"))?.space();
        let fits = |layer: &L| {
            let space = layer.space();
            space.velocities() == first.velocities() && space.lift() == first.lift()
        };
        if !layers.iter().all(fits) {
            return Err(refuse("has layers over different velocities or lifts"));
        }
        Ok(Self { layers })
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[L] {
        &self.layers
    }

    fn advance(&self, lowest: Input<'_>, state: &[LiftedState]) -> Result<Vec<LiftedState>> {
        let mut next: Vec<LiftedState> = Vec::with_capacity(self.layers.len());
        for (layer, state) in self.layers.iter().zip(state) {
            let input = next.last().map_or(lowest, |below| Input::Lifted(below.hidden()));
            let state = layer.advance(input, state)?;
            next.push(state);
        }
        Ok(next)
    }

    fn highest(&self) -> &L {
        &self.layers[self.layers.len() - 1]
    }
}

impl<L: FlowLayer> Cell for Stacked<L> {
    /// The state of each layer, lowest first.
    type State = Vec<LiftedState>;

    fn zero_state(
        &self,
        batch: usize,
        extents: (usize, usize),
        dtype: DType,
        device: &Device,
    ) -> Result<Vec<LiftedState>> {
        self.layers.iter().map(|layer| layer.zero_state(batch, extents, dtype, device)).collect()
    }

    fn step(&self, input: Input<'_>, state: &Vec<LiftedState>) -> Result<Vec<LiftedState>> {
        self.advance(input, state)
    }

    fn read_out(&self, state: &Vec<LiftedState>) -> Result<Tensor> {
        self.highest().read_out(&state[state.len() - 1])
    }

    fn detach(&self, state: &Vec<LiftedState>) -> Vec<LiftedState> {
        state.iter().map(LiftedState::detach).collect()
    }
}

impl<L: FlowLayer> FlowCell for Stacked<L> {
    type Group = L::Group;

    fn group(&self) -> &L::Group {
        self.highest().space().group()
    }

    fn velocities(&self) -> &VelocitySet<<L::Group as FlowGroup>::Velocity> {
        self.highest().space().velocities()
    }

    fn lift(&self) -> Lift {
        self.highest().space().lift()
    }

    /// The hidden state of the highest layer.
    fn hidden(&self, state: &Vec<LiftedState>) -> Result<Tensor> {
        Ok(state[state.len() - 1].hidden().clone())
    }

    fn hidden_of_layers(&self, state: &Vec<LiftedState>) -> Result<Vec<Tensor>> {
        Ok(state.iter().map(|layer| layer.hidden().clone()).collect())
    }

    /// What every layer claims.
    fn claimed(&self, flow: <L::Group as FlowGroup>::Velocity, t: usize) -> Vec<(usize, usize)> {
        let of_layers: Vec<_> = self.layers.iter().map(|layer| layer.comparable(flow, t)).collect();
        let all = |pair: &(usize, usize)| of_layers.iter().all(|pairs| pairs.contains(pair));
        of_layers[0].iter().copied().filter(all).collect()
    }
}
