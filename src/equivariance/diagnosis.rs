//! What an equivariance error comes from.

use super::difference::{Difference, EquivarianceError};
use std::fmt;

/// The cause of an equivariance error, from the same measurement in f32 and in f64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Diagnosis {
    /// The same bits in both precisions.
    Exact,
    /// At most [`LARGEST_ROUNDING`] units in the last place in either precision: nine orders of
    /// magnitude smaller in f64.
    Rounding,
    /// The same in both precisions, but no more than what the group's action on the grid is itself
    /// in error ([`LARGEST_DISCRETISATION`] times): the price of interpolation.
    Discretisation,
    /// Anything else, not a number included: the law does not hold.
    Broken,
}

impl Diagnosis {
    /// `exact`, `rounding`, `discretisation` or `BROKEN`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Rounding => "rounding",
            Self::Discretisation => "discretisation",
            Self::Broken => "BROKEN",
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What counts as rounding: units in the last place of the largest value, in either precision. In f64
/// that is 9.1e-13.
pub const LARGEST_ROUNDING: f64 = 4096.0;

/// What counts as discretisation, as a multiple of the action's own error on the same frames.
pub const LARGEST_DISCRETISATION: f64 = 10.0;

/// What may be called discretisation at most, relative to the largest value: where more is allowed, breaches
/// would be excused, and nothing is proved. Frames whose action is in error by 2.5 % are too coarse; those of the
/// check itself have 2 %, and a control, of about 1, must break by twice what is allowed (where the grid carries no
/// motion exactly).
pub const LARGEST_EXCUSE: f64 = 0.25;

/// Diagnoses an error from its measurement in f32 and in f64.
///
/// `action` is the error of the group's action itself in f64, as
/// [`action_error`](super::action_error) measures it: 0 where the grid carries the action exactly, as
/// with integer translations and quarter turns. An exact action leaves no room for discretisation, so
/// that there the slightest breach is called one.
///
/// ```
/// use fernn::equivariance::{Diagnosis, Difference, EquivarianceError, diagnose};
/// let error = |largest, ulps| EquivarianceError {
///     by_step: vec![Some(Difference { largest, two_norm: largest, ulps })],
///     ..Default::default()
/// };
/// let (single, double) = (error(3e-7, 2.5), error(4e-16, 1.8));
/// assert_eq!(diagnose(&single, &double, 0.0), Diagnosis::Rounding);
/// let (single, double) = (error(1e-5, 84.0), error(1e-5, 4.5e10));
/// assert_eq!(diagnose(&single, &double, 0.0), Diagnosis::Broken, "f64 does not lower it");
/// let (single, double) = (error(2e-3, 1.7e4), error(2e-3, 9e12));
/// assert_eq!(diagnose(&single, &double, 0.0), Diagnosis::Broken);
/// assert_eq!(diagnose(&single, &double, 1e-3), Diagnosis::Discretisation);
/// ```
pub fn diagnose(single: &EquivarianceError, double: &EquivarianceError, action: f64) -> Diagnosis {
    diagnose_differences(&single.worst(), &double.worst(), action)
}

/// [`diagnose`] from the largest differences.
pub(super) fn diagnose_differences(
    single: &Difference,
    double: &Difference,
    action: f64,
) -> Diagnosis {
    if single.largest.is_nan() || double.largest.is_nan() {
        return Diagnosis::Broken;
    }
    if single.largest == 0.0 && double.largest == 0.0 {
        return Diagnosis::Exact;
    }
    if single.ulps <= LARGEST_ROUNDING && double.ulps <= LARGEST_ROUNDING {
        return Diagnosis::Rounding;
    }
    // f32 adds its own rounding to what both precisions share.
    let shared = LARGEST_DISCRETISATION * action;
    let in_single = shared + LARGEST_ROUNDING * f64::from(f32::EPSILON);
    match action > 0.0 && double.largest <= shared && single.largest <= in_single {
        true => Diagnosis::Discretisation,
        false => Diagnosis::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(largest: f64, epsilon: f64) -> EquivarianceError {
        let difference = Difference { largest, two_norm: largest, ulps: largest / epsilon };
        EquivarianceError { by_step: vec![None, Some(difference)], ..Default::default() }
    }

    fn diagnosis(single: f64, double: f64, action: f64) -> Diagnosis {
        let single = error(single, f64::from(f32::EPSILON));
        diagnose(&single, &error(double, f64::EPSILON), action)
    }

    #[test]
    fn both_precisions_decide() {
        assert_eq!(diagnosis(0.0, 0.0, 0.0), Diagnosis::Exact);
        assert_eq!(diagnosis(0.0, 1e-16, 0.0), Diagnosis::Rounding);
        assert_eq!(diagnosis(1e-6, 1e-15, 0.0), Diagnosis::Rounding);
        // As small as rounding in f32, but f64 does not lower it.
        assert_eq!(diagnosis(1e-6, 1e-6, 0.0), Diagnosis::Broken);
        // As small as rounding in f64, but not in f32.
        assert_eq!(diagnosis(1e-2, 1e-15, 0.0), Diagnosis::Broken);
    }

    #[test]
    fn the_action_bounds_what_discretisation_may_be() {
        assert_eq!(diagnosis(5e-2, 5e-2, 1e-2), Diagnosis::Discretisation);
        assert_eq!(diagnosis(0.2, 0.2, 1e-2), Diagnosis::Broken, "twenty times the action's error");
        assert_eq!(diagnosis(0.2, 5e-2, 1e-2), Diagnosis::Broken, "f32 alone is off");
        assert_eq!(diagnosis(f64::NAN, 0.0, 1.0), Diagnosis::Broken);
        assert_eq!(diagnosis(0.0, f64::NAN, 1.0), Diagnosis::Broken);
    }
}
