//! Units whose training came to no end: a loss that is no number, a damaged checkpoint.

use super::claim::{Outcome, Verdict};
use super::experiment::Unit;
use super::metric::Metric;
use super::query::Records;
use super::record::Record;
use crate::error::{Error, Result};

/// A unit that failed, and why, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Model and seed.
    pub unit: String,
    /// The reason.
    pub reason: String,
}

impl Failure {
    /// The units of an experiment that failed.
    pub fn all(records: Records<'_>, experiment: &str) -> Vec<Self> {
        let of = |row: &Record| Self {
            unit: format!("{}, seed {}", row.subject, row.seed.unwrap_or_default()),
            reason: row.note.clone(),
        };
        records.of(experiment, &Metric::FAILED).into_iter().map(of).collect()
    }
}

/// What is recorded of a unit that diverged, or of one of several that cannot go on from its checkpoint: it keeps no
/// other from being run.
///
/// # Errors
/// Any other error.
pub(super) fn recorded(unit: &Unit, error: Error, is_alone: bool) -> Result<Record> {
    match error {
        Error::NonFinite { .. } => {}
        Error::Format { .. } if !is_alone => {}
        other => return Err(other),
    }
    Ok(unit.key.note(Metric::FAILED, &error.to_string()))
}

impl Verdict {
    /// The verdict where a unit of the experiment failed: the seeds that are left are chosen by what they came
    /// to, so that they decide nothing.
    pub fn beside_failures(self) -> Self {
        let outcome = match self.outcome {
            Outcome::Reproduced | Outcome::NotReproduced => Outcome::Inconclusive,
            other => other,
        };
        Self { outcome, ..self }
    }
}
