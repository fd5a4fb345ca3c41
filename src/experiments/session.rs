//! Runs units into a folder, resumes what was interrupted, collects their records.

use super::evidence::Evidence;
use super::experiment::{Unit, UnitRun};
use super::failure;
use super::jobs::side_by_side;
use super::metric::Metric;
use super::origin::Origin;
use super::part::Part;
use super::record::Record;
use super::unit_files::UnitFiles;
use crate::data::Sources;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::training::{CheckpointFile, Ranks, TrainingEvent, of_the_first};
use std::path::Path;
use std::time::Instant;

/// What happens while a session runs.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// The whole work, in units of [`Unit::work`].
    Total(u64),
    /// A unit begins, or is found finished.
    Unit {
        /// Its place, from 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// The unit.
        unit: &'a Unit,
        /// Whether its records were already there.
        is_finished: bool,
    },
    /// A unit trains.
    Training {
        /// The unit.
        unit: &'a Unit,
        /// What its training tells.
        told: TrainingEvent<'a>,
    },
    /// A unit that was not finished before is, with everything that is measured after its training.
    Finished {
        /// The unit.
        unit: &'a Unit,
    },
    /// A unit diverged; the others go on.
    Failed {
        /// The unit.
        unit: &'a Unit,
        /// Why, in words.
        reason: &'a str,
    },
}

