//! Selections from records, in a fixed order.

use super::evidence::Evidence;
use super::metric::Metric;
use super::picture::Picture;
use super::profile::Profile;
use super::record::{PROVENANCE, Record};
use super::settings_text;
use super::subject::Subject;
use crate::data::Split;
use crate::error::{Error, Result};
use crate::statistics::mean;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// A value for every seed that has one.
pub type BySeed = BTreeMap<u64, f64>;

/// Evidence with the questions that tables, figures and claims ask of it.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a>(pub &'a Evidence);

impl<'a> Records<'a> {
    fn all(&self) -> &'a [Record] {
        &self.0.records
    }

    /// The notes of provenance rows, without repetitions.
    pub fn notes(&self, property: &str) -> Vec<&'a str> {
        let is_it = |r: &&Record| r.experiment == PROVENANCE && r.metric.name() == property;
        distinct(self.all().iter().filter(is_it).map(|r| r.note.as_str()))
    }

    /// The profiles of measured rows.
    pub fn profiles(&self) -> Vec<&'a str> {
        distinct(self.measured().map(|r| r.profile.as_str()).filter(|p| !p.is_empty()))
    }

    /// The seeds of measured rows, ascending.
    pub fn all_seeds(&self) -> Vec<u64> {
        let mut seeds: Vec<u64> = self.measured().filter_map(|r| r.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }

    /// The experiments, in order of appearance.
    pub fn experiments(&self) -> Vec<&'a str> {
        distinct(self.measured().map(|r| r.experiment.as_str()))
    }

    fn measured(&self) -> impl Iterator<Item = &'a Record> {
        self.all().iter().filter(|r| r.experiment != PROVENANCE)
    }

    /// The profile of an experiment.
    pub fn profile(&self, experiment: &str) -> Option<&'a str> {
        let of_it = self.all().iter().find(|r| r.experiment == experiment);
        of_it.map(|r| r.profile.as_str())
    }

    /// The profile whose settings an experiment has where no row holds them; the paper's where rows
    /// name none of the three.
    pub fn profile_or_paper(&self, experiment: &str) -> Profile {
        self.profile(experiment).and_then(Profile::named).unwrap_or(Profile::Paper)
    }

    /// The rows of an experiment and metric, in the order of the records.
    pub fn of(&self, experiment: &str, metric: &Metric) -> Vec<&'a Record> {
        self.all().iter().filter(|r| r.experiment == experiment && r.metric == *metric).collect()
    }

    /// The models of an experiment, in order of appearance.
    pub fn subjects(&self, experiment: &str) -> Vec<&'a Subject> {
        let of_it = self.all().iter().filter(|r| r.experiment == experiment);
        distinct(of_it.map(|r| &r.subject))
    }

    /// The seeds of a model, ascending.
    pub fn seeds(&self, experiment: &str, subject: &Subject) -> Vec<u64> {
        let is_it = |r: &&Record| r.experiment == experiment && r.subject == *subject;
        let mut seeds: Vec<u64> = self.all().iter().filter(is_it).filter_map(|r| r.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }

    /// The mean within each seed over the rows of one metric of a model that `keep` accepts.
    pub fn by_seed(
        &self,
        experiment: &str,
        subject: &Subject,
        metric: &Metric,
        keep: impl Fn(&Record) -> bool,
    ) -> BySeed {
        let mut rows: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for r in
            self.of(experiment, metric).into_iter().filter(|r| r.subject == *subject && keep(r))
        {
            if let (Some(seed), Some(value)) = (r.seed, r.value) {
                rows.entry(seed).or_default().push(value);
            }
        }
        rows.into_iter().map(|(seed, values)| (seed, mean(&values))).collect()
    }

    /// The curve (step, validation loss) of a model under a seed, by step.
    pub fn validation_curve(
        &self,
        experiment: &str,
        subject: &Subject,
        seed: u64,
    ) -> Vec<(u64, f64)> {
        let is_it = |r: &&Record| {
            r.subject == *subject && r.seed == Some(seed) && r.split == Some(Split::Validation)
        };
        let rows = self.of(experiment, &Metric::LOSS).into_iter().filter(is_it);
        let mut curve: Vec<(u64, f64)> = rows.filter_map(|r| Some((r.step?, r.value?))).collect();
        curve.sort_by_key(|(step, _)| *step);
        curve
    }

    /// The settings of a model's units, read back through their own type; `None` where no row has them.
    ///
    /// # Errors
    /// [`Error::Configuration`] when there are settings of another type.
    pub fn settings_of<T: DeserializeOwned>(
        &self,
        experiment: &str,
        subject: &Subject,
    ) -> Result<Option<T>> {
        let rows = self.of(experiment, &Metric::SETTINGS);
        let row = rows.into_iter().find(|r| r.subject == *subject);
        row.map(|r| parse(experiment, r)).transpose()
    }

    /// The settings of an experiment's first unit: what all its models share.
    ///
    /// # Errors
    /// As [`Records::settings_of`].
    pub fn settings<T: DeserializeOwned>(&self, experiment: &str) -> Result<Option<T>> {
        let rows = self.of(experiment, &Metric::SETTINGS);
        rows.first().map(|r| parse(experiment, r)).transpose()
    }

    /// The pictures of an experiment and metric.
    pub fn pictures(&self, experiment: &str, metric: &Metric) -> Vec<&'a Picture> {
        let is_it = |p: &&Picture| p.experiment == experiment && p.metric == *metric;
        self.0.pictures.iter().filter(is_it).collect()
    }
}

