//! Layers of convolutions, and which kernels they may have.

use super::activation::Activation;
use super::kernels::Padding;
use crate::error::{Error, Result, expect_shape};
use candle_core::Tensor;

/// One layer: a kernel (C_out, C_in, kh, kw) with odd kh and kw, and the non-linearity after it.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The kernel.
    pub kernel: Tensor,
    /// The non-linearity.
    pub activation: Activation,
    /// What is read beyond the border.
    pub padding: Padding,
}

/// Refuses kernels that are even or do not follow on each other.
pub(super) fn check_kernels(inputs: usize, layers: &[Layer]) -> Result<()> {
    let mut channels = inputs;
    for Layer { kernel, .. } in layers {
        expect_odd_kernel("convolution kernel", kernel, channels)?;
        channels = kernel.dims()[0];
    }
    Ok(())
}

/// Refuses a kernel that is even or does not read `inputs` channels.
pub(super) fn expect_odd_kernel(what: &'static str, kernel: &Tensor, inputs: usize) -> Result<()> {
    let dims = [("C_out", None), ("C_in", Some(inputs)), ("kh", None), ("kw", None)];
    expect_shape(what, kernel, &dims)?;
    let (_, _, kh, kw) = kernel.dims4()?;
    if kernel.elem_count() == 0 {
        let problem = format!("is empty: its shape is {:?}", kernel.dims());
        return Err(Error::configuration(what, problem, "give extents of at least 1"));
    }
    if kh % 2 == 0 || kw % 2 == 0 {
        return Err(Error::configuration(
            what,
            format!("has the even size {kh}×{kw}, which has no centre"),
            "use an odd kernel size",
        ));
    }
    Ok(())
}

/// Refuses a recurrent kernel that is not (C, C, odd, odd).
pub(super) fn expect_square_kernel(kernel: &Tensor, channels: usize) -> Result<()> {
    expect_odd_kernel("recurrent kernel", kernel, channels)?;
    let c = Some(channels);
    expect_shape("recurrent kernel", kernel, &[("C", c), ("C", c), ("kh", None), ("kw", None)])
}
