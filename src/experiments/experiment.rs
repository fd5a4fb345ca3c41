//! What an experiment is: units of work, claims, exhibits. Adding one is a file with an [`Experiment`] in
//! it, and a line in the catalogue; those of other crates run through the same [`Session`](super::Session).

use super::changes::Changes;
use super::claim::Claim;
use super::evidence::Evidence;
use super::exhibit::Exhibit;
use super::expected_cost::{ExpectedCost, Timings};
use super::metric::Metric;
use super::origin::Origin;
use super::picture::Picture;
use super::profile::Profile;
use super::query::Records;
use super::record::Record;
use super::subject::Subject;
use crate::data::{Sources, Split};
use crate::digest::sha256_hex;
use crate::error::Result;
use crate::ops::ConvAlgorithm;
use crate::parameters::Tensors;
use crate::training::{CheckpointFile, Ranks, RunName, Training, TrainingEvent};
use candle_core::Device;
use std::path::PathBuf;

/// An experiment.
pub trait Experiment: Sync {
    /// The name in records and on the command line.
    fn name(&self) -> &'static str;

    /// One line for people.
    fn title(&self) -> &'static str;

    /// Profiles that run it when no experiment is named.
    fn profiles(&self) -> &'static [Profile];

    /// The work that a request asks for, in the order in which records are written.
    ///
    /// # Errors
    /// Those of the settings.
    fn units(&self, request: &Request) -> Result<Vec<Unit>>;

    /// The claims that the records decide.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] when the records hold settings that are none of this experiment's.
    fn claims(&self, _records: Records<'_>) -> Result<Vec<Claim>> {
        Ok(vec![])
    }

    /// Tables and figures of the records.
    ///
    /// # Errors
    /// As [`Experiment::claims`].
    fn exhibits(&self, _records: Records<'_>) -> Result<Vec<Exhibit>> {
        Ok(vec![])
    }

    /// What a reader must know of the numbers, a paragraph each.
    ///
    /// # Errors
    /// As [`Experiment::claims`].
    fn remarks(&self, _records: Records<'_>) -> Result<Vec<String>> {
        Ok(vec![])
    }
}

/// What is asked of experiments.
#[derive(Clone, Debug)]
pub struct Request {
    /// The scale.
    pub profile: Profile,
    /// The first seed.
    pub seed: u64,
    /// How many seeds, instead of the experiment's number.
    pub seeds: Option<u64>,
    /// Optimiser steps, instead of the experiment's number.
    pub steps: Option<u64>,
    /// Other settings, instead of the profile's.
    pub changes: Changes,
    /// How convolutions are computed.
    pub algorithm: ConvAlgorithm,
    /// Where tensors live.
    pub device: Device,
}

impl Request {
    /// The seeds, where an experiment has a number of its own.
    pub fn seeds(&self, own: u64) -> std::ops::Range<u64> {
        self.seed..self.seed + self.seeds.unwrap_or(own)
    }
}

/// A unit's place among all: what its records and files are named after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitKey {
    /// The experiment.
    pub experiment: String,
    /// The model.
    pub subject: Subject,
    /// The seed of initialisation and data.
    pub seed: u64,
    /// The profile.
    pub profile: String,
}

impl UnitKey {
    /// A name that serves as a file name.
    pub fn slug(&self) -> String {
        let name = format!("{}-{}-seed{}", self.experiment, self.subject, self.seed);
        let is_plain = |c: char| c.is_alphanumeric() || "-+.".contains(c);
        name.to_lowercase().replace(|c| !is_plain(c), "_")
    }

    /// Experiment, model and seed for people.
    pub fn title(&self) -> String {
        format!("{} {} seed {}", self.experiment, self.subject, self.seed)
    }

    /// What its training is called in error messages.
    pub(super) fn run_name(&self) -> RunName {
        let (experiment, model) = (self.experiment.clone(), self.subject.to_string());
        RunName { experiment, model, seed: self.seed }
    }

    /// The records of its training: what ran it, curves, of which the validation split's is of metric `score`, the best
    /// step and the number of parameters.
    pub(super) fn training_records(
        &self,
        training: &Training,
        parameters: usize,
        score: &Metric,
    ) -> Vec<Record> {
        let validation = Some(Split::Validation);
        let mut records: Vec<Record> =
            training.origins.iter().map(|origin| self.note(Metric::ORIGIN, origin)).collect();
        records.push(self.record(None, Metric::PARAMETERS, parameters as f64));
        records.push(self.record(validation, Metric::BEST_STEP, training.best_step as f64));
        for point in &training.curve {
            let at = |split, metric, value| Record {
                step: Some(point.step),
                ..self.record(Some(split), metric, value)
            };
            records.push(at(Split::Train, Metric::LOSS, point.train_loss));
            records.push(at(Split::Validation, score.clone(), point.score));
        }
        records
    }

