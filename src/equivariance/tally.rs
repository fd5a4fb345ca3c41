//! What comparisons of a law at a stage add up to, motion by motion.

use super::diagnosis::{Diagnosis, LARGEST_DISCRETISATION, LARGEST_EXCUSE, diagnose_differences};
use super::difference::{Difference, EquivarianceError};
use super::report::{LEAST_ORDER, Law, Line, MotionError, Place, Verdict};
use candle_core::DType;
use std::collections::BTreeSet;

/// What was measured of a law at a stage, so far.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub law: Law,
    stage: String,
    velocities: String,
    motions: Vec<Measured>,
    /// Places of velocities compared, of hidden states.
    compared: BTreeSet<usize>,
    refused: Option<String>,
}

impl Tally {
    /// The tally of a law at a stage, a new one at first.
    pub fn find<'a>(
        all: &'a mut Vec<Self>,
        law: Law,
        stage: &str,
        velocities: String,
    ) -> &'a mut Self {
        let is_it = |tally: &Self| {
            tally.law == law && tally.stage == stage && tally.velocities == velocities
        };
        let place = all.iter().position(is_it).unwrap_or_else(|| {
            all.push(Self {
                law,
                stage: stage.to_string(),
                velocities,
                motions: Vec::new(),
                compared: BTreeSet::new(),
                refused: None,
            });
            all.len() - 1
        });
        &mut all[place]
    }

    /// What was measured under motions by `velocity`, nothing at first.
    pub fn under(&mut self, velocity: &str) -> &mut Measured {
        let known = self.motions.iter().position(|motion| motion.velocity == velocity);
        let place = known.unwrap_or_else(|| {
            let velocity = velocity.to_string();
            self.motions.push(Measured { velocity, ..Measured::default() });
            self.motions.len() - 1
        });
        &mut self.motions[place]
    }

    /// Notes velocities that were compared.
    pub fn compare(&mut self, places: impl Iterator<Item = usize>) {
        self.compared.extend(places);
    }

    /// Notes that a measurement would have proved nothing.
    pub fn refuse(&mut self, why: String) {
        self.refused.get_or_insert(why);
    }

    /// Whether nothing was measured because every flow leads out of the velocities, and the same law was
    /// measured with others.
    pub fn is_told_elsewhere(&self, all: &[Self]) -> bool {
        let is_other = |other: &&Self| other.law == self.law && other.stage == self.stage;
        self.motions.is_empty()
            && self.refused.is_none()
            && all.iter().filter(is_other).any(|other| !other.motions.is_empty())
    }

    /// What became of it, where a law may be in error by `largest` under the motions that the grid does not
    /// carry exactly.
    pub fn line(self, largest: Diagnosis) -> Line {
        let is_worse = |a: &&Measured, b: &&Measured| {
            let size = |motion: &Measured| motion.worst.as_ref().map_or(0.0, |worst| worst.0);
            a.diagnosis().cmp(&b.diagnosis()).then(size(a).total_cmp(&size(b)))
        };
        let worst = self.motions.iter().max_by(is_worse);
        let is_of_the_grid = |motion: &&Measured| motion.diagnosis() > Diagnosis::Rounding;
        let orders = self.motions.iter().filter(is_of_the_grid).filter_map(Measured::order);
        let error = |of: fn(&Measured) -> Option<Difference>| {
            self.motions.iter().filter_map(of).reduce(Difference::max).map(|error| error.largest)
        };
        Line {
            law: self.law,
            stage: self.stage.clone(),
            velocities: self.velocities.clone(),
            expected: if self.law == Law::Control { Diagnosis::Broken } else { largest },
            verdict: self.verdict(worst),
            single: error(|motion| motion.single),
            double: error(|motion| motion.double),
            order: orders.min_by(f64::total_cmp),
            worst: worst.and_then(|motion| motion.worst.clone()).map(|(_, place)| place),
            motions: self.motions.iter().map(Measured::error).collect(),
        }
    }

    fn verdict(&self, worst: Option<&Measured>) -> Verdict {
        if let Some(why) = &self.refused {
            return Verdict::Vacuous(why.clone());
        }
        let Some(worst) = worst else {
            return Verdict::Vacuous("every flow leads out of the velocities".into());
        };
        let count = self.compared.len();
        if self.law == Law::Flow && (1..LEAST_VELOCITIES).contains(&count) {
            return Verdict::Vacuous(format!("only {count} of the velocities could be compared"));
        }
        let found = worst.diagnosis();
        let is_excused = |motion: &&Measured| match self.law {
            Law::Control => motion.is_excused_anything(),
            _ => motion.is_excused_anything() && motion.diagnosis() == Diagnosis::Discretisation,
        };
        let is_decided = match self.law {
            Law::Control => self.motions.iter().any(Measured::is_exact), // by those alone
            _ => found == Diagnosis::Broken,
        };
        match self.motions.iter().find(is_excused) {
            Some(motion) if !is_decided => Verdict::Vacuous(motion.excuse()),
            _ => Verdict::Measured(found),
        }
    }
}

