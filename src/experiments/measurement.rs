//! What is measured on a trained model, as records.

use super::record::Record;
use super::task::Task;
use super::world::World;
use crate::cells::{FlowCell, FlowLayer, FlowRnn};
use crate::data::{Sequences, Split};
use crate::equivariance::state_error;
use crate::error::Result;
use crate::flow::FlowGroup;
use crate::models::Forecaster;
use crate::training::{Outcome, mse_by_horizon, mse_over_batches};
use candle_core::{DType, Tensor};

/// A trained model with the task and the data that it came from.
pub(super) struct Trained<'a, W: World> {
    pub task: &'a Task,
    pub world: &'a W,
    pub model: &'a Forecaster<FlowRnn<W::Group>>,
    /// The model before training.
    pub untrained: &'a Forecaster<FlowRnn<W::Group>>,
    pub data: &'a W::Data,
}

/// A record of the task with a metric and its value.
fn record(task: &Task, split: &str, metric: &str, value: f64) -> Record {
    Record {
        experiment: task.experiment.name.to_string(),
        model: task.model.name(),
        seed: Some(task.seed),
        profile: task.profile.name().to_string(),
        split: split.to_string(),
        metric: metric.to_string(),
        value: Some(value),
        ..Record::default()
    }
}

/// Training curves, the best step and the number of parameters.
pub(super) fn training(task: &Task, outcome: &Outcome, parameters: usize) -> Vec<Record> {
    let mut records = vec![
        record(task, "", "parameters", parameters as f64),
        record(task, "validation", "best_step", outcome.best_step as f64),
    ];
    for point in &outcome.curve {
        let at =
            |split, loss| Record { step: Some(point.step), ..record(task, split, "loss", loss) };
        records.push(at("train", point.train_loss));
        records.push(at("validation", point.validation_loss));
    }
    records
}

/// Sequences per batch of a measurement: results do not depend on it beyond rounding.
const BATCH: u64 = 16;

