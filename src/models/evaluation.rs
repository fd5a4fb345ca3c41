//! Mean squared errors of a forecaster over batches.

use super::forecaster::Forecaster;
use crate::cells::Cell;
use crate::error::Result;
use candle_core::{DType, Tensor};

/// Mean squared error over all predicted frames of all batches, every sequence weighted equally.
///
/// Batches are (seen, target) pairs: (B, T, C, H, W) and (B, N, C, H, W).
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use fernn::cells::TranslationRnn;
/// use fernn::flow::{Translation, VelocitySet};
/// use fernn::models::{Forecaster, mse_over_batches};
/// use fernn::ops::{Activation, ConvAlgorithm, Layer, Padding};
///
/// # fn main() -> fernn::Result<()> {
/// let (velocities, padding) = (VelocitySet::square(1), Padding::Circular);
/// let one = Tensor::ones((1, 1, 1, 1), DType::F32, &Device::Cpu)?; // a kernel of one tap
/// let cell = TranslationRnn::new(Translation, velocities, one.clone(), one.zeros_like()?)?;
/// let decoder = Layer { kernel: one, activation: Activation::Identity, padding };
/// let model = Forecaster::new(cell, vec![decoder], ConvAlgorithm::Auto)?;
/// let ones = |frames| Tensor::ones((2, frames, 1, 5, 7), DType::F32, &Device::Cpu);
/// let batch = (ones(3)?, (ones(4)? * 3.0)?);
/// let error = mse_over_batches(&model, std::iter::once(Ok(batch)))?;
/// assert_eq!(error, 4.0, "it repeats the last frame, which is 1, and 3 was to come");
/// # Ok(())
/// # }
/// ```
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
    let mut errors = HorizonErrors::default();
    for batch in batches {
        let (seen, target) = batch?;
        errors.add(&model.forecast(&seen, target.dims5()?.1)?.detach(), &target)?;
    }
    Ok(errors.by_horizon())
}

/// Squared errors of predicted frames, batch after batch.
#[derive(Clone, Debug, Default)]
pub struct HorizonErrors {
    sums: Vec<f64>,
    sequences: usize,
}

impl HorizonErrors {
    /// Adds predicted and true frames, both (B, N, C, H, W).
    ///
    /// # Errors
    /// [`crate::Error::Tensor`] when extents disagree.
    pub fn add(&mut self, outputs: &Tensor, target: &Tensor) -> Result<()> {
        let (size, steps, ..) = target.dims5()?;
        // In f64, so that the sum does not depend on how sequences are batched beyond rounding.
        let error = (outputs - target)?.to_dtype(DType::F64)?;
        let per_frame = error.sqr()?.mean((2, 3, 4))?.sum(0)?.to_vec1::<f64>()?;
        self.sums.resize(steps, 0.0);
        self.sums.iter_mut().zip(per_frame).for_each(|(sum, value)| *sum += value);
        self.sequences += size;
        Ok(())
    }

    /// The mean over sequences of each predicted frame; entry h − 1 belongs to horizon h.
    pub fn by_horizon(self) -> Vec<f64> {
        self.sums.into_iter().map(|sum| sum / self.sequences as f64).collect()
    }
}
