//! Comparisons of a stage with the same stage under a motion, and what they add up to.

use super::diagnosis::{Diagnosis, diagnose_differences};
use super::difference::{Difference, EquivarianceError};
use super::laws::action_error;
use super::measured_group::MeasuredGroup;
use super::observation::{Motion, Stage, Values};
use super::report::{LEAST_ORDER, Law, Line, Place, Report, Verdict};
use crate::error::{Error, Result};
use crate::flow::{FlowGroup, Velocity, VelocitySet};
use candle_core::{DType, Tensor};
use std::collections::BTreeSet;

/// A comparison of stages under a motion of the input.
pub(super) struct Comparison<'a, G: FlowGroup> {
    pub law: Law,
    pub group: &'a G,
    pub motion: Motion<G::Velocity>,
    /// Those of hidden states.
    pub velocities: &'a VelocitySet<G::Velocity>,
    /// The velocities in words.
    pub set: String,
    pub dtype: DType,
    /// Of the frames.
    pub seed: Option<u64>,
    /// The error of the group's own action.
    pub action: f64,
    /// On the refined grid.
    pub is_finer: bool,
}

impl<G: FlowGroup> Comparison<'_, G> {
    /// Compares a stage with the same stage under the motion, for the pairs of velocities of every item.
    pub fn of(
        self,
        (plain, moved): (&Stage, &Stage),
        pairs: impl Fn(usize) -> Vec<(usize, usize)>,
        tallies: &mut Vec<Tally>,
    ) -> Result<()> {
        let Self { law, group, motion, .. } = self;
        let tally = Tally::find(tallies, law, &plain.name, self.set);
        tally.action = tally.action.max(self.action);
        let is_state = match &plain.values {
            // By this flow all leave the set; at frame 0 nothing has moved yet.
            Values::States(_, after)
                if law == Law::Flow && (1..after.len()).all(|t| pairs(t).is_empty()) =>
            {
                return Ok(());
            }
            Values::States(..) => true,
            _ => false,
        };
        let error = plain
            .refuse_vacuous(group, motion)
            .and_then(|()| plain.difference(moved, (group, motion), pairs));
        match error {
            Ok(error) if self.is_finer => tally.include_finer(&error),
            Ok(error) => {
                let worst = error.by_velocity.iter().max_by(|a, b| {
                    a.worst.largest.total_cmp(&b.worst.largest) // NaN is the largest
                });
                let name = |place: usize| self.velocities.as_slice().get(place).map(|v| v.name());
                let velocity = worst.and_then(|slice| name(slice.velocity));
                let (flow, extents) = (motion.by().name(), plain.values.extents());
                let place = |step| {
                    let (flow, velocity) = (flow.clone(), velocity.clone());
                    Place { flow, step, velocity, extents, seed: self.seed }
                };
                tally.include(self.dtype, &error, place);
                if is_state {
                    tally.compared.extend(error.by_velocity.iter().map(|slice| slice.velocity));
                }
            }
            Err(Error::Vacuous(why)) => tally.refuse(why),
            Err(other) => return Err(other),
        }
        Ok(())
    }
}

/// How many velocities a set has, for people.
pub(super) fn in_words<V: Velocity>(velocities: &VelocitySet<V>) -> String {
    match velocities.len() {
        1 => "no velocities".into(),
        count => format!("{count} velocities"),
    }
}

/// The error of the group's own action on frames (B, T, C, H, W) in f64.
pub(super) fn own_error<G: MeasuredGroup>(
    group: &G,
    frames: &Tensor,
    flows: &[G::Velocity],
    tallies: &mut Vec<Tally>,
) -> Result<f64> {
    let (_, _, _, height, width) = frames.dims5()?;
    let tally = Tally::find(tallies, Law::Action, "frames", String::new());
    let mut largest = 0f64;
    for &velocity in flows {
        for dtype in [DType::F32, DType::F64] {
            let error = action_error(group, &frames.to_dtype(dtype)?, velocity)?;
            if dtype == DType::F64 {
                largest = largest.max(error.max());
            }
            tally.action = tally.action.max(largest);
            let flow = velocity.name();
            tally.include(dtype, &error, |step| Place {
                flow: flow.clone(),
                step,
                velocity: None,
                extents: (height, width),
                seed: None,
            });
        }
    }
    Ok(largest)
}

/// The report of everything that was measured.
///
/// # Errors
/// [`Error::Configuration`] when nothing was shown.
pub(super) fn report<G: MeasuredGroup>(group: &G, tallies: Vec<Tally>) -> Result<Report> {
    if tallies.iter().all(|tally| tally.law == Law::Action) {
        let problem = "shows no stage that a law could be measured of";
        return Err(Error::configuration("the subject", problem, "show its states or its output"));
    }
    let largest = match group.is_exact() {
        true => Diagnosis::Rounding,
        false => Diagnosis::Discretisation,
    };
    let told = tallies.iter().filter(|tally| !tally.is_told_elsewhere(&tallies)).cloned();
    let lines = told.map(|tally| tally.line(largest)).collect();
    Ok(Report { group: group.name(), lines })
}

