//! What is evaluated on a trained forecaster, as records and pictures.

use super::settings::Settings;
use super::world::{VelocityOf, World};
use crate::cells::{FlowCell, FlowLayer};
use crate::data::{Sequences, Split};
use crate::equivariance::state_error;
use crate::error::Result;
use crate::experiments::evidence::Evidence;
use crate::experiments::experiment::UnitKey;
use crate::experiments::metric::Metric;
use crate::experiments::picture::Picture;
use crate::experiments::record::Record;
use crate::flow::FlowGroup;
use crate::models::{AnyForecaster, mse_by_horizon, mse_over_batches};
use candle_core::{DType, Tensor};

/// What is evaluated on a trained model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluation {
    /// Mean squared error on the test split, over the trained number of predicted frames.
    Prediction,
    /// Mean squared error by horizon, far beyond the trained one.
    Horizon,
    /// Mean squared error at each of the tested velocities.
    Velocities,
    /// Frames of one test sequence, true and predicted.
    Film,
    /// Hidden states while a moving sequence is seen, as they are and moved back along with it.
    HiddenStates,
    /// Equivariance errors of the hidden state by step, trained and untrained.
    Equivariance,
}

impl Evaluation {
    /// What Table 1 and the figures beside it are made of.
    pub const TABLE_1: &[Self] = &[Self::Prediction, Self::Horizon, Self::Film, Self::HiddenStates];

    /// Whether it gives pictures, which one seed is enough for.
    pub fn shows_frames(self) -> bool {
        matches!(self, Self::Film | Self::HiddenStates)
    }
}

/// A trained model with the unit and the data that it came from.
pub(super) struct Trained<'a, W: World> {
    pub key: &'a UnitKey,
    pub settings: &'a Settings<W>,
    pub model: &'a AnyForecaster<W::Group>,
    /// The model before training.
    pub untrained: &'a AnyForecaster<W::Group>,
    pub data: &'a W::Data,
}

/// Sequences per batch of a measurement: results do not depend on it beyond rounding.
const BATCH: u64 = 16;

