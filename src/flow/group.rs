//! The group interface that cells are written against, and the hidden state that they carry.

use super::velocity::{Velocity, VelocitySet};
use crate::error::{Result, expect_shape};
use crate::ops::Activation;
use candle_core::{DType, Device, Tensor};

/// A hidden state h(ν, g) over velocities and the group: logically (B, V, C, H, W).
///
/// It is kept with the channels last, as the kernels read it; [`LiftedState::to_tensor`] gives the
/// documented order without a copy.
#[derive(Clone, Debug)]
pub struct LiftedState {
    channels_last: Tensor, // (B, V, H, W, C)
}

impl LiftedState {
    /// The state that a tensor (B, V, C, H, W) holds.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the tensor does not have five dimensions.
    pub fn from_tensor(state: &Tensor) -> Result<Self> {
        let any = ["B", "V", "C", "H", "W"].map(|name| (name, None));
        expect_shape("hidden state", state, &any)?;
        Ok(Self { channels_last: state.permute((0, 1, 3, 4, 2))?.contiguous()? })
    }

    /// The state as (B, V, C, H, W), a view.
    pub fn to_tensor(&self) -> Result<Tensor> {
        Ok(self.channels_last.permute((0, 1, 4, 2, 3))?)
    }

    /// Wraps a contiguous tensor (B, V, H, W, C).
    pub(crate) fn from_channels_last(channels_last: Tensor) -> Self {
        Self { channels_last }
    }

    /// The tensor (B, V, H, W, C) that the kernels read.
    pub(crate) fn channels_last(&self) -> &Tensor {
        &self.channels_last
    }

    /// h_0 = 0 for `dims` = (B, V, C, H, W).
    pub fn zeros(
        dims: (usize, usize, usize, usize, usize),
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let (batch, velocities, channels, height, width) = dims;
        let shape = (batch, velocities, height, width, channels);
        Ok(Self { channels_last: Tensor::zeros(shape, dtype, device)? })
    }

    /// The same state cut from the autograd graph.
    pub fn detach(&self) -> Self {
        Self { channels_last: self.channels_last.detach() }
    }
}

/// A group whose one-parameter flows act on frames and on hidden states.
///
/// Cells are written once against this trait and know nothing of pixels or angles.
pub trait FlowGroup: Clone + Send + Sync {
    /// Generators of the group's flows.
    type Velocity: Velocity;

    /// ψ_t(ν)·f for t = `steps`, (ψ·f)(x) = f(ψ⁻¹·x), on frames (B, C, H, W).
    fn act_on_frame(&self, frame: &Tensor, velocity: Self::Velocity, steps: i64) -> Result<Tensor>;

    /// ψ_t(ν)·h(ν) slice by slice for t = `steps`, each velocity acting on its own slice.
    fn act_on_slices(
        &self,
        state: &LiftedState,
        velocities: &VelocitySet<Self::Velocity>,
        steps: i64,
    ) -> Result<LiftedState>;

    /// The lifting convolution U ⋆ f: frame (B, C_in, H, W), kernel (C, C_in, k, k), result
    /// (B, H, W, C), channels last.
    fn lift(&self, frame: &Tensor, kernel: &Tensor) -> Result<Tensor>;

    /// The recurrence σ(ψ_1(ν)·[W ⋆ h(ν)] + u) for every ν (Keller 2025, §4), as one operation.
    ///
    /// # Shapes
    /// `state` (B, V, C, H, W); `kernel` (C, C, k, k); `lifted` u, (B, H, W, C) as from
    /// [`FlowGroup::lift`].
    fn recur(
        &self,
        state: &LiftedState,
        velocities: &VelocitySet<Self::Velocity>,
        kernel: &Tensor,
        lifted: &Tensor,
        activation: Activation,
    ) -> Result<LiftedState>;
}
