//! Convolutions over time and space, as convolutions of frames with their neighbours in time.

use super::convolution::convolve;
use super::kernels::{ConvAlgorithm, Padding};
use crate::error::{Error, Result, expect_shape};
use candle_core::Tensor;

/// Distance between the places at which a convolution is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strides {
    /// In frames.
    pub time: usize,
    /// In pixels, along both axes.
    pub space: usize,
}

impl Default for Strides {
    /// At every frame and pixel.
    fn default() -> Self {
        Self { time: 1, space: 1 }
    }
}

/// `y(t, p, o) = Σ_{i, s, d} w(o, i, s, d) · x(a·t + s, b·p + d, i)` for strides a in time and b in
/// space, with centred odd kernels; before the first and after the last frame there are zeros.
///
/// Each frame is laid beside its neighbours in time, channel behind channel, and convolved in the
/// plane. A stride in space drops pixels afterwards.
///
/// # Shapes
/// `x` (B, T, H, W, C_in); `kernel` (C_out, C_in, kt, kh, kw), odd; result (B, ⌈T/a⌉, ⌈H/b⌉, ⌈W/b⌉,
/// C_out).
///
/// # Errors
/// [`Error::Shape`] when channels disagree, [`Error::Configuration`] for an even kernel or a stride of
/// 0.
pub fn convolve_3d(
    x: &Tensor,
    kernel: &Tensor,
    strides: Strides,
    (padding, algorithm): (Padding, ConvAlgorithm),
) -> Result<Tensor> {
    let any = ["B", "T", "H", "W", "C_in"].map(|name| (name, None));
    expect_shape("convolution input", x, &any)?;
    let (batch, frames, height, width, inputs) = x.dims5()?;
    let extents = [("kt", None), ("kh", None), ("kw", None)];
    let names = [[("C_out", None), ("C_in", Some(inputs))].as_slice(), &extents].concat();
    expect_shape("convolution kernel", kernel, &names)?;
    let (outputs, _, kt, kh, kw) = kernel.dims5()?;
    check(kt, strides)?;
    let around = x.pad_with_zeros(1, kt / 2, kt / 2)?;
    let count = frames.div_ceil(strides.time);
    let neighbours = (0..kt).map(|s| every(&around, 1, (s, strides.time), count));
    let neighbours = Tensor::cat(&neighbours.collect::<Result<Vec<_>>>()?, 4)?;
    let flat = kernel.permute((0, 2, 1, 3, 4))?.contiguous()?; // as the channels lie: time, then C_in
    let flat = flat.reshape((outputs, kt * inputs, kh, kw))?;
    let images = neighbours.reshape((batch * count, height, width, kt * inputs))?;
    let y = convolve(&images, &flat, padding, algorithm)?;
    let (rows, columns) = (height.div_ceil(strides.space), width.div_ceil(strides.space));
    let y = every(&every(&y, 1, (0, strides.space), rows)?, 2, (0, strides.space), columns)?;
    Ok(y.reshape((batch, count, rows, columns, outputs))?)
}

fn check(kt: usize, strides: Strides) -> Result<()> {
    let refuse = |problem: String, remedy: &str| {
        Err(Error::configuration("the convolution over time", problem, remedy))
    };
    if kt.is_multiple_of(2) {
        return refuse(
            format!("has a kernel of {kt} frames, which has no centre"),
            "use an odd one",
        );
    }
    if strides.time == 0 || strides.space == 0 {
        return refuse("has a stride of 0".into(), "use at least 1");
    }
    Ok(())
}

/// `count` places of a dimension, from `first` on in steps.
fn every(x: &Tensor, dim: usize, (first, step): (usize, usize), count: usize) -> Result<Tensor> {
    if step == 1 {
        return Ok(x.narrow(dim, first, count)?.contiguous()?);
    }
    let places: Vec<u32> = (0..count).map(|i| (first + i * step) as u32).collect();
    let places = Tensor::from_vec(places, count, x.device())?;
    Ok(x.contiguous()?.index_select(&places, dim)?)
}
