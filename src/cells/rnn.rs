//! The simple flow equivariant recurrent cell (FERNN); with V = {0} it is the G-RNN.

use super::layer::{FlowLayer, expect_gates};
use crate::error::Result;
use crate::flow::{
    FlowGroup, FlowSpace, Input, Lift, LiftedState, Recurrence, Translation, VelocitySet,
};
use crate::ops::{Activation, ConvAlgorithm, Feed, VelocityPooling};
use candle_core::Tensor;

/// The simple recurrence (Keller 2025, §4 and its appendix), for every ν of the set:
///
/// - [`Lift::Trivial`]: `h_{t+1}(ν) = σ( W ⋆ (ψ_1(ν)·h_t(ν)) + U ⋆ f_t )`
/// - [`Lift::CoMoving`]: `h̃_{t+1}(ν) = σ( W ⋆ h̃_t(ν) + U ⋆ (ψ_t(ν)⁻¹·f_t) )`
///
/// In the lab frame the state is carried before it is convolved, as the paper's public code does. The
/// equation as printed convolves first, `ψ_1(ν)·[W ⋆ h_t(ν)]`: the same where the action commutes with
/// the convolution, as translations do, another network where it interpolates. A group of the other
/// [`CarryOrder`](crate::ops::CarryOrder) computes that.
///
/// # Equivariance
/// That of [`FlowLayer`], bit for bit with integer translations: in the co-moving frame with every
/// algorithm, in the lab frame with [`ConvAlgorithm::Direct`] (with Winograd to rounding); over rotations
/// as exact as [`Rotation`](crate::flow::Rotation) says. With V = {0} it says nothing for ν̂ ≠ 0: the G-RNN is not flow equivariant.
#[derive(Clone, Debug)]
pub struct FlowRnn<G: FlowGroup> {
    space: FlowSpace<G>,
    input_kernel: Tensor,
    recurrent_kernel: Tensor,
    recipe: Recurrence,
}

/// The translation cell of Flowing MNIST.
pub type TranslationRnn = FlowRnn<Translation>;

impl<G: FlowGroup> FlowRnn<G> {
    /// A cell with ReLU, max pooling, [`ConvAlgorithm::Auto`] and [`Lift::CoMoving`], the faster of
    /// the two frames of reference.
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
        Self::over(
            FlowSpace::new(group, velocities, Lift::CoMoving),
            input_kernel,
            recurrent_kernel,
        )
    }

    /// [`FlowRnn::new`] over a space with either lift.
    pub fn over(
        space: FlowSpace<G>,
        input_kernel: Tensor,
        recurrent_kernel: Tensor,
    ) -> Result<Self> {
        expect_gates(&input_kernel, &recurrent_kernel, 1)?;
        Ok(Self { space, input_kernel, recurrent_kernel, recipe: Recurrence::default() })
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
}

impl<G: FlowGroup> FlowLayer for FlowRnn<G> {
    type Group = G;

    fn space(&self) -> &FlowSpace<G> {
        &self.space
    }

    fn channels(&self) -> usize {
        self.recurrent_kernel.dims()[0]
    }

    fn pooling(&self) -> VelocityPooling {
        self.recipe.pooling
    }

    fn parameters(&self) -> Vec<&Tensor> {
        vec![&self.input_kernel, &self.recurrent_kernel]
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let (space, group) = (&self.space, self.space.group());
        let next = match (input, space.lift()) {
            (Input::Frame(frame) | Input::FormerFrame(frame), Lift::CoMoving) => {
                let steps = space.steps_to_slices(input, state.frames_seen());
                let kernels = (&self.input_kernel, &self.recurrent_kernel);
                let (h, velocities) = (state.hidden(), space.velocities().as_slice());
                group.recur_flowed(h, velocities, kernels, (frame, steps), self.recipe)?
            }
            (_, lift) => {
                let how = self.recipe.algorithm;
                let u = space.drive(input, &self.input_kernel, state.frames_seen(), how)?;
                let (h, w, velocities) =
                    (state.hidden(), &self.recurrent_kernel, space.velocities().as_slice());
                match lift {
                    Lift::Trivial => group.recur_carried(h, velocities, w, &u, self.recipe)?,
                    Lift::CoMoving => group.recur(h, w, &u, self.recipe)?,
                }
            }
        };
        Ok(state.next(vec![next]))
    }

    fn unroll_at_once(
        &self,
        seen: &Tensor,
        steps: usize,
        feed: &mut Feed<'_>,
    ) -> Result<Option<Tensor>> {
        if self.space.lift() == Lift::Trivial {
            return Ok(None);
        }
        let (group, velocities) = (self.space.group(), self.space.velocities());
        let kernels = (&self.input_kernel, &self.recurrent_kernel);
        group.unroll(seen, velocities, kernels, self.recipe, steps, feed)
    }
}
