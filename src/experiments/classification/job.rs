//! The job of a unit: a classifier trained under one seed, and everything evaluated on it.

use super::baselines::baseline_records;
use super::evaluation::{Evaluation, TESTED, TESTED_RANGES, Trained, velocities_of};
use super::settings::Settings;
use crate::data::{Footage, Look, MovingCamera, Sources, Split, Windows};
use crate::equivariance::Report;
use crate::error::Result;
use crate::experiments::evidence::Evidence;
use crate::experiments::expected_cost::{Amounts, ExpectedCost, Size, Timings, expected_cost};
use crate::experiments::experiment::{Job, ModelJob, Request, Unit, UnitKey, UnitRun};
use crate::experiments::metric::Metric;
use crate::experiments::record::Record;
use crate::experiments::settings_text;
use crate::experiments::subject::Subject;
use crate::flow::{PixelsPerFrame, VelocitySet};
use crate::models::{AnyClassifier, ClassificationLearner, ClassifierKind, check_classifier};
use crate::ops::history_budget;
use crate::parameters::{Parameters, Tensors, in_precision};
use crate::training::{Trainer, Training};
use candle_core::{Device, Tensor};
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// A model of an experiment with its settings.
pub type Model = (Subject, Settings);

/// A unit for every model and seed of an experiment, in this order.
pub fn units(
    experiment: &str,
    request: &Request,
    own_seeds: u64,
    models: Vec<Model>,
    evaluations: &'static [Evaluation],
) -> Vec<Unit> {
    let unit = |seed: u64, has_baselines: bool, (subject, settings): &Model| {
        let (settings, device) = (settings.clone(), request.device.clone());
        let profile = request.profile.name().into();
        let (experiment, subject) = (experiment.to_string(), subject.clone());
        let job = ClassificationJob { settings, evaluations, has_baselines, device };
        Unit {
            key: UnitKey { experiment, subject, seed, profile },
            settings: settings_text::written(&job.settings),
            changed: String::new(),
            shows_frames: false,
            steps: job.settings.schedule.steps,
            work: job.work(),
            job: Box::new(job),
        }
    };
    models
        .iter()
        .enumerate()
        .flat_map(|(place, model)| {
            request.seeds(own_seeds).map(move |seed| unit(seed, place == 0, model))
        })
        .collect()
}

/// Trains a classifier and evaluates it.
#[derive(Clone, Debug)]
pub struct ClassificationJob {
    /// The settings.
    pub settings: Settings,
    /// What is evaluated.
    pub evaluations: &'static [Evaluation],
    /// Whether accuracies without a model are measured as well: by one job for all models of a seed.
    pub has_baselines: bool,
    /// Where tensors live.
    pub device: Device,
}

/// Named in errors about parameters, which never come from a file here.
const SOURCE: &str = "the parameters of this run";

impl ClassificationJob {
    /// The velocities of the model.
    pub fn velocities(&self) -> VelocitySet<PixelsPerFrame> {
        VelocitySet::square(self.settings.velocity_range)
    }

    /// See [`Unit::work`].
    fn work(&self) -> u64 {
        let Settings { shape, batch, schedule, model, size, cut, .. } = &self.settings;
        let slices = match model.kind {
            ClassifierKind::Flow => self.velocities().len() as u64 * model.layers as u64,
            ClassifierKind::LearnedShift => 6 * self.velocities().len() as u64,
            ClassifierKind::VideoCnn => 1,
        };
        let width = shape.widths[2].div_ceil(16).pow(2) as u64;
        // A sequence of the unit has 20 frames of 14×14 pixels.
        let pixels = (size * size * cut.frames) as u64;
        (schedule.steps * batch * (slices + 3) * width * pixels).div_ceil(20 * 14 * 14)
    }

    /// The classifier from tensors by name.
    ///
    /// # Errors
    /// Those of [`crate::models::ClassifierChoice::classifier`].
    pub fn classifier(&self, tensors: &Tensors) -> Result<AnyClassifier> {
        self.settings.model.classifier(tensors, &self.velocities(), Path::new(SOURCE))
    }

