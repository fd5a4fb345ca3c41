//! Selections from records, in a fixed order.

use super::record::{PROVENANCE, Record};

/// Records with the questions that tables, figures and claims ask of them.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a>(pub &'a [Record]);

impl<'a> Records<'a> {
    /// The note of a provenance row.
    pub fn note(&self, metric: &str) -> Option<&'a str> {
        let is_it = |r: &&Record| r.experiment == PROVENANCE && r.metric == metric;
        self.0.iter().find(is_it).map(|r| r.note.as_str())
    }

    /// The rows of an experiment and metric, in the order of the records.
    pub fn of(&self, experiment: &str, metric: &str) -> Vec<&'a Record> {
        self.0.iter().filter(|r| r.experiment == experiment && r.metric == metric).collect()
    }

    /// The models of an experiment, in order of appearance.
    pub fn models(&self, experiment: &str) -> Vec<&'a str> {
        let mut models = Vec::new();
        for record in self.0.iter().filter(|r| r.experiment == experiment) {
            if !models.contains(&record.model.as_str()) {
                models.push(record.model.as_str());
            }
        }
        models
    }

    /// (seed, value) of one metric of a model, of the rows that `keep` accepts.
    pub fn by_seed(
        &self,
        experiment: &str,
        model: &str,
        metric: &str,
        keep: impl Fn(&Record) -> bool,
    ) -> Vec<(u64, f64)> {
        self.of(experiment, metric)
            .into_iter()
            .filter(|r| r.model == model && keep(r))
            .filter_map(|r| Some((r.seed?, r.value?)))
            .collect()
    }

    /// The values of [`Records::by_seed`].
    pub fn values(
        &self,
        experiment: &str,
        model: &str,
        metric: &str,
        keep: impl Fn(&Record) -> bool,
    ) -> Vec<f64> {
        self.by_seed(experiment, model, metric, keep).into_iter().map(|(_, value)| value).collect()
    }

    /// Mean of [`Records::by_seed`] within each seed, in the order of the seeds.
    pub fn mean_by_seed(
        &self,
        experiment: &str,
        model: &str,
        metric: &str,
        keep: impl Fn(&Record) -> bool,
    ) -> Vec<(u64, f64)> {
        let rows = self.by_seed(experiment, model, metric, keep);
        let mut seeds: Vec<u64> = rows.iter().map(|(seed, _)| *seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        let mean = |seed: u64| {
            let values: Vec<f64> =
                rows.iter().filter(|(s, _)| *s == seed).map(|(_, value)| *value).collect();
            (seed, crate::statistics::mean(&values))
        };
        seeds.into_iter().map(mean).collect()
    }

    /// The curve (step, validation loss) of a model under a seed.
    pub fn validation_curve(&self, experiment: &str, model: &str, seed: u64) -> Vec<(u64, f64)> {
        self.of(experiment, "loss")
            .into_iter()
            .filter(|r| r.model == model && r.seed == Some(seed) && r.split == "validation")
            .filter_map(|r| Some((r.step?, r.value?)))
            .collect()
    }

    /// The seeds of an experiment, ascending.
    pub fn seeds(&self, experiment: &str) -> Vec<u64> {
        let mut seeds: Vec<u64> =
            self.0.iter().filter(|r| r.experiment == experiment).filter_map(|r| r.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }

    /// Whether a row's velocity is one that the models of an experiment were trained on.
    pub fn trained_velocities(&self, experiment: &str) -> impl Fn(&Record) -> bool {
        let range = self.setting(experiment, "training_range").unwrap_or(1) as i32;
        let step = self.setting(experiment, "space.rotation.step_deg").unwrap_or(1) as i32;
        move |r| {
            let is_inside = |v: Option<i32>| v.is_some_and(|v| v.abs() <= range);
            match r.velocity_deg {
                Some(degrees) => degrees.abs() <= range * step,
                None => is_inside(r.velocity_x) && is_inside(r.velocity_y),
            }
        }
    }

    /// A number of an experiment's settings, by its TOML key; dots lead into tables.
    pub fn setting(&self, experiment: &str, key: &str) -> Option<u64> {
        let settings: toml::Table =
            self.note(&format!("settings of {experiment}"))?.parse().ok()?;
        let mut path = key.split('.');
        let first = settings.get(path.next()?)?;
        path.try_fold(first, |table, key| table.get(key))?.as_integer()?.try_into().ok()
    }
}

/// Pairs values of two lists by their seed.
pub fn paired(a: &[(u64, f64)], b: &[(u64, f64)]) -> Vec<(f64, f64)> {
    let partner = |seed: u64| b.iter().find(|(s, _)| *s == seed).map(|(_, value)| *value);
    a.iter().filter_map(|&(seed, value)| Some((value, partner(seed)?))).collect()
}
