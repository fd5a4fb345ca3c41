//! The job of a unit: a forecaster trained under one seed, and everything evaluated on it.

use super::baselines::Baselines;
use super::evaluation::{Evaluation, Trained};
use super::settings::Settings;
use super::world::{SequenceRequest, World};
use crate::data::{Sequences, Sources, Split};
use crate::equivariance::Report;
use crate::error::{Error, Result};
use crate::experiments::evidence::Evidence;
use crate::experiments::expected_cost::{Amounts, ExpectedCost, Size, Timings, expected_cost};
use crate::experiments::experiment::{Job, ModelJob, Request, Unit, UnitKey, UnitRun};
use crate::experiments::metric::Metric;
use crate::experiments::record::Record;
use crate::experiments::settings_text;
use crate::experiments::subject::Subject;
use crate::models::{AnyForecaster, ForecastLearner, check_forecaster, expanded};
use crate::ops::history_budget;
use crate::parameters::{Initial, Parameters, Tensors, in_precision};
use crate::training::{Trainer, Training};
use candle_core::{Device, Tensor};
use std::borrow::Cow;
use std::path::Path;

/// A model of an experiment with its settings.
pub type Model<W> = (Subject, Settings<W>);

/// A unit for every model and seed of an experiment, in this order.
pub fn units<W: World>(
    experiment: &str,
    request: &Request,
    own_seeds: u64,
    models: Vec<Model<W>>,
    evaluations: &'static [Evaluation],
) -> Vec<Unit> {
    let seeds = request.seeds(own_seeds);
    let unit = |seed: u64, is_first: bool, (subject, settings): &Model<W>| {
        let shows_frames = seed == seeds.start; // one seed is enough to be looked at
        let (settings, device) = (settings.clone(), request.device.clone());
        let key = UnitKey {
            experiment: experiment.into(),
            subject: subject.clone(),
            seed,
            profile: request.profile.name().into(),
        };
        let has_baselines = is_first;
        let job = ForecastJob { settings, evaluations, shows_frames, has_baselines, device };
        Unit {
            key,
            settings: settings_text::written(&job.settings),
            changed: String::new(),
            shows_frames,
            steps: job.settings.schedule.steps,
            work: job.work(),
            job: Box::new(job),
        }
    };
    models
        .iter()
        .enumerate()
        .flat_map(|(place, model)| seeds.clone().map(move |seed| (seed, place == 0, model)))
        .map(|(seed, is_first, model)| unit(seed, is_first, model))
        .collect()
}

/// Trains a forecaster and evaluates it.
#[derive(Clone, Debug)]
pub struct ForecastJob<W> {
    /// The settings.
    pub settings: Settings<W>,
    /// What is evaluated.
    pub evaluations: &'static [Evaluation],
    /// Whether films and hidden states are among it.
    pub shows_frames: bool,
    /// Whether forecasts without a model are measured as well: by one job for all models of a seed.
    pub has_baselines: bool,
    /// Where tensors live.
    pub device: Device,
}

/// Frames seen and frames predicted of the smaller batch that is timed.
const TIMED_FRAMES: usize = 1;

/// Named in errors about parameters, which never come from a file here.
const SOURCE: &str = "the parameters of this run";

impl<W: World> ForecastJob<W> {
    /// See [`Unit::work`].
    fn work(&self) -> u64 {
        let Settings { world, model, shape, batch, schedule, velocity_range, .. } = &self.settings;
        let slices = world.velocities(*velocity_range).len() as u64 * world.work_of_a_slice();
        let planes = shape.channels * world.fields().map_or(1, |fields| fields.planes());
        let width = planes.div_ceil(16).pow(2) as u64;
        let cell = model.cell.kind.work();
        schedule.steps * batch * (slices * cell + shape.decoder_layers as u64 / 2 + 1) * width
    }

    /// Everything that is trained.
    ///
    /// # Errors
    /// Those of the world.
    pub fn parameters(&self) -> Result<Vec<Initial>> {
        let Settings { world, model, shape, velocity_range, .. } = &self.settings;
        Ok(model.parameters(shape, &world.fields()?, &world.velocities(*velocity_range)))
    }

    /// The forecaster from tensors by name.
    ///
    /// # Errors
    /// Those of [`crate::models::ForecasterChoice::forecaster`].
    pub fn forecaster(&self, tensors: &Tensors) -> Result<AnyForecaster<W::Group>> {
        let Settings { world, model, shape, velocity_range, .. } = &self.settings;
        let (fields, space) = (world.fields()?, world.space(*velocity_range)?);
        model.forecaster((shape, &fields), tensors, space, Path::new(SOURCE))
    }

