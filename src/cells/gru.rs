//! The gated recurrent unit on V × G.

use super::layer::FlowLayer;
use super::rnn::expect_gates;
use crate::error::Result;
use crate::flow::{FlowGroup, FlowSpace, Input, LiftedState};
use crate::ops::{ConvAlgorithm, VelocityPooling};
use candle_core::{D, Tensor};
use candle_nn::ops::sigmoid;

/// A convolutional gated recurrent unit (Cho et al., 2014; the reset gate after the convolution, as
/// in cuDNN and PyTorch), lifted to V × G. With m(ν) = ψ_1(ν)·h_t(ν) in the lab frame, and
/// m = h̃_t, f = ψ_t(ν)⁻¹·f_t in the co-moving one:
///
/// ```text
/// r = sigmoid( W_r ⋆ m + U_r ⋆ f )
/// z = sigmoid( W_z ⋆ m + U_z ⋆ f )
/// n = tanh( r ⊙ (W_n ⋆ m) + U_n ⋆ f )
/// h_{t+1} = (1 − z) ⊙ n + z ⊙ m
/// ```
///
/// No biases, like the paper's cells. The kernels of r, z, n are stacked in this order.
///
/// # Equivariance
/// That of [`FlowLayer`], as exact as [`FlowRnn`](super::FlowRnn).
#[derive(Clone, Debug)]
pub struct FlowGru<G: FlowGroup> {
    space: FlowSpace<G>,
    input_kernel: Tensor,
    recurrent_kernel: Tensor,
    channels: usize,
    pooling: VelocityPooling,
    algorithm: ConvAlgorithm,
}

impl<G: FlowGroup> FlowGru<G> {
    /// A cell with max pooling and [`ConvAlgorithm::Auto`].
    ///
    /// # Shapes
    /// `input_kernel` U (3·C, C_in, k, k) and `recurrent_kernel` W (3·C, C, k', k'), odd extents.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the kernels' channels disagree.
    pub fn over(
        space: FlowSpace<G>,
        input_kernel: Tensor,
        recurrent_kernel: Tensor,
    ) -> Result<Self> {
        let channels = expect_gates(&input_kernel, &recurrent_kernel, 3)?;
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

/// One of the maps whose channels are stacked in (B, V, H, W, gates·C).
pub(super) fn gate(stacked: &Tensor, number: usize, channels: usize) -> Result<Tensor> {
    Ok(stacked.narrow(D::Minus1, number * channels, channels)?.contiguous()?)
}

impl<G: FlowGroup> FlowLayer for FlowGru<G> {
    type Group = G;

    fn space(&self) -> &FlowSpace<G> {
        &self.space
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn pooling(&self) -> VelocityPooling {
        self.pooling
    }

    fn parameters(&self) -> Vec<&Tensor> {
        vec![&self.input_kernel, &self.recurrent_kernel]
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let (space, how) = (&self.space, self.algorithm);
        let u = space.drive(input, &self.input_kernel, state.frames_seen(), how)?;
        let m = space.carry(state.hidden())?;
        let w = space.group().convolve(&m, &self.recurrent_kernel, how)?;
        let part = |stacked: &Tensor, number| gate(stacked, number, self.channels);
        let r = sigmoid(&part(&w, 0)?.broadcast_add(&part(&u, 0)?)?)?;
        let z = sigmoid(&part(&w, 1)?.broadcast_add(&part(&u, 1)?)?)?;
        let n = (r * part(&w, 2)?)?.broadcast_add(&part(&u, 2)?)?.tanh()?;
        let next = ((z.affine(-1.0, 1.0)? * n)? + (z * m)?)?;
        Ok(state.next(vec![next]))
    }
}
