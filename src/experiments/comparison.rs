//! Two runs side by side: settings that differ, what was measured, verdicts that changed.

use super::changes::differences;
use super::claim::{Outcome, Verdict};
use super::experiment::Experiment;
use super::metric::Metric;
use super::query::{BySeed, Records, joined};
use super::subject::Subject;
use crate::data::Split;
use crate::error::Result;
use crate::statistics::{Interval, bootstrap, mean, ratio_of_means};

/// What differs between two runs, and what does not.
#[derive(Clone, Debug, Default)]
pub struct RunComparison {
    /// Settings that differ, of models that both ran.
    pub settings: Vec<SettingsDifference>,
    /// What was measured, by experiment, model and metric.
    pub measurements: Vec<Comparison>,
    /// The claims that either run judged.
    pub verdicts: Vec<(Option<Verdict>, Option<Verdict>)>,
}

/// The settings of a model that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsDifference {
    /// The experiment.
    pub experiment: String,
    /// The model.
    pub subject: Subject,
    /// A line each: key, value in the second run, value in the first.
    pub lines: Vec<String>,
}

/// A metric of a model in two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The experiment.
    pub experiment: String,
    /// The model.
    pub subject: Subject,
    /// The metric; the mean within each seed where it has several rows.
    pub metric: Metric,
    /// In the first and in the second run: the mean over seeds with its interval.
    pub values: [Option<Interval>; 2],
    /// The second over the first, over the seeds that both have.
    pub ratio: Option<Interval>,
    /// Whether both have the same seeds with the same values.
    pub is_same: bool,
}

/// What is compared.
const METRICS: [Metric; 12] = [
    Metric::PARAMETERS,
    Metric::MSE,
    Metric::MSE_BY_HORIZON,
    Metric::MSE_BY_VELOCITY,
    Metric::ACCURACY,
    Metric::ACCURACY_BY_VELOCITY,
    Metric::ACCURACY_BY_RANGE,
    Metric::INVARIANCE_BREACH,
    Metric::EQUIVARIANCE_TRAINED,
    Metric::LAWS_BROKEN,
    Metric::SECONDS,
    Metric::PEAK_MB,
];

impl RunComparison {
    /// Compares two runs over the experiments that either has records of.
    ///
    /// # Errors
    /// Those of the experiments' claims.
    pub fn of(
        first: Records<'_>,
        second: Records<'_>,
        experiments: &[&dyn Experiment],
    ) -> Result<Self> {
        let mut comparison = Self::default();
        let has = |records: Records<'_>, name: &str| records.experiments().contains(&name);
        for experiment in experiments {
            let name = experiment.name();
            let present = [first, second].map(|records| has(records, name));
            if present == [false, false] {
                continue;
            }
            comparison.add_models(name, first, second);
            let [a, b] = [first, second].map(|records| judged(*experiment, records));
            comparison.verdicts.extend(paired(a?, b?));
        }
        Ok(comparison)
    }

    fn add_models(&mut self, experiment: &str, first: Records<'_>, second: Records<'_>) {
        let mut subjects = first.subjects(experiment);
        let others = second.subjects(experiment).into_iter();
        let new: Vec<&Subject> = others.filter(|subject| !subjects.contains(subject)).collect();
        subjects.extend(new);
        for subject in subjects {
            let texts = [first, second].map(|records| settings_text(records, experiment, subject));
            if let [Some(a), Some(b)] = texts {
                let lines = differences(b, a);
                if !lines.is_empty() {
                    let (experiment, subject) = (experiment.to_string(), subject.clone());
                    self.settings.push(SettingsDifference { experiment, subject, lines });
                }
            }
            for metric in METRICS {
                self.add_metric((experiment, subject, metric), first, second);
            }
        }
    }

    fn add_metric(
        &mut self,
        (experiment, subject, metric): (&str, &Subject, Metric),
        first: Records<'_>,
        second: Records<'_>,
    ) {
        let is_final = |r: &super::Record| r.split.is_none_or(|split| split == Split::Test);
        let by_seed =
            [first, second].map(|records| records.by_seed(experiment, subject, &metric, is_final));
        if by_seed.iter().all(BySeed::is_empty) {
            return;
        }
        let stream = format!("compare/{experiment}/{subject}/{metric}");
        let interval = |values: &BySeed| {
            let values: Vec<f64> = values.values().copied().collect();
            bootstrap(&values, &stream, mean)
        };
        let values = [interval(&by_seed[0]), interval(&by_seed[1])];
        let pairs: Vec<(f64, f64)> = joined(&by_seed[1], &by_seed[0]).into_values().collect();
        self.measurements.push(Comparison {
            experiment: experiment.into(),
            subject: subject.clone(),
            ratio: ratio_of_means(&pairs, &stream),
            is_same: is_same(&by_seed[0], &by_seed[1]),
            metric,
            values,
        });
    }

    /// The verdicts of claims whose outcomes differ; what only one run has records for is one.
    pub fn changed(&self) -> impl Iterator<Item = &(Option<Verdict>, Option<Verdict>)> {
        let outcome =
            |verdict: &Option<Verdict>| verdict.as_ref().map_or(Outcome::NotRun, |v| v.outcome);
        self.verdicts.iter().filter(move |(a, b)| outcome(a) != outcome(b))
    }
}

/// The same seeds with the same bits; what is no number is the same as what is none.
fn is_same(a: &BySeed, b: &BySeed) -> bool {
    let bits = |values: &BySeed| -> Vec<(u64, u64)> {
        let bits = |value: &f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
        values.iter().map(|(seed, value)| (*seed, bits(value))).collect()
    };
    bits(a) == bits(b)
}

fn settings_text<'a>(records: Records<'a>, experiment: &str, subject: &Subject) -> Option<&'a str> {
    let rows = records.of(experiment, &Metric::SETTINGS);
    rows.into_iter().find(|row| row.subject == *subject).map(|row| row.note.as_str())
}

/// The verdicts of an experiment that the records are of.
fn judged(experiment: &dyn Experiment, records: Records<'_>) -> Result<Vec<Verdict>> {
    match records.experiments().contains(&experiment.name()) {
        true => Ok(experiment.claims(records)?.into_iter().map(|claim| claim.judge()).collect()),
        false => Ok(vec![]),
    }
}

/// Verdicts by the claim that they are of.
fn paired(a: Vec<Verdict>, mut b: Vec<Verdict>) -> Vec<(Option<Verdict>, Option<Verdict>)> {
    let mut pairs = Vec::new();
    for first in a {
        let place = b.iter().position(|second| second.claim.id == first.claim.id);
        let second = place.map(|place| b.remove(place));
        pairs.push((Some(first), second));
    }
    pairs.extend(b.into_iter().map(|second| (None, Some(second))));
    pairs
}