    /// The laws of equivariance of the classifier from trained weights.
    ///
    /// # Errors
    /// Those of the check, which claims nothing of the 3-D CNN.
    pub fn check(&self, weights: &Tensors) -> Result<Report> {
        let model = &self.settings.model;
        let build = |dtype, velocities| {
            model.classifier(&in_precision(weights, dtype)?, &velocities, Path::new(SOURCE))
        };
        check_classifier(build, model.kind, self.velocities())
    }

    /// How often what is timed is done, and what it holds.
    fn amounts(&self) -> Amounts {
        let Settings { schedule, batch, cut, size, shape, model, .. } = &self.settings;
        let Settings { test_clips, velocity_clips, redraws, validation_clips, .. } = self.settings;
        let clips = |evaluation: &Evaluation| match evaluation {
            Evaluation::Classification => test_clips,
            Evaluation::Velocities => u64::from(velocities_of(TESTED)) * velocity_clips,
            Evaluation::Ranges => TESTED_RANGES.len() as u64 * test_clips,
            Evaluation::Redrawing => redraws * test_clips,
            Evaluation::Invariance => 2 * velocity_clips,
        };
        let tested: u64 = self.evaluations.iter().map(clips).sum();
        let slices = self.velocities().len() * model.layers;
        let step = *batch as usize * slices * shape.widths[2] * size.pow(2) * 4;
        Amounts {
            batch: *batch,
            frames: cut.frames,
            evaluated: Amounts::validated(schedule, validation_clips, cut.frames)
                + tested * cut.frames as u64,
            history: (step * cut.frames).min(history_budget().max(2 * step)),
        }
    }

    fn footage(&self, sources: &Sources) -> Result<Arc<dyn Footage>> {
        let Settings { size, ranges, .. } = self.settings;
        sources.clips((size, size), ranges)
    }

    /// The clips under a seed, with the velocities of training.
    ///
    /// # Errors
    /// Those of the footage.
    pub fn clips(&self, sources: &Sources, seed: u64) -> Result<MovingCamera> {
        let Settings { division, cut, training_range, .. } = self.settings;
        let velocities = VelocitySet::square(training_range);
        let footage = self.footage(sources)?;
        let clips = MovingCamera::new(footage, division, cut, velocities.as_slice(), seed)?;
        Ok(clips.on(&self.device))
    }

    /// The validation clips for an evaluation.
    fn validation(&self, clips: &MovingCamera, evaluation: u64) -> Result<Vec<(Tensor, Tensor)>> {
        let Settings { windows, validation_clips, batch, .. } = self.settings;
        let look = match windows {
            Windows::Fixed => Look::Fixed,
            Windows::Redrawn => Look::Evaluation(evaluation),
        };
        clips.batches(Split::Validation, (validation_clips, batch), look).collect()
    }

    /// Trains from the checkpoint or from scratch; gives the number of trained scalars too.
    fn trained(&self, run: &UnitRun<'_>, clips: &MovingCamera) -> Result<(Training, usize)> {
        let Settings { schedule, batch, windows, model, shape, .. } = &self.settings;
        let build = |tensors: &Tensors| self.classifier(tensors);
        let initial = model.parameters(shape, &self.velocities());
        let learner = ClassificationLearner { initial, classes: shape.classes, build: &build };
        let parameters = Parameters::draw(&learner.initial, run.key.seed, &self.device)?;
        let fixed = self.validation(clips, 0)?;
        let validation = |step: u64| {
            Ok(match windows {
                Windows::Fixed => Cow::Borrowed(fixed.as_slice()),
                Windows::Redrawn => Cow::Owned(self.validation(clips, step)?),
            })
        };
        let training = Trainer {
            name: run.key.run_name(),
            learner: &learner,
            parameters: &parameters,
            schedule: *schedule,
            // Its parts are never asked for: batches are normalised as a whole.
            batch: &|step, _| clips.training_batch(step, *batch),
            validation: &validation,
            checkpoint: run.checkpoint.clone(),
            ranks: run.ranks,
            progress: run.progress,
        }
        .run()?;
        Ok((training, parameters.count()))
    }

