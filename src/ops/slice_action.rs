//! How velocities move the slices of hidden states.

use super::CarryOrder;
use super::kernels::{Padding, Shift};
use super::resampling::Turn;
use super::turning::expect_fields;
use crate::error::Result;

/// How the velocities of a sequence act, one for each slice of the velocity axis, and in which frame of
/// reference states are kept.
#[derive(Clone, Copy, Debug)]
pub enum SliceAction<'a> {
    /// Each displaces the content of a torus in a frame. States are kept in a frame of reference that moves
    /// along, where the action is exact: `h'(ν) = σ( W ⋆ h(ν) + shift_ν⁻ᵗ[U ⋆ f_t] )`, read out displaced by
    /// t steps.
    Shifts(&'a [Shift]),
    /// Each turns its slice before the next step, on a plane with zeros around it: the lab frame,
    /// `h'(ν) = σ( W ⋆ (turn_ν h(ν)) + U ⋆ f_t )` or `σ( turn_ν [W ⋆ h(ν)] + U ⋆ f_t )`.
    TurnedSlices(Turning<'a>),
    /// Slices stay where they are and what they see is turned back, on a plane with zeros around it: the
    /// co-moving frame, `h'(ν) = σ( W ⋆ h(ν) + U ⋆ (turn_ν⁻ᵗ f_t) )`, read out turned by t steps.
    TurnedViews {
        /// Orientations N of every field.
        orientations: usize,
        /// The turn of each velocity in a frame.
        turns: &'a [Turn],
    },
}

/// How the slices of a hidden state turn in a step.
#[derive(Clone, Copy, Debug)]
pub struct Turning<'a> {
    /// Orientations N of every field.
    pub orientations: usize,
    /// A turn for every slice of the velocity axis.
    pub turns: &'a [Turn],
    /// Whether slices turn before they are convolved or after.
    pub order: CarryOrder,
}

impl SliceAction<'_> {
    /// |V|.
    pub(super) fn velocities(&self) -> usize {
        match self {
            Self::Shifts(shifts) => shifts.len(),
            Self::TurnedSlices(Turning { turns, .. }) | Self::TurnedViews { turns, .. } => {
                turns.len()
            }
        }
    }

    /// Refuses channels that are no whole fields of what turns.
    pub(super) fn check_fields(&self, channels: usize) -> Result<()> {
        match *self {
            Self::Shifts(_) => Ok(()),
            Self::TurnedSlices(Turning { orientations, .. })
            | Self::TurnedViews { orientations, .. } => expect_fields(channels, orientations),
        }
    }

    /// What convolutions read beyond the border.
    pub(super) fn padding(&self) -> Padding {
        match self {
            Self::Shifts(_) => Padding::Circular,
            Self::TurnedSlices(_) | Self::TurnedViews { .. } => Padding::Zero,
        }
    }
}
