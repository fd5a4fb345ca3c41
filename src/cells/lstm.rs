//! The long short-term memory on V × G.

use super::gru::gate;
use super::layer::FlowLayer;
use super::rnn::expect_gates;
use crate::error::Result;
use crate::flow::{FlowGroup, FlowSpace, Input, LiftedState};
use crate::ops::{ConvAlgorithm, VelocityPooling};
use candle_core::Tensor;
use candle_nn::ops::sigmoid;

/// A convolutional long short-term memory (Hochreiter & Schmidhuber, 1997; Shi et al., 2015, without
/// peepholes), lifted to V × G. Both remembered tensors are carried: with m(ν) = ψ_1(ν)·h_t(ν) and
/// k(ν) = ψ_1(ν)·c_t(ν) in the lab frame, and m = h̃_t, k = c̃_t, f = ψ_t(ν)⁻¹·f_t in the co-moving
/// one:
///
/// ```text
/// i = sigmoid( W_i ⋆ m + U_i ⋆ f )
/// a = sigmoid( W_a ⋆ m + U_a ⋆ f )      the forget gate
/// g = tanh( W_g ⋆ m + U_g ⋆ f )
/// o = sigmoid( W_o ⋆ m + U_o ⋆ f )
/// c_{t+1} = a ⊙ k + i ⊙ g
/// h_{t+1} = o ⊙ tanh(c_{t+1})
/// ```
///
/// No biases, like the paper's cells. The kernels of i, a, g, o are stacked in this order, PyTorch's.
///
/// # Equivariance
/// That of [`FlowLayer`], as exact as [`FlowRnn`](super::FlowRnn).
#[derive(Clone, Debug)]
pub struct FlowLstm<G: FlowGroup> {
    space: FlowSpace<G>,
    input_kernel: Tensor,
    recurrent_kernel: Tensor,
    channels: usize,
    pooling: VelocityPooling,
    algorithm: ConvAlgorithm,
}

impl<G: FlowGroup> FlowLstm<G> {
    /// A cell with max pooling and [`ConvAlgorithm::Auto`].
    ///
    /// # Shapes
    /// `input_kernel` U (4·C, C_in, k, k) and `recurrent_kernel` W (4·C, C, k', k'), odd extents.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the kernels' channels disagree.
    pub fn over(
        space: FlowSpace<G>,
        input_kernel: Tensor,
        recurrent_kernel: Tensor,
    ) -> Result<Self> {
        let channels = expect_gates(&input_kernel, &recurrent_kernel, 4)?;
        let (pooling, algorithm) = (VelocityPooling::Max, ConvAlgorithm::Auto);
        Ok(Self { space, input_kernel, recurrent_kernel, channels, pooling, algorithm })
    }

    /// Replaces the pooling over V in the read-out.
    pub fn with_pooling(self, pooling: VelocityPooling) -> Self {
        Self { pooling, ..self }
    }

    /// Replaces how the convolutions over V × G are computed.
    pub fn with_algorithm(self, algorithm: ConvAlgorithm) -> Self {
        Self { algorithm, ..self }
    }
}

impl<G: FlowGroup> FlowLayer for FlowLstm<G> {
    type Group = G;

    fn space(&self) -> &FlowSpace<G> {
        &self.space
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn memories(&self) -> usize {
        2
    }

    fn pooling(&self) -> VelocityPooling {
        self.pooling
    }

    fn parameters(&self) -> Vec<&Tensor> {
        vec![&self.input_kernel, &self.recurrent_kernel]
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let (space, how) = (&self.space, self.algorithm);
        let [m, k] = [space.carry(&state.memories()[0])?, space.carry(&state.memories()[1])?];
        let u = space.drive(input, &self.input_kernel, state.frames_seen(), how)?;
        let w = space.group().convolve(&m, &self.recurrent_kernel, how)?;
        let sum = w.broadcast_add(&u)?;
        let i = sigmoid(&gate(&sum, 0, self.channels)?)?;
        let a = sigmoid(&gate(&sum, 1, self.channels)?)?;
        let g = gate(&sum, 2, self.channels)?.tanh()?;
        let o = sigmoid(&gate(&sum, 3, self.channels)?)?;
        let c = ((a * k)? + (i * g)?)?;
        let h = (o * c.tanh()?)?;
        Ok(state.next(vec![h, c]))
    }
}
