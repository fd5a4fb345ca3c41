//! What is seen of a run over a sequence, stage by stage, and what a motion of the input makes of it.

use super::difference::{Difference, EquivarianceError, SliceError, values};
use crate::error::{Error, Result, expect_shape};
use crate::flow::{FlowGroup, Lift, Sequence, Velocity};
use candle_core::Tensor;

/// A motion of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion<V> {
    /// Item t is moved by ψ_t(ν̂).
    Flow(V),
    /// Every item is moved alike, by ψ_1(ν̂).
    Still(V),
}

impl<V: Velocity> Motion<V> {
    /// The velocity and the number of steps that item `t` is moved by.
    pub(super) fn of_item(self, t: usize) -> (V, i64) {
        match self {
            Self::Flow(velocity) => (velocity, t as i64),
            Self::Still(velocity) => (velocity, 1),
        }
    }

    /// By how much velocities change.
    pub(super) fn velocity(self) -> V {
        match self {
            Self::Flow(velocity) => velocity,
            Self::Still(_) => V::ZERO,
        }
    }

    /// ν̂.
    pub(super) fn by(self) -> V {
        match self {
            Self::Flow(velocity) | Self::Still(velocity) => velocity,
        }
    }
}

/// What a stage holds for a whole sequence.
#[derive(Clone, Debug)]
pub enum Values {
    /// Frames (B, T, C, H, W).
    Frames(Tensor),
    /// Maps of hidden features (B, T, C, H, W).
    Maps(Tensor),
    /// Hidden states over V × G, (B, V, H, W, C) after each item.
    States(Lift, Vec<Tensor>),
    /// Numbers that no motion should change, (B, K), as logits. Their errors are relative to the most that a
    /// number differs by between samples.
    Invariant(Tensor),
}

impl Values {
    /// (H, W); nothing of numbers that have no place.
    pub(super) fn extents(&self) -> Option<(usize, usize)> {
        match self {
            Self::Frames(all) | Self::Maps(all) => {
                let dims = all.dims();
                Some((dims[dims.len() - 2], dims[dims.len() - 1]))
            }
            Self::States(_, after) => after.first().map(|h| (h.dims()[2], h.dims()[3])),
            Self::Invariant(_) => None,
        }
    }
}

/// Under which motions a stage should move with the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Under every flow, whatever the velocities; states only for the pairs of velocities in V.
    EveryFlow,
    /// Under still motions, and under flows of a closed set of velocities; without velocities flows must
    /// break it.
    FlowsOfClosedSets,
    /// Under still motions only.
    StillMotions,
}

/// A stage of a model, as a run shows it: what comes out of a layer, or of the model.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What it is called in reports.
    pub name: String,
    /// What it holds.
    pub values: Values,
    /// What the theory claims of it.
    pub claim: Claim,
}

impl Stage {
    /// How far the stage under a motion of the input, `moved`, is from this one moved. `pairs` names the
    /// places (ν, ν − ν̂) on the velocity axis that are compared after item t.
    ///
    /// # Errors
    /// [`Error::Vacuous`] when nothing is compared, or it is the same number everywhere.
    pub(super) fn difference<G: FlowGroup>(
        &self,
        moved: &Stage,
        (group, motion): (&G, Motion<G::Velocity>),
        pairs: impl Fn(usize) -> Vec<(usize, usize)>,
    ) -> Result<EquivarianceError> {
        match (&self.values, &moved.values) {
            (Values::Frames(plain), Values::Frames(moved)) => {
                of_frames((plain, moved), group, motion)
            }
            (Values::Maps(plain), Values::Maps(moved)) => of_maps((plain, moved), group, motion),
            (Values::States(lift, plain), Values::States(_, moved)) => {
                of_states((plain, moved), (group, *lift), motion, pairs)
            }
            (Values::Invariant(plain), Values::Invariant(moved)) => {
                let error = Difference::between(moved, plain)?;
                let by_step = vec![Some(error.relative_to(spread(plain)?))];
                Ok(EquivarianceError { by_step, ..EquivarianceError::default() })
            }
            _ => {
                let problem = format!("shows `{}` in two ways", self.name);
                Err(Error::configuration("the subject", problem, "show it alike every time"))
            }
        }
    }

