//! One unit of work: a model trained under one seed, and everything measured on it.

use super::catalogue::{Experiment, Measurement};
use super::measurement::{self, Trained};
use super::record::Record;
use super::settings::{Model, Profile, TranslationSettings};
use crate::data::{Digits, FlowingMnist, Sequences, Split, sha256_hex};
use crate::error::Result;
use crate::flow::VelocitySet;
use crate::models::{Parameters, TranslationForecaster, parameter_shapes};
use crate::training::{Outcome, Trainer};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A model of an experiment under one seed.
#[derive(Clone, Debug)]
pub struct Task {
    /// The experiment.
    pub experiment: &'static Experiment,
    /// The model.
    pub model: Model,
    /// The seed of initialisation and data.
    pub seed: u64,
    /// Whether this seed is the run's first, whose frames are shown.
    pub is_first_seed: bool,
    /// The profile.
    pub profile: Profile,
    /// The hyper-parameters, the model's departure applied.
    pub settings: TranslationSettings,
    /// Where tensors live.
    pub device: Device,
}

impl Task {
    /// A name that serves as a file name.
    pub fn slug(&self) -> String {
        let model = self.model.name().to_lowercase().replace(' ', "_");
        format!("{}-{model}-seed{}", self.experiment.name, self.seed)
    }

    /// Experiment, model and seed for people.
    pub fn title(&self) -> String {
        format!("{} {} seed {}", self.experiment.name, self.model.name(), self.seed)
    }

    /// Work in units of one sequence through one slice of the hidden state; measurements are a few
    /// per cent more.
    pub fn work(&self) -> u64 {
        let decoder = self.settings.shape.decoder_layers as u64 / 2 + 1;
        let slices = (2 * self.model.velocity_range as u64 + 1).pow(2);
        self.settings.schedule.steps
            * self.settings.batch
            * (slices + decoder)
            * self.settings.shape.channels.div_ceil(16).pow(2) as u64
    }

    /// Identifies what was run: code, settings, model, seed, data.
    pub fn fingerprint(&self, digits: &Digits, commit: &str) -> String {
        let settings = toml::to_string(&self.settings).expect("settings are plain data");
        let text = [
            env!("CARGO_PKG_VERSION"),
            commit,
            &self.slug(),
            &settings,
            digits.description(),
            self.profile.name(),
            if self.is_first_seed { "first" } else { "" },
            if self.device.is_cpu() { "" } else { "another device" },
        ]
        .join("\n");
        sha256_hex(text.as_bytes())[..16].to_string()
    }

    /// Trains, measures and returns the records.
    ///
    /// # Errors
    /// Those of [`Trainer::run`], and of the data.
    pub fn run(
        &self,
        digits: &Digits,
        checkpoint: Option<PathBuf>,
        fingerprint: String,
        progress: &dyn Fn(u64, f64),
    ) -> Result<Vec<Record>> {
        let data = self.data(digits)?;
        let outcome = self.train(&data, checkpoint, fingerprint, progress)?;
        let model = self.forecaster(&outcome.best_weights)?;
        let parameters = outcome.best_weights.values().map(|t| t.elem_count()).sum();
        let trained = Trained { task: self, model: &model, data: &data };
        let mut records = measurement::training(self, &outcome, parameters);
        for measurement in self.experiment.measurements {
            records.extend(match measurement {
                Measurement::NextStep => trained.next_step()?,
                Measurement::Horizon => trained.horizon()?,
                Measurement::Velocities => trained.velocities()?,
                Measurement::Film if self.is_first_seed => trained.film()?,
                Measurement::HiddenStates if self.is_first_seed => trained.hidden_states()?,
                Measurement::Film | Measurement::HiddenStates => vec![],
            });
        }
        Ok(records)
    }

    /// The training sequences, and by their other splits the rest.
    pub fn data<'a>(&self, digits: &'a Digits) -> Result<FlowingMnist<'a>> {
        let velocities = VelocitySet::square(self.settings.training_range);
        let frames = self.settings.seen + self.settings.predicted;
        let (canvas, velocities) = (self.settings.canvas, velocities.as_slice());
        Ok(FlowingMnist::new(digits, canvas, frames, velocities, self.seed)?.on(&self.device))
    }

    /// A forecaster with the task's settings from tensors by name.
    pub fn forecaster(&self, tensors: &BTreeMap<String, Tensor>) -> Result<TranslationForecaster> {
        let velocities = VelocitySet::square(self.model.velocity_range);
        let source = Path::new("the parameters of this run");
        Ok(TranslationForecaster::from_tensors(tensors, velocities, source)?
            .with_activation(self.settings.activation)
            .with_pooling(self.settings.pooling)
            .with_feedback(self.settings.feedback)
            .with_algorithm(self.settings.algorithm))
    }

    /// Trains from the checkpoint or from scratch.
    pub fn train(
        &self,
        data: &FlowingMnist<'_>,
        checkpoint: Option<PathBuf>,
        fingerprint: String,
        progress: &dyn Fn(u64, f64),
    ) -> Result<Outcome> {
        let TranslationSettings { seen, batch, .. } = self.settings;
        let shapes = parameter_shapes(&self.settings.shape);
        let parameters = Parameters::convolutions(&shapes, self.seed, &self.device)?;
        let validation = data
            .pairs(Split::Validation, self.settings.validation_sequences, batch, seen)
            .collect::<Result<Vec<_>>>()?;
        Trainer {
            name: (self.experiment.name.to_string(), self.model.name(), self.seed),
            model: &self.forecaster(&parameters.tensors())?,
            frozen: &self.forecaster(&parameters.detached())?,
            parameters: &parameters,
            schedule: self.settings.schedule,
            // Every step sees new sequences: new digits, positions and velocities.
            batch: &|step| data.pair(Split::Train, step * batch..(step + 1) * batch, seen),
            validation: &validation,
            checkpoint,
            fingerprint,
            progress,
        }
        .run()
    }
}
