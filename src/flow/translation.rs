//! The group of translations of a torus, acting by integer pixels.

use super::group::{FlowGroup, LiftedState, Recurrence};
use super::velocity::{PixelsPerFrame, VelocitySet};
use crate::error::{Result, expect_shape};
use crate::ops::{self, Activation, ConvAlgorithm, Feed, Recipe, Shift};
use candle_core::Tensor;

/// Translations of the torus of H × W pixels; their flows move content by whole pixels per frame.
///
/// # Equivariance
/// Lifting and shifting commute with every translation bit for bit: each output pixel sums the same
/// products in the same order wherever it lies. So does the recurrence with
/// [`ConvAlgorithm::Direct`]. With Winograd it still commutes with every flow bit for bit, because
/// each slice is computed in a frame of reference of its own, but with a static translation to
/// rounding.
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
        let moved = ops::shift_slices(&state.in_place()?, &displacements(velocities, steps))?;
        Ok(LiftedState::displaced(moved, vec![Shift::default(); velocities.len()]))
    }

    fn lift(&self, frame: &Tensor, kernel: &Tensor) -> Result<Tensor> {
        let frame = ops::to_channels_last(frame)?;
        ops::circular_convolution(&frame, kernel, Activation::Identity, ConvAlgorithm::Direct)
    }

    fn recur(
        &self,
        state: &LiftedState,
        velocities: &VelocitySet<PixelsPerFrame>,
        kernel: &Tensor,
        lifted: &Tensor,
        recipe: Recurrence,
    ) -> Result<LiftedState> {
        let displacements: Vec<Shift> = match state.displacements() {
            None => vec![Shift::default(); velocities.len()],
            Some(before) => before
                .iter()
                .zip(displacements(velocities, 1))
                .map(|(&before, step)| before.plus(step))
                .collect(),
        };
        let views: Vec<Shift> = displacements.iter().map(|shift| shift.inverse()).collect();
        let how = (recipe.activation, recipe.algorithm);
        let next = ops::flow_recurrence(state.channels_last(), kernel, lifted, &views, how)?;
        Ok(LiftedState::displaced(next, displacements))
    }

    fn unroll(
        &self,
        seen: &Tensor,
        velocities: &VelocitySet<PixelsPerFrame>,
        kernels: (&Tensor, &Tensor),
        recipe: Recurrence,
        steps: usize,
        feed: &mut Feed<'_>,
    ) -> Result<Option<Tensor>> {
        if !seen.device().is_cpu() {
            return Ok(None);
        }
        let Recurrence { activation, pooling, algorithm } = recipe;
        let shifts = displacements(velocities, 1);
        let recipe = Recipe { shifts, activation, pooling, algorithm };
        let seen = seen.permute((0, 1, 3, 4, 2))?.contiguous()?; // (B, T, H, W, C_in)
        Ok(Some(ops::flow_sequence(&seen, kernels, &recipe, steps, feed)?))
    }
}