/// What was measured of a law at a stage, so far.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    law: Law,
    stage: String,
    velocities: String,
    single: Option<Difference>,
    double: Option<Difference>,
    /// In f64 on a grid twice as fine.
    finer: Option<f64>,
    action: f64,
    worst: Option<(f64, Place)>,
    /// Places of velocities compared, of hidden states.
    compared: BTreeSet<usize>,
    measurements: usize,
    refused: Option<String>,
}

impl Tally {
    /// The tally of a law at a stage, a new one at first.
    fn find<'a>(
        all: &'a mut Vec<Tally>,
        law: Law,
        stage: &str,
        velocities: String,
    ) -> &'a mut Self {
        let is_it = |tally: &Tally| {
            tally.law == law && tally.stage == stage && tally.velocities == velocities
        };
        let place = all.iter().position(is_it).unwrap_or_else(|| {
            all.push(Self {
                law,
                stage: stage.to_string(),
                velocities,
                single: None,
                double: None,
                finer: None,
                action: 0.0,
                worst: None,
                compared: BTreeSet::new(),
                measurements: 0,
                refused: None,
            });
            all.len() - 1
        });
        &mut all[place]
    }

    /// Takes one more measurement into account.
    fn include(&mut self, dtype: DType, error: &EquivarianceError, place: impl Fn(usize) -> Place) {
        self.measurements += 1;
        let slot = if dtype == DType::F64 { &mut self.double } else { &mut self.single };
        *slot = Some(slot.unwrap_or_default().max(error.worst()));
        for (step, difference) in error.by_step.iter().enumerate() {
            let Some(difference) = difference else { continue };
            let is_worse = self.worst.as_ref().is_none_or(|(largest, _)| {
                difference.largest.total_cmp(largest).is_gt() // NaN is the largest
            });
            if is_worse {
                self.worst = Some((difference.largest, place(step)));
            }
        }
    }

    /// Takes a measurement on the refined grid into account.
    fn include_finer(&mut self, error: &EquivarianceError) {
        let norm = error.worst().two_norm;
        // NaN is the largest.
        let before = self.finer.filter(|before| before.total_cmp(&norm).is_gt());
        self.finer = Some(before.unwrap_or(norm));
    }

    /// The order with which the error falls with the distance of pixels.
    fn order(&self) -> Option<f64> {
        Some((self.double?.two_norm / self.finer?).log2())
    }

    /// Whether nothing was measured because every flow leads out of the velocities, and the same law was
    /// measured with others.
    fn is_told_elsewhere(&self, all: &[Tally]) -> bool {
        let is_other = |other: &&Tally| other.law == self.law && other.stage == self.stage;
        self.measurements == 0
            && self.refused.is_none()
            && all.iter().filter(is_other).any(|other| other.measurements > 0)
    }

    /// Notes that a measurement would have proved nothing.
    fn refuse(&mut self, why: String) {
        self.refused.get_or_insert(why);
    }

    /// What became of it.
    fn line(self, largest: Diagnosis) -> Line {
        let order = self.order();
        // A precision that was not measured counts as if it had the error of the other.
        let both = self.single.or(self.double).zip(self.double.or(self.single));
        let diagnose = |(single, double)| diagnose_differences(&single, &double, self.action);
        let diagnosis = match both.map_or(Diagnosis::Broken, diagnose) {
            Diagnosis::Discretisation
                if order.is_some_and(|order| order.is_nan() || order < LEAST_ORDER) =>
            {
                Diagnosis::Broken
            }
            diagnosis => diagnosis,
        };
        let is_of_flow = self.law == Law::Flow && !self.compared.is_empty();
        let few = is_of_flow && self.compared.len() < LEAST_VELOCITIES;
        let verdict = match self.refused {
            Some(why) => Verdict::Vacuous(why),
            None if self.measurements == 0 => {
                Verdict::Vacuous("every flow leads out of the velocities".into())
            }
            None if few => Verdict::Vacuous(format!(
                "only {} of the velocities could be compared",
                self.compared.len()
            )),
            None => Verdict::Measured(diagnosis),
        };
        let is_told = verdict != Verdict::Measured(Diagnosis::Exact);
        let expected = if self.law == Law::Control { Diagnosis::Broken } else { largest };
        Line {
            law: self.law,
            stage: self.stage,
            velocities: self.velocities,
            expected,
            verdict,
            single: self.single.map(|error| error.largest),
            double: self.double.map(|error| error.largest),
            order: order.filter(|_| is_told),
            worst: self.worst.map(|(_, place)| place),
        }
    }
}

/// Velocities that must be compared at least.
const LEAST_VELOCITIES: usize = 2;
