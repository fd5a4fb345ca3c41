//! What gated cells have in common: stacked kernels, carried memories.

use super::layer::{FlowLayer, expect_gates};
use crate::error::Result;
use crate::flow::{FlowGroup, FlowSpace, Input, LiftedState};
use crate::ops::{ConvAlgorithm, VelocityPooling};
use candle_core::{D, Tensor};
use std::marker::PhantomData;

/// The equations of a gated cell, point-wise in (ν, g) once the convolutions are done.
pub trait Gating: Clone + Send + Sync {
    /// Maps of C channels that U and W make each.
    const GATES: usize;

    /// Tensors remembered, the hidden state first.
    const MEMORIES: usize;

    /// The next memories from the carried ones.
    ///
    /// # Shapes
    /// `input` U ⋆ f, (B, V or 1, H, W, gates·C); `recurrent` W ⋆ m, (B, V, H, W, gates·C), or ψ_1(ν)·[W ⋆ h]
    /// in the other [`CarryOrder`](crate::ops::CarryOrder); memories (B, V, H, W, C).
    fn update(input: &Tensor, recurrent: &Tensor, carried: &[Tensor]) -> Result<Vec<Tensor>>;
}

/// A gated cell over V × G: every remembered tensor is carried by the flow, then the gates act point
/// by point. With a group of the other [`CarryOrder`](crate::ops::CarryOrder) the recurrent maps of the
/// gates are convolved first and carried then; what is remembered beside them is carried in any case.
///
/// # Equivariance
/// That of [`FlowLayer`], as exact as [`FlowRnn`](super::FlowRnn).
#[derive(Clone, Debug)]
pub struct GatedRnn<G: FlowGroup, T> {
    space: FlowSpace<G>,
    input_kernel: Tensor,
    recurrent_kernel: Tensor,
    channels: usize,
    pooling: VelocityPooling,
    algorithm: ConvAlgorithm,
    gating: PhantomData<T>,
}

impl<G: FlowGroup, T: Gating> GatedRnn<G, T> {
    /// A cell with max pooling and [`ConvAlgorithm::Auto`].
    ///
    /// # Shapes
    /// `input_kernel` U (gates·C, C_in, k, k) and `recurrent_kernel` W (gates·C, C, k', k'), odd
    /// extents, the gates stacked in the order of their equations.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the kernels' channels disagree.
    pub fn over(
        space: FlowSpace<G>,
        input_kernel: Tensor,
        recurrent_kernel: Tensor,
    ) -> Result<Self> {
        let channels = expect_gates(&input_kernel, &recurrent_kernel, T::GATES)?;
        let (pooling, algorithm) = (VelocityPooling::Max, ConvAlgorithm::Auto);
        let gating = PhantomData;
        Ok(Self { space, input_kernel, recurrent_kernel, channels, pooling, algorithm, gating })
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

/// One of `gates` maps whose channels are stacked in (B, V, H, W, gates·C).
pub(super) fn gate(stacked: &Tensor, number: usize, gates: usize) -> Result<Tensor> {
    let channels = stacked.dim(D::Minus1)? / gates;
    Ok(stacked.narrow(D::Minus1, number * channels, channels)?.contiguous()?)
}

impl<G: FlowGroup, T: Gating> FlowLayer for GatedRnn<G, T> {
    type Group = G;

    fn space(&self) -> &FlowSpace<G> {
        &self.space
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn memories(&self) -> usize {
        T::MEMORIES
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
        let (m, w) = space.carry_and_convolve(state.hidden(), &self.recurrent_kernel, how)?;
        let mut carried = vec![m];
        for memory in &state.memories()[1..] {
            carried.push(space.carry(memory)?);
        }
        Ok(state.next(T::update(&u, &w, &carried)?))
    }
}
