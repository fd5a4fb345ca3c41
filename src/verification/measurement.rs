//! What the measurement of a law gave.

use crate::equivariance::{Diagnosis, EquivarianceError, LEAST_BREACH, diagnose};

/// An error in one or both precisions, over several flows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurement {
    /// In f32.
    pub single: Option<EquivarianceError>,
    /// In f64.
    pub double: Option<EquivarianceError>,
    /// The error of the group's action itself, on the same frames in f64.
    pub action: f64,
}

impl Measurement {
    /// What the error comes from; in a single precision, as if the other had the same.
    pub fn diagnosis(&self) -> Diagnosis {
        let (single, double) = (self.single.as_ref(), self.double.as_ref());
        match (single.or(double), double.or(single)) {
            (Some(single), Some(double)) => diagnose(single, double, self.action),
            _ => Diagnosis::Broken,
        }
    }

    /// Whether the measurement is what was expected, or better; a control must break the law by
    /// [`LEAST_BREACH`].
    pub fn agrees_with(&self, expected: Diagnosis) -> bool {
        match expected {
            Diagnosis::Broken => [&self.single, &self.double]
                .into_iter()
                .flatten()
                .all(|error| error.max() >= LEAST_BREACH), // NaN is none
            _ => self.diagnosis() <= expected,
        }
    }
}
