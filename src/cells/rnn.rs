//! The simple flow equivariant recurrent cell (FERNN); with V = {0} it is the G-RNN.

use super::{Cell, unroll_step_by_step};
use crate::error::{Result, expect_shape};
use crate::flow::{FlowGroup, LiftedState, Recurrence, Translation, VelocitySet};
use crate::ops::{self, Activation, ConvAlgorithm, Feed, VelocityPooling};
use candle_core::{DType, Device, Tensor};

/// `h'(ν) = σ( ψ₁(ν)·[W ⋆ h(ν)] + U ⋆ f )` for every ν of the set, trivial lift of the input
/// (Keller 2025, §4).
///
/// # Equivariance
/// From a zero state, after frames 0..=t: flowing the input by ν̂ flows the state by t·ν̂ and
/// moves slice ν − ν̂ to ν, for every ν with ν − ν̂ in the set. Bit-exact for integer translations.
/// With V = {0} this says nothing for ν̂ ≠ 0: the G-RNN is not flow equivariant.
#[derive(Clone, Debug)]
pub struct FlowRnn<G: FlowGroup> {
    group: G,
    velocities: VelocitySet<G::Velocity>,
    input_kernel: Tensor,
    recurrent_kernel: Tensor,
    recipe: Recurrence,
}

/// The translation cell of Flowing MNIST.
pub type TranslationRnn = FlowRnn<Translation>;

impl<G: FlowGroup> FlowRnn<G> {
    /// A cell with ReLU, max pooling and [`ConvAlgorithm::Auto`], from its two kernels.
    ///
    /// # Shapes
    /// `input_kernel` U (C, C_in, k, k) and `recurrent_kernel` W (C, C, k', k'), odd extents.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the kernels' channels disagree.
    pub fn new(
        group: G,
        velocities: VelocitySet<G::Velocity>,
        input_kernel: Tensor,
        recurrent_kernel: Tensor,
    ) -> Result<Self> {
        let channels = Some(input_kernel.dims4()?.0);
        expect_shape(
            "recurrent kernel",
            &recurrent_kernel,
            &[("C", channels), ("C", channels), ("kh", None), ("kw", None)],
        )?;
        Ok(Self {
            group,
            velocities,
            input_kernel,
            recurrent_kernel,
            recipe: Recurrence::default(),
        })
    }

    /// Replaces the non-linearity σ.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { recipe: Recurrence { activation, ..self.recipe }, ..self }
    }

    /// Replaces the pooling over V in the read-out.
    pub fn with_pooling(self, pooling: VelocityPooling) -> Self {
        Self { recipe: Recurrence { pooling, ..self.recipe }, ..self }
    }

    /// Replaces how the recurrent convolution is computed.
    pub fn with_algorithm(self, algorithm: ConvAlgorithm) -> Self {
        Self { recipe: Recurrence { algorithm, ..self.recipe }, ..self }
    }

    /// The group.
    pub fn group(&self) -> &G {
        &self.group
    }

    /// The velocity set, in the order of the state's velocity axis.
    pub fn velocities(&self) -> &VelocitySet<G::Velocity> {
        &self.velocities
    }
}

impl<G: FlowGroup> Cell for FlowRnn<G> {
    type State = LiftedState;

    fn zero_state(
        &self,
        batch: usize,
        (height, width): (usize, usize),
        dtype: DType,
        device: &Device,
    ) -> Result<LiftedState> {
        let channels = self.input_kernel.dims()[0];
        LiftedState::zeros((batch, self.velocities.len(), channels, height, width), dtype, device)
    }

    fn step(&self, frame: &Tensor, state: &LiftedState) -> Result<LiftedState> {
        let lifted = self.group.lift(frame, &self.input_kernel)?;
        self.group.recur(state, &self.velocities, &self.recurrent_kernel, &lifted, self.recipe)
    }

    fn read_out(&self, state: &LiftedState) -> Result<Tensor> {
        ops::to_channels_first(&self.group.pool(state, self.recipe.pooling)?)
    }

    fn detach(&self, state: &LiftedState) -> LiftedState {
        state.detach()
    }

    fn unroll(&self, seen: &Tensor, steps: usize, feed: &mut Feed<'_>) -> Result<Tensor> {
        let kernels = (&self.input_kernel, &self.recurrent_kernel);
        let group = &self.group;
        match group.unroll(seen, &self.velocities, kernels, self.recipe, steps, feed)? {
            Some(read_outs) => Ok(read_outs),
            None => unroll_step_by_step(self, seen, steps, feed, &mut |_| ()),
        }
    }
}
