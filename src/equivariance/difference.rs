//! The difference of two results, in three measures.

use crate::error::{Error, Result};
use candle_core::{DType, Tensor};
use std::fmt;

/// How far one tensor is from another; all of it NaN where either is not finite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Difference {
    /// max |a − b| / max |b|.
    pub largest: f64,
    /// ‖a − b‖₂ / ‖b‖₂.
    pub two_norm: f64,
    /// max |a − b| in units in the last place of max |b|, in the tensors' own type.
    pub ulps: f64,
}

impl Difference {
    const NAN: Self = Self { largest: f64::NAN, two_norm: f64::NAN, ulps: f64::NAN };

    /// The difference of `a` from the reference `b`.
    ///
    /// # Errors
    /// [`Error::Vacuous`] when `b` is empty, or the same number everywhere; [`Error::Shape`] when the
    /// extents disagree.
    pub fn between(a: &Tensor, b: &Tensor) -> Result<Self> {
        if a.dims() != b.dims() {
            let expected = format!("{:?}", b.dims());
            return Err(Error::Shape { what: "compared result", expected, got: a.dims().to_vec() });
        }
        let is_double = b.dtype() == DType::F64;
        let (a, b) = (values(a)?, values(b)?);
        refuse_vacuous(&b)?;
        if a.iter().chain(&b).any(|v| !v.is_finite()) {
            return Ok(Self::NAN);
        }
        let differences = || a.iter().zip(&b).map(|(a, b)| a - b);
        let (difference, scale) = (largest(differences()), largest(b.iter().copied()));
        let norm = |sum: f64| sum.sqrt();
        Ok(Self {
            largest: difference / scale,
            two_norm: norm(differences().map(|d| d * d).sum())
                / norm(b.iter().map(|v| v * v).sum()),
            ulps: difference / unit_in_the_last_place(scale, is_double),
        })
    }

    /// The same relative to `scale` times what it was relative to.
    pub(super) fn relative_to(self, scale: f64) -> Self {
        Self { largest: self.largest / scale, two_norm: self.two_norm / scale, ..self }
    }

    /// The larger of the two in every measure; NaN wins.
    pub fn max(self, other: Self) -> Self {
        let max = |a: f64, b: f64| if b <= a || a.is_nan() { a } else { b };
        Self {
            largest: max(self.largest, other.largest),
            two_norm: max(self.two_norm, other.two_norm),
            ulps: max(self.ulps, other.ulps),
        }
    }
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |max, v| v.abs().max(max))
}

/// All numbers of a tensor.
pub(super) fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

fn refuse_vacuous(reference: &[f64]) -> Result<()> {
    match reference.first() {
        None => Err(Error::Vacuous("there is nothing to compare".into())),
        Some(first) if reference.iter().all(|v| v == first) => {
            Err(Error::Vacuous(format!("the result is {first} everywhere")))
        }
        Some(_) => Ok(()),
    }
}

/// `3e-7 after frame 4 of 5 (2 units in the last place)`: the largest error and where it is.
impl fmt::Display for EquivarianceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worst = self.worst();
        let is_it = |step: &Option<Difference>| {
            step.is_some_and(|step| step.largest.total_cmp(&worst.largest).is_eq())
        };
        write!(f, "{:.0e}", worst.largest)?;
        if let Some(step) = self.by_step.iter().position(is_it) {
            write!(f, " after frame {step} of {}", self.by_step.len())?;
        }
        write!(f, " ({:.0} units in the last place)", worst.ulps)
    }
}

/// The distance from `value` to the next larger number of its type.
fn unit_in_the_last_place(value: f64, is_double: bool) -> f64 {
    if is_double { value.next_up() - value } else { f64::from((value as f32).next_up()) - value }
}

/// The error of one velocity slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SliceError {
    /// The place of ν on the velocity axis.
    pub velocity: usize,
    /// The largest difference over all steps at which the theory claims the law for this slice.
    pub worst: Difference,
}

/// An equivariance error, step by step and slice by slice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EquivarianceError {
    /// After each frame, everything compared taken together. Empty steps (nothing claimed) are
    /// `None`.
    pub by_step: Vec<Option<Difference>>,
    /// The place of the ν whose slice is furthest off after each frame; empty for results without a velocity
    /// axis.
    pub worst_by_step: Vec<Option<usize>>,
    /// Over all steps, for every velocity compared; empty for results without a velocity axis.
    pub by_velocity: Vec<SliceError>,
}

