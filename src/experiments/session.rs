//! Runs experiments task by task into a folder, resumes what was interrupted, collects records.

use super::catalogue::{CATALOGUE, Experiment, find};
use super::record::{PROVENANCE, Record, read_records, write_records};
use super::settings::Profile;
use super::task::Task;
use crate::atomic_file::write_atomically;
use crate::data::Digits;
use crate::error::{Error, Result};
use crate::ops::ConvAlgorithm;
use candle_core::Device;
use std::path::{Path, PathBuf};

/// What happens while a session runs.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The whole work, in units of [`Task::work`].
    Total(u64),
    /// A task begins, or is found finished.
    Task {
        /// Its place, from 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// The task.
        task: &'a Task,
        /// Whether its records were already there.
        is_finished: bool,
    },
    /// An optimiser step was taken.
    Step {
        /// Work done since the session began, in units of [`Task::work`].
        work: u64,
        /// The step, and the last training loss.
        step: u64,
        /// The training loss of the step.
        loss: f64,
    },
}

/// Told what happens.
pub type Observer<'a> = &'a (dyn Fn(Event<'_>) + Sync);

/// What to run.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The scale.
    pub profile: Profile,
    /// Experiments by name; empty for all of the profile.
    pub only: Vec<String>,
    /// The first seed.
    pub seed: u64,
    /// How many seeds, instead of the profile's number.
    pub seeds: Option<u64>,
    /// Optimiser steps, instead of the profile's number.
    pub steps: Option<u64>,
    /// How convolutions are computed.
    pub algorithm: ConvAlgorithm,
    /// Where tensors live.
    pub device: Device,
}

impl Selection {
    /// The tasks, in the order in which records are written.
    ///
    /// # Errors
    /// [`Error::Configuration`] when an experiment is unknown or a count is zero.
    pub fn tasks(&self) -> Result<Vec<Task>> {
        if self.seeds == Some(0) || self.steps == Some(0) {
            return Err(Error::configuration("--seeds or --steps", "is 0", "ask for at least 1"));
        }
        let mut tasks = Vec::new();
        for experiment in self.experiments()? {
            let mut settings = (experiment.settings)(self.profile);
            settings.schedule.steps = self.steps.unwrap_or(settings.schedule.steps);
            settings.algorithm = self.algorithm;
            let seeds = self.seeds.unwrap_or(settings.seeds);
            for model in (experiment.models)(self.profile) {
                for seed in self.seed..self.seed + seeds {
                    tasks.push(Task {
                        experiment,
                        model,
                        seed,
                        is_first_seed: seed == self.seed,
                        profile: self.profile,
                        settings: settings.with_variant(model.variant),
                        device: self.device.clone(),
                    });
                }
            }
        }
        Ok(tasks)
    }

    fn experiments(&self) -> Result<Vec<&'static Experiment>> {
        if self.only.is_empty() {
            let runs = |e: &&Experiment| e.profiles.contains(&self.profile);
            return Ok(CATALOGUE.iter().filter(runs).collect());
        }
        let known = || CATALOGUE.iter().map(|e| e.name).collect::<Vec<_>>().join(", ");
        let lookup = |name: &String| {
            find(name).ok_or_else(|| {
                let problem = format!("names the unknown experiment `{name}`");
                Error::configuration("--only", problem, format!("choose from {}", known()))
            })
        };
        self.only.iter().map(lookup).collect()
    }
}

/// A run of several tasks into one folder.
pub struct Session<'a> {
    /// The output folder; finished tasks and checkpoints lie in its `runs` folder.
    pub out: &'a Path,
    /// The digits.
    pub digits: &'a std::sync::Arc<Digits>,
    /// The commit that the binary was built from.
    pub commit: &'a str,
    /// Told what happens.
    pub observer: Observer<'a>,
}

impl Session<'_> {
    /// Runs every task that is not finished, and returns all measured records in order.
    ///
    /// After every task its records lie in the folder; a killed session continues from there and
    /// from the last checkpoint of the task that it was in.
    ///
    /// # Errors
    /// Those of [`Task::run`]; [`Error::Format`] when the folder holds another run.
    pub fn run(&self, tasks: &[Task]) -> Result<Vec<Record>> {
        let runs = self.out.join("runs");
        std::fs::create_dir_all(&runs).map_err(Error::io(&runs))?;
        let finished = tasks.iter().map(|t| self.finished(t)).collect::<Result<Vec<_>>>()?;
        (self.observer)(Event::Total(tasks.iter().map(Task::work).sum()));
        let (mut records, mut before) = (Vec::new(), 0);
        for (i, (task, finished)) in tasks.iter().zip(finished).enumerate() {
            let is_finished = finished.is_some();
            (self.observer)(Event::Task { number: i + 1, of: tasks.len(), task, is_finished });
            records.extend(match finished {
                Some(records) => records,
                None => self.run_task(task, before)?,
            });
            before += task.work();
        }
        Ok(records)
    }

    fn run_task(&self, task: &Task, before: u64) -> Result<Vec<Record>> {
        let checkpoint = self.part(task, "safetensors");
        let per_step = task.work() / task.settings.schedule.steps;
        let observer = self.observer;
        let progress =
            |step, loss| observer(Event::Step { work: before + step * per_step, step, loss });
        let fingerprint = task.fingerprint(self.digits, self.commit);
        let records =
            task.run(self.digits, Some(checkpoint.clone()), fingerprint.clone(), &progress)?;
        let mut part = vec![note("fingerprint", fingerprint)];
        part.extend(records.iter().cloned());
        write_atomically(&self.part(task, "csv"), &write_records(&part))?;
        Ok(records)
    }

    fn part(&self, task: &Task, extension: &str) -> PathBuf {
        self.out.join("runs").join(format!("{}.{extension}", task.slug()))
    }

    /// The records of a task that an earlier session finished.
    fn finished(&self, task: &Task) -> Result<Option<Vec<Record>>> {
        let path = self.part(task, "csv");
        if !path.exists() {
            return Ok(None);
        }
        let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
        let mut records = read_records(&bytes, &path)?;
        if records.remove(0).note != task.fingerprint(self.digits, self.commit) {
            return Err(Error::Format {
                path,
                line: Some(2),
                problem: "belongs to a run with another configuration, data or version; \
                          choose another --out, or pass --fresh to start over"
                    .into(),
            });
        }
        Ok(Some(records))
    }
}

fn note(metric: &str, note: String) -> Record {
    Record { experiment: PROVENANCE.into(), metric: metric.into(), note, ..Record::default() }
}

/// Rows that say what ran: version, commit, machine, data, seeds, and each experiment's settings.
pub fn provenance(
    selection: &Selection,
    tasks: &[Task],
    digits: &Digits,
    machine: &[(&str, String)],
) -> Vec<Record> {
    let seeds: std::collections::BTreeSet<u64> = tasks.iter().map(|t| t.seed).collect();
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    let mut rows = vec![
        note("version", env!("CARGO_PKG_VERSION").into()),
        note("profile", selection.profile.name().into()),
        note("seeds", seeds.join(" ")),
        note("data", digits.description().into()),
    ];
    rows.extend(machine.iter().map(|(name, value)| note(name, value.clone())));
    let mut described = Vec::new();
    for task in tasks {
        let name = task.experiment.name;
        if !described.contains(&name) {
            described.push(name);
            let settings = toml::to_string(&task.settings).expect("settings are plain data");
            rows.push(note(&format!("settings of {name}"), settings));
        }
    }
    rows
}
