//! The group interface that cells are written against.

use super::lift::Lift;
use super::velocity::{Velocity, VelocitySet};
use crate::error::Result;
use crate::ops::{
    self, CarryOrder, ConvAlgorithm, Kernels, Padding, ReadOut, Recurrence, Unrolled,
};
use candle_core::Tensor;

/// A group whose one-parameter flows act on frames and on hidden states.
///
/// Cells are written once against this trait and know nothing of pixels or angles. Frames are
/// (B, C, H, W); slices of hidden states have their channels last: (B, V, H, W, C).
pub trait FlowGroup: Clone + Send + Sync {
    /// Generators of the group's flows.
    type Velocity: Velocity;

    /// Refuses velocities that the group cannot act with.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] naming the first of them.
    fn check(&self, _velocities: &[Self::Velocity]) -> Result<()> {
        Ok(())
    }

    /// Planes of a field of hidden features: over rotations one for each orientation.
    fn planes(&self) -> usize {
        1
    }

    /// What the group's convolutions read beyond the border.
    fn padding(&self) -> Padding {
        Padding::Circular
    }

    /// ψ_t(ν)·f for t = `steps`, (ψ·f)(x) = f(ψ⁻¹·x), on frames (B, C, H, W).
    fn act_on_frame(&self, frame: &Tensor, velocity: Self::Velocity, steps: i64) -> Result<Tensor>;

    /// ψ_t(ν)·h(ν) for t = `steps` on slices (B, V, H, W, C), one velocity for each slice.
    fn act_on_slices(
        &self,
        slices: &Tensor,
        velocities: &[Self::Velocity],
        steps: i64,
    ) -> Result<Tensor>;

    /// ψ_t(ν)·m for t = `steps`, on a map (B, C, H, W) of hidden features.
    fn act_on_map(&self, map: &Tensor, velocity: Self::Velocity, steps: i64) -> Result<Tensor> {
        let slice = ops::to_channels_last(map)?.unsqueeze(1)?;
        ops::to_channels_first(&self.act_on_slices(&slice, &[velocity], steps)?.squeeze(1)?)
    }

    /// ψ_t(ν)·m for t = `steps` and every velocity, of one map (B, H, W, C) of hidden features:
    /// (B, V, H, W, C).
    fn flow_map(&self, map: &Tensor, velocities: &[Self::Velocity], steps: i64) -> Result<Tensor> {
        let slices = map.unsqueeze(1)?.repeat((1, velocities.len(), 1, 1, 1))?;
        self.act_on_slices(&slices, velocities, steps)
    }

    /// The lifting convolution U ⋆ f: frame (B, C_in, H, W), kernel (C, C_in, k, k), result
    /// (B, H, W, C).
    fn convolve_frame(&self, frame: &Tensor, kernel: &Tensor) -> Result<Tensor>;

    /// The group convolution W ⋆ h of every slice (B, V, H, W, C) with one kernel; result
    /// (B, V, H, W, C').
    fn convolve(&self, slices: &Tensor, kernel: &Tensor, how: ConvAlgorithm) -> Result<Tensor>;

    /// U ⋆ (ψ_t(ν)·f) for t = `steps` and every velocity: (B, V, H, W, C).
    fn convolve_flowed_frame(
        &self,
        frame: &Tensor,
        kernel: &Tensor,
        velocities: &[Self::Velocity],
        steps: i64,
    ) -> Result<Tensor> {
        let lifted = velocities
            .iter()
            .map(|&v| self.convolve_frame(&self.act_on_frame(frame, v, steps)?, kernel))
            .collect::<Result<Vec<_>>>()?;
        Ok(Tensor::stack(&lifted, 1)?)
    }

