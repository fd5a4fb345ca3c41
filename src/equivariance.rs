//! Measures how far a cell is from flow equivariance: "flow, then run" against "run, then act".

use crate::cells::{Cell, FlowRnn};
use crate::error::{Error, Result};
use crate::flow::{FlowGroup, LiftedState, Velocity};
use candle_core::{DType, Tensor};

/// The largest difference between two results, by step.
#[derive(Clone, Debug, PartialEq)]
pub struct EquivarianceError {
    /// max |a − b| / max |b| after each frame; NaN where either is not finite.
    pub by_step: Vec<f64>,
}

impl EquivarianceError {
    /// The largest error over all steps; NaN if any is NaN.
    pub fn max(&self) -> f64 {
        self.by_step.iter().fold(0.0, |max, &e| if e <= max { max } else { e })
    }
}

/// What the theorem says of the hidden state: `h'_{t+1}(ν) = ψ_t(ν̂)·h_{t+1}(ν − ν̂)` for every ν
/// with ν − ν̂ in the set, where h' is run on the flowed input (Keller 2025, §4).
///
/// # Shapes
/// `frames` (B, T, C_in, H, W).
///
/// # Errors
/// [`Error::Vacuous`] when no slice can be compared, or the state is zero or constant.
pub fn state_error<G: FlowGroup>(
    cell: &FlowRnn<G>,
    frames: &Tensor,
    flow: G::Velocity,
) -> Result<EquivarianceError> {
    let velocities = cell.velocities();
    let pairs: Vec<(usize, usize)> = (0..velocities.len())
        .filter_map(|index| Some((index, velocities.difference(index, flow)?)))
        .collect();
    if pairs.is_empty() {
        return Err(Error::Vacuous(format!("no velocity of the set stays in it under {flow:?}")));
    }
    compare(cell, frames, flow, |state, is_flowed, step| {
        let state = state.to_tensor()?;
        let slice = |&(ours, theirs): &(usize, usize)| -> Result<Tensor> {
            let index = if is_flowed { ours } else { theirs };
            let slice = state.narrow(1, index, 1)?.squeeze(1)?;
            match is_flowed {
                true => Ok(slice.contiguous()?),
                false => cell.group().act_on_frame(&slice, flow, step),
            }
        };
        Ok(Tensor::stack(&pairs.iter().map(slice).collect::<Result<Vec<_>>>()?, 1)?)
    })
}

/// Whether the read-out flows with the input: `pool(h'_{t+1}) = ψ_t(ν̂)·pool(h_{t+1})`.
///
/// Holds for closed sets; at the border of a truncated set, and for V = {0}, it does not.
/// Shapes and errors as [`state_error`].
pub fn read_out_error<G: FlowGroup>(
    cell: &FlowRnn<G>,
    frames: &Tensor,
    flow: G::Velocity,
) -> Result<EquivarianceError> {
    compare(cell, frames, flow, |state, is_flowed, step| {
        let pooled = cell.read_out(state)?;
        if is_flowed { Ok(pooled) } else { cell.group().act_on_frame(&pooled, flow, step) }
    })
}

/// Whether the cell commutes with the group element exp(ν̂) applied to every frame alike.
///
/// Holds for the G-RNN and the FERNN. Shapes and errors as [`state_error`].
pub fn static_error<G: FlowGroup>(
    cell: &FlowRnn<G>,
    frames: &Tensor,
    element: G::Velocity,
) -> Result<EquivarianceError> {
    let group = cell.group();
    let moved = per_frame(frames, |frame, _| group.act_on_frame(frame, element, 1))?;
    let (plain, moved) = (states(cell, frames)?, states(cell, &moved)?);
    let by_step = plain.iter().zip(&moved).map(|(plain, moved)| {
        let plain = cell.read_out(plain)?;
        refuse_vacuous(&plain)?;
        relative_difference(&cell.read_out(moved)?, &group.act_on_frame(&plain, element, 1)?)
    });
    Ok(EquivarianceError { by_step: by_step.collect::<Result<_>>()? })
}

/// Runs the cell on the frames and on the flowed frames, and compares what `view` makes of the
/// states: (state, whether it came from flowed frames, t) → tensor.
fn compare<G: FlowGroup>(
    cell: &FlowRnn<G>,
    frames: &Tensor,
    flow: G::Velocity,
    view: impl Fn(&LiftedState, bool, i64) -> Result<Tensor>,
) -> Result<EquivarianceError> {
    if flow == G::Velocity::ZERO {
        return Err(Error::Vacuous("the flow stands still".into()));
    }
    let group = cell.group();
    let flowed = per_frame(frames, |frame, t| group.act_on_frame(frame, flow, t))?;
    let (plain, flowed) = (states(cell, frames)?, states(cell, &flowed)?);
    let by_step = plain.iter().zip(&flowed).enumerate().map(|(t, (plain, flowed))| {
        let reference = view(plain, false, t as i64)?;
        refuse_vacuous(&reference)?;
        relative_difference(&view(flowed, true, t as i64)?, &reference)
    });
    Ok(EquivarianceError { by_step: by_step.collect::<Result<_>>()? })
}

fn per_frame(frames: &Tensor, map: impl Fn(&Tensor, i64) -> Result<Tensor>) -> Result<Tensor> {
    let mapped = (0..frames.dims()[1])
        .map(|t| map(&frames.narrow(1, t, 1)?.squeeze(1)?.contiguous()?, t as i64))
        .collect::<Result<Vec<_>>>()?;
    Ok(Tensor::stack(&mapped, 1)?)
}

/// The state after each frame.
fn states<G: FlowGroup>(cell: &FlowRnn<G>, frames: &Tensor) -> Result<Vec<LiftedState>> {
    let (batch, steps, _, height, width) = frames.dims5()?;
    let mut state = cell.zero_state(batch, (height, width), frames.dtype(), frames.device())?;
    (0..steps)
        .map(|t| {
            let frame = frames.narrow(1, t, 1)?.squeeze(1)?.contiguous()?;
            state = cell.step(&frame, &state)?;
            Ok(state.clone())
        })
        .collect()
}

fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

fn refuse_vacuous(reference: &Tensor) -> Result<()> {
    let values = values(reference)?;
    match values.first() {
        None => Err(Error::Vacuous("there is nothing to compare".into())),
        Some(first) if values.iter().all(|v| v == first) => {
            Err(Error::Vacuous(format!("the result is {first} everywhere")))
        }
        Some(_) => Ok(()),
    }
}

/// max |a − b| / max |b|, NaN if anything is not finite.
fn relative_difference(a: &Tensor, b: &Tensor) -> Result<f64> {
    let (a, b) = (values(a)?, values(b)?);
    let largest = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(0.0f64, |max, v| if v.abs() <= max { max } else { v.abs() })
    };
    let difference = largest(&mut a.iter().zip(&b).map(|(a, b)| a - b));
    Ok(difference / largest(&mut b.iter().copied()))
}
