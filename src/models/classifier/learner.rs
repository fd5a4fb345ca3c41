//! A classifier that learns: cross-entropy, and the highest accuracy is best.

use super::block::Mode;
use super::evaluation::confusion;
use super::model::Classifier;
use crate::error::Result;
use crate::parameters::{Initial, Tensors};
use crate::training::{Best, Learner, Loss};
use candle_core::Tensor;

/// Makes a classifier of tensors by name.
pub type BuildClassifier<'a, C> = dyn Fn(&Tensors) -> Result<C> + 'a;

/// Learns to classify. Batches are (clips, labels), (B, T, C_in, H, W) and u32 (B).
///
/// The classifier may be any [`Classifier`], those of other crates among them.
pub struct ClassificationLearner<'a, C> {
    /// The model's tensors before training.
    pub initial: Vec<Initial>,
    /// Classes.
    pub classes: usize,
    /// The model from its tensors.
    pub build: &'a BuildClassifier<'a, C>,
}

impl<C: Classifier> Learner for ClassificationLearner<'_, C> {
    type Batch = (Tensor, Tensor);

    fn initial(&self) -> Result<Vec<Initial>> {
        Ok(self.initial.clone())
    }

    fn loss(&self, tensors: &Tensors, (clips, labels): &Self::Batch) -> Result<Loss> {
        let mut mode = Mode::training();
        let logits = (self.build)(tensors)?.logits(clips, &mut mode)?;
        let value = candle_nn::loss::cross_entropy(&logits, labels)?;
        Ok(Loss { value, statistics: mode.gathered() })
    }

    /// The share of clips whose class is the most likely one.
    fn score(&self, tensors: &Tensors, batches: &[Self::Batch]) -> Result<f64> {
        let batches = batches.iter().cloned().map(Ok);
        Ok(confusion(&(self.build)(tensors)?, self.classes, batches)?.accuracy())
    }

    fn samples(&self, (clips, _): &Self::Batch) -> usize {
        clips.dims()[0]
    }

    fn best(&self) -> Best {
        Best::Highest
    }
}
