//! One unit of work: a model trained under one seed, and everything measured on it.

use super::catalogue::{Experiment, Measurement};
use super::measurement::{self, Trained};
use super::record::Record;
use super::settings::{Model, Profile, RotationSpace, Settings, Space};
use super::world::World;
use crate::cells::FlowRnn;
use crate::data::{Digits, Sequences, Split};
use crate::digest::sha256_hex;
use crate::error::Result;
use crate::models::{Forecaster, Parameters};
use crate::training::{Outcome, Trainer};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

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
    pub settings: Settings,
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
        let range = u64::from(self.model.velocity_range);
        let (slices, planes, layers) = match &self.settings.space {
            Space::Translation(space) => {
                ((2 * range + 1).pow(2), space.shape.channels, space.shape.decoder_layers)
            }
            // Interpolation and the autograd graph of single steps take as long again.
            Space::Rotation(RotationSpace { shape, .. }) => {
                (2 * (2 * range + 1), shape.fields * shape.orientations, shape.decoder_layers)
            }
        };
        self.settings.schedule.steps
            * self.settings.batch
            * (slices + layers as u64 / 2 + 1)
            * planes.div_ceil(16).pow(2) as u64
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
        sha256_hex(text)[..16].to_string()
    }

    /// Trains, measures and returns the records.
    ///
    /// # Errors
    /// Those of [`Trainer::run`], and of the data.
    pub fn run(
        &self,
        digits: &Arc<Digits>,
        checkpoint: Option<PathBuf>,
        fingerprint: String,
        progress: &dyn Fn(u64, f64),
    ) -> Result<Vec<Record>> {
        match &self.settings.space {
            Space::Translation(world) => {
                self.run_in(world, digits, (checkpoint, fingerprint), progress)
            }
            Space::Rotation(world) => {
                self.run_in(world, digits, (checkpoint, fingerprint), progress)
            }
        }
    }

    fn run_in<W: World>(
        &self,
        world: &W,
        digits: &Arc<Digits>,
        (checkpoint, fingerprint): (Option<PathBuf>, String),
        progress: &dyn Fn(u64, f64),
    ) -> Result<Vec<Record>> {
        let data = world.data(digits, &self.settings, self.seed, &self.device)?;
        let parameters = Parameters::draw(&world.parameters()?, self.seed, &self.device)?;
        let untrained = self.forecaster(world, &parameters.snapshot()?)?;
        let outcome =
            self.train(world, (&data, &parameters), (checkpoint, fingerprint), progress)?;
        let model = self.forecaster(world, &outcome.best_weights)?;
        let trained =
            Trained { task: self, world, model: &model, untrained: &untrained, data: &data };
        let mut records = measurement::training(self, &outcome, parameters.count());
        for measurement in self.experiment.measurements {
            records.extend(match measurement {
                Measurement::NextStep => trained.next_step()?,
                Measurement::Horizon => trained.horizon()?,
                Measurement::Velocities => trained.velocities()?,
                Measurement::Equivariance => trained.equivariance()?,
                Measurement::Film if self.is_first_seed => trained.film()?,
                Measurement::HiddenStates if self.is_first_seed => trained.hidden_states()?,
                Measurement::Film | Measurement::HiddenStates => vec![],
            });
        }
        Ok(records)
    }

    /// A forecaster with the task's settings from tensors by name.
    ///
    /// # Errors
    /// Those of [`World::forecaster`].
    pub fn forecaster<W: World>(
        &self,
        world: &W,
        tensors: &BTreeMap<String, Tensor>,
    ) -> Result<Forecaster<FlowRnn<W::Group>>> {
        Ok(world
            .forecaster(tensors, self.model.velocity_range)?
            .with_activation(self.settings.activation)
            .with_pooling(self.settings.pooling)
            .with_feedback(self.settings.feedback)
            .with_algorithm(self.settings.algorithm))
    }

    /// Trains from the checkpoint or from scratch.
    fn train<W: World>(
        &self,
        world: &W,
        (data, parameters): (&W::Data, &Parameters),
        (checkpoint, fingerprint): (Option<PathBuf>, String),
        progress: &dyn Fn(u64, f64),
    ) -> Result<Outcome> {
        let Settings { seen, batch, .. } = self.settings;
        let validation = data
            .pairs(Split::Validation, self.settings.validation_sequences, batch, seen)
            .collect::<Result<Vec<_>>>()?;
        Trainer {
            name: (self.experiment.name.to_string(), self.model.name(), self.seed),
            model: &|tensors| self.forecaster(world, tensors),
            parameters,
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
