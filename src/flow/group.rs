//! The group interface that cells are written against, and the hidden state that they carry.

use super::velocity::{Velocity, VelocitySet};
use crate::error::{Result, expect_shape};
use crate::ops::{self, Activation, ConvAlgorithm, Feed, Shift, VelocityPooling};
use candle_core::{DType, Device, Tensor};

/// A hidden state h(ν, g) over velocities and the group: logically (B, V, C, H, W).
///
/// It is kept as the kernels read it: with the channels last, and each slice in a frame of reference
/// that moves with its velocity from the first frame on. There a recurrence acts as if nothing
/// moved, so that equal slices have equal bits whatever the flow. [`LiftedState::to_tensor`] gives
/// the state itself.
#[derive(Clone, Debug)]
pub struct LiftedState {
    channels_last: Tensor, // (B, V, H, W, C)
    /// What moves each slice to its place; `None` where every place is right: h_0 = 0.
    displacements: Option<Vec<Shift>>,
}

impl LiftedState {
    /// The state that a tensor (B, V, C, H, W) holds.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the tensor does not have five dimensions.
    pub fn from_tensor(state: &Tensor) -> Result<Self> {
        let any = ["B", "V", "C", "H", "W"].map(|name| (name, None));
        expect_shape("hidden state", state, &any)?;
        let channels_last = state.permute((0, 1, 3, 4, 2))?.contiguous()?;
        let displacements = vec![Shift::default(); channels_last.dims()[1]];
        Ok(Self::displaced(channels_last, displacements))
    }

    /// The state as (B, V, C, H, W).
    pub fn to_tensor(&self) -> Result<Tensor> {
        Ok(self.in_place()?.permute((0, 1, 4, 2, 3))?)
    }

    /// The state as (B, V, H, W, C).
    pub(crate) fn in_place(&self) -> Result<Tensor> {
        match &self.displacements {
            Some(shifts) if shifts.iter().any(|&shift| shift != Shift::default()) => {
                ops::shift_slices(&self.channels_last, shifts)
            }
            _ => Ok(self.channels_last.clone()),
        }
    }

    /// The state whose slices of (B, V, H, W, C) are brought to their places by `displacements`.
    pub(crate) fn displaced(channels_last: Tensor, displacements: Vec<Shift>) -> Self {
        Self { channels_last, displacements: Some(displacements) }
    }

    /// What brings each slice to its place; `None` for the state before the first frame.
    pub(crate) fn displacements(&self) -> Option<&[Shift]> {
        self.displacements.as_deref()
    }

    /// The displaced slices (B, V, H, W, C).
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
        Ok(Self { channels_last: Tensor::zeros(shape, dtype, device)?, displacements: None })
    }

    /// The same state cut from the autograd graph.
    pub fn detach(&self) -> Self {
        Self {
            channels_last: self.channels_last.detach(),
            displacements: self.displacements.clone(),
        }
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
        recipe: Recurrence,
    ) -> Result<LiftedState>;

    /// The state pooled over its velocities: (B, H, W, C), channels last.
    fn pool(&self, state: &LiftedState, pooling: VelocityPooling) -> Result<Tensor> {
        ops::pool_velocities(&state.in_place()?, pooling)
    }

    /// The whole of [`crate::cells::Cell::unroll`] as one operation, for groups that have one.
    ///
    /// `kernels` are U and W.
    fn unroll(
        &self,
        _seen: &Tensor,
        _velocities: &VelocitySet<Self::Velocity>,
        _kernels: (&Tensor, &Tensor),
        _recipe: Recurrence,
        _steps: usize,
        _feed: &mut Feed<'_>,
    ) -> Result<Option<Tensor>> {
        Ok(None)
    }
}

/// How a simple recurrence is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recurrence {
    /// The non-linearity σ.
    pub activation: Activation,
    /// The pooling over V in the read-out.
    pub pooling: VelocityPooling,
    /// How the recurrent convolution is computed.
    pub algorithm: ConvAlgorithm,
}
