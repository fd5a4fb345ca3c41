//! One training step: forward, loss, backward, clip, update.

use super::adam::Adam;
use super::learner::Learner;
use crate::error::Result;
use crate::parameters::Parameters;
use candle_core::backprop::GradStore;
use candle_nn::Optimizer;

/// What one training step measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Loss of the batch before the update.
    pub loss: f64,
    /// The gradient's 2-norm over all parameters, before clipping.
    pub gradient_norm: f64,
}

/// Updates the parameters by one optimiser step on a batch, and the statistics by what it gathered.
///
/// A non-finite loss is returned without an update; the caller decides what to say.
///
/// # Errors
/// Those of the learner.
pub fn training_step<L: Learner>(
    learner: &L,
    parameters: &Parameters,
    optimiser: &mut Adam,
    batch: &L::Batch,
    clip: Option<f64>,
) -> Result<Step> {
    let loss = learner.loss(&parameters.tensors(), batch)?;
    let value = loss.value.to_scalar::<f32>()? as f64;
    if !value.is_finite() {
        return Ok(Step { loss: value, gradient_norm: f64::NAN });
    }
    let mut gradients = loss.value.backward()?;
    let gradient_norm = clip_gradient_norm(parameters, &mut gradients, clip)?;
    optimiser.step(&gradients)?;
    parameters.gather(&loss.statistics)?;
    Ok(Step { loss: value, gradient_norm })
}

/// Scales all gradients so that their common 2-norm is at most `limit`; returns the norm before.
///
/// The factor is limit / (norm + 1e-6), as in PyTorch.
pub fn clip_gradient_norm(
    parameters: &Parameters,
    gradients: &mut GradStore,
    limit: Option<f64>,
) -> Result<f64> {
    let mut sum = 0.0;
    for (_, variable) in parameters.iter() {
        if let Some(gradient) = gradients.get(variable) {
            let values = gradient.flatten_all()?.to_vec1::<f32>()?;
            sum += values.iter().map(|&g| g as f64 * g as f64).sum::<f64>();
        }
    }
    let norm = sum.sqrt();
    if let Some(factor) = limit.map(|limit| limit / (norm + 1e-6)).filter(|f| *f < 1.0) {
        for (_, variable) in parameters.iter() {
            if let Some(gradient) = gradients.remove(variable) {
                gradients.insert(variable, (gradient * factor)?);
            }
        }
    }
    Ok(norm)
}