/// Told what happens.
pub type Observer<'a> = &'a (dyn Fn(Event<'_>) + Sync);

/// A run of several units into one folder.
pub struct Session<'a> {
    /// The output folder, in whose `runs` finished units and checkpoints lie, and in whose `weights` the best
    /// weights of each unit.
    pub out: &'a Path,
    /// The data.
    pub sources: &'a Sources,
    /// The program and the machine.
    pub origin: &'a Origin,
    /// Units at a time, which share the threads; no two sessions of several run in one pool at once.
    pub jobs: usize,
    /// The processes that share every training; the first of them measures and writes.
    pub ranks: &'a dyn Ranks,
    /// Told what happens.
    pub observer: Observer<'a>,
}

impl Session<'_> {
    /// Runs every unit that is not finished, and returns everything measured, in the order of the units, with
    /// where it comes from.
    ///
    /// After every unit its records lie in the folder; a killed session continues from there and
    /// from the last checkpoint of each unit that it was in. Of a unit whose loss is no number, or one of several whose
    /// checkpoint is damaged, that is recorded ([`Metric::FAILED`]), and the others run; it runs again with the next session. Units are known by the
    /// digest of their configuration and data: one that was changed is run beside what is there of it.
    ///
    /// # Errors
    /// Those of [`super::Job::run`]; [`Error::Format`] when a file of a finished unit is damaged;
    /// [`Error::Configuration`] when another process runs one of the units.
    pub fn run(&self, units: &[Unit]) -> Result<Evidence> {
        if self.jobs > 1 && self.ranks.size() > 1 {
            let problem = "cannot be shared by several processes at a time";
            return Err(Error::configuration("several units", problem, "run one after the other"));
        }
        let runs = self.out.join("runs");
        std::fs::create_dir_all(&runs).map_err(Error::io(&runs))?;
        let files = units.iter().map(|unit| self.files(unit)).collect::<Result<Vec<_>>>()?;
        files.iter().try_for_each(UnitFiles::expect_publishable)?;
        let finished = files.iter().map(UnitFiles::finished).collect::<Result<Vec<_>>>()?;
        (self.observer)(Event::Total(units.iter().map(|unit| unit.work).sum()));
        let one = |place: usize| {
            let (unit, files, finished) = (&units[place], &files[place], &finished[place]);
            let (number, of, is_finished) = (place + 1, units.len(), finished.is_some());
            (self.observer)(Event::Unit { number, of, unit, is_finished });
            let part = match finished {
                Some(part) => {
                    self.announce(files, true)?;
                    part.clone()
                }
                None => self.run_unit(unit, files, units.len() == 1)?,
            };
            files.publish()?;
            Ok(part)
        };
        let mut turn: Vec<usize> = (0..units.len()).collect();
        if self.jobs > 1 {
            // The longest first, or it runs when there is nothing left to run beside it.
            turn.sort_by_key(|&number| std::cmp::Reverse(units[number].work));
        }
        Ok(together(&side_by_side(&turn, self.jobs, &one)?))
    }

    /// Removes what an earlier run of these units left, and nothing else.
    ///
    /// # Errors
    /// [`Error::Io`] naming what could not be removed; those of the data.
    pub fn discard(&self, units: &[Unit]) -> Result<()> {
        units.iter().try_for_each(|unit| self.files(unit)?.discard())
    }

    fn run_unit(&self, unit: &Unit, files: &UnitFiles, is_alone: bool) -> Result<Part> {
        let _lock = files.lock()?;
        let finished = files.finished()?; // by another process, meanwhile
        self.announce(files, finished.is_some())?;
        if let Some(part) = finished {
            return Ok(part);
        }
        let (observer, start) = (self.observer, Instant::now());
        let progress = |told: TrainingEvent<'_>| observer(Event::Training { unit, told });
        let measured = unit.job.run(&UnitRun {
            key: &unit.key,
            sources: self.sources,
            checkpoint: Some(self.checkpoint(files)),
            weights: Some(files.best()),
            ranks: self.ranks,
            progress: &progress,
        });
        let (mut evidence, failure) = match measured {
            Ok(evidence) => (evidence, None),
            Err(error) => {
                let record = failure::recorded(unit, error, is_alone)?;
                let reason = record.note.clone();
                (Evidence { records: vec![record], pictures: vec![] }, Some(reason))
            }
        };
        evidence.records.splice(0..0, self.settings(unit));
        let part = Part::new(evidence, self.origin, start.elapsed());
        match failure {
            None => files.finish(&part)?,
            Some(_) => part.write(&files.failure(), files.digest())?,
        }
        observer(match &failure {
            None => Event::Finished { unit },
            Some(reason) => Event::Failed { unit, reason },
        });
        Ok(part)
    }

    /// Shares the trainings of units that the first of several processes runs; measures and writes nothing.
    ///
    /// # Errors
    /// Those of [`super::ModelJob::train`]; [`Error::Configuration`] for a unit that trains no model.
    pub fn follow(&self, units: &[Unit]) -> Result<()> {
        for unit in units {
            let files = self.files(unit)?;
            let told = of_the_first(self.ranks, self.word(&files, false))?;
            if told == self.word(&files, true) {
                continue;
            }
            if told != self.word(&files, false) {
                let problem = "is another one in the first process";
                let remedy = "give all of them the same program, flags, data and kind of CPU";
                return Err(Error::configuration(unit.key.title(), problem, remedy));
            }
            let job = unit.job.model().ok_or_else(|| {
                let problem = "has no training that several processes can share";
                Error::configuration(unit.key.title(), problem, "run it in one process")
            })?;
            let trained = job.train(&UnitRun {
                key: &unit.key,
                sources: self.sources,
                checkpoint: Some(self.checkpoint(&files)),
                weights: None,
                ranks: self.ranks,
                progress: &|_| (),
            });
            match trained {
                Ok(_) | Err(Error::NonFinite { .. }) => {} // which the first records
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Tells those that follow what there is to train, or that there is nothing.
    fn announce(&self, files: &UnitFiles, is_finished: bool) -> Result<()> {
        of_the_first(self.ranks, self.word(files, is_finished)).map(|_| ())
    }

    /// What a process says of a unit: the same from every one of the same program, flags and data.
    fn word(&self, files: &UnitFiles, is_finished: bool) -> [u8; 32] {
        let mut digest = Digest::new();
        digest.update(files.digest());
        let Origin { commit, kernels, device, .. } = self.origin;
        digest.update([commit, kernels, device.name()].join("\n"));
        digest.update([u8::from(is_finished)]);
        digest.bytes()
    }

    fn checkpoint(&self, files: &UnitFiles) -> CheckpointFile {
        let (fingerprint, origin) = (files.digest().into(), self.origin.to_string());
        CheckpointFile { path: files.checkpoint(), fingerprint, origin }
    }

    /// Where the files of a unit lie.
    ///
    /// # Errors
    /// Those of the data.
    pub fn files(&self, unit: &Unit) -> Result<UnitFiles> {
        Ok(UnitFiles::new(self.out, &unit.key, unit.digest(self.sources, self.origin)?))
    }

    /// The settings of a unit, what of them was changed, and what it runs on, among its records.
    fn settings(&self, unit: &Unit) -> Vec<Record> {
        let mut records = vec![unit.key.note(Metric::SETTINGS, &unit.settings)];
        if !unit.changed.is_empty() {
            records.push(unit.key.note(Metric::CHANGED, &unit.changed));
        }
        records.push(unit.key.note(Metric::ORIGIN, &self.origin.to_string()));
        records
    }
}

/// What several units measured, with each fact of where it comes from once.
pub(super) fn together(parts: &[Part]) -> Evidence {
    let mut all = Evidence::default();
    for fact in parts.iter().flat_map(Part::facts) {
        if !all.records.contains(fact) {
            all.records.push(fact.clone());
        }
    }
    parts.iter().for_each(|part| all.extend(part.evidence.clone()));
    all
}

/// Rows that say what was asked for: version, data, and properties of the run.
///
/// # Errors
/// Those of the data.
pub fn provenance(
    units: &[Unit],
    sources: &Sources,
    run: &[(&str, String)],
) -> Result<Vec<Record>> {
    let mut data: Vec<String> = Vec::new();
    for unit in units {
        let description = unit.job.data(sources)?;
        if !data.contains(&description) {
            data.push(description);
        }
    }
    let mut rows = vec![Record::provenance("version", env!("CARGO_PKG_VERSION"))];
    rows.extend(data.into_iter().map(|description| Record::provenance("data", description)));
    rows.extend(run.iter().map(|(name, value)| Record::provenance(name, value.clone())));
    Ok(rows)
}
