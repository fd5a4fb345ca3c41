//! The laws, each as a measurement of how far it is from holding.

use super::difference::{Difference, EquivarianceError};
use super::observation::{Motion, by_item, moved, of_frames, of_maps, of_states};
use super::subject::states;
use crate::cells::{Cell, FlowCell};
use crate::error::{Error, Result};
use crate::flow::{FlowGroup, Lift, Sequence, Velocity};
use candle_core::Tensor;

type VelocityOf<C> = <<C as FlowCell>::Group as FlowGroup>::Velocity;

/// What the theorem says of the hidden state, for every pair of velocities that the cell claims
/// ([`FlowCell::claimed`]), where h' is run on the flowed input (Keller 2025, §4 and its appendix):
///
/// - [`Lift::Trivial`]: `h'_{t+1}(ν) = ψ_t(ν̂)·h_{t+1}(ν − ν̂)`
/// - [`Lift::CoMoving`]: `h̃'_{t+1}(ν) = h̃_{t+1}(ν − ν̂)`
///
/// # Shapes
/// `sequence` (B, T, C_in, H, W): frames, or feature maps that flow as hidden features do
/// ([`Sequence::Maps`]).
///
/// # Errors
/// [`Error::Vacuous`] when the flow stands still, no slice can be compared at any step, or the state
/// is zero or constant.
pub fn state_error<'a, C: FlowCell>(
    cell: &C,
    sequence: impl Into<Sequence<'a>>,
    flow: VelocityOf<C>,
) -> Result<EquivarianceError> {
    state_error_over(cell, sequence.into(), &[flow])
}

/// [`state_error`] over several flows, for which the sequence itself is run once.
pub(crate) fn state_error_over<C: FlowCell>(
    cell: &C,
    sequence: Sequence<'_>,
    flows: &[VelocityOf<C>],
) -> Result<EquivarianceError> {
    let (group, plain) = (cell.group(), hidden_states(cell, sequence)?);
    merged(flows, |flow| {
        let input = moving(group, sequence, Motion::Flow(flow))?;
        let flowed = hidden_states(cell, sequence.like(&input))?;
        of_states((&plain, &flowed), (group, cell.lift()), Motion::Flow(flow), |t| {
            cell.claimed(flow, t)
        })
    })
}

/// Whether the read-out flows with the input: `pool(h'_{t+1}) = ψ_t(ν̂)·pool(h_{t+1})`.
///
/// Holds for closed sets; at the border of a truncated set, and for V = {0}, it does not. `group`
/// acts on frames and on the hidden features that the cell reads out, (B, C, H, W).
///
/// # Errors
/// As [`state_error`].
pub fn read_out_error<'a, C: Cell, G: FlowGroup>(
    cell: &C,
    group: &G,
    sequence: impl Into<Sequence<'a>>,
    flow: G::Velocity,
) -> Result<EquivarianceError> {
    read_outs_error(cell, group, sequence.into(), &[Motion::Flow(flow)])
}

/// Whether the cell's read-out commutes with the group element exp(ν̂) applied to every frame alike.
///
/// Holds for the G-RNN and the FERNN. Shapes and errors as [`state_error`].
pub fn static_error<'a, C: Cell, G: FlowGroup>(
    cell: &C,
    group: &G,
    sequence: impl Into<Sequence<'a>>,
    element: G::Velocity,
) -> Result<EquivarianceError> {
    read_outs_error(cell, group, sequence.into(), &[Motion::Still(element)])
}

