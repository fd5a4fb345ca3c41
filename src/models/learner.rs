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
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use fernn::cells::TranslationRnn;
/// use fernn::flow::{Translation, VelocitySet};
/// use fernn::models::{ForecastLearner, Forecaster};
/// use fernn::ops::{Activation, ConvAlgorithm, Layer, Padding};
/// use fernn::parameters::{Initial, Parameters, Tensors};
/// use fernn::training::Learner;
///
/// # fn main() -> fernn::Result<()> {
/// let initial = vec![
///     Initial::convolution("u", [4, 1, 3, 3]),
///     Initial::convolution("w", [4, 4, 3, 3]),
///     Initial::convolution("decoder", [1, 4, 3, 3]),
/// ];
/// let build = |tensors: &Tensors| {
///     let (u, w, kernel) = (&tensors["u"], &tensors["w"], tensors["decoder"].clone());
///     let cell = TranslationRnn::new(Translation, VelocitySet::square(1), u.clone(), w.clone())?;
///     let decoder = Layer { kernel, activation: Activation::Identity, padding: Padding::Circular };
///     Forecaster::new(cell, vec![decoder], ConvAlgorithm::Auto)
/// };
/// let learner = ForecastLearner { initial, build: &build };
/// let tensors = Parameters::draw(&learner.initial()?, 0, &Device::Cpu)?.detached();
/// let (seen, target) = ((2, 3, 1, 5, 7), (2, 2, 1, 5, 7)); // (B, T, C, H, W)
/// let frames = |shape| Tensor::ones(shape, DType::F32, &Device::Cpu);
/// assert!(learner.score(&tensors, &[(frames(seen)?, frames(target)?)])? > 0.0);
/// # Ok(())
/// # }
/// ```
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

    fn samples(&self, (seen, _): &Self::Batch) -> usize {
        seen.dims()[0]
    }
}
