//! What is evaluated on a trained classifier, as records.

use super::settings::Settings;
use crate::data::{Action, Look, MovingCamera, Split, Windows};
use crate::error::Result;
use crate::experiments::experiment::UnitKey;
use crate::experiments::metric::Metric;
use crate::experiments::record::Record;
use crate::flow::{PixelsPerFrame, VelocitySet};
use crate::models::{AnyClassifier, Classifier, Confusion, Mode, confusion};
use candle_core::{DType, Tensor};

/// What is evaluated on a trained model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluation {
    /// Accuracy on the test split and what is taken for what, clips moving as in training.
    Classification,
    /// Accuracy at each velocity of V_2.
    Velocities,
    /// Accuracy on clips whose velocities are drawn from V_0, V_1 and V_2.
    Ranges,
    /// Accuracy with redrawn windows, which differ for each draw.
    Redrawing,
    /// How far logits change when the camera moves.
    Invariance,
}

/// Ranges N of the V_N that velocity generalization is tested on.
pub const TESTED_RANGES: [u32; 3] = [0, 1, 2];

/// The range N of the V_N at each of whose velocities accuracy is measured.
pub(super) const TESTED: u32 = 2;

/// The number of velocities of V_N, N = `range`, by which records name it.
pub(super) const fn velocities_of(range: u32) -> u32 {
    (2 * range + 1).pow(2)
}

/// Clips per batch of a measurement: results do not depend on it beyond rounding.
const BATCH: u64 = 16;

/// The camera's velocity at which invariance is measured.
const SHOWN: PixelsPerFrame = PixelsPerFrame::new(1, 1);

/// A trained model with the unit and the data that it came from.
pub(super) struct Trained<'a> {
    pub key: &'a UnitKey,
    pub settings: &'a Settings,
    pub model: &'a AnyClassifier,
    pub clips: &'a MovingCamera,
}

impl Trained<'_> {
    pub fn evaluate(&self, evaluation: Evaluation) -> Result<Vec<Record>> {
        match evaluation {
            Evaluation::Classification => self.classification(),
            Evaluation::Velocities => self.velocities(),
            Evaluation::Ranges => self.ranges(),
            Evaluation::Redrawing => self.redrawing(),
            Evaluation::Invariance => self.invariance(),
        }
    }

    fn record(&self, metric: Metric, value: f64) -> Record {
        self.key.record(Some(Split::Test), metric, value)
    }

    fn look(&self) -> Look {
        match self.settings.windows {
            Windows::Fixed => Look::Fixed,
            Windows::Redrawn => Look::Evaluation(self.settings.schedule.steps),
        }
    }

    fn confusion(&self, clips: &MovingCamera, count: u64, look: Look) -> Result<Confusion> {
        let batches = clips.batches(Split::Test, (count, BATCH), look);
        confusion(self.model, self.settings.shape.classes, batches)
    }

    fn classification(&self) -> Result<Vec<Record>> {
        let confusion = self.confusion(self.clips, self.settings.test_clips, self.look())?;
        let mut records = vec![self.record(Metric::ACCURACY, confusion.accuracy())];
        for truth in Action::ALL {
            for taken in Action::ALL {
                let [row, column] = [truth, taken].map(|action| action.label() as usize);
                let count = confusion.of(row, column) as f64;
                records.push(self.record(Metric::taken_for(truth.name(), taken.name()), count));
            }
        }
        Ok(records)
    }

    fn velocities(&self) -> Result<Vec<Record>> {
        let at = |&velocity: &PixelsPerFrame| {
            let clips = self.clips.with_velocities(&[velocity]);
            let confusion = self.confusion(&clips, self.settings.velocity_clips, self.look())?;
            let velocity = Some(velocity.into());
            let record = self.record(Metric::ACCURACY_BY_VELOCITY, confusion.accuracy());
            Ok(Record { velocity, ..record })
        };
        VelocitySet::square(TESTED).as_slice().iter().map(at).collect()
    }

    fn ranges(&self) -> Result<Vec<Record>> {
        let at = |range: u32| {
            let velocities = VelocitySet::square(range);
            let clips = self.clips.with_velocities(velocities.as_slice());
            let confusion = self.confusion(&clips, self.settings.test_clips, self.look())?;
            let record = self.record(Metric::ACCURACY_BY_RANGE, confusion.accuracy());
            Ok(Record { velocities: Some(velocities.len() as u32), ..record })
        };
        TESTED_RANGES.into_iter().map(at).collect()
    }

    fn redrawing(&self) -> Result<Vec<Record>> {
        let draw = |draw: u64| {
            let look = Look::Evaluation(draw);
            let confusion = self.confusion(self.clips, self.settings.test_clips, look)?;
            let record = self.record(Metric::ACCURACY_REDRAWN, confusion.accuracy());
            Ok(Record { horizon: Some(draw as u32 + 1), ..record })
        };
        (0..self.settings.redraws).map(draw).collect()
    }

    /// ‖logits(moving) − logits(at rest)‖ over test clips, relative to how the logits at rest differ from
    /// their mean over the clips: a model that calls all clips the same is not invariant by that.
    fn invariance(&self) -> Result<Vec<Record>> {
        let logits = |velocity: PixelsPerFrame| -> Result<Tensor> {
            let clips = self.clips.with_velocities(&[velocity]);
            let batches =
                clips.batches(Split::Test, (self.settings.velocity_clips, BATCH), self.look());
            let of = |batch: Result<(Tensor, Tensor)>| {
                let logits = self.model.logits(&batch?.0, &mut Mode::Evaluation)?;
                Ok(logits.detach().to_dtype(DType::F64)?)
            };
            Ok(Tensor::cat(&batches.map(of).collect::<Result<Vec<_>>>()?, 0)?)
        };
        let still = logits(PixelsPerFrame::new(0, 0))?;
        let difference = (logits(SHOWN)? - &still)?;
        let norm = |tensor: &Tensor| tensor.sqr()?.sum_all()?.sqrt()?.to_scalar::<f64>();
        let own = still.broadcast_sub(&still.mean_keepdim(0)?)?;
        let breach = norm(&difference)? / norm(&own)?;
        Ok(vec![Record {
            velocity: Some(SHOWN.into()),
            ..self.record(Metric::INVARIANCE_BREACH, breach)
        }])
    }
}