/// Whether a whole model, a map of sequences of frames (B, T, C, H, W), commutes with the flow:
/// `Φ(ψ(ν̂)·f)_t = ψ_t(ν̂)·Φ(f)_t`.
///
/// The result begins at time 0. Predictions of later frames are measured by appending them to the
/// frames seen.
///
/// # Errors
/// As [`state_error`].
pub fn sequence_error<G: FlowGroup>(
    group: &G,
    frames: &Tensor,
    flow: G::Velocity,
    model: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<EquivarianceError> {
    frames_error(group, frames, &[Motion::Flow(flow)], model)
}

/// Whether a whole model commutes with the group element exp(ν̂) applied to every frame alike; see
/// [`sequence_error`].
///
/// # Errors
/// As [`state_error`].
pub fn static_sequence_error<G: FlowGroup>(
    group: &G,
    frames: &Tensor,
    element: G::Velocity,
    model: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<EquivarianceError> {
    frames_error(group, frames, &[Motion::Still(element)], model)
}

/// The change of frame between the lifts, `h_{t+1}(ν) = ψ_t(ν)·h̃_{t+1}(ν)`: runs both cells on the
/// same frames and compares their hidden states in the lab frame.
///
/// # Errors
/// As [`state_error`]; [`Error::Configuration`] when the cells do not have the two lifts.
pub fn change_of_frame_error<'a, A: FlowCell, B: FlowCell<Group = A::Group>>(
    trivial: &A,
    co_moving: &B,
    sequence: impl Into<Sequence<'a>>,
) -> Result<EquivarianceError> {
    if (trivial.lift(), co_moving.lift()) != (Lift::Trivial, Lift::CoMoving) {
        return Err(Error::configuration(
            "the change of frame",
            "is between a trivial and a co-moving lift",
            "give one cell of each, in this order",
        ));
    }
    let velocities = co_moving.velocities().as_slice();
    let mut error = EquivarianceError::default();
    let sequence = sequence.into();
    let states = states(trivial, sequence)?.into_iter().zip(states(co_moving, sequence)?);
    for (t, (lab, moving)) in states.enumerate() {
        let moving = co_moving.hidden(&moving)?;
        let moved = co_moving.group().act_on_slices(&moving, velocities, t as i64)?;
        error.by_step.push(Some(Difference::between(&moved, &trivial.hidden(&lab)?)?));
    }
    Ok(error)
}

/// How far the group's action on the grid is from being one, on these frames: the error of ψ_{2t}
/// against ψ_t twice, and of ψ_t(ν̂)⁻¹ψ_t(ν̂) against nothing at all, for every frame's own t.
///
/// 0 where the grid carries the action exactly; otherwise the error of interpolation, which no cell
/// can be expected to stay below.
///
/// # Errors
/// As [`state_error`].
pub fn action_error<G: FlowGroup>(
    group: &G,
    frames: &Tensor,
    flow: G::Velocity,
) -> Result<EquivarianceError> {
    let flowed = |frames, flow| moving(group, Sequence::Frames(frames), Motion::Flow(flow));
    let once = flowed(frames, flow)?;
    let (twice, back) = (flowed(&once, flow)?, flowed(&once, flow.negated())?);
    let composition =
        by_item(frames, &twice, |frame, t| group.act_on_frame(frame, flow, 2 * t as i64))?;
    Ok(composition.merge(by_item(frames, &back, |frame, _| Ok(frame.clone()))?))
}

/// The sequence under a motion, which must be one.
fn moving<G: FlowGroup>(
    group: &G,
    sequence: Sequence<'_>,
    motion: Motion<G::Velocity>,
) -> Result<Tensor> {
    if motion.by() == Velocity::ZERO {
        return Err(Error::Vacuous("the flow stands still".into()));
    }
    moved(group, sequence, motion)
}

/// How far the read-outs of a cell are from moving with its input, over several motions, for which the sequence
/// itself is run once.
pub(crate) fn read_outs_error<C: Cell, G: FlowGroup>(
    cell: &C,
    group: &G,
    sequence: Sequence<'_>,
    motions: &[Motion<G::Velocity>],
) -> Result<EquivarianceError> {
    let plain = read_outs(cell, sequence)?;
    merged(motions, |motion| {
        let input = moving(group, sequence, motion)?;
        let moved = read_outs(cell, sequence.like(&input))?;
        of_maps((&plain, &moved), group, motion)
    })
}

/// How far the frames that a model makes are from moving with its input, over several motions, for which the frames
/// themselves are run once.
pub(crate) fn frames_error<G: FlowGroup>(
    group: &G,
    frames: &Tensor,
    motions: &[Motion<G::Velocity>],
    model: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<EquivarianceError> {
    let plain = model(frames)?;
    merged(motions, |motion| {
        let input = moving(group, Sequence::Frames(frames), motion)?;
        of_frames((&plain, &model(&input)?), group, motion)
    })
}

/// The larger errors of several measurements.
pub(crate) fn merged<T: Copy>(
    over: &[T],
    measure: impl Fn(T) -> Result<EquivarianceError>,
) -> Result<EquivarianceError> {
    over.iter().try_fold(EquivarianceError::default(), |all, &one| Ok(all.merge(measure(one)?)))
}

/// The hidden state after each item, (B, V, H, W, C).
fn hidden_states<C: FlowCell>(cell: &C, sequence: Sequence<'_>) -> Result<Vec<Tensor>> {
    states(cell, sequence)?.iter().map(|state| cell.hidden(state)).collect()
}

/// The read-out after each item, (B, T, C, H, W).
fn read_outs<C: Cell>(cell: &C, sequence: Sequence<'_>) -> Result<Tensor> {
    let maps =
        states(cell, sequence)?.iter().map(|s| cell.read_out(s)).collect::<Result<Vec<_>>>()?;
    Ok(Tensor::stack(&maps, 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_flows_the_largest_error_counts_wherever_it_stands() {
        let of = |largest| {
            let difference = Difference { largest, two_norm: largest, ulps: largest };
            Ok(EquivarianceError { by_step: vec![Some(difference)], ..Default::default() })
        };
        for order in [[1.0, 1e-3, 1e-6], [1e-6, 1.0, 1e-3], [1e-3, 1e-6, 1.0]] {
            assert_eq!(merged(&order, of).unwrap().max(), 1.0, "{order:?}");
        }
        assert!(merged(&[f64::NAN, 0.0], of).unwrap().max().is_nan());
    }
}
