//! Translations of a torus beside convolutions that pad with zeros: what breaks at the border.

use super::group::FlowGroup;
use super::translation::Translation;
use super::velocity::PixelsPerFrame;
use crate::error::Result;
use crate::ops::{self, ConvAlgorithm, Padding};
use candle_core::Tensor;

/// [`Translation`] with zero-padded instead of circular convolutions.
///
/// # Equivariance
/// None: whatever crosses the border of the picture meets zeros there, so that neither static
/// translations nor flows commute with these convolutions. It is the usual padding of convolutional
/// networks (the paper's own for rotations and for the encoder of Moving KTH), and here the control
/// that shows what circular padding is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZeroPaddedTranslation;

impl FlowGroup for ZeroPaddedTranslation {
    type Velocity = PixelsPerFrame;

    fn padding(&self) -> Padding {
        Padding::Zero
    }

    fn act_on_frame(&self, frame: &Tensor, velocity: PixelsPerFrame, steps: i64) -> Result<Tensor> {
        Translation.act_on_frame(frame, velocity, steps)
    }

    fn act_on_slices(
        &self,
        slices: &Tensor,
        velocities: &[PixelsPerFrame],
        steps: i64,
    ) -> Result<Tensor> {
        Translation.act_on_slices(slices, velocities, steps)
    }

    fn convolve_frame(&self, frame: &Tensor, kernel: &Tensor) -> Result<Tensor> {
        ops::convolve(&ops::to_channels_last(frame)?, kernel, Padding::Zero, ConvAlgorithm::Direct)
    }

    fn convolve(&self, slices: &Tensor, kernel: &Tensor, how: ConvAlgorithm) -> Result<Tensor> {
        ops::convolve_slices(slices, kernel, Padding::Zero, how)
    }
}
