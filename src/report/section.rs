//! A part of the report.

use crate::error::Result;
use crate::experiments::exhibit::Exhibit;
use crate::experiments::{Experiment, Failure, Records, Verdict, changed_settings, laws_table};

/// What an experiment says of the records that hold it.
pub(super) struct Section {
    pub experiment: &'static str,
    pub title: &'static str,
    pub verdicts: Vec<Verdict>,
    pub exhibits: Vec<Exhibit>,
    pub remarks: Vec<String>,
    pub failures: Vec<Failure>,
}

/// What failed, in a sentence for the reader of verdicts.
fn words(failures: &[Failure]) -> String {
    let each: Vec<String> =
        failures.iter().map(|one| format!("{} ({})", one.unit, one.reason)).collect();
    format!(
        "**Units that failed**, so that no claim here is decided: {}. The tables hold nothing of them.",
        each.join("; ")
    )
}

impl Section {
    pub fn of(experiment: &dyn Experiment, records: Records<'_>) -> Result<Self> {
        let mut exhibits = experiment.exhibits(records)?;
        exhibits.push(laws_table(records, experiment.name()));
        exhibits.retain(|exhibit| !exhibit.body.is_empty());
        if let Some(changed) = changed_settings(records, experiment.name()) {
            exhibits.iter_mut().for_each(|exhibit| exhibit.caption += &changed);
        }
        let failures = Failure::all(records, experiment.name());
        let mut verdicts: Vec<Verdict> =
            experiment.claims(records)?.into_iter().map(|claim| claim.judge()).collect();
        let mut remarks = experiment.remarks(records)?;
        if !failures.is_empty() {
            verdicts = verdicts.into_iter().map(Verdict::beside_failures).collect();
            remarks.insert(0, words(&failures));
        }
        let (name, title) = (experiment.name(), experiment.title());
        Ok(Self { experiment: name, title, verdicts, exhibits, remarks, failures })
    }
}