    /// A record of the unit with a metric and its value.
    pub fn record(&self, split: Option<Split>, metric: Metric, value: f64) -> Record {
        Record {
            experiment: self.experiment.clone(),
            subject: self.subject.clone(),
            seed: Some(self.seed),
            profile: self.profile.clone(),
            split,
            metric,
            value: Some(value),
            ..Record::default()
        }
    }

    /// A record of the unit with a metric in words.
    pub(super) fn note(&self, metric: Metric, note: &str) -> Record {
        Record { value: None, note: note.into(), ..self.record(None, metric, 0.0) }
    }

    /// A picture of the unit, of no pixels yet.
    pub fn picture(&self, split: Split, metric: Metric, horizon: usize) -> Picture {
        Picture {
            experiment: self.experiment.clone(),
            subject: self.subject.clone(),
            seed: self.seed,
            profile: self.profile.clone(),
            split: Some(split),
            metric,
            horizon: horizon as u32,
            ..Picture::default()
        }
    }
}

/// A model of an experiment under one seed, to be trained and measured.
pub struct Unit {
    /// Its place.
    pub key: UnitKey,
    /// Everything that decides its numbers but the data, as TOML.
    pub settings: String,
    /// What of them differs from the profile's; empty for nothing.
    pub changed: String,
    /// Whether it gives pictures besides numbers, as the first seed of a model does.
    pub shows_frames: bool,
    /// Optimiser steps.
    pub steps: u64,
    /// Work in units of one sequence through one slice of a hidden state of 16 planes; measurements are a
    /// few per cent more.
    pub work: u64,
    /// What is done.
    pub job: Box<dyn Job>,
}

impl Unit {
    /// Identifies what its numbers come from: settings, model, seed, data and kind of device, but not the
    /// commit, which is kept beside them.
    ///
    /// # Errors
    /// Those of the data.
    pub fn digest(&self, sources: &Sources, origin: &Origin) -> Result<String> {
        let data = self.job.data(sources)?;
        let (slug, version) = (self.key.slug(), env!("CARGO_PKG_VERSION"));
        let (profile, device) = (&self.key.profile, origin.device.name());
        let shown = if self.shows_frames { "first" } else { "" };
        let parts = [version, device, &slug, profile, &self.settings, shown, &data];
        Ok(sha256_hex(parts.join("\n"))[..16].to_string())
    }
}

/// What a unit does.
pub trait Job: Send + Sync {
    /// The data that it reads, with digest, for provenance.
    ///
    /// # Errors
    /// Those of the source.
    fn data(&self, sources: &Sources) -> Result<String>;

    /// Trains, measures, and gives the records.
    ///
    /// # Errors
    /// Those of [`crate::training::Trainer::run`] and of the data.
    fn run(&self, run: &UnitRun<'_>) -> Result<Evidence>;

    /// The job as one whose model can be trained or measured alone [default: it cannot].
    fn model(&self) -> Option<&dyn ModelJob> {
        None
    }
}

/// A job of one model: training and measuring apart, for commands about that model.
pub trait ModelJob: Job {
    /// Trains; gives the records of training, and the best weights under the names that `fernn predict`
    /// reads.
    ///
    /// # Errors
    /// As [`Job::run`].
    fn train(&self, run: &UnitRun<'_>) -> Result<(Vec<Record>, Tensors)>;

    /// Everything that [`Job::run`] measures of a trained model but the laws, of weights under those names.
    ///
    /// # Errors
    /// As [`Job::run`]; [`crate::Error::Weights`] for weights of another model.
    fn evaluate(&self, run: &UnitRun<'_>, weights: &Tensors) -> Result<Evidence>;

    /// What it will cost, from a step that is timed here and now, or was for another job of the same model.
    ///
    /// # Errors
    /// As [`Job::run`].
    fn expected_cost(&self, sources: &Sources, timings: &mut Timings) -> Result<ExpectedCost>;

    /// The same job with other settings, as TOML.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] when they are those of another kind of job.
    fn with_settings(&self, settings: &str) -> Result<Box<dyn Job>>;
}

/// What a unit is run with.
pub struct UnitRun<'a> {
    /// The unit's place.
    pub key: &'a UnitKey,
    /// Data.
    pub sources: &'a Sources,
    /// Where checkpoints go; `None` keeps the run in memory.
    pub checkpoint: Option<CheckpointFile>,
    /// Where the best weights go besides, under the names that `fernn predict` reads; `None` keeps none.
    pub weights: Option<PathBuf>,
    /// The processes that share its training.
    pub ranks: &'a dyn Ranks,
    /// Told what happens in its training.
    pub progress: &'a (dyn Fn(TrainingEvent<'_>) + Sync),
}