    /// Refuses what every law would hold of: values that nearly all are zero or at the limit of a
    /// non-linearity, that are the same wherever they are moved, or that do not depend on the input.
    ///
    /// # Errors
    /// [`Error::Vacuous`] saying which.
    pub(super) fn refuse_vacuous<G: FlowGroup>(
        &self,
        group: &G,
        motion: Motion<G::Velocity>,
    ) -> Result<()> {
        let by = motion.by();
        let (last, moved) = match &self.values {
            Values::Frames(all) => {
                let last = last_of(all)?;
                (last.clone(), group.act_on_frame(&last, by, 1)?)
            }
            Values::Maps(all) => {
                let last = last_of(all)?;
                (last.clone(), group.act_on_map(&last, by, 1)?)
            }
            Values::States(_, after) => {
                let nothing = || Error::Vacuous("there is no state".into());
                let last = after.last().ok_or_else(nothing)?.clone();
                let moved = group.act_on_slices(&last, &vec![by; last.dims()[1]], 1)?;
                (last, moved)
            }
            Values::Invariant(numbers) => {
                let difference = spread(numbers)?;
                return match difference.is_nan() || difference > LEAST_DIFFERENCE {
                    true => Ok(()),
                    false if numbers.dims()[0] == 1 => {
                        let why = "one sample alone cannot show that it depends on the input";
                        Err(Error::Vacuous(why.into()))
                    }
                    false => Err(Error::Vacuous("it is the same for every sample".into())),
                };
            }
        };
        refuse_lifeless(&last)?;
        match differ(&moved, &last)? {
            true => Ok(()),
            false => Err(Error::Vacuous("it is the same wherever it is moved".into())),
        }
    }
}

/// The most that a number differs by between samples, relative to the largest number.
fn spread(numbers: &Tensor) -> Result<f64> {
    let first = numbers.narrow(0, 0, 1)?.broadcast_as(numbers.shape())?.contiguous()?;
    Ok(Difference::between(&first, numbers)?.largest)
}

fn last_of(sequence: &Tensor) -> Result<Tensor> {
    let any = ["B", "T", "C", "H", "W"].map(|name| (name, None));
    expect_shape("observed sequence", sequence, &any)?;
    match sequence.dims()[1] {
        0 => Err(Error::Vacuous("there is no frame".into())),
        frames => Ok(sequence.narrow(1, frames - 1, 1)?.squeeze(1)?),
    }
}

/// The sequence under a motion.
pub(super) fn moved<G: FlowGroup>(
    group: &G,
    sequence: Sequence<'_>,
    motion: Motion<G::Velocity>,
) -> Result<Tensor> {
    let items = (0..sequence.extents()?[1]).map(|t| {
        let (velocity, steps) = motion.of_item(t);
        sequence.act(group, &sequence.at(t)?, velocity, steps)
    });
    Ok(Tensor::stack(&items.collect::<Result<Vec<_>>>()?, 1)?)
}

/// How far frames of a moved sequence are from those of the sequence itself, moved.
pub(super) fn of_frames<G: FlowGroup>(
    (plain, moved): (&Tensor, &Tensor),
    group: &G,
    motion: Motion<G::Velocity>,
) -> Result<EquivarianceError> {
    by_item(plain, moved, |item, t| {
        let (velocity, steps) = motion.of_item(t);
        group.act_on_frame(item, velocity, steps)
    })
}

/// The same of maps of hidden features.
pub(super) fn of_maps<G: FlowGroup>(
    (plain, moved): (&Tensor, &Tensor),
    group: &G,
    motion: Motion<G::Velocity>,
) -> Result<EquivarianceError> {
    by_item(plain, moved, |item, t| {
        let (velocity, steps) = motion.of_item(t);
        group.act_on_map(item, velocity, steps)
    })
}

/// How far items of a sequence (B, T, …) are from those of another that were acted on, one by one.
pub(super) fn by_item(
    plain: &Tensor,
    moved: &Tensor,
    act: impl Fn(&Tensor, usize) -> Result<Tensor>,
) -> Result<EquivarianceError> {
    let step = |t: usize| -> Result<Option<Difference>> {
        let expected = act(&plain.narrow(1, t, 1)?.squeeze(1)?, t)?;
        unless_silent(&moved.narrow(1, t, 1)?.squeeze(1)?, &expected)
    };
    let steps = plain.dims()[1].min(moved.dims()[1]);
    let by_step = (0..steps).map(step).collect::<Result<Vec<_>>>()?;
    match by_step.iter().any(Option::is_some) {
        true => Ok(EquivarianceError { by_step, ..EquivarianceError::default() }),
        false => {
            Err(Error::Vacuous("the result is the same number everywhere, at every frame".into()))
        }
    }
}

/// The difference of a step; nothing where both results are one and the same number everywhere, as before a
/// memory has anything to show.
fn unless_silent(got: &Tensor, expected: &Tensor) -> Result<Option<Difference>> {
    match Difference::between(got, expected) {
        Err(Error::Vacuous(_)) if values(got)? == values(expected)? => Ok(None),
        difference => difference.map(Some),
    }
}