    /// The laws of equivariance of the forecaster from trained weights.
    ///
    /// # Errors
    /// Those of the check.
    pub fn check(&self, weights: &Tensors) -> Result<Report> {
        let Settings { world, model, shape, velocity_range, .. } = &self.settings;
        let fields = world.fields()?;
        let build = |dtype, space| {
            let weights = in_precision(weights, dtype)?;
            model.forecaster((shape, &fields), &weights, space, Path::new(SOURCE))
        };
        check_forecaster(build, &world.space(*velocity_range)?, model.cell, shape.inputs)
    }

    /// The sequences under a seed.
    ///
    /// # Errors
    /// Those of the data; [`Error::Configuration`] when frames have other channels than the model takes.
    pub fn sequences(&self, sources: &Sources, seed: u64) -> Result<W::Data> {
        let Settings { world, training_range: range, seen, predicted, shape, .. } = &self.settings;
        let (range, frames, device) = (*range, seen + predicted, &self.device);
        let data = world.data(sources, &SequenceRequest { range, frames, seed, device })?;
        let channels = data.channels();
        if channels != shape.inputs {
            let problem = format!("has {channels} channels, and the model takes {}", shape.inputs);
            let remedy = format!("set shape.inputs={channels} and shape.outputs={channels}");
            return Err(Error::configuration("a frame of the data", problem, remedy));
        }
        Ok(data)
    }

    /// Trains from the checkpoint or from scratch; gives the number of trained scalars too.
    fn trained(&self, run: &UnitRun<'_>, data: &W::Data) -> Result<(Training, usize)> {
        let Settings { seen, batch, validation_sequences, schedule, .. } = self.settings;
        let build = |tensors: &Tensors| self.forecaster(tensors);
        let learner = ForecastLearner { initial: self.parameters()?, build: &build };
        let parameters = Parameters::draw(&learner.initial, run.key.seed, &self.device)?;
        let validation: Vec<(Tensor, Tensor)> = data
            .pairs(Split::Validation, validation_sequences, batch, seen)
            .collect::<Result<_>>()?;
        let training = Trainer {
            name: run.key.run_name(),
            learner: &learner,
            parameters: &parameters,
            schedule,
            // Every step sees new sequences: new digits, positions and velocities.
            batch: &|step, part| {
                data.pair(Split::Train, part.within(&(step * batch..(step + 1) * batch)), seen)
            },
            validation: &|_| Ok(Cow::Borrowed(&validation)),
            checkpoint: run.checkpoint.clone(),
            ranks: run.ranks,
            progress: run.progress,
        }
        .run()?;
        Ok((training, parameters.count()))
    }

    /// The model before training.
    fn untrained(&self, seed: u64) -> Result<AnyForecaster<W::Group>> {
        let parameters = Parameters::draw(&self.parameters()?, seed, &self.device)?;
        self.forecaster(&parameters.snapshot()?)
    }

    /// What is evaluated on a trained model.
    fn measured(
        &self,
        key: &UnitKey,
        model: &AnyForecaster<W::Group>,
        data: &W::Data,
    ) -> Result<Evidence> {
        let (settings, untrained) = (&self.settings, &self.untrained(key.seed)?);
        let trained = Trained { key, settings, model, untrained, data };
        let mut evidence = Evidence::default();
        for evaluation in self.evaluations {
            if self.shows_frames || !evaluation.shows_frames() {
                evidence.extend(trained.evaluate(*evaluation)?);
            }
            if self.has_baselines {
                evidence.records.extend(self.baselines(*evaluation, (key, data))?);
            }
        }
        Ok(evidence)
    }

    /// What the time of a step on so many samples depends on.
    fn what_is_timed(&self, samples: u64) -> String {
        let Settings { velocity_range, seen, predicted, model, shape, world, .. } = &self.settings;
        let frames = [seen, predicted].map(|frames| frames.min(&(2 * TIMED_FRAMES)));
        let adam = self.settings.schedule.adam;
        let world = settings_text::written(world);
        format!("{velocity_range} {frames:?} {samples} {model:?} {shape:?} {adam:?} {world}")
    }

    /// How often what is timed is done with some data, and what it holds.
    fn amounts(&self, data: &W::Data) -> Amounts {
        let (settings, (height, width)) = (&self.settings, data.extents());
        let frames = settings.seen + settings.predicted;
        let tests = |count| data.at_most(Split::Test, count);
        let tested = |evaluation: &Evaluation| match evaluation {
            Evaluation::Prediction => tests(settings.test_sequences) * frames as u64,
            Evaluation::Horizon => {
                let longest = data.with_frames(settings.seen + settings.horizon).frames();
                tests(settings.horizon_sequences) * longest as u64
            }
            Evaluation::Velocities => {
                let velocities = settings.world.tested().len() as u64;
                velocities * settings.velocity_sequences * frames as u64
            }
            Evaluation::Film | Evaluation::HiddenStates | Evaluation::Equivariance => 0,
        };
        let Settings { world, shape, model, velocity_range, batch, .. } = settings;
        let planes = shape.channels * world.fields().map_or(1, |fields| fields.planes());
        let slices = world.velocities(*velocity_range).len() * model.cell.kind.gates();
        let step = *batch as usize * slices * planes * height * width * 4;
        let validations = data.at_most(Split::Validation, settings.validation_sequences);
        let validated = Amounts::validated(&settings.schedule, validations, frames);
        Amounts {
            batch: *batch,
            frames,
            evaluated: validated + self.evaluations.iter().map(tested).sum::<u64>(),
            history: (step * frames).min(history_budget().max(2 * step)),
        }
    }

