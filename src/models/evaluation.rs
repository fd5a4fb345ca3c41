//! Mean squared errors of a forecaster over batches.

use super::forecaster::Forecaster;
use crate::cells::Cell;
use crate::error::Result;
use candle_core::{DType, Tensor};

/// Mean squared error over all predicted frames of all batches, every sequence weighted equally.
///
/// Batches are (seen, target) pairs: (B, T, C, H, W) and (B, N, C, H, W).
pub fn mse_over_batches<C: Cell>(
    model: &Forecaster<C>,
    batches: impl Iterator<Item = Result<(Tensor, Tensor)>>,
) -> Result<f64> {
    let by_horizon = mse_by_horizon(model, batches)?;
    Ok(by_horizon.iter().sum::<f64>() / by_horizon.len() as f64)
}

/// Mean squared error of each predicted frame; entry h − 1 belongs to horizon h.
pub fn mse_by_horizon<C: Cell>(
    model: &Forecaster<C>,
    batches: impl Iterator<Item = Result<(Tensor, Tensor)>>,
) -> Result<Vec<f64>> {
    let (mut sums, mut sequences) = (Vec::new(), 0);
    for batch in batches {
        let (seen, target) = batch?;
        let (size, steps, ..) = target.dims5()?;
        // In f64, so that the sum does not depend on how sequences are batched beyond rounding.
        let error = (model.forecast(&seen, steps)?.detach() - &target)?.to_dtype(DType::F64)?;
        let per_frame = error.sqr()?.mean((2, 3, 4))?.sum(0)?.to_vec1::<f64>()?;
        sums.resize(steps, 0.0);
        sums.iter_mut().zip(per_frame).for_each(|(sum, value)| *sum += value);
        sequences += size;
    }
    Ok(sums.into_iter().map(|sum: f64| sum / sequences as f64).collect())
}
