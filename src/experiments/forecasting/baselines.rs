//! Forecasts that nothing is learned for: what a model must beat before it knows anything of motion.

use super::settings::Settings;
use super::world::{VelocityOf, World};
use crate::data::{Sequences, Split};
use crate::error::Result;
use crate::experiments::experiment::UnitKey;
use crate::experiments::metric::Metric;
use crate::experiments::record::Record;
use crate::experiments::subject::Subject;
use crate::flow::FlowGroup;
use crate::models::HorizonErrors;
use crate::statistics::mean;
use candle_core::{DType, Device, Tensor};
use std::ops::Range;

/// A forecast without a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The last frame seen, again and again.
    LastFrame,
    /// Each digit of the last frame seen, moved on by its own velocity. It is told what no model is: which
    /// pixels belong to which digit, and how fast that moves. Its error is what interpolation costs; over
    /// translations there is none.
    TrueMotion,
    /// The mean of frames of the training split.
    MeanFrame,
}

impl Baseline {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LastFrame, Self::TrueMotion, Self::MeanFrame];

    /// How it is called in records.
    pub fn subject(self) -> Subject {
        Subject::new(match self {
            Self::LastFrame => "last frame",
            Self::TrueMotion => "true motion (oracle)",
            Self::MeanFrame => "mean frame",
        })
    }

    /// Whether a row of the records is of one of them, and not of a model.
    pub fn is_one(subject: &Subject) -> bool {
        Self::ALL.iter().any(|baseline| baseline.subject() == *subject)
    }
}

/// Sequences whose frames are averaged.
const AVERAGED: u64 = 256;

/// Sequences per batch: results do not depend on it beyond rounding.
const BATCH: u64 = 16;

/// What is measured of baselines, as on a model of the same settings.
pub(super) struct Baselines<'a, W: World> {
    pub key: &'a UnitKey,
    pub settings: &'a Settings<W>,
    pub data: &'a W::Data,
}

impl<W: World> Baselines<'_, W> {
    /// Those that can be made of the data.
    fn measured(&self) -> impl Iterator<Item = Baseline> + use<W> {
        let is_made = |b: &Baseline| W::IS_MOTION_KNOWN || *b != Baseline::TrueMotion;
        Baseline::ALL.into_iter().filter(is_made)
    }

    fn record(&self, baseline: Baseline, metric: Metric, value: f64) -> Record {
        let key = UnitKey { subject: baseline.subject(), ..self.key.clone() };
        key.record(Some(Split::Test), metric, value)
    }

    /// Test MSE over the trained number of predicted frames.
    pub fn prediction(&self) -> Result<Vec<Record>> {
        let mut data = vec![(Metric::MSE, self.data.clone())];
        for (metric, velocities) in self.settings.parted() {
            data.push((metric, self.data.with_velocities(&velocities)));
        }
        let mut records = Vec::new();
        for baseline in self.measured() {
            for (metric, data) in &data {
                let mse = mean(&self.errors(baseline, data, self.settings.test_sequences)?);
                records.push(self.record(baseline, metric.clone(), mse));
            }
        }
        Ok(records)
    }

    /// Test MSE by horizon.
    pub fn horizon(&self) -> Result<Vec<Record>> {
        let Settings { seen, horizon, horizon_sequences, .. } = *self.settings;
        let data = self.data.with_frames(seen + horizon);
        let mut records = Vec::new();
        for baseline in self.measured() {
            for (i, mse) in self.errors(baseline, &data, horizon_sequences)?.iter().enumerate() {
                let record = self.record(baseline, Metric::MSE_BY_HORIZON, *mse);
                records.push(Record { horizon: Some(i as u32 + 1), ..record });
            }
        }
        Ok(records)
    }

    /// Test MSE with both digits at each tested velocity.
    pub fn velocities(&self) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for baseline in self.measured() {
            for velocity in self.settings.world.tested() {
                let data = self.data.with_velocities(&[velocity]);
                let mse = mean(&self.errors(baseline, &data, self.settings.velocity_sequences)?);
                let record = self.record(baseline, Metric::MSE_BY_VELOCITY, mse);
                records.push(Record { velocity: Some(velocity.into()), ..record });
            }
        }
        Ok(records)
    }

    /// The error of each predicted frame over test sequences.
    fn errors(&self, baseline: Baseline, data: &W::Data, sequences: u64) -> Result<Vec<f64>> {
        let seen = self.settings.seen;
        let mean_frame =
            (baseline == Baseline::MeanFrame).then(|| self.mean_frame()).transpose()?;
        let mut errors = HorizonErrors::default();
        let sequences = data.at_most(Split::Test, sequences);
        for first in (0..sequences).step_by(BATCH as usize) {
            let indices = first..(first + BATCH).min(sequences);
            let (input, target) = data.pair(Split::Test, indices.clone(), seen)?;
            let steps = target.dims()[1];
            let outputs = match (baseline, &mean_frame) {
                (Baseline::TrueMotion, _) => self.moved_on(data, indices, steps)?,
                (_, Some(frame)) => frame.broadcast_as(target.shape())?,
                (_, None) => input.narrow(1, seen - 1, 1)?.broadcast_as(target.shape())?,
            };
            errors.add(&outputs, &target)?;
        }
        Ok(errors.by_horizon())
    }

    /// The mean over training sequences and their frames: (1, 1, C, H, W).
    fn mean_frame(&self) -> Result<Tensor> {
        let frames = self.data.batch(Split::Train, 0..AVERAGED)?.to_dtype(DType::F64)?;
        Ok(frames.mean_keepdim(1)?.mean_keepdim(0)?.to_dtype(DType::F32)?)
    }

    /// Each digit of the last frame seen moved on by its own velocity, then put together again.
    fn moved_on(&self, data: &W::Data, indices: Range<u64>, steps: usize) -> Result<Tensor> {
        let seen = self.settings.seen;
        let group = self.settings.world.space(0)?.group().clone();
        let (height, width) = data.extents();
        let alone = data.with_frames(seen);
        let of_sequence = |index: u64| -> Result<Tensor> {
            let layers = W::apart(&alone, Split::Test, index)
                .into_iter()
                .map(|(frames, velocity)| {
                    let last = frames[(seen - 1) * height * width..].to_vec();
                    Ok((Tensor::from_vec(last, (1, 1, height, width), &Device::Cpu)?, velocity))
                })
                .collect::<Result<Vec<(Tensor, VelocityOf<W>)>>>()?;
            let frame = |step: usize| -> Result<Tensor> {
                let mut sum = Tensor::zeros((1, 1, height, width), DType::F32, &Device::Cpu)?;
                for (layer, velocity) in &layers {
                    sum = (sum + group.act_on_frame(layer, *velocity, step as i64)?)?;
                }
                Ok(sum.minimum(1f64)?)
            };
            let frames = (1..=steps).map(frame).collect::<Result<Vec<_>>>()?;
            Ok(Tensor::stack(&frames, 1)?) // (1, N, 1, H, W)
        };
        let sequences = indices.map(of_sequence).collect::<Result<Vec<_>>>()?;
        Ok(Tensor::cat(&sequences, 0)?.to_device(data.device())?)
    }
}
