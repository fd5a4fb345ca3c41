//! The group of translations of a torus, acting by integer pixels.

use super::group::FlowGroup;
use super::lift::Lift;
use super::velocity::{PixelsPerFrame, VelocitySet};
use crate::error::{Result, expect_shape};
use crate::ops::{
    self, ConvAlgorithm, Kernels, Padding, ReadOut, Recurrence, Shift, SliceAction, Unrolled,
};
use candle_core::Tensor;

/// Translations of the torus of H × W pixels; their flows move content by whole pixels per frame.
///
/// # Equivariance
/// Lifting and shifting commute with every translation bit for bit: each output pixel sums the same
/// products in the same order wherever it lies. So does the group convolution with
/// [`ConvAlgorithm::Direct`]. With Winograd it commutes with static translations to rounding; a cell
/// in the co-moving frame still commutes with every flow bit for bit, because there no slice moves, and so do
/// whole sequences, which run in that frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Translation;

fn displacements(velocities: &[PixelsPerFrame], steps: i64) -> Vec<Shift> {
    let displacement =
        |v: &PixelsPerFrame| Shift { down: v.y as i64 * steps, right: v.x as i64 * steps };
    velocities.iter().map(displacement).collect()
}

impl FlowGroup for Translation {
    type Velocity = PixelsPerFrame;

    fn act_on_frame(&self, frame: &Tensor, velocity: PixelsPerFrame, steps: i64) -> Result<Tensor> {
        let any = ["B", "C", "H", "W"].map(|name| (name, None));
        expect_shape("frame", frame, &any)?;
        let slice = ops::to_channels_last(frame)?.unsqueeze(1)?; // (B, 1, H, W, C)
        ops::to_channels_first(&self.act_on_slices(&slice, &[velocity], steps)?.squeeze(1)?)
    }

    fn act_on_slices(
        &self,
        slices: &Tensor,
        velocities: &[PixelsPerFrame],
        steps: i64,
    ) -> Result<Tensor> {
        ops::shift_slices(slices, &displacements(velocities, steps))
    }

    fn convolve_frame(&self, frame: &Tensor, kernel: &Tensor) -> Result<Tensor> {
        let frame = ops::to_channels_last(frame)?;
        ops::convolve(&frame, kernel, Padding::Circular, ConvAlgorithm::Direct)
    }

    fn convolve(&self, slices: &Tensor, kernel: &Tensor, how: ConvAlgorithm) -> Result<Tensor> {
        ops::convolve_slices(slices, kernel, Padding::Circular, how)
    }

    /// Lifts once: a translation commutes with the lifting convolution bit for bit.
    fn convolve_flowed_frame(
        &self,
        frame: &Tensor,
        kernel: &Tensor,
        velocities: &[PixelsPerFrame],
        steps: i64,
    ) -> Result<Tensor> {
        self.flow_map(&self.convolve_frame(frame, kernel)?, velocities, steps)
    }

    fn recur(
        &self,
        slices: &Tensor,
        kernel: &Tensor,
        inputs: &Tensor,
        recurrence: Recurrence,
    ) -> Result<Tensor> {
        ops::recurrence(slices, kernel, inputs, recurrence.step(Padding::Circular))
    }

    /// Convolves first: here both orders are the same, and where a sum over many channels is convolved, as
    /// mixing does, this moves only the result.
    fn carried_convolution(
        &self,
        slices: &Tensor,
        velocities: &[PixelsPerFrame],
        kernel: &Tensor,
        how: ConvAlgorithm,
    ) -> Result<Tensor> {
        self.act_on_slices(&self.convolve(slices, kernel, how)?, velocities, 1)
    }

    /// Shifts first, which is the same, and one operation less.
    fn recur_carried(
        &self,
        slices: &Tensor,
        velocities: &[PixelsPerFrame],
        kernel: &Tensor,
        inputs: &Tensor,
        recurrence: Recurrence,
    ) -> Result<Tensor> {
        self.recur(&self.act_on_slices(slices, velocities, 1)?, kernel, inputs, recurrence)
    }

    fn recur_flowed_frame(
        &self,
        slices: &Tensor,
        velocities: &[PixelsPerFrame],
        (input, recurrent): (&Tensor, &Tensor),
        (frame, steps): (&Tensor, i64),
        recurrence: Recurrence,
    ) -> Result<Tensor> {
        let lifted = self.convolve_frame(frame, input)?;
        self.recur_flowed_map(slices, velocities, recurrent, (&lifted, steps), recurrence)
    }

    fn recur_flowed_map(
        &self,
        slices: &Tensor,
        velocities: &[PixelsPerFrame],
        kernel: &Tensor,
        (map, steps): (&Tensor, i64),
        recurrence: Recurrence,
    ) -> Result<Tensor> {
        let (shifts, step) = (displacements(velocities, steps), recurrence.step(Padding::Circular));
        ops::flow_recurrence(slices, kernel, map, &shifts, step)
    }

    fn unrolls(&self) -> bool {
        true
    }

    fn unroll(
        &self,
        sequence: &Tensor,
        (velocities, _): (&VelocitySet<PixelsPerFrame>, Lift),
        kernels: Kernels<'_>,
        how: Unrolled,
        read_out: ReadOut<'_>,
    ) -> Result<Option<Tensor>> {
        let shifts = displacements(velocities.as_slice(), 1);
        Ok(Some(ops::flow_sequence(
            sequence,
            kernels,
            SliceAction::Shifts(&shifts),
            how,
            read_out,
        )?))
    }
}
