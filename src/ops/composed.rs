//! The same operations composed of candle's own, for devices that the kernels do not run on.

use super::activation::activate;
use super::kernels::{Padding, Shift};
use super::layer::Layer;
use super::resampling::{Turn, rotated};
use super::rule::RecurrentStep;
use crate::error::Result;
use candle_core::Tensor;

/// [`super::convolution_stack`].
pub(super) fn convolution_stack(x: &Tensor, layers: &[Layer]) -> Result<Tensor> {
    let mut x = x.permute((0, 3, 1, 2))?; // (B, C, H, W)
    for Layer { kernel, activation, padding } in layers {
        x = activate(&convolve(&x, kernel, *padding)?, *activation)?;
    }
    Ok(x.permute((0, 2, 3, 1))?.contiguous()?)
}

/// [`super::flow_recurrence`].
pub(super) fn recurrence(
    state: &Tensor,
    kernel: &Tensor,
    lifted: &Tensor,
    shifts: &[Shift],
    step: RecurrentStep,
) -> Result<Tensor> {
    let (batch, velocities, height, width, channels) = state.dims5()?;
    let images = state.reshape((batch * velocities, height, width, channels))?;
    let images = images.permute((0, 3, 1, 2))?;
    let convolved = convolve(&images, kernel, step.padding)?.permute((0, 2, 3, 1))?;
    let views = lifted.unsqueeze(1)?.broadcast_as(state.shape())?;
    let sum = (convolved.contiguous()?.reshape(state.shape())? + shift_slices(&views, shifts)?)?;
    activate(&sum, step.activation)
}

/// [`super::shift_slices`].
pub(super) fn shift_slices(x: &Tensor, shifts: &[Shift]) -> Result<Tensor> {
    let moved = shifts.iter().enumerate().map(|(v, shift)| {
        let slice = roll(&x.narrow(1, v, 1)?, 2, shift.down)?;
        roll(&slice, 3, shift.right)
    });
    Ok(Tensor::cat(&moved.collect::<Result<Vec<_>>>()?, 1)?)
}

/// [`super::turn_slices`], each rotation as a dense matrix over pixels.
pub(super) fn turn_slices(x: &Tensor, n: usize, turns: &[Turn]) -> Result<Tensor> {
    let (batch, _, height, width, channels) = x.dims5()?;
    let pixels = height * width;
    let turned = turns.iter().enumerate().map(|(v, turn)| {
        let matrix = rotated((height, width), turn.degrees).forward.to_matrix();
        let matrix = Tensor::from_vec(matrix, (pixels, pixels), x.device())?;
        let slice = x.narrow(1, v, 1)?.contiguous()?.reshape((batch, pixels, channels))?;
        let rotated = matrix.to_dtype(x.dtype())?.broadcast_matmul(&slice)?;
        let fields = rotated.reshape((batch * pixels, channels / n, n))?;
        let rolled = roll(&fields, 2, turn.orientations)?;
        Ok(rolled.contiguous()?.reshape((batch, 1, height, width, channels))?)
    });
    Ok(Tensor::cat(&turned.collect::<Result<Vec<_>>>()?, 1)?)
}

/// [`super::depthwise_convolution`], tap by tap.
pub(super) fn depthwise_convolution(
    x: &Tensor,
    kernels: &Tensor,
    taps: &[Shift],
) -> Result<Tensor> {
    let velocities = x.dims()[1];
    let weights = kernels.reshape((1, velocities, taps.len(), 1, 1))?;
    let terms = taps.iter().enumerate().map(|(number, &tap)| {
        let weight = weights.narrow(2, number, 1)?; // (1, V, 1, 1, 1)
        Ok(shift_slices(x, &vec![tap; velocities])?.broadcast_mul(&weight)?)
    });
    let terms = terms.collect::<Result<Vec<_>>>()?;
    Ok(Tensor::stack(&terms, 0)?.sum(0)?)
}

/// The maximum over the velocity axis of (B, V, H, W, C); its gradient goes to one velocity.
pub(super) fn maximum(state: &Tensor) -> Result<Tensor> {
    let state = &state.contiguous()?;
    // A NaN wins, so that it is noticed.
    let ranks = state.detach();
    let first = (ranks.ones_like()? * f64::INFINITY)?;
    let winner = ranks.ne(&ranks)?.where_cond(&first, &ranks)?.argmax_keepdim(1)?;
    Ok(state.gather(&winner.contiguous()?, 1)?.squeeze(1)?)
}

/// Content moved by `by` along a dimension, wrapping around.
fn roll(x: &Tensor, dim: usize, by: i64) -> Result<Tensor> {
    let extent = x.dims()[dim];
    let wrapped = by.rem_euclid(extent as i64) as usize;
    if wrapped == 0 {
        return Ok(x.clone());
    }
    let (head, tail) =
        (x.narrow(dim, 0, extent - wrapped)?, x.narrow(dim, extent - wrapped, wrapped)?);
    Ok(Tensor::cat(&[&tail, &head], dim)?)
}

/// Convolution of (B, C, H, W): a halo, then candle's convolution.
fn convolve(x: &Tensor, kernel: &Tensor, padding: Padding) -> Result<Tensor> {
    let (_, _, kh, kw) = kernel.dims4()?;
    let (above, left) = (kh / 2, kw / 2);
    let padded = match padding {
        Padding::Circular => halo(&halo(x, 2, above)?, 3, left)?,
        Padding::Zero => x.pad_with_zeros(2, above, above)?.pad_with_zeros(3, left, left)?,
    };
    Ok(padded.contiguous()?.conv2d(kernel, 0, 1, 1, 1)?)
}

/// `half` wrapped rows on each side of a dimension, also where it is shorter than that.
fn halo(x: &Tensor, dim: usize, half: usize) -> Result<Tensor> {
    let extent = x.dims()[dim] as i64;
    let half = half as i64;
    let places: Vec<u32> = (-half..extent + half).map(|i| i.rem_euclid(extent) as u32).collect();
    let count = places.len();
    let places = Tensor::from_vec(places, count, x.device())?;
    Ok(x.contiguous()?.index_select(&places, dim)?)
}

#[cfg(test)]
mod tests;
