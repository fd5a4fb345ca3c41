//! Frames with their channels first, as candle has them, and last, as the kernels read them.

use crate::error::Result;
use candle_core::Tensor;

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
