//! The G-RNN+: a G-RNN with as many channels of state as a FERNN, whose shifts are learned.

use super::layer::{FlowLayer, expect_gates};
use crate::error::{Error, Result, expect_shape};
use crate::flow::{
    Drive, FlowGroup, FlowSpace, Input, Lift, LiftedState, PixelsPerFrame, VelocitySet,
};
use crate::ops::{self, Activation, ConvAlgorithm, Recurrence, VelocityPooling};
use candle_core::{DType, Device, Tensor};

/// `h_{t+1}(ν) = σ( W ⋆ (D_ν ⋆ h_t(ν)) + U ⋆ f_t )` with a learned kernel D_ν in the place of ψ_1(ν),
/// the same for all channels (Keller 2025, the G-RNN+ of the Moving KTH experiment).
///
/// The control for the number of state variables: everything of a FERNN but the knowledge of how
/// velocities move.
///
/// # Equivariance
/// None in general, and made for translations. With the kernels of [`shift_kernels`] it *is* the FERNN
/// over translations in the lab frame, bit for bit.
#[derive(Clone, Debug)]
pub struct LearnedShiftRnn<G: FlowGroup> {
    space: FlowSpace<G>,
    drive: Drive,
    recurrent_kernel: Tensor,
    shift_kernels: Tensor,
    recurrence: Recurrence,
}

/// The kernels (V, k, k), k = 2·`reach` + 1, that shift slice ν by ν: 1 at −ν, 0 elsewhere.
///
/// # Errors
/// [`Error::Configuration`] when a velocity is larger than `reach`.
pub fn shift_kernels(
    velocities: &VelocitySet<PixelsPerFrame>,
    reach: u32,
    dtype: DType,
) -> Result<Tensor> {
    let (reach, size) = (reach as i32, 2 * reach as usize + 1);
    let mut values = vec![0f64; velocities.len() * size * size];
    for (kernel, v) in values.chunks_mut(size * size).zip(velocities.as_slice()) {
        if v.x.abs().max(v.y.abs()) > reach {
            return Err(Error::configuration(
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

impl<G: FlowGroup> LearnedShiftRnn<G> {
    /// A cell with ReLU, max pooling and [`ConvAlgorithm::Auto`]; the velocities of `space` name the
    /// slices. D_ν wraps around the frame over every group.
    ///
    /// # Shapes
    /// `input_kernel` U (C, C_in, k, k), `recurrent_kernel` W (C, C, k', k') and `shift_kernels` D
    /// (V, k'', k''), odd extents. Without U (`None`) the inputs are feature maps of C channels
    /// ([`Input::Map`]).
    ///
    /// # Errors
    /// [`Error::Shape`] when extents disagree, [`Error::Configuration`] for a space with the co-moving
    /// lift, where nothing that is remembered moves.
    pub fn over(
        space: FlowSpace<G>,
        input_kernel: impl Into<Option<Tensor>>,
        recurrent_kernel: Tensor,
        shift_kernels: Tensor,
    ) -> Result<Self> {
        if space.lift() != Lift::Trivial {
            let problem = "keep their state in the co-moving frame";
            return Err(Error::configuration("learned shifts", problem, "use the trivial lift"));
        }
        let drive = expect_gates(input_kernel.into(), &recurrent_kernel, 1)?;
        let slices = Some(space.velocities().len());
        expect_shape(
            "shift kernels",
            &shift_kernels,
            &[("V", slices), ("kh", None), ("kw", None)],
        )?;
        let recurrence = Recurrence::default();
        Ok(Self { space, drive, recurrent_kernel, shift_kernels, recurrence })
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
        self.recurrence.pooling
    }

    fn parameters(&self) -> Vec<&Tensor> {
        let own = [&self.recurrent_kernel, &self.shift_kernels];
        self.drive.kernel().into_iter().chain(own).collect()
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let how = self.recurrence.algorithm;
        let u = self.space.drive(input, &self.drive, state.frames_seen(), how)?;
        let shifted = ops::depthwise_convolution(state.hidden(), &self.shift_kernels)?;
        let next =
            self.space.group().recur(&shifted, &self.recurrent_kernel, &u, self.recurrence)?;
        Ok(state.next(vec![next]))
    }
}