    /// σ(W ⋆ h(ν) + u(ν)) for slices (B, V, H, W, C) and inputs (B, V or 1, H, W, C).
    fn recur(
        &self,
        slices: &Tensor,
        kernel: &Tensor,
        inputs: &Tensor,
        recurrence: Recurrence,
    ) -> Result<Tensor> {
        let convolved = self.convolve(slices, kernel, recurrence.algorithm)?;
        ops::activate(&convolved.broadcast_add(inputs)?, recurrence.activation)
    }

    /// What comes first in the lab frame, for groups whose action interpolates.
    fn carry_order(&self) -> CarryOrder {
        CarryOrder::default()
    }

    /// What a step in the lab frame makes of a remembered tensor (B, V, H, W, C) with a kernel:
    /// W ⋆ (ψ_1(ν)·h(ν)) or ψ_1(ν)·[W ⋆ h(ν)], as [`FlowGroup::carry_order`] has it; result
    /// (B, V, H, W, C').
    fn carried_convolution(
        &self,
        slices: &Tensor,
        velocities: &[Self::Velocity],
        kernel: &Tensor,
        how: ConvAlgorithm,
    ) -> Result<Tensor> {
        match self.carry_order() {
            CarryOrder::CarryFirst => {
                self.convolve(&self.act_on_slices(slices, velocities, 1)?, kernel, how)
            }
            CarryOrder::ConvolveFirst => {
                self.act_on_slices(&self.convolve(slices, kernel, how)?, velocities, 1)
            }
        }
    }

    /// σ of [`FlowGroup::carried_convolution`] + u(ν): a step in the lab frame, for inputs as in
    /// [`FlowGroup::recur`].
    fn recur_carried(
        &self,
        slices: &Tensor,
        velocities: &[Self::Velocity],
        kernel: &Tensor,
        inputs: &Tensor,
        recurrence: Recurrence,
    ) -> Result<Tensor> {
        let carried = self.carried_convolution(slices, velocities, kernel, recurrence.algorithm)?;
        ops::activate(&carried.broadcast_add(inputs)?, recurrence.activation)
    }

    /// σ(W ⋆ h(ν) + U ⋆ (ψ_t(ν)·f)), t = `steps`: a step in the co-moving frame, as one operation
    /// for groups that have one. `kernels` are U and W.
    fn recur_flowed_frame(
        &self,
        slices: &Tensor,
        velocities: &[Self::Velocity],
        (input, recurrent): (&Tensor, &Tensor),
        (frame, steps): (&Tensor, i64),
        recurrence: Recurrence,
    ) -> Result<Tensor> {
        let inputs = self.convolve_flowed_frame(frame, input, velocities, steps)?;
        self.recur(slices, recurrent, &inputs, recurrence)
    }

    /// σ(W ⋆ h(ν) + ψ_t(ν)·m), t = `steps`, for a feature map m (B, H, W, C): a step in the co-moving
    /// frame without U, as one operation for groups that have one.
    fn recur_flowed_map(
        &self,
        slices: &Tensor,
        velocities: &[Self::Velocity],
        kernel: &Tensor,
        (map, steps): (&Tensor, i64),
        recurrence: Recurrence,
    ) -> Result<Tensor> {
        let inputs = self.flow_map(map, velocities, steps)?;
        self.recur(slices, kernel, &inputs, recurrence)
    }

    /// Whether [`FlowGroup::unroll`] runs sequences on the CPU.
    fn unrolls(&self) -> bool {
        false
    }

    /// The whole of [`crate::cells::Cell::unroll`] as one operation, for groups that say so
    /// ([`FlowGroup::unrolls`]). `sequence` (B, T, H, W, C_in), contiguous, are feature
    /// maps where `kernels` hold no U. Where the action is exact both frames of reference are one network,
    /// and either may be computed for the other.
    fn unroll(
        &self,
        _sequence: &Tensor,
        _space: (&VelocitySet<Self::Velocity>, Lift),
        _kernels: Kernels<'_>,
        _how: Unrolled,
        _read_out: ReadOut<'_>,
    ) -> Result<Option<Tensor>> {
        Ok(None)
    }
}
