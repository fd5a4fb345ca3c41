//! Trained coefficients of steerable filters as the kernels that files of other frameworks hold.

use super::weights::{DECODER, KernelNames};
use crate::cells::{Between, Fields};
use crate::error::Result;
use crate::ops::SteerableBasis;
use crate::parameters::Tensors;
use candle_core::Tensor;

/// What the names of coefficients end with.
const COEFFICIENTS: &str = ".coefficients";

/// The weights with every steerable filter expanded in `orientations` and named as
/// [`ForecasterChoice::from_kernels`](super::ForecasterChoice::from_kernels) reads them; weights without
/// coefficients as they are.
///
/// # Errors
/// [`crate::Error::Shape`] when coefficients are not those of 3×3 or 5×5 filters in so many orientations.
pub fn expanded(weights: Tensors, orientations: usize) -> Result<Tensors> {
    if !weights.keys().any(|name| name.ends_with(COEFFICIENTS)) {
        return Ok(weights);
    }
    let last =
        weights.keys().filter(|name| name.starts_with(DECODER)).max_by_key(|name| place(name));
    let last = last.cloned();
    let KernelNames { input, recurrent, before } = KernelNames::EXPANDED;
    let expand = |(name, tensor): (String, Tensor)| -> Result<(String, Tensor)> {
        let Some(kernel) = name.strip_suffix(COEFFICIENTS) else {
            let is_decoder = name.starts_with(DECODER);
            return Ok((if is_decoder { format!("{before}{name}") } else { name }, tensor));
        };
        let (between, new) = match kernel {
            "cell.conv_u" => (Between::FrameAndHidden, input.to_string()),
            "cell.conv_h" => (Between::Hidden, recurrent.to_string()),
            _ => {
                let is_last = last.as_ref() == Some(&name);
                let between = if is_last { Between::HiddenAndFrame } else { Between::Hidden };
                (between, format!("{before}{kernel}.weight"))
            }
        };
        Ok((new, expand_shares(&tensor, between, orientations)?))
    };
    weights.into_iter().map(expand).collect()
}

/// The number in a decoder's name.
fn place(name: &str) -> usize {
    let number = name[DECODER.len()..].split('.').next().unwrap_or_default();
    number.parse().unwrap_or(0)
}

/// The kernel of coefficients, or the kernels of several shares.
fn expand_shares(coefficients: &Tensor, between: Between, orientations: usize) -> Result<Tensor> {
    let functions = coefficients.dims().last().copied().unwrap_or(0);
    let small = SteerableBasis::new(orientations, 3)?;
    let basis = match functions == small.len() {
        true => small,
        false => SteerableBasis::new(orientations, 5)?,
    };
    let fields = Fields::Steerable(basis);
    let rank = if between == Between::Hidden { 4 } else { 3 };
    if coefficients.rank() == rank {
        return fields.expand(coefficients, between);
    }
    let shares = coefficients.dims().first().copied().unwrap_or(0);
    let one = |share| fields.expand(&coefficients.get(share)?, between);
    Ok(Tensor::stack(&(0..shares).map(one).collect::<Result<Vec<_>>>()?, 0)?)
}
