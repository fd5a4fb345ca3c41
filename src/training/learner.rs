//! What the trainer needs to know of a model: a loss, a score, and which score is best.

use crate::error::Result;
use crate::parameters::{Initial, Tensors};
use candle_core::Tensor;

/// Something that learns: a model with its loss and its score.
///
/// The model is built anew of its tensors for every step and every score, since kernels may be functions
/// of what is trained, such as expanded filters.
pub trait Learner {
    /// What a loss is computed of.
    type Batch;

    /// Names, shapes and first values of the model's tensors.
    ///
    /// # Errors
    /// Those of the model's configuration.
    fn initial(&self) -> Result<Vec<Initial>>;

    /// The loss of a batch in training mode.
    ///
    /// # Errors
    /// Those of the model.
    fn loss(&self, tensors: &Tensors, batch: &Self::Batch) -> Result<Loss>;

    /// The score of batches in evaluation mode, every sample weighted equally.
    ///
    /// # Errors
    /// Those of the model.
    fn score(&self, tensors: &Tensors, batches: &[Self::Batch]) -> Result<f64>;

    /// How many samples a batch has: what it weighs where losses or scores of several are put together.
    fn samples(&self, batch: &Self::Batch) -> usize;

    /// Which score is best.
    fn best(&self) -> Best {
        Best::Lowest
    }
}

/// What a batch gives in training mode.
#[derive(Clone, Debug)]
pub struct Loss {
    /// A scalar on the autograd graph of what is trained.
    pub value: Tensor,
    /// The new values of the statistics that the forward pass gathered.
    pub statistics: Tensors,
}

impl From<Tensor> for Loss {
    /// The loss of a model without statistics.
    fn from(value: Tensor) -> Self {
        Self { value, statistics: Tensors::new() }
    }
}

/// Which of several scores is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Best {
    /// The lowest: errors.
    Lowest,
    /// The highest: accuracies.
    Highest,
}

impl Best {
    /// Whether a score is better than the best so far; of equal ones the first stays best.
    pub fn is_better(self, score: f64, so_far: Option<f64>) -> bool {
        so_far.is_none_or(|best| match self {
            Best::Lowest => score < best,
            Best::Highest => score > best,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_scores_the_first_stays_best() {
        assert!(Best::Lowest.is_better(2.0, None) && Best::Highest.is_better(2.0, None));
        assert!(Best::Lowest.is_better(1.0, Some(2.0)) && !Best::Lowest.is_better(3.0, Some(2.0)));
        assert!(
            Best::Highest.is_better(3.0, Some(2.0)) && !Best::Highest.is_better(1.0, Some(2.0))
        );
        assert!(
            !Best::Lowest.is_better(2.0, Some(2.0)) && !Best::Highest.is_better(2.0, Some(2.0))
        );
    }
}
