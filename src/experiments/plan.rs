//! The units that a request comes to.

use super::changes::{Changes, Taker, differences};
use super::experiment::{Experiment, Request, Unit};
use super::metric::Metric;
use super::query::{Records, each_once};
use crate::error::{Error, Result};

/// The units of experiments, each with what of its settings is not the profile's.
///
/// # Errors
/// Those of the settings; [`Error::Configuration`] for an experiment without units, and for a change that
/// none of the units takes.
pub fn plan(experiments: &[&dyn Experiment], request: &Request) -> Result<Vec<Unit>> {
    let own = Request { changes: Changes::default(), steps: None, ..request.clone() };
    let (mut all, mut own_settings) = (Vec::new(), Vec::new());
    for experiment in experiments {
        let mut units = experiment.units(request)?;
        if units.is_empty() {
            let what = format!("--only {}", experiment.name());
            let remedy = format!("see its title: {}", experiment.title());
            return Err(Error::configuration(what, "has nothing to train", remedy));
        }
        // The same models in the same order, whatever was changed of them.
        for (unit, own) in units.iter_mut().zip(experiment.units(&own)?) {
            unit.changed = differences(&unit.settings, &own.settings).join(", ");
            own_settings.push(own.settings);
        }
        all.extend(units);
    }
    let takers: Vec<Taker<'_>> = all
        .iter()
        .zip(&own_settings)
        .map(|(unit, own)| Taker {
            experiment: &unit.key.experiment,
            settings: &unit.settings,
            own,
        })
        .collect();
    request.changes.expect_taken(&takers)?;
    Ok(all)
}

/// What of an experiment's settings is not the profile's, as the end of every caption; nothing where all are.
pub fn changed_settings(records: Records<'_>, experiment: &str) -> Option<String> {
    let rows = records.of(experiment, &Metric::CHANGED).into_iter();
    let texts = each_once(rows.map(|row| (row.note.as_str(), row.subject.to_string())));
    let is_shared = texts.len() == 1;
    let of = |(text, names): &(&str, Vec<String>)| match is_shared {
        true => text.to_string(),
        false => format!("{text} ({})", names.join(", ")),
    };
    let all: Vec<String> = texts.iter().map(of).collect();
    (!all.is_empty()).then(|| format!(" Settings changed from the profile's: {}.", all.join("; ")))
}
