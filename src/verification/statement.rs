//! What the theory says of one cell in one place, and how tables name it.

use super::measurement::Measurement;
use super::sizes::Sizes;
use crate::equivariance::{Diagnosis, EquivarianceError, Key, Row};
use crate::error::Result;
use crate::flow::AnyVelocity;
use candle_core::DType;

/// What the theory says of one case, and its measurement.
pub struct Statement<'a> {
    /// What it is about.
    pub key: Key,
    /// What the theory says.
    pub expected: Diagnosis,
    /// Of the case.
    pub sizes: Sizes,
    /// Of the case's weights and frames.
    pub seed: u64,
    pub(super) measure: Box<MeasureFn<'a>>,
}

type MeasureFn<'a> = dyn Fn(&[DType]) -> Result<Option<Measurement>> + Sync + 'a;

impl Statement<'_> {
    /// Measures it in some precisions; nothing where no flow moves anything that could be compared.
    ///
    /// # Errors
    /// Those of the cell; [`crate::Error::Vacuous`] where the comparison would prove nothing.
    pub fn measure(&self, dtypes: &[DType]) -> Result<Option<Measurement>> {
        (self.measure)(dtypes)
    }

    /// It with its measurement.
    pub(super) fn row(&self, measured: &Measurement) -> Row {
        let error = |error: &Option<EquivarianceError>| error.as_ref().map(EquivarianceError::max);
        Row {
            verdict: measured.diagnosis().name().into(),
            error_f32: error(&measured.single),
            error_f64: error(&measured.double),
            holds: measured.agrees_with(self.expected),
            ..Row::of(self.key.clone(), self.expected)
        }
    }
}

/// Under which flows a statement is measured.
#[derive(Clone, Copy, Debug)]
pub enum Flows<'a> {
    /// Under all of them, as one statement.
    Together(&'a [AnyVelocity]),
    /// Under one, which is named.
    Alone(AnyVelocity),
}