impl<W: World> Trained<'_, W> {
    /// Test MSE over the trained number of predicted frames (Table 1).
    pub fn next_step(&self) -> Result<Vec<Record>> {
        let settings = &self.task.settings;
        let batches = self.data.pairs(Split::Test, settings.test_sequences, BATCH, settings.seen);
        let mse = mse_over_batches(self.model, batches)?;
        Ok(vec![record(self.task, Split::Test.name(), "mse", mse)])
    }

    /// Test MSE by horizon, far beyond the trained one.
    pub fn horizon(&self) -> Result<Vec<Record>> {
        let settings = &self.task.settings;
        let data = self.data.with_frames(settings.seen + settings.horizon);
        let batches = data.pairs(Split::Test, settings.horizon_sequences, BATCH, settings.seen);
        let at = |(i, mse)| Record {
            horizon: Some(i as u32 + 1),
            ..record(self.task, Split::Test.name(), "mse_by_horizon", mse)
        };
        Ok(mse_by_horizon(self.model, batches)?.into_iter().enumerate().map(at).collect())
    }

    /// Test MSE with both digits at each tested velocity.
    pub fn velocities(&self) -> Result<Vec<Record>> {
        let settings = &self.task.settings;
        let mut records = Vec::new();
        for velocity in self.world.tested() {
            let data = self.data.with_velocities(&[velocity]);
            let count = settings.velocity_sequences;
            let mse =
                mse_over_batches(self.model, data.pairs(Split::Test, count, BATCH, settings.seen))?;
            let record = record(self.task, Split::Test.name(), "mse_by_velocity", mse);
            records.push(W::at_velocity(velocity, record));
        }
        Ok(records)
    }

    /// Frames of the first test sequence: the last one seen, and some predicted ones.
    pub fn film(&self) -> Result<Vec<Record>> {
        let settings = &self.task.settings;
        let (seen, horizon) = (settings.seen, settings.horizon);
        let data = self.data.with_frames(seen + horizon);
        let (input, truth) = data.pair(Split::Test, 0..1, seen)?;
        let prediction = self.model.forecast(&input, horizon)?.detach();
        let n = settings.predicted;
        let mut records = self.frame("film_truth", 0, &input, seen - 1)?;
        let shown = [1, n / 2, n, 2 * n, 4 * n, 7 * n];
        for h in shown.into_iter().filter(|&h| (1..=horizon).contains(&h)) {
            records.extend(self.frame("film_truth", h, &truth, h - 1)?);
            records.extend(self.frame("film_prediction", h, &prediction, h - 1)?);
        }
        Ok(records)
    }

    /// The flow equivariance error of the hidden state after each frame of a batch of test sequences,
    /// flowed by the world's shown velocity, before and after training; in the 2-norm.
    pub fn equivariance(&self) -> Result<Vec<Record>> {
        let frames = self.data.batch(Split::Test, 0..BATCH)?;
        let mut records = Vec::new();
        for (metric, model) in
            [("equivariance_untrained", self.untrained), ("equivariance_trained", self.model)]
        {
            let error = state_error(model.cell(), &frames, self.world.shown())?;
            for (t, step) in error.by_step.iter().enumerate() {
                let Some(step) = step else { continue };
                records.push(Record {
                    horizon: Some(t as u32 + 1),
                    ..record(self.task, Split::Test.name(), metric, step.two_norm)
                });
            }
        }
        Ok(records)
    }

    /// A channel of the hidden state while the first test sequence is seen with both digits moving
    /// alike: as it is, and moved back along with the digits. The slice is that of the same velocity,
    /// or the only one; the channel that which varies most over the plane in the end.
    pub fn hidden_states(&self) -> Result<Vec<Record>> {
        let velocity = self.world.shown();
        let seen = self.task.settings.seen;
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
        let mut records = Vec::new();
        for (t, lab) in lab.iter().enumerate() {
            let back = cell.group().act_on_slices(lab, &[velocity], -(t as i64))?;
            records.extend(self.frame("hidden_input", t + 1, &input, t)?);
            for (metric, state) in [("hidden_lab", lab), ("hidden_stabilised", &back)] {
                let map = state.narrow(4, channel, 1)?.permute((0, 1, 4, 2, 3))?; // (1, 1, 1, H, W)
                records.extend(self.frame(metric, t + 1, &map, 0)?);
            }
        }
        Ok(records)
    }

    /// The pixels of frame t of a sequence (1, T, 1, H, W).
    fn frame(
        &self,
        metric: &str,
        horizon: usize,
        frames: &Tensor,
        t: usize,
    ) -> Result<Vec<Record>> {
        let rows = frames.narrow(1, t, 1)?.squeeze(0)?.squeeze(0)?.squeeze(0)?.to_vec2::<f32>()?;
        let pixel = |(y, x, value): (usize, usize, f32)| Record {
            horizon: Some(horizon as u32),
            pixel_x: Some(x as u32),
            pixel_y: Some(y as u32),
            ..record(self.task, Split::Test.name(), metric, value as f64)
        };
        let pixels = rows
            .iter()
            .enumerate()
            .flat_map(|(y, row)| row.iter().enumerate().map(move |(x, &value)| (y, x, value)));
        Ok(pixels.map(pixel).collect())
    }
}

/// The channel of a map (1, 1, H, W, C) with the largest variance over the plane.
fn liveliest_channel(map: &Tensor) -> Result<usize> {
    let pixels = map.flatten(0, 3)?.to_dtype(DType::F64)?;
    let variances = pixels.var(0)?.to_vec1::<f64>()?;
    let by_variance = |a: &usize, b: &usize| variances[*a].total_cmp(&variances[*b]);
    Ok((0..variances.len()).max_by(by_variance).unwrap_or(0))
}

/// The first step of a curve (step, loss) at which the loss is at most `level`.
pub fn steps_to_reach(curve: &[(u64, f64)], level: f64) -> Option<u64> {
    curve.iter().find(|(_, loss)| *loss <= level).map(|(step, _)| *step)
}
