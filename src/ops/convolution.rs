//! Convolutions of images and of slices, without a non-linearity.

use super::activation::Activation;
use super::kernels::{ConvAlgorithm, Padding};
use super::layer::Layer;
use super::stack::{convolution_stack, convolution_stack_of_slices};
use crate::error::Result;
use candle_core::Tensor;

/// W ⋆ x of every slice of (B, V, H, W, C) with one kernel: (B, V, H, W, C').
pub fn convolve_slices(
    slices: &Tensor,
    kernel: &Tensor,
    padding: Padding,
    how: ConvAlgorithm,
) -> Result<Tensor> {
    let (kernel, activation) = (kernel.clone(), Activation::Identity);
    convolution_stack_of_slices(slices, &[Layer { kernel, activation, padding }], how)
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
