//! The group of translations of a torus, acting by integer pixels.

use super::group::{FlowGroup, LiftedState};
use super::velocity::{PixelsPerFrame, VelocitySet};
use crate::error::{Result, expect_shape};
use crate::ops::{self, Activation, Shift};
use candle_core::Tensor;

/// Translations of the torus of H × W pixels; their flows move content by whole pixels per frame.
///
/// # Equivariance
/// Every operation commutes with every translation bit for bit: each output pixel sums the same
/// products in the same order wherever it lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Translation;

/// The displacement t·ν of the torus.
fn displacement(velocity: PixelsPerFrame, steps: i64) -> Shift {
    Shift { down: velocity.y as i64 * steps, right: velocity.x as i64 * steps }
}

fn displacements(velocities: &VelocitySet<PixelsPerFrame>, steps: i64) -> Vec<Shift> {
    velocities.as_slice().iter().map(|&v| displacement(v, steps)).collect()
}

impl FlowGroup for Translation {
    type Velocity = PixelsPerFrame;

    fn act_on_frame(&self, frame: &Tensor, velocity: PixelsPerFrame, steps: i64) -> Result<Tensor> {
        let any = ["B", "C", "H", "W"].map(|name| (name, None));
        expect_shape("frame", frame, &any)?;
        let channels_last = ops::to_channels_last(frame)?.unsqueeze(1)?; // (B, 1, H, W, C)
        let moved = ops::shift_slices(&channels_last, &[displacement(velocity, steps)])?;
        ops::to_channels_first(&moved.squeeze(1)?)
    }

    fn act_on_slices(
        &self,
        state: &LiftedState,
        velocities: &VelocitySet<PixelsPerFrame>,
        steps: i64,
    ) -> Result<LiftedState> {
        let moved = ops::shift_slices(state.channels_last(), &displacements(velocities, steps))?;
        Ok(LiftedState::from_channels_last(moved))
    }

    fn lift(&self, frame: &Tensor, kernel: &Tensor) -> Result<Tensor> {
        ops::circular_convolution(&ops::to_channels_last(frame)?, kernel, Activation::Identity)
    }

    fn recur(
        &self,
        state: &LiftedState,
        velocities: &VelocitySet<PixelsPerFrame>,
        kernel: &Tensor,
        lifted: &Tensor,
        activation: Activation,
    ) -> Result<LiftedState> {
        let shifts = displacements(velocities, 1);
        let next =
            ops::flow_recurrence(state.channels_last(), kernel, lifted, &shifts, activation)?;
        Ok(LiftedState::from_channels_last(next))
    }
}
