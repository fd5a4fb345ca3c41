//! What a classifier takes for what.

use super::block::Mode;
use super::model::Classifier;
use crate::error::{Error, Result, expect_shape};
use candle_core::{DType, Tensor};

/// How many clips of each class were taken for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// Row by row, a row for each true class.
    counts: Vec<u64>,
    /// Clips whose logits are no numbers: they count as wrong, and no accuracy is given.
    undecided: u64,
}

impl Confusion {
    /// Nothing classified yet.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes], undecided: 0 }
    }

    /// Counts a clip of class `truth` that was taken for `predicted`; `None` for logits that are no
    /// numbers.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a class that there is not.
    pub fn count(&mut self, truth: usize, predicted: Option<usize>) -> Result<()> {
        if truth.max(predicted.unwrap_or(0)) >= self.classes {
            let problem = format!("is none of the {} classes", self.classes);
            return Err(Error::configuration("a label", problem, "count from 0"));
        }
        match predicted {
            Some(predicted) => self.counts[truth * self.classes + predicted] += 1,
            None => self.undecided += 1,
        }
        Ok(())
    }

    /// Clips of class `truth` that were taken for `predicted`.
    pub fn of(&self, truth: usize, predicted: usize) -> u64 {
        self.counts[truth * self.classes + predicted]
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The share on the diagonal; NaN where there was no clip, or a logit that is no number.
    pub fn accuracy(&self) -> f64 {
        if self.undecided > 0 {
            return f64::NAN;
        }
        let right: u64 = (0..self.classes).map(|class| self.of(class, class)).sum();
        right as f64 / self.counts.iter().sum::<u64>() as f64
    }
}

/// The confusion of a classifier in evaluation mode over batches of (clips, labels).
///
/// # Errors
/// Those of the classifier and of the batches.
pub fn confusion(
    model: &impl Classifier,
    classes: usize,
    batches: impl Iterator<Item = Result<(Tensor, Tensor)>>,
) -> Result<Confusion> {
    let mut confusion = Confusion::new(classes);
    for batch in batches {
        let (clips, labels) = batch?;
        let logits = model.logits(&clips, &mut Mode::Evaluation)?;
        let rows = [("B", Some(labels.elem_count())), ("classes", Some(classes))];
        expect_shape("logits", &logits, &rows)?;
        for (truth, predicted) in labels.to_vec1::<u32>()?.into_iter().zip(predicted(&logits)?) {
            confusion.count(truth as usize, predicted)?;
        }
    }
    Ok(confusion)
}

/// The class of the largest of each row of logits (B, classes), of equal ones the first; `None` where one is
/// no number.
///
/// # Errors
/// Those of candle.
pub fn predicted(logits: &Tensor) -> Result<Vec<Option<usize>>> {
    let rows = logits.detach().to_dtype(DType::F64)?.to_vec2::<f64>()?;
    let largest = |row: Vec<f64>| {
        if !row.iter().all(|logit| logit.is_finite()) {
            return None;
        }
        (0..row.len()).reduce(|best, class| if row[class] > row[best] { class } else { best })
    };
    Ok(rows.into_iter().map(largest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Reads the logits off the clips.
    struct Given;

    impl Classifier for Given {
        fn logits(&self, clips: &Tensor, mode: &mut Mode) -> Result<Tensor> {
            assert!(matches!(mode, Mode::Evaluation));
            Ok(clips.clone())
        }
    }

    fn batch(logits: &[[f32; 3]], labels: &[u32]) -> Result<(Tensor, Tensor)> {
        let rows = Tensor::from_slice(logits.as_flattened(), (logits.len(), 3), &Device::Cpu)?;
        Ok((rows, Tensor::new(labels, &Device::Cpu)?))
    }

    #[test]
    fn every_clip_counts_once_in_the_row_of_its_class() -> Result<()> {
        let first = batch(&[[3.0, 1.0, 2.0], [0.0, 5.0, 5.0]], &[0, 2]);
        let last = batch(&[[0.0, 0.0, 1.0]], &[2]);
        let confusion = confusion(&Given, 3, [first, last].into_iter())?;
        assert_eq!((confusion.of(0, 0), confusion.of(2, 1), confusion.of(2, 2)), (1, 1, 1));
        assert_eq!(
            confusion.accuracy(),
            2.0 / 3.0,
            "each clip weighs the same, whatever its batch"
        );
        Ok(())
    }

    #[test]
    fn what_is_no_number_is_no_class() -> Result<()> {
        let batches = [batch(&[[f32::NAN, 1.0, 2.0], [9.0, 0.0, 0.0]], &[2, 0])];
        assert!(confusion(&Given, 3, batches.into_iter())?.accuracy().is_nan());
        let foreign = [batch(&[[0.0, 1.0, 2.0]], &[3])];
        assert!(confusion(&Given, 3, foreign.into_iter()).is_err_and(|e| e.is_usage()));
        assert!(confusion(&Given, 3, std::iter::empty())?.accuracy().is_nan(), "of no clip");
        Ok(())
    }
}
