//! What can be checked: cells and models that show what they hold on the way.

use super::observation::{Claim, Stage, Values};
use crate::cells::{Cell, FlowCell};
use crate::error::Result;
use crate::flow::{FlowGroup, Sequence, VelocitySet};
use crate::ops::ReadOut;
use candle_core::Tensor;

/// A cell or a model that [`check`](super::check) can measure: every [`FlowCell`] is one, and so are this
/// crate's models. Implement it for a model of your own, or wrap a function in a [`SequenceMap`].
///
/// ```
/// use fernn::equivariance::{Claim, Options, Stage, Subject, Values, check};
/// use fernn::flow::{Sequence, Translation};
///
/// /// Squares every pixel.
/// struct Square;
///
/// impl Subject for Square {
///     type Group = Translation;
///
///     fn observe(&self, sequence: Sequence<'_>) -> fernn::Result<Vec<Stage>> {
///         let values = Values::Frames(sequence.tensor().sqr()?);
///         Ok(vec![Stage { name: "output".into(), values, claim: Claim::EveryFlow }])
///     }
/// }
///
/// # fn main() -> fernn::Result<()> {
/// check(|_, _| Ok(Square), &Options::over(Translation))?.assert_holds();
/// # Ok(())
/// # }
/// ```
pub trait Subject {
    /// The group that acts on the input.
    type Group: FlowGroup;

    /// Runs over a sequence and shows every stage, the lowest first and the output last; the same stages
    /// every time.
    ///
    /// # Errors
    /// Those of the run.
    fn observe(&self, sequence: Sequence<'_>) -> Result<Vec<Stage>>;

    /// The pairs of places (ν, ν − ν̂) on the velocity axis of states for which the law is claimed after
    /// item `t` of a sequence that flows by ν̂ = `flow`.
    fn compared(
        &self,
        velocities: &VelocitySet<<Self::Group as FlowGroup>::Velocity>,
        flow: <Self::Group as FlowGroup>::Velocity,
        _t: usize,
    ) -> Vec<(usize, usize)> {
        velocities.pairs_apart(flow)
    }
}

impl<C: FlowCell> Subject for C {
    type Group = C::Group;

    fn observe(&self, sequence: Sequence<'_>) -> Result<Vec<Stage>> {
        let mut stages = layer_stages(self, sequence)?;
        let read_outs = self.unroll(sequence, ReadOut::Every)?; // (T, B, H, W, C)
        stages.push(Stage {
            name: "read-out".into(),
            values: Values::Maps(read_outs.permute((1, 0, 4, 2, 3))?.contiguous()?),
            claim: Claim::FlowsOfClosedSets,
        });
        Ok(stages)
    }

    fn compared(
        &self,
        _velocities: &VelocitySet<<C::Group as FlowGroup>::Velocity>,
        flow: <C::Group as FlowGroup>::Velocity,
        t: usize,
    ) -> Vec<(usize, usize)> {
        self.claimed(flow, t)
    }
}

/// The hidden states of a cell's layers, run step by step, lowest first.
pub(crate) fn layer_stages<C: FlowCell>(cell: &C, sequence: Sequence<'_>) -> Result<Vec<Stage>> {
    let mut layers: Vec<Vec<Tensor>> = Vec::new();
    for state in states(cell, sequence)? {
        for (place, hidden) in cell.hidden_of_layers(&state)?.into_iter().enumerate() {
            match layers.get_mut(place) {
                Some(layer) => layer.push(hidden),
                None => layers.push(vec![hidden]),
            }
        }
    }
    let count = layers.len();
    let stage = |(place, after): (usize, Vec<Tensor>)| Stage {
        name: match count {
            1 => "state".into(),
            _ => format!("state of layer {}", place + 1),
        },
        values: Values::States(cell.lift(), after),
        claim: Claim::EveryFlow,
    };
    Ok(layers.into_iter().enumerate().map(stage).collect())
}

/// The state after each item of a sequence.
pub(super) fn states<C: Cell>(cell: &C, sequence: Sequence<'_>) -> Result<Vec<C::State>> {
    let [batch, steps, _, height, width] = sequence.extents()?;
    let (dtype, device) = (sequence.tensor().dtype(), sequence.tensor().device());
    let mut state = cell.zero_state(batch, (height, width), dtype, device)?;
    (0..steps)
        .map(|t| {
            state = cell.step(sequence.input(&sequence.at(t)?), &state)?;
            Ok(state.clone())
        })
        .collect()
}

/// Any map of frames (B, T, C, H, W) to frames (B, T', C', H, W) that should move with them. Frame t of the
/// result is that of time t, which a flow moves by t steps, unless it begins [later](SequenceMap::from_time):
///
/// ```
/// use fernn::equivariance::{Claim, Options, SequenceMap, check};
/// use fernn::flow::Translation;
///
/// # fn main() -> fernn::Result<()> {
/// let all_but_the_first = |_, _| {
///     let map = |frames: &candle_core::Tensor| Ok(frames.narrow(1, 1, frames.dims()[1] - 1)?);
///     Ok(SequenceMap::<Translation, _>::new(Claim::EveryFlow, map))
/// };
/// assert!(!check(all_but_the_first, &Options::over(Translation))?.holds());
/// let from_time_1 = |dtype, velocities| Ok(all_but_the_first(dtype, velocities)?.from_time(1));
/// check(from_time_1, &Options::over(Translation))?.assert_holds();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SequenceMap<G, F> {
    group: std::marker::PhantomData<G>,
    claim: Claim,
    start: usize,
    map: F,
}

impl<G: FlowGroup, F: Fn(&Tensor) -> Result<Tensor>> SequenceMap<G, F> {
    /// The map, and what is claimed of it.
    pub fn new(claim: Claim, map: F) -> Self {
        Self { group: std::marker::PhantomData, claim, start: 0, map }
    }

    /// The same of a map whose first frame is that of time `start`: T for one that predicts what follows, 1
    /// for differences of frames.
    pub fn from_time(self, start: usize) -> Self {
        Self { start, ..self }
    }
}

impl<G: FlowGroup, F: Fn(&Tensor) -> Result<Tensor>> Subject for SequenceMap<G, F> {
    type Group = G;

    fn observe(&self, sequence: Sequence<'_>) -> Result<Vec<Stage>> {
        let frames = (self.map)(sequence.tensor())?;
        let values = Values::Frames(after_silence(&frames, self.start)?);
        Ok(vec![Stage { name: "output".into(), values, claim: self.claim }])
    }
}

/// Frames or maps (B, T, C, H, W) of times from `start` on, with zeros before them: what is silent both times is
/// not compared.
pub(crate) fn after_silence(frames: &Tensor, start: usize) -> Result<Tensor> {
    if start == 0 {
        return Ok(frames.clone());
    }
    let mut dims = frames.dims().to_vec();
    dims[1] = start;
    let silence = Tensor::zeros(dims, frames.dtype(), frames.device())?;
    Ok(Tensor::cat(&[&silence, frames], 1)?)
}
