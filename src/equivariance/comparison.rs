//! Comparisons of a stage with the same stage under a motion.

use super::diagnosis::Diagnosis;
use super::laws::action_error;
use super::measured_group::MeasuredGroup;
use super::observation::{Motion, Stage, Values};
use super::report::{Law, Place, Report};
use super::tally::Tally;
use crate::error::{Error, Result};
use crate::flow::{FlowGroup, Velocity, VelocitySet};
use candle_core::{DType, Tensor};

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
    /// (H, W) of the frames.
    pub extents: Option<(usize, usize)>,
    /// Of the frames.
    pub seed: Option<u64>,
    /// The error of the group's own action under the motion.
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
        let by = motion.by().name();
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
            Ok(error) if self.is_finer => tally.under(&by).include_finer(&error),
            Ok(error) => {
                let velocities = self.velocities.as_slice();
                let place = |step, slice: Option<usize>| Place {
                    flow: by.clone(),
                    step: plain.values.extents().map(|_| step),
                    velocity: slice.and_then(|place| Some(velocities.get(place)?.name())),
                    extents: self.extents,
                    seed: self.seed,
                };
                tally.under(&by).include(self.dtype, &error, self.action, place);
                if is_state {
                    tally.compare(error.by_velocity.iter().map(|slice| slice.velocity));
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

/// The error of the group's own action by a velocity on frames (B, T, C, H, W) in f64.
pub(super) fn own_error<G: MeasuredGroup>(
    group: &G,
    frames: &Tensor,
    velocity: G::Velocity,
    tallies: &mut Vec<Tally>,
) -> Result<f64> {
    let (_, _, _, height, width) = frames.dims5()?;
    let double = action_error(group, frames, velocity)?;
    let single = action_error(group, &frames.to_dtype(DType::F32)?, velocity)?;
    let (by, action) = (velocity.name(), double.max());
    let measured = Tally::find(tallies, Law::Action, "frames", String::new()).under(&by);
    for (dtype, error) in [(DType::F32, &single), (DType::F64, &double)] {
        measured.include(dtype, error, action, |step, _| Place {
            flow: by.clone(),
            step: Some(step),
            velocity: None,
            extents: Some((height, width)),
            seed: None,
        });
    }
    Ok(action)
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