impl EquivarianceError {
    /// The largest difference over all steps, in every measure; NaN if any is.
    pub fn worst(&self) -> Difference {
        self.by_step.iter().flatten().fold(Difference::default(), |max, &step| max.max(step))
    }

    /// The largest max-relative difference over all steps; NaN if any is.
    pub fn max(&self) -> f64 {
        self.worst().largest
    }

    /// Step by step and slice by slice the larger of the two.
    pub fn merge(mut self, other: Self) -> Self {
        let steps = self.by_step.len().max(other.by_step.len());
        self.by_step.resize(steps, None);
        self.worst_by_step.resize(steps, None);
        for (t, theirs) in other.by_step.into_iter().enumerate() {
            let ours = &mut self.by_step[t];
            let size = |step: Option<Difference>| step.map_or(-1.0, |step| step.largest);
            if size(theirs).total_cmp(&size(*ours)).is_gt() {
                self.worst_by_step[t] = other.worst_by_step.get(t).copied().flatten();
            }
            *ours = match (*ours, theirs) {
                (Some(a), Some(b)) => Some(a.max(b)),
                (a, b) => a.or(b),
            };
        }
        for theirs in other.by_velocity {
            self.include(theirs);
        }
        self
    }

    /// The step with the largest difference, that, and the place of the ν whose slice it is.
    pub(super) fn worst_place(&self) -> Option<(usize, Difference, Option<usize>)> {
        let steps = self.by_step.iter().enumerate();
        let worst = steps
            .filter_map(|(t, step)| step.map(|step| (t, step)))
            .reduce(|a, b| if b.1.largest.total_cmp(&a.1.largest).is_gt() { b } else { a })?; // NaN is the largest
        Some((worst.0, worst.1, self.worst_by_step.get(worst.0).copied().flatten()))
    }

    /// Takes one more difference of a velocity slice into account.
    pub(super) fn include(&mut self, slice: SliceError) {
        match self.by_velocity.iter_mut().find(|ours| ours.velocity == slice.velocity) {
            Some(ours) => ours.worst = ours.worst.max(slice.worst),
            None => self.by_velocity.push(slice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn tensor(values: &[f64], dtype: DType) -> Tensor {
        Tensor::new(values, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
    }

    #[test]
    fn the_three_measures_are_what_they_say() {
        let (a, b) = (tensor(&[3.0, -4.5], DType::F64), tensor(&[3.0, -4.0], DType::F64));
        let difference = Difference::between(&a, &b).unwrap();
        assert_eq!(difference.largest, 0.5 / 4.0);
        assert_eq!(difference.two_norm, 0.5 / 5.0);
        assert_eq!(difference.ulps, 0.5 / (4.0 * f64::EPSILON));
        let next = f64::from(4f32.next_up());
        let (a, b) = (tensor(&[1.0, next], DType::F32), tensor(&[1.0, 4.0], DType::F32));
        assert_eq!(Difference::between(&a, &b).unwrap().ulps, 1.0, "the next number is one away");
    }

    #[test]
    fn what_is_not_finite_is_never_small() {
        for bad in [f64::NAN, f64::INFINITY] {
            let (a, b) = (tensor(&[1.0, bad], DType::F64), tensor(&[1.0, 2.0], DType::F64));
            assert!(Difference::between(&a, &b).unwrap().largest.is_nan());
            assert!(Difference::between(&b, &a).unwrap().two_norm.is_nan());
            let worst = Difference::default().max(Difference::NAN).max(Difference::default());
            assert!(worst.largest.is_nan() && worst.ulps.is_nan());
        }
    }

    #[test]
    fn constant_references_are_refused() {
        let (a, zero) = (tensor(&[0.0, 0.0], DType::F64), tensor(&[0.0, 0.0], DType::F64));
        assert!(matches!(Difference::between(&a, &zero), Err(Error::Vacuous(_))));
        let empty = tensor(&[], DType::F64);
        assert!(matches!(Difference::between(&empty, &empty), Err(Error::Vacuous(_))));
        let other = tensor(&[1.0], DType::F64);
        assert!(matches!(Difference::between(&a, &other), Err(Error::Shape { .. })));
    }

    #[test]
    fn an_error_says_how_large_it_is_and_where() {
        let of = |largest, ulps| Some(Difference { largest, two_norm: 0.0, ulps });
        let by_step = vec![None, of(1e-7, 1.0), of(2.6e-7, 2.4), of(0.0, 0.0)];
        let error = EquivarianceError { by_step, ..EquivarianceError::default() };
        assert_eq!(error.to_string(), "3e-7 after frame 2 of 4 (2 units in the last place)");
    }
}
