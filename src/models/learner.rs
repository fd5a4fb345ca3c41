//! A forecaster that learns: mean squared error over the predicted frames, the lowest is best.

use super::evaluation::mse_over_batches;
use super::forecaster::Forecaster;
use crate::cells::Cell;
use crate::error::Result;
use crate::parameters::{Initial, Tensors};
use crate::training::{Learner, Loss};
use candle_core::Tensor;

/// Makes a forecaster of tensors by name.
pub type Build<'a, C> = dyn Fn(&Tensors) -> Result<Forecaster<C>> + 'a;

/// Learns to predict. Batches are (seen, target), (B, T, C_in, H, W) and (B, N, C_out, H, W).
///
/// The cell may be any [`Cell`], those of other crates among them.
pub struct ForecastLearner<'a, C> {
    /// The model's tensors before training.
    pub initial: Vec<Initial>,
    /// The model from its tensors.
    pub build: &'a Build<'a, C>,
}

impl<C: Cell> Learner for ForecastLearner<'_, C> {
    type Batch = (Tensor, Tensor);

    fn initial(&self) -> Result<Vec<Initial>> {
        Ok(self.initial.clone())
    }

    fn loss(&self, tensors: &Tensors, (seen, target): &Self::Batch) -> Result<Loss> {
        let outputs = (self.build)(tensors)?.forecast(seen, target.dims()[1])?;
        Ok(candle_nn::loss::mse(&outputs, target)?.into())
    }

    fn score(&self, tensors: &Tensors, batches: &[Self::Batch]) -> Result<f64> {
        mse_over_batches(&(self.build)(tensors)?, batches.iter().cloned().map(Ok))
    }
}