impl<W: World> Trained<'_, W> {
    pub fn evaluate(&self, evaluation: Evaluation) -> Result<Evidence> {
        let records = |records| Evidence { records, pictures: vec![] };
        let pictures = |pictures| Evidence { records: vec![], pictures };
        Ok(match evaluation {
            Evaluation::Prediction => records(self.prediction()?),
            Evaluation::Horizon => records(self.horizon()?),
            Evaluation::Velocities => records(self.velocities()?),
            Evaluation::Equivariance => records(self.equivariance()?),
            Evaluation::Film => pictures(self.film()?),
            Evaluation::HiddenStates => pictures(self.hidden_states()?),
        })
    }

    fn record(&self, metric: Metric, value: f64) -> Record {
        self.key.record(Some(Split::Test), metric, value)
    }

    /// Test MSE over the trained number of predicted frames (Table 1); where some velocities return within
    /// them, of those and of the others apart.
    fn prediction(&self) -> Result<Vec<Record>> {
        let over = |data: &W::Data| -> Result<f64> {
            let Settings { test_sequences, seen, .. } = *self.settings;
            mse_over_batches(self.model, data.pairs(Split::Test, test_sequences, BATCH, seen))
        };
        let mut records = vec![self.record(Metric::MSE, over(self.data)?)];
        for (metric, velocities) in self.settings.parted() {
            let mse = over(&self.data.with_velocities(&velocities))?;
            records.push(self.record(metric, mse));
        }
        Ok(records)
    }

    /// Test MSE by horizon, far beyond the trained one.
    fn horizon(&self) -> Result<Vec<Record>> {
        let Settings { horizon, horizon_sequences, seen, .. } = *self.settings;
        let data = self.data.with_frames(seen + horizon);
        let batches = data.pairs(Split::Test, horizon_sequences, BATCH, seen);
        let at = |(i, mse)| Record {
            horizon: Some(i as u32 + 1),
            ..self.record(Metric::MSE_BY_HORIZON, mse)
        };
        Ok(mse_by_horizon(self.model, batches)?.into_iter().enumerate().map(at).collect())
    }

    /// Test MSE with both digits at each tested velocity.
    fn velocities(&self) -> Result<Vec<Record>> {
        let Settings { velocity_sequences, seen, .. } = *self.settings;
        let at = |velocity: VelocityOf<W>| {
            let data = self.data.with_velocities(&[velocity]);
            let batches = data.pairs(Split::Test, velocity_sequences, BATCH, seen);
            let mse = mse_over_batches(self.model, batches)?;
            let velocity = Some(velocity.into());
            Ok(Record { velocity, ..self.record(Metric::MSE_BY_VELOCITY, mse) })
        };
        self.settings.world.tested().into_iter().map(at).collect()
    }

    /// The flow equivariance error of the hidden state after each frame of a batch of test sequences,
    /// flowed by the world's shown velocity, before and after training; in the 2-norm.
    fn equivariance(&self) -> Result<Vec<Record>> {
        let frames = self.data.batch(Split::Test, 0..BATCH)?;
        let models = [
            (Metric::EQUIVARIANCE_UNTRAINED, self.untrained),
            (Metric::EQUIVARIANCE_TRAINED, self.model),
        ];
        let mut records = Vec::new();
        for (metric, model) in models {
            let error = state_error(model.cell(), &frames, self.settings.world.shown())?;
            for (t, step) in error.by_step.iter().enumerate() {
                let Some(step) = step else { continue };
                let horizon = Some(t as u32 + 1);
                records.push(Record { horizon, ..self.record(metric.clone(), step.two_norm) });
            }
        }
        Ok(records)
    }

    /// Frames of the first test sequence: the last one seen, and some predicted ones.
    fn film(&self) -> Result<Vec<Picture>> {
        let Settings { seen, horizon, predicted: n, .. } = *self.settings;
        let data = self.data.with_frames(seen + horizon);
        let (input, truth) = data.pair(Split::Test, 0..1, seen)?;
        let horizon = truth.dims()[1]; // clips may end before
        let prediction = self.model.forecast(&input, horizon)?.detach();
        let mut pictures = vec![self.picture(Metric::FILM_TRUTH, 0, &input, seen - 1)?];
        let mut shown = vec![1, n / 2, n, 2 * n, 4 * n, 7 * n];
        shown.sort_unstable();
        shown.dedup();
        for h in shown.into_iter().filter(|&h| (1..=horizon).contains(&h)) {
            pictures.push(self.picture(Metric::FILM_TRUTH, h, &truth, h - 1)?);
            pictures.push(self.picture(Metric::FILM_PREDICTION, h, &prediction, h - 1)?);
        }
        Ok(pictures)
    }

    /// A channel of the hidden state while the first test sequence is seen with both digits moving
    /// alike: as it is, and moved back along with the digits. The slice is that of the same velocity,
    /// or the only one; the channel that which varies most over the plane in the end.
    fn hidden_states(&self) -> Result<Vec<Picture>> {
        let (velocity, seen) = (self.settings.world.shown(), self.settings.seen);
        let data = self.data.with_frames(seen + 1).with_velocities(&[velocity]);
        let (input, _) = data.pair(Split::Test, 0..1, seen)?;
        let cell = self.model.cell();
        let slice = cell.velocities().index_of(velocity).unwrap_or(0);
        let states = self.model.forecast_with_states(&input, 1)?.encoder_states;
        let lab = states
            .iter()
            .map(|state| Ok(cell.space().in_lab(state)?.narrow(1, slice, 1)?.detach()))
            .collect::<Result<Vec<_>>>()?; // (1, 1, H, W, C) each
        let channel = liveliest_channel(lab.last().expect("a frame was seen"))?;
        let mut pictures = Vec::new();
        for (t, lab) in lab.iter().enumerate() {
            let back = cell.group().act_on_slices(lab, &[velocity], -(t as i64))?;
            pictures.push(self.picture(Metric::HIDDEN_INPUT, t + 1, &input, t)?);
            for (metric, state) in [(Metric::HIDDEN_LAB, lab), (Metric::HIDDEN_STABILISED, &back)] {
                let map = state.narrow(4, channel, 1)?.permute((0, 1, 4, 2, 3))?; // (1, 1, 1, H, W)
                pictures.push(self.picture(metric, t + 1, &map, 0)?);
            }
        }
        Ok(pictures)
    }

    /// Frame t of a sequence (1, T, C, H, W), the mean of its channels.
    fn picture(&self, metric: Metric, at: usize, frames: &Tensor, t: usize) -> Result<Picture> {
        let frame = frames.narrow(1, t, 1)?.mean_keepdim(2)?;
        let (width, pixels) = (frame.dims()[4], frame.flatten_all()?.to_vec1::<f32>()?);
        Ok(Picture { width, pixels, ..self.key.picture(Split::Test, metric, at) })
    }
}

/// The channel of a map (1, 1, H, W, C) with the largest variance over the plane.
fn liveliest_channel(map: &Tensor) -> Result<usize> {
    let pixels = map.flatten(0, 3)?.to_dtype(DType::F64)?;
    let variances = pixels.var(0)?.to_vec1::<f64>()?;
    let by_variance = |a: &usize, b: &usize| variances[*a].total_cmp(&variances[*b]);
    Ok((0..variances.len()).max_by(by_variance).unwrap_or(0))
}
