//! The tensor operations that candle lacks, each differentiable, on channels-last tensors.
//!
//! Kernels read and write (N, H, W, C): a pixel's channels lie together, so that the vector lanes
//! are channels and a shift of the torus is index arithmetic. [`to_channels_last`] and
//! [`to_channels_first`] convert at the boundary.

mod activation;
mod carry_order;
mod composed;
mod depthwise;
mod kernels;
mod parts;
mod pointwise;
mod pool;
mod read_out;
mod recurrence;
mod resampling;
mod rollout;
mod rotate;
mod rule;
mod sequence;
mod shift;
mod stack;
mod steerable;
mod storage;
mod turned_recurrence;

pub use activation::Activation;
pub use carry_order::CarryOrder;
pub use depthwise::depthwise_convolution;
pub use kernels::{ConvAlgorithm, Padding, Shift, peak_flops};
pub use pool::{VelocityPooling, pool_velocities};
pub use read_out::{FedAs, Feed, ReadOut};
pub use recurrence::{flow_recurrence, recurrence};
pub(crate) use resampling::Resampling;
pub use resampling::Turn;
pub use rotate::turn_slices;
pub use rule::{Kernels, Recurrence, RecurrentStep};
pub use sequence::flow_sequence;
pub use shift::shift_slices;
pub use stack::{Layer, StackRun, circular_convolution, convolution_stack};
pub use steerable::SteerableBasis;
pub use turned_recurrence::{Turning, turned_recurrence};

/// The instruction set that the kernels run on, for provenance.
pub fn instruction_set() -> &'static str {
    kernels::InstructionSet::best().name()
}

use crate::error::Result;
use candle_core::Tensor;

/// σ(x) of any tensor; a NaN stays a NaN.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    composed::activate(x, activation)
}

/// W ⋆ x of every slice of (B, V, H, W, C) with one kernel: (B, V, H, W, C').
pub fn convolve_slices(
    slices: &Tensor,
    kernel: &Tensor,
    padding: Padding,
    how: ConvAlgorithm,
) -> Result<Tensor> {
    let (batch, velocities, ..) = slices.dims5()?;
    let convolved = convolve(&slices.flatten(0, 1)?, kernel, padding, how)?;
    let (_, height, width, channels) = convolved.dims4()?;
    Ok(convolved.reshape((batch, velocities, height, width, channels))?)
}

/// W ⋆ x of images (B, H, W, C): (B, H, W, C').
pub fn convolve(
    x: &Tensor,
    kernel: &Tensor,
    padding: Padding,
    how: ConvAlgorithm,
) -> Result<Tensor> {
    let (kernel, activation) = (kernel.clone(), Activation::Identity);
    convolution_stack(x, &[Layer { kernel, activation, padding }], how)
}

/// (B, C, H, W) → contiguous (B, H, W, C).
pub fn to_channels_last(x: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    if channels == 1 {
        return Ok(x.contiguous()?.reshape((batch, height, width, 1))?); // the same memory
    }
    Ok(x.permute((0, 2, 3, 1))?.contiguous()?)
}

/// (B, H, W, C) → contiguous (B, C, H, W).
pub fn to_channels_first(x: &Tensor) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    if channels == 1 {
        return Ok(x.contiguous()?.reshape((batch, 1, height, width))?);
    }
    Ok(x.permute((0, 3, 1, 2))?.contiguous()?)
}
