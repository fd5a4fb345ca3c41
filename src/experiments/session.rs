//! Runs units into a folder, resumes what was interrupted, collects their records.

use super::evidence::Evidence;
use super::experiment::{Unit, UnitRun};
use super::failure;
use super::metric::Metric;
use super::query::Records;
use super::record::{PROVENANCE, Record};
use super::subject::Subject;
use crate::data::Sources;
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::training::TrainingEvent;
use std::path::{Path, PathBuf};

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
    /// The output folder; finished units and checkpoints lie in its `runs` folder, the best weights of each
    /// unit in `weights`.
    pub out: &'a Path,
    /// The data.
    pub sources: &'a Sources,
    /// The commit that the binary was built from.
    pub commit: &'a str,
    /// Told what happens.
    pub observer: Observer<'a>,
}

impl Session<'_> {
    /// Runs every unit that is not finished, and returns everything measured in order.
    ///
    /// After every unit its records lie in the folder; a killed session continues from there and
    /// from the last checkpoint of the unit that it was in. Of a unit whose loss is no number that is recorded
    /// ([`Metric::FAILED`]), and the others run; it runs again with the next session.
    ///
    /// # Errors
    /// Those of [`super::Job::run`]; [`Error::Format`] when the folder holds another run.
    pub fn run(&self, units: &[Unit]) -> Result<Evidence> {
        let runs = self.out.join("runs");
        std::fs::create_dir_all(&runs).map_err(Error::io(&runs))?;
        let finished = units.iter().map(|u| self.finished(u)).collect::<Result<Vec<_>>>()?;
        (self.observer)(Event::Total(units.iter().map(|unit| unit.work).sum()));
        let mut evidence = Evidence::default();
        for (i, (unit, finished)) in units.iter().zip(finished).enumerate() {
            let is_finished = finished.is_some();
            (self.observer)(Event::Unit { number: i + 1, of: units.len(), unit, is_finished });
            evidence.extend(match finished {
                Some(finished) => finished,
                None => self.run_unit(unit).or_else(|error| self.failed(unit, error))?,
            });
        }
        Ok(evidence)
    }

    /// Removes what an earlier run of these units left, and nothing else.
    ///
    /// # Errors
    /// [`Error::Io`] naming what could not be removed.
    pub fn discard(&self, units: &[Unit]) -> Result<()> {
        for unit in units {
            let parts = ["csv", "pictures.csv", "safetensors"].map(|kind| self.part(unit, kind));
            for path in parts.into_iter().chain([self.weights(unit)]) {
                match std::fs::remove_file(&path) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Error::io(&path)(e));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn run_unit(&self, unit: &Unit) -> Result<Evidence> {
        let observer = self.observer;
        let progress = |told: TrainingEvent<'_>| observer(Event::Training { unit, told });
        let fingerprint = self.fingerprint(unit)?;
        let mut evidence = unit.job.run(&UnitRun {
            key: &unit.key,
            sources: self.sources,
            checkpoint: Some(self.part(unit, "safetensors")),
            weights: Some(self.weights(unit)),
            fingerprint: fingerprint.clone(),
            progress: &progress,
        })?;
        evidence.records.splice(0..0, settings(unit));
        let mut part = evidence.clone();
        part.records.push(Record::provenance(Metric::FINGERPRINT.name(), fingerprint));
        part.write(&self.part(unit, "csv"))?;
        observer(Event::Finished { unit });
        Ok(evidence)
    }

    fn failed(&self, unit: &Unit, error: Error) -> Result<Evidence> {
        let record = failure::recorded(unit, error)?;
        (self.observer)(Event::Failed { unit, reason: &record.note });
        let mut records = settings(unit);
        records.push(record);
        Ok(Evidence { records, pictures: vec![] })
    }

    fn weights(&self, unit: &Unit) -> PathBuf {
        self.out.join("weights").join(format!("{}.safetensors", unit.key.slug()))
    }

    fn part(&self, unit: &Unit, extension: &str) -> PathBuf {
        self.out.join("runs").join(format!("{}.{extension}", unit.key.slug()))
    }

    /// Identifies what a unit's numbers come from: code, settings, model, seed, data.
    ///
    /// # Errors
    /// Those of the data.
    pub fn fingerprint(&self, unit: &Unit) -> Result<String> {
        let data = unit.job.data(self.sources)?;
        let key = &unit.key;
        let (slug, version) = (key.slug(), env!("CARGO_PKG_VERSION"));
        let parts = [version, self.commit, &slug, &key.profile, &unit.settings, unit.shows, &data];
        Ok(sha256_hex(parts.join("\n").as_bytes())[..16].to_string())
    }

    /// What an earlier session measured of a unit that it finished.
    fn finished(&self, unit: &Unit) -> Result<Option<Evidence>> {
        let path = self.part(unit, "csv");
        if !path.exists() {
            return Ok(None);
        }
        let mut evidence = Evidence::read(&path)?;
        let fingerprint = self.fingerprint(unit)?;
        if Records(&evidence).notes(Metric::FINGERPRINT.name()) != [fingerprint.as_str()] {
            return Err(Error::Format {
                path,
                line: None,
                problem: "belongs to a run with another configuration, data or version; \
                          choose another --out, or pass --fresh to start over"
                    .into(),
            });
        }
        evidence.records.retain(|r| r.experiment != PROVENANCE);
        Ok(Some(evidence))
    }
}

/// The settings of a unit, and what of them was changed, among its records.
fn settings(unit: &Unit) -> Vec<Record> {
    let noted = |metric, note: &String| Record {
        value: None,
        note: note.clone(),
        ..unit.key.record(None, metric, 0.0)
    };
    let mut records = vec![noted(Metric::SETTINGS, &unit.settings)];
    if !unit.changed.is_empty() {
        records.push(noted(Metric::CHANGED, &unit.changed));
    }
    records
}

/// Rows that say what ran: version, data and machine.
///
/// # Errors
/// Those of the data.
pub fn provenance(
    units: &[Unit],
    sources: &Sources,
    machine: &[(&str, String)],
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
    rows.extend(machine.iter().map(|(name, value)| Record::provenance(name, value.clone())));
    Ok(rows)
}

/// What a run measured, beside what the folder holds of experiments and models that it did not run:
/// of an experiment that ran, models of other programs in the same profile.
///
/// The earlier run's provenance is kept as long as rows of it are.
pub fn beside_earlier(earlier: Evidence, now: Evidence) -> Evidence {
    let mut all = earlier;
    let ran = Records(&now);
    let stays = |experiment: &str, subject: &Subject, profile: &str| match ran.profile(experiment) {
        None => true,
        Some(now) => now == profile && !ran.subjects(experiment).contains(&subject),
    };
    all.records
        .retain(|r| r.experiment == PROVENANCE || stays(&r.experiment, &r.subject, &r.profile));
    all.pictures.retain(|p| stays(&p.experiment, &p.subject, &p.profile));
    if all.records.iter().all(|r| r.experiment == PROVENANCE) {
        all.records.clear();
    }
    let is_new = |r: &Record| r.experiment != PROVENANCE || !all.records.contains(r);
    let new: Vec<Record> = now.records.into_iter().filter(is_new).collect();
    all.extend(Evidence { records: new, pictures: now.pictures });
    all
}

#[cfg(test)]
mod tests {
    use super::super::picture::Picture;
    use super::*;

    #[test]
    fn a_run_replaces_its_own_models_and_no_other() {
        let row = |experiment: &str, model: &str, profile: &str, value: f64| Record {
            experiment: experiment.into(),
            subject: Subject::new(model),
            profile: profile.into(),
            seed: Some(0),
            metric: Metric::MSE,
            value: Some(value),
            ..Record::default()
        };
        let only = |records: Vec<Record>| Evidence { records, pictures: vec![] };
        let earlier = only(vec![
            Record::provenance("commit", "a"),
            row("translation", "G-RNN", "quick", 1.0),
            row("translation", "ConvLSTM", "quick", 2.0),
            row("translation", "of another profile", "desk", 3.0),
            row("rotation", "G-RNN", "desk", 4.0),
        ]);
        let ours = vec![
            Record::provenance("commit", "a"),
            Record::provenance("commit", "b"),
            row("translation", "G-RNN", "quick", 5.0),
        ];
        let all = beside_earlier(earlier, only(ours));
        let value = |r: &Record| r.value.map_or_else(|| r.note.clone(), |v| v.to_string());
        let kept: Vec<String> = all.records.iter().map(value).collect();
        assert_eq!(kept, ["a", "2", "4", "b", "5"]);
    }

    #[test]
    fn pictures_are_those_of_the_run_beside_others_of_what_it_did_not_run() {
        let picture = |experiment: &str, value: f32| Picture {
            experiment: experiment.into(),
            subject: Subject::new("G-RNN"),
            seed: 0,
            profile: "quick".into(),
            split: None,
            metric: Metric::MSE,
            horizon: 0,
            width: 1,
            pixels: vec![value],
        };
        let now_ran = Record {
            experiment: "translation".into(),
            subject: Subject::new("G-RNN"),
            profile: "quick".into(),
            ..Record::default()
        };
        let earlier = Evidence {
            records: vec![],
            pictures: vec![picture("translation", 1.0), picture("rotation", 2.0)],
        };
        let now = Evidence { records: vec![now_ran], pictures: vec![picture("translation", 3.0)] };
        let pixels: Vec<f32> =
            beside_earlier(earlier, now).pictures.iter().map(|p| p.pixels[0]).collect();
        assert_eq!(pixels, [2.0, 3.0], "the one that ran again is not there twice");
    }
}
