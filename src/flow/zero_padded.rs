//! Translations of a torus beside convolutions that pad with zeros: what breaks at the border.

use super::group::FlowGroup;
use super::translation::Translation;
use super::velocity::PixelsPerFrame;
use crate::error::Result;
use crate::ops::{self, Activation, ConvAlgorithm};
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

    fn lift(&self, frame: &Tensor, kernel: &Tensor) -> Result<Tensor> {
        zero_padded(&ops::to_channels_last(frame)?, kernel, ConvAlgorithm::Direct)
    }

    fn convolve(&self, slices: &Tensor, kernel: &Tensor, how: ConvAlgorithm) -> Result<Tensor> {
        let (batch, velocities, ..) = slices.dims5()?;
        let convolved = zero_padded(&slices.flatten(0, 1)?, kernel, how)?;
        let (_, height, width, channels) = convolved.dims4()?;
        Ok(convolved.reshape((batch, velocities, height, width, channels))?)
    }
}

/// A convolution on a torus that is larger by half a kernel of zeros on each side, cut back.
fn zero_padded(x: &Tensor, kernel: &Tensor, how: ConvAlgorithm) -> Result<Tensor> {
    let (_, height, width, _) = x.dims4()?;
    let (_, _, kh, kw) = kernel.dims4()?;
    let (above, left) = (kh / 2, kw / 2);
    let padded = x.pad_with_zeros(1, above, above)?.pad_with_zeros(2, left, left)?;
    let y = ops::circular_convolution(&padded, kernel, Activation::Identity, how)?;
    Ok(y.narrow(1, above, height)?.narrow(2, left, width)?.contiguous()?)
}
