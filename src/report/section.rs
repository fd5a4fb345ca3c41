//! A part of the report.

use crate::error::Result;
use crate::experiments::exhibit::Exhibit;
use crate::experiments::{Experiment, Records, Verdict, changed_settings, laws_table};

/// What an experiment says of the records that hold it.
pub(super) struct Section {
    pub experiment: &'static str,
    pub title: &'static str,
    pub verdicts: Vec<Verdict>,
    pub exhibits: Vec<Exhibit>,
    pub remarks: Vec<String>,
}

impl Section {
    pub fn of(experiment: &dyn Experiment, records: Records<'_>) -> Result<Self> {
        let mut exhibits = experiment.exhibits(records)?;
        exhibits.push(laws_table(records, experiment.name()));
        exhibits.retain(|exhibit| !exhibit.body.is_empty());
        if let Some(changed) = changed_settings(records, experiment.name()) {
            exhibits.iter_mut().for_each(|exhibit| exhibit.caption += &changed);
        }
        Ok(Self {
            experiment: experiment.name(),
            title: experiment.title(),
            verdicts: experiment.claims(records)?.into_iter().map(|claim| claim.judge()).collect(),
            exhibits,
            remarks: experiment.remarks(records)?,
        })
    }
}