    fn training_records(
        &self,
        key: &UnitKey,
        (training, count): &(Training, usize),
    ) -> Vec<Record> {
        key.training_records(training, *count, &Metric::ACCURACY)
    }

    /// What is evaluated on a trained model, and what of.
    fn measured(
        &self,
        run: &UnitRun<'_>,
        clips: &MovingCamera,
        weights: &Tensors,
    ) -> Result<Vec<Record>> {
        let (settings, key) = (&self.settings, run.key);
        let footage = self.footage(run.sources)?;
        let is_kth = key.record(None, Metric::IS_KTH, f64::from(u8::from(footage.is_kth())));
        let mut records = vec![Record { note: footage.description().into(), ..is_kth }];
        let model = self.classifier(weights)?;
        let trained = Trained { key, settings, model: &model, clips };
        for evaluation in self.evaluations {
            records.extend(trained.evaluate(*evaluation)?);
            if self.has_baselines {
                records.extend(baseline_records(*evaluation, (key, settings), clips));
            }
        }
        Ok(records)
    }
}

impl Job for ClassificationJob {
    fn data(&self, sources: &Sources) -> Result<String> {
        Ok(self.footage(sources)?.description().to_string())
    }

    fn run(&self, run: &UnitRun<'_>) -> Result<Evidence> {
        let clips = self.clips(run.sources, run.key.seed)?;
        let trained = self.trained(run, &clips)?;
        let weights = &trained.0.best_weights;
        run.save(&settings_text::written(&self.settings), self.data(run.sources)?, || {
            Ok(weights.clone())
        })?;
        let mut records = self.training_records(run.key, &trained);
        if self.settings.model.kind != ClassifierKind::VideoCnn {
            records.extend(run.key.law_records(&self.check(weights)));
        }
        records.extend(self.measured(run, &clips, weights)?);
        Ok(Evidence { records, pictures: vec![] })
    }

    fn model(&self) -> Option<&dyn ModelJob> {
        Some(self)
    }
}

impl ModelJob for ClassificationJob {
    fn train(&self, run: &UnitRun<'_>) -> Result<(Vec<Record>, Tensors)> {
        let clips = self.clips(run.sources, run.key.seed)?;
        let trained = self.trained(run, &clips)?;
        Ok((self.training_records(run.key, &trained), trained.0.best_weights))
    }

    fn evaluate(&self, run: &UnitRun<'_>, weights: &Tensors) -> Result<Evidence> {
        let clips = self.clips(run.sources, run.key.seed)?;
        Ok(Evidence { records: self.measured(run, &clips, weights)?, pictures: vec![] })
    }

    fn expected_cost(&self, sources: &Sources, timings: &mut Timings) -> Result<ExpectedCost> {
        let Settings { batch, cut, model, shape, size, velocity_range, .. } = &self.settings;
        let clips = self.clips(sources, 0)?;
        let build = |tensors: &Tensors| self.classifier(tensors);
        let initial = model.parameters(shape, &self.velocities());
        let learner = ClassificationLearner { initial, classes: shape.classes, build: &build };
        let parameters = Parameters::draw(&learner.initial, 0, &self.device)?;
        // As many clips as threads, and twice as many.
        let there = clips.len(Split::Train).min(*batch as usize);
        let shots = |size| {
            let wanted = match size {
                Size::Small => rayon::current_num_threads(),
                Size::Large => 2 * rayon::current_num_threads(),
            };
            let chosen: Vec<usize> = (0..wanted.min(there)).collect();
            let timed = (chosen.len() * cut.frames) as u64;
            Ok((clips.batch(Split::Train, &chosen, Look::Fixed)?, timed))
        };
        let schedule = &self.settings.schedule;
        let what = format!("{velocity_range} {size} {there} {cut:?} {model:?} {shape:?}");
        let timed = (what, timings);
        expected_cost((&learner, &parameters), schedule, &shots, self.amounts(), timed)
    }

    fn with_settings(&self, settings: &str) -> Result<Box<dyn Job>> {
        let settings = Settings::read(settings)?;
        Ok(Box::new(Self { settings, ..self.clone() }))
    }
}