    /// What an evaluation of models measures of forecasts without one.
    fn baselines(
        &self,
        evaluation: Evaluation,
        (key, data): (&UnitKey, &W::Data),
    ) -> Result<Vec<Record>> {
        let baselines = Baselines { key, settings: &self.settings, data };
        match evaluation {
            Evaluation::Prediction => baselines.prediction(),
            Evaluation::Horizon => baselines.horizon(),
            Evaluation::Velocities => baselines.velocities(),
            _ => Ok(vec![]),
        }
    }

    /// Weights under the names that `fernn predict` reads, filters expanded.
    fn exported(&self, weights: &Tensors) -> Result<Tensors> {
        expanded(weights.clone(), self.settings.world.fields()?.planes())
    }

    fn training_records(
        &self,
        key: &UnitKey,
        (training, count): &(Training, usize),
    ) -> Vec<Record> {
        key.training_records(training, *count, &Metric::LOSS)
    }
}

impl<W: World> Job for ForecastJob<W> {
    fn data(&self, sources: &Sources) -> Result<String> {
        self.settings.world.description(sources)
    }

    fn run(&self, run: &UnitRun<'_>) -> Result<Evidence> {
        let data = self.sequences(run.sources, run.key.seed)?;
        let trained = self.trained(run, &data)?;
        let weights = &trained.0.best_weights;
        run.save(&settings_text::written(&self.settings), self.data(run.sources)?, || {
            self.exported(weights)
        })?;
        let mut records = self.training_records(run.key, &trained);
        records.extend(run.key.law_records(&self.check(weights)));
        let mut evidence = Evidence { records, pictures: vec![] };
        evidence.extend(self.measured(run.key, &self.forecaster(weights)?, &data)?);
        Ok(evidence)
    }

    fn model(&self) -> Option<&dyn ModelJob> {
        Some(self)
    }
}

impl<W: World> ModelJob for ForecastJob<W> {
    fn train(&self, run: &UnitRun<'_>) -> Result<(Vec<Record>, Tensors)> {
        let data = self.sequences(run.sources, run.key.seed)?;
        let trained = self.trained(run, &data)?;
        Ok((self.training_records(run.key, &trained), self.exported(&trained.0.best_weights)?))
    }

    fn evaluate(&self, run: &UnitRun<'_>, weights: &Tensors) -> Result<Evidence> {
        let Settings { world, model, velocity_range, .. } = &self.settings;
        let data = self.sequences(run.sources, run.key.seed)?;
        let model =
            model.from_kernels(weights, world.space(*velocity_range)?, Path::new(SOURCE))?;
        self.measured(run.key, &model, &data)
    }

    fn expected_cost(&self, sources: &Sources, timings: &mut Timings) -> Result<ExpectedCost> {
        let Settings { seen, predicted, batch, .. } = self.settings;
        // As many samples as threads, and of long sequences their first frames: time grows with both.
        let samples = batch.min(rayon::current_num_threads() as u64);
        let data = self.sequences(sources, 0)?;
        let build = |tensors: &Tensors| self.forecaster(tensors);
        let learner = ForecastLearner { initial: self.parameters()?, build: &build };
        let parameters = Parameters::draw(&learner.initial, 0, &self.device)?;
        let pair = |size| {
            let frames = match size {
                Size::Small => TIMED_FRAMES,
                Size::Large => 2 * TIMED_FRAMES,
            };
            let (seen, predicted) = (seen.min(frames), predicted.min(frames));
            let data = data.with_frames(seen + predicted);
            let timed = samples * (seen + predicted) as u64;
            Ok((data.pair(Split::Train, 0..samples, seen)?, timed))
        };
        let schedule = &self.settings.schedule;
        let timed = (self.what_is_timed(samples), timings);
        expected_cost((&learner, &parameters), schedule, &pair, self.amounts(&data), timed)
    }

    fn with_settings(&self, settings: &str) -> Result<Box<dyn Job>> {
        let settings = Settings::read(settings)?;
        Ok(Box::new(Self { settings, ..self.clone() }))
    }
}
