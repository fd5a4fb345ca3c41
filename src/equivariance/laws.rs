//! The laws, each as a measurement of how far it is from holding.

use super::difference::{Difference, EquivarianceError};
use super::observation::{Motion, by_item, of_states};
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
    let (group, sequence) = (cell.group(), sequence.into());
    let flowed = flow_sequence(group, sequence, flow)?;
    let (plain, flowed) = (states(cell, sequence)?, states(cell, sequence.like(&flowed))?);
    let hidden = |states: Vec<C::State>| -> Result<Vec<Tensor>> {
        states.iter().map(|state| cell.hidden(state)).collect()
    };
    let (plain, flowed) = (hidden(plain)?, hidden(flowed)?);
    of_states((&plain, &flowed), (group, cell.lift()), Motion::Flow(flow), |t| {
        cell.claimed(flow, t)
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
    let sequence = sequence.into();
    let plain = read_outs(cell, sequence)?;
    let expected = per_frame(Sequence::Frames(&plain), |map, t| group.act_on_map(map, flow, t))?;
    by_step(&read_outs(cell, sequence.like(&flow_sequence(group, sequence, flow)?))?, &expected)
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
    let sequence = sequence.into();
    let plain = read_outs(cell, sequence)?;
    let expected = per_frame(Sequence::Frames(&plain), |map, _| group.act_on_map(map, element, 1))?;
    by_step(&read_outs(cell, sequence.like(&move_sequence(group, sequence, element)?))?, &expected)
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
    let expected = flow_frames(group, &model(frames)?, flow)?;
    by_step(&model(&flow_frames(group, frames, flow)?)?, &expected)
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
    let expected = move_frames(group, &model(frames)?, element)?;
    by_step(&model(&move_frames(group, frames, element)?)?, &expected)
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
    let once = flow_frames(group, frames, flow)?;
    let twice = flow_frames(group, &once, flow)?;
    let at_once =
        per_frame(Sequence::Frames(frames), |frame, t| group.act_on_frame(frame, flow, 2 * t))?;
    let composition = by_step(&twice, &at_once)?;
    let back = flow_frames(group, &once, flow.negated())?;
    Ok(composition.merge(by_step(&back, frames)?))
}

/// The sequence flowed by ν̂: item t is moved by ψ_t(ν̂).
fn flow_sequence<G: FlowGroup>(
    group: &G,
    sequence: Sequence<'_>,
    flow: G::Velocity,
) -> Result<Tensor> {
    refuse_still(flow)?;
    per_frame(sequence, |item, t| sequence.act(group, item, flow, t))
}

/// [`flow_sequence`] of frames.
fn flow_frames<G: FlowGroup>(group: &G, frames: &Tensor, flow: G::Velocity) -> Result<Tensor> {
    flow_sequence(group, Sequence::Frames(frames), flow)
}

/// Every item moved alike by exp(ν̂).
fn move_sequence<G: FlowGroup>(
    group: &G,
    sequence: Sequence<'_>,
    element: G::Velocity,
) -> Result<Tensor> {
    refuse_still(element)?;
    per_frame(sequence, |item, _| sequence.act(group, item, element, 1))
}

/// [`move_sequence`] of frames.
fn move_frames<G: FlowGroup>(group: &G, frames: &Tensor, element: G::Velocity) -> Result<Tensor> {
    move_sequence(group, Sequence::Frames(frames), element)
}

fn per_frame(
    sequence: Sequence<'_>,
    map: impl Fn(&Tensor, i64) -> Result<Tensor>,
) -> Result<Tensor> {
    let mapped = (0..sequence.extents()?[1])
        .map(|t| map(&sequence.at(t)?, t as i64))
        .collect::<Result<Vec<_>>>()?;
    Ok(Tensor::stack(&mapped, 1)?)
}

/// The read-out after each item, (B, T, C, H, W).
fn read_outs<C: Cell>(cell: &C, sequence: Sequence<'_>) -> Result<Tensor> {
    let maps =
        states(cell, sequence)?.iter().map(|s| cell.read_out(s)).collect::<Result<Vec<_>>>()?;
    Ok(Tensor::stack(&maps, 1)?)
}

/// The difference step by step of two sequences (B, T, …).
fn by_step(got: &Tensor, expected: &Tensor) -> Result<EquivarianceError> {
    by_item(expected, got, |item, _| Ok(item.clone()))
}

fn refuse_still(flow: impl Velocity) -> Result<()> {
    if flow == Velocity::ZERO {
        return Err(Error::Vacuous("the flow stands still".into()));
    }
    Ok(())
}