/// How far states (B, V, H, W, C) after each item of a moved sequence are from what the theorem makes of
/// those of the sequence itself, for the pairs of velocities of every item.
pub(super) fn of_states<G: FlowGroup>(
    (plain, moved): (&[Tensor], &[Tensor]),
    (group, lift): (&G, Lift),
    motion: Motion<G::Velocity>,
    pairs: impl Fn(usize) -> Vec<(usize, usize)>,
) -> Result<EquivarianceError> {
    let (mut error, mut compared) = (EquivarianceError::default(), false);
    for (t, (plain, moved)) in plain.iter().zip(moved).enumerate() {
        let pairs = pairs(t);
        if pairs.is_empty() {
            error.by_step.push(None);
            error.worst_by_step.push(None);
            continue;
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for &(place, partner) in &pairs {
            let (got, before) = (moved.narrow(1, place, 1)?, plain.narrow(1, partner, 1)?);
            let expected = match (lift, motion) {
                // In its own frame of reference a slice does not see the flow.
                (Lift::CoMoving, Motion::Flow(_)) => before,
                _ => {
                    let (velocity, steps) = motion.of_item(t);
                    group.act_on_slices(&before, &[velocity], steps)?
                }
            };
            match Difference::between(&got, &expected) {
                Ok(worst) => error.include(SliceError { velocity: place, worst }),
                // One slice may well be silent; if it should be and is not, the whole step shows it.
                Err(Error::Vacuous(_)) => {}
                Err(other) => return Err(other),
            }
            ours.push(got);
            theirs.push(expected);
        }
        let (ours, theirs) = (Tensor::cat(&ours, 1)?, Tensor::cat(&theirs, 1)?);
        error.by_step.push(unless_silent(&ours, &theirs)?);
        error.worst_by_step.push(furthest_slice(&ours, &theirs)?.map(|slice| pairs[slice].0));
        compared = true;
    }
    let flow = motion.velocity().name();
    match (error.by_step.iter().any(Option::is_some), compared) {
        (true, _) => Ok(error),
        (_, true) => Err(Error::Vacuous("the state is the same number everywhere".into())),
        _ => Err(Error::Vacuous(format!("no velocity of the set stays in it under {flow}"))),
    }
}

/// The slice of (B, V, H, W, C) that holds the largest difference; what is not a number is the largest.
fn furthest_slice(ours: &Tensor, theirs: &Tensor) -> Result<Option<usize>> {
    let (_, slices, height, width, channels) = ours.dims5()?;
    let size = height * width * channels;
    let (ours, theirs) = (values(ours)?, values(theirs)?);
    let differences = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).enumerate();
    let furthest = differences.max_by(|a, b| a.1.total_cmp(&b.1));
    Ok(furthest.map(|(place, _)| place / size % slices))
}

/// What two values must differ by, relative to the largest, to count as different.
const LEAST_DIFFERENCE: f64 = 1e-3;

fn differ(a: &Tensor, b: &Tensor) -> Result<bool> {
    match Difference::between(a, b) {
        Ok(difference) => Ok(difference.largest.is_nan() || difference.largest > LEAST_DIFFERENCE),
        Err(Error::Vacuous(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

/// The least share of values that are neither zero nor at the limit.
const LEAST_ALIVE: f64 = 0.05;

fn refuse_lifeless(tensor: &Tensor) -> Result<()> {
    let values = values(tensor)?;
    if values.iter().any(|v| !v.is_finite()) {
        return Ok(()); // shown as an error that is not a number
    }
    let largest = values.iter().fold(0.0f64, |max, v| v.abs().max(max));
    let is_alive = |v: &&f64| v.abs() > 1e-9 * largest && v.abs() < (1.0 - 1e-3) * largest;
    let alive = values.iter().filter(is_alive).count() as f64;
    match alive >= LEAST_ALIVE * values.len() as f64 {
        true => Ok(()),
        false => Err(Error::Vacuous(format!(
            "fewer than {} % of its values lie between zero and the largest, {largest:.1e}",
            100.0 * LEAST_ALIVE
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{PixelsPerFrame, Translation};
    use candle_core::Device;

    /// Slice 0, a tenth of slice 1, is off by all of its size at frame 0, slice 1 by a third of its own at
    /// frame 1: the largest error is that of frame 1 and of slice 1.
    #[test]
    fn the_step_and_the_slice_of_the_worst_place_are_of_one_error() {
        let state = |off: [f64; 2]| {
            let slice = |size: f64, off: f64| [1.0, 2.0, 3.0].map(|v| size * v / 3.0 + off);
            let values = [slice(1.0, off[0]), slice(10.0, off[1])].concat();
            Tensor::from_vec(values, (1, 2, 1, 3, 1), &Device::Cpu).unwrap()
        };
        let (plain, moved) =
            ([state([0.0; 2]), state([0.0; 2])], [state([1.0, 0.0]), state([0.0, 3.0])]);
        let motion = Motion::Flow(PixelsPerFrame::new(1, 0));
        let how = (&Translation, Lift::CoMoving);
        let error = of_states((&plain, &moved), how, motion, |_| vec![(0, 0), (1, 1)]).unwrap();
        assert_eq!(error.worst_by_step, [Some(0), Some(1)]);
        let (step, worst, slice) = error.worst_place().unwrap();
        assert_eq!((step, slice), (1, Some(1)));
        assert!((worst.largest - 0.3).abs() < 1e-12);
        assert_eq!(error.by_velocity[0].worst.largest, 1.0, "relative to the slice itself");
    }
}
