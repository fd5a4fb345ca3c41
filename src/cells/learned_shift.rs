//! The G-RNN+: a G-RNN with as many channels of state as a FERNN, whose shifts are learned.

use super::layer::{FlowLayer, expect_gates};
use crate::error::{Result, expect_shape};
use crate::flow::{
    FlowGroup, FlowSpace, Input, Lift, LiftedState, PixelsPerFrame, Recurrence, Translation,
    VelocitySet,
};
use crate::ops::{self, Activation, ConvAlgorithm, VelocityPooling};
use candle_core::{DType, Device, Tensor};

/// `h_{t+1}(ν) = σ( W ⋆ (D_ν ⋆ h_t(ν)) + U ⋆ f_t )` with a learned kernel D_ν in the place of ψ_1(ν),
/// the same for all channels (Keller 2025, the G-RNN+ of the Moving KTH experiment).
///
/// The control for the number of state variables: everything of a FERNN but the knowledge of how
/// velocities move.
///
/// # Equivariance
/// None in general, and made for translations in the lab frame. With the kernels of [`shift_kernels`] it *is* the FERNN in the lab frame, bit
/// for bit.
#[derive(Clone, Debug)]
pub struct LearnedShiftRnn<G: FlowGroup = Translation> {
    space: FlowSpace<G>,
    input_kernel: Tensor,
    recurrent_kernel: Tensor,
    shift_kernels: Tensor,
    recipe: Recurrence,
}

/// The kernels (V, k, k), k = 2·`reach` + 1, that shift slice ν by ν: 1 at −ν, 0 elsewhere.
///
/// # Errors
/// [`crate::Error::Configuration`] when a velocity is larger than `reach`.
pub fn shift_kernels(
    velocities: &VelocitySet<PixelsPerFrame>,
    reach: u32,
    dtype: DType,
) -> Result<Tensor> {
    let (reach, size) = (reach as i32, 2 * reach as usize + 1);
    let mut values = vec![0f64; velocities.len() * size * size];
    for (kernel, v) in values.chunks_mut(size * size).zip(velocities.as_slice()) {
        if v.x.abs().max(v.y.abs()) > reach {
            return Err(crate::Error::configuration(
                "a shift kernel",
                format!("of reach {reach} cannot shift by {v:?}"),
                "take a larger kernel",
            ));
        }
        kernel[(reach - v.y) as usize * size + (reach - v.x) as usize] = 1.0;
    }
    let shape = (velocities.len(), size, size);
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?)
}

impl LearnedShiftRnn<Translation> {
    /// A cell over translations in the lab frame; see [`LearnedShiftRnn::over`].
    ///
    /// # Errors
    /// As [`LearnedShiftRnn::over`].
    pub fn new(
        velocities: VelocitySet<PixelsPerFrame>,
        input_kernel: Tensor,
        recurrent_kernel: Tensor,
        shift_kernels: Tensor,
    ) -> Result<Self> {
        let space = FlowSpace::new(Translation, velocities, Lift::Trivial);
        Self::over(space, input_kernel, recurrent_kernel, shift_kernels)
    }
}

impl<G: FlowGroup> LearnedShiftRnn<G> {
    /// A cell with ReLU, max pooling and [`ConvAlgorithm::Auto`]; the space's velocities name the
    /// slices.
    ///
    /// # Shapes
    /// `input_kernel` U (C, C_in, k, k), `recurrent_kernel` W (C, C, k', k') and `shift_kernels` D
    /// (V, k'', k''), odd extents.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when extents disagree.
    pub fn over(
        space: FlowSpace<G>,
        input_kernel: Tensor,
        recurrent_kernel: Tensor,
        shift_kernels: Tensor,
    ) -> Result<Self> {
        expect_gates(&input_kernel, &recurrent_kernel, 1)?;
        let slices = Some(space.velocities().len());
        expect_shape(
            "shift kernels",
            &shift_kernels,
            &[("V", slices), ("kh", None), ("kw", None)],
        )?;
        let recipe = Recurrence::default();
        Ok(Self { space, input_kernel, recurrent_kernel, shift_kernels, recipe })
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

impl<G: FlowGroup> FlowLayer for LearnedShiftRnn<G> {
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
        vec![&self.input_kernel, &self.recurrent_kernel, &self.shift_kernels]
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let how = self.recipe.algorithm;
        let u = self.space.drive(input, &self.input_kernel, state.frames_seen(), how)?;
        let shifted = ops::depthwise_convolution(state.hidden(), &self.shift_kernels)?;
        let next = self.space.group().recur(&shifted, &self.recurrent_kernel, &u, self.recipe)?;
        Ok(state.next(vec![next]))
    }
}
