//! The simple flow equivariant recurrent cell (FERNN); with V = {0} it is the G-RNN.

use super::layer::{FlowLayer, expect_gates};
use crate::error::Result;
use crate::flow::{
    Drive, FlowGroup, FlowSpace, Input, Lift, LiftedState, Sequence, Translation, VelocitySet,
};
use crate::ops::{self, Activation, ConvAlgorithm, ReadOut, Recurrence, VelocityPooling};
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
/// algorithm, in the lab frame with [`ConvAlgorithm::Direct`] (with Winograd single steps to rounding); over rotations
/// as exact as [`Rotation`](crate::flow::Rotation) says. With V = {0} it says nothing for ν̂ ≠ 0: the G-RNN is not flow equivariant.
#[derive(Clone, Debug)]
pub struct FlowRnn<G: FlowGroup> {
    space: FlowSpace<G>,
    drive: Drive,
    recurrent_kernel: Tensor,
    recurrence: Recurrence,
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

    /// [`FlowRnn::new`] over a space with either lift; without `input_kernel` (`None`) over feature
    /// maps of C channels, which are added as they are ([`Input::Map`]).
    ///
    /// # Errors
    /// As [`FlowRnn::new`].
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use fernn::cells::{Cell, FlowRnn};
    /// use fernn::flow::{FlowSpace, Lift, Sequence, Translation, VelocitySet};
    /// use fernn::ops::ReadOut;
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let normal = |shape: &[usize]| Tensor::randn(0f32, 0.3, shape, &Device::Cpu);
    /// let space = FlowSpace::new(Translation, VelocitySet::square(1), Lift::CoMoving);
    /// let cell = FlowRnn::over(space, None, normal(&[4, 4, 3, 3])?)?;
    /// let maps = normal(&[2, 5, 4, 7, 11])?; // (B, T, C, H, W), made by an encoder
    /// let last = cell.unroll(Sequence::Maps(&maps), ReadOut::Last)?;
    /// assert_eq!(last.dims(), [1, 2, 7, 11, 4]);
    /// assert!(cell.unroll(Sequence::Frames(&maps), ReadOut::Last).is_err(), "nothing lifts a frame");
    /// # Ok(())
    /// # }
    /// ```
    pub fn over(
        space: FlowSpace<G>,
        input_kernel: impl Into<Option<Tensor>>,
        recurrent_kernel: Tensor,
    ) -> Result<Self> {
        let drive = expect_gates(input_kernel.into(), &recurrent_kernel, 1)?;
        Ok(Self { space, drive, recurrent_kernel, recurrence: Recurrence::default() })
    }

    /// Replaces the non-linearity σ.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { recurrence: Recurrence { activation, ..self.recurrence }, ..self }
    }

    /// Replaces the pooling over V in the read-out.
    pub fn with_pooling(self, pooling: VelocityPooling) -> Self {
        Self { recurrence: Recurrence { pooling, ..self.recurrence }, ..self }
    }

    /// Replaces how the recurrent convolution is computed.
    pub fn with_algorithm(self, algorithm: ConvAlgorithm) -> Self {
        Self { recurrence: Recurrence { algorithm, ..self.recurrence }, ..self }
    }

    fn next_in_lab(&self, input: Input<'_>, state: &LiftedState) -> Result<Tensor> {
        let (space, how) = (&self.space, self.recurrence.algorithm);
        let u = space.drive(input, &self.drive, state.frames_seen(), how)?;
        let (velocities, w) = (space.velocities().as_slice(), &self.recurrent_kernel);
        space.group().recur_carried(state.hidden(), velocities, w, &u, self.recurrence)
    }

    fn next_co_moving(&self, input: Input<'_>, state: &LiftedState) -> Result<Tensor> {
        let (space, group, w) = (&self.space, self.space.group(), &self.recurrent_kernel);
        let steps = space.steps_to_slices(input, state.frames_seen());
        let (h, velocities) = (state.hidden(), space.velocities().as_slice());
        match input {
            Input::Frame(frame) | Input::FormerFrame(frame) => {
                let kernels = (self.drive.kernel_for_frames()?, w);
                group.recur_flowed_frame(h, velocities, kernels, (frame, steps), self.recurrence)
            }
            Input::Map(map) => {
                self.drive.check_map(map.dims4()?.1)?;
                let map = ops::to_channels_last(map)?;
                group.recur_flowed_map(h, velocities, w, (&map, steps), self.recurrence)
            }
            Input::Lifted(_) => {
                let how = self.recurrence.algorithm;
                let u = space.drive(input, &self.drive, state.frames_seen(), how)?;
                group.recur(h, w, &u, self.recurrence)
            }
        }
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
        self.recurrence.pooling
    }

    fn parameters(&self) -> Vec<&Tensor> {
        self.drive.kernel().into_iter().chain([&self.recurrent_kernel]).collect()
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let next = match self.space.lift() {
            Lift::Trivial => self.next_in_lab(input, state)?,
            Lift::CoMoving => self.next_co_moving(input, state)?,
        };
        Ok(state.next(vec![next]))
    }

    fn unroll_at_once(
        &self,
        sequence: Sequence<'_>,
        read_out: ReadOut<'_>,
    ) -> Result<Option<Tensor>> {
        let kernels = self.drive.kernels(sequence, &self.recurrent_kernel)?;
        self.space.unroll(sequence, kernels, self.recurrence.into(), read_out)
    }
}