/// Velocities that must be compared at least.
const LEAST_VELOCITIES: usize = 2;

/// What was measured under motions by one velocity.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    velocity: String,
    single: Option<Difference>,
    double: Option<Difference>,
    /// In f64 on a grid twice as fine.
    finer: Option<f64>,
    /// The error of the action itself.
    action: f64,
    worst: Option<(f64, Place)>,
}

impl Measured {
    /// Takes one more measurement into account, where the action itself was in error by `action`; `place` is
    /// where a step and a slice are.
    pub fn include(
        &mut self,
        dtype: DType,
        error: &EquivarianceError,
        action: f64,
        place: impl Fn(usize, Option<usize>) -> Place,
    ) {
        self.action = self.action.max(action);
        let slot = if dtype == DType::F64 { &mut self.double } else { &mut self.single };
        *slot = Some(slot.unwrap_or_default().max(error.worst()));
        let Some((step, difference, slice)) = error.worst_place() else { return };
        let is_worse = self.worst.as_ref().is_none_or(|(largest, _)| {
            difference.largest.total_cmp(largest).is_gt() // NaN is the largest
        });
        if is_worse {
            self.worst = Some((difference.largest, place(step, slice)));
        }
    }

    /// Takes a measurement on the refined grid into account.
    pub fn include_finer(&mut self, error: &EquivarianceError) {
        let norm = error.worst().two_norm;
        // NaN is the largest.
        let before = self.finer.filter(|before| before.total_cmp(&norm).is_gt());
        self.finer = Some(before.unwrap_or(norm));
    }

    /// The order with which the error falls with the distance of pixels.
    fn order(&self) -> Option<f64> {
        Some((self.double?.two_norm / self.finer?).log2())
    }

    fn diagnosis(&self) -> Diagnosis {
        // A precision that was not measured counts as if it had the error of the other.
        let both = self.single.or(self.double).zip(self.double.or(self.single));
        let diagnose = |(single, double)| diagnose_differences(&single, &double, self.action);
        match both.map_or(Diagnosis::Broken, diagnose) {
            Diagnosis::Discretisation
                if self.order().is_some_and(|order| order.is_nan() || order < LEAST_ORDER) =>
            {
                Diagnosis::Broken
            }
            diagnosis => diagnosis,
        }
    }

    /// What interpolation may do.
    fn allowed(&self) -> f64 {
        LARGEST_DISCRETISATION * self.action
    }

    /// Whether the grid carries the motion exactly.
    fn is_exact(&self) -> bool {
        self.allowed() == 0.0
    }

    /// Whether a breach of any size could be taken for interpolation.
    fn is_excused_anything(&self) -> bool {
        self.allowed() >= LARGEST_EXCUSE
    }

    fn excuse(&self) -> String {
        format!(
            "interpolation is itself in error by {:.0e} under {}, which would excuse\n    a breach: \
             take a finer grid or smoother frames",
            self.action, self.velocity
        )
    }

    fn error(&self) -> MotionError {
        MotionError {
            velocity: self.velocity.clone(),
            allowed: self.allowed(),
            single: self.single.map(|error| error.largest),
            double: self.double.map(|error| error.largest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an error of the size of the action's own is called, by how large it is on a grid twice as fine.
    fn diagnosis(finer: f64) -> Diagnosis {
        let error = Difference { largest: 0.1, two_norm: 0.1, ulps: 1e15 };
        let velocity = "45°".to_string();
        let (double, finer, action) = (Some(error), Some(finer), 0.1);
        Measured { velocity, double, finer, action, ..Measured::default() }.diagnosis()
    }

    #[test]
    fn an_error_that_does_not_fall_with_the_grid_is_none_of_the_grid() {
        assert_eq!(diagnosis(0.1 / 4.0), Diagnosis::Discretisation);
        // The least order, 0.5, is a factor of √2.
        assert_eq!(diagnosis(0.1 / 1.5), Diagnosis::Discretisation);
        for finer in [0.1 / 1.3, 0.1, 0.13, f64::NAN] {
            assert_eq!(diagnosis(finer), Diagnosis::Broken, "{finer}");
        }
    }
}