fn parse<T: DeserializeOwned>(experiment: &str, row: &Record) -> Result<T> {
    settings_text::parsed(&row.note).map_err(|e| {
        let what = format!("the settings of {experiment}, {}", row.subject);
        Error::configuration(
            what,
            format!("cannot be read: {e}"),
            "leave the row as it was written",
        )
    })
}

/// Each thing once, with the names that it is of, each of these once too.
pub fn each_once<T: PartialEq>(all: impl Iterator<Item = (T, String)>) -> Vec<(T, Vec<String>)> {
    let mut kept: Vec<(T, Vec<String>)> = Vec::new();
    for (one, name) in all {
        match kept.iter_mut().find(|(known, _)| *known == one) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => kept.push((one, vec![name])),
        }
    }
    kept
}

fn distinct<T: PartialEq + Copy>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

/// The values of two quantities, for the seeds that have both.
pub fn joined(a: &BySeed, b: &BySeed) -> BTreeMap<u64, (f64, f64)> {
    a.iter().filter_map(|(seed, &a)| Some((*seed, (a, *b.get(seed)?)))).collect()
}

/// A formula of two quantities, seed by seed.
pub fn per_seed(a: &BySeed, b: &BySeed, formula: impl Fn(f64, f64) -> f64) -> BySeed {
    joined(a, b).into_iter().map(|(seed, (a, b))| (seed, formula(a, b))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_settings_the_profile_of_the_rows_counts() {
        let row = |experiment: &str, profile: &str| Record {
            experiment: experiment.into(),
            profile: profile.into(),
            ..Record::default()
        };
        let records = vec![row("a", "quick"), row("b", "desk"), row("c", "of my own")];
        let evidence = Evidence { records, pictures: vec![] };
        let profiles = ["a", "b", "c", "d"].map(|name| Records(&evidence).profile_or_paper(name));
        assert_eq!(profiles, [Profile::Quick, Profile::Desk, Profile::Paper, Profile::Paper]);
    }

    #[test]
    fn a_curve_is_by_step_whatever_the_order_of_rows() {
        let row = |step: u64, value: f64| Record {
            experiment: "translation".into(),
            subject: Subject::g_rnn(),
            seed: Some(3),
            split: Some(Split::Validation),
            metric: Metric::LOSS,
            step: Some(step),
            value: Some(value),
            ..Record::default()
        };
        let records = vec![row(20, 0.5), row(10, 2.0), row(30, 1.0)];
        let evidence = Evidence { records, pictures: vec![] };
        let curve = Records(&evidence).validation_curve("translation", &Subject::g_rnn(), 3);
        assert_eq!(curve, [(10, 2.0), (20, 0.5), (30, 1.0)]);
    }

    #[test]
    fn quantities_are_joined_by_seed_and_not_by_place() {
        let a = BySeed::from([(1, 6.0), (2, 8.0)]);
        let b = BySeed::from([(0, 5.0), (1, 2.0), (2, 40.0)]);
        assert_eq!(joined(&a, &b), BTreeMap::from([(1, (6.0, 2.0)), (2, (8.0, 40.0))]));
        assert_eq!(per_seed(&a, &b, |a, b| a / b), BySeed::from([(1, 3.0), (2, 0.2)]));
        // Seed 1 has no partner, and is not given the next one.
        assert_eq!(joined(&a, &BySeed::from([(2, 4.0)])), BTreeMap::from([(2, (8.0, 4.0))]));
    }

    #[test]
    fn settings_are_those_of_the_unit_that_is_asked_for() -> Result<()> {
        let row = |experiment: &str, model: &str, range: i64| Record {
            experiment: experiment.into(),
            subject: Subject::new(model),
            metric: Metric::SETTINGS,
            note: format!("range = {range}\n"),
            ..Record::default()
        };
        let records = vec![row("a", "G-RNN", 0), row("a", "FERNN-V2", 2), row("b", "FERNN-V2", 3)];
        let evidence = Evidence { records, pictures: vec![] };
        let range = |experiment, model| -> Result<Option<i64>> {
            let (records, subject) = (Records(&evidence), Subject::new(model));
            let settings = records.settings_of::<BTreeMap<String, i64>>(experiment, &subject)?;
            Ok(settings.map(|settings| settings["range"]))
        };
        assert_eq!(range("a", "FERNN-V2")?, Some(2));
        assert_eq!(range("b", "FERNN-V2")?, Some(3));
        assert_eq!(range("b", "G-RNN")?, None);
        Ok(())
    }
}
