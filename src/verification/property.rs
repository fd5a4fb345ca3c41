//! The laws that are verified, and their measurement on a cell.

use super::case::{Case, DECODER_KERNEL};
use super::group::VerifiedGroup;
use crate::cells::{Cell, Fields, FlowCell};
use crate::equivariance::{
    EquivarianceError, Motion, action_error, change_of_frame_error, frames_error, merged,
    read_outs_error, state_error_over,
};
use crate::error::{Error, Result};
use crate::flow::{FlowGroup, Lift, Sequence};
use crate::models::{Feedback, Forecaster, PREDICTED};
use candle_core::DType;
use std::fmt;
use std::str::FromStr;

/// A law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// ψ acts: ψ_t ψ_t = ψ_{2t}, and ψ_t⁻¹ undoes it.
    Action,
    /// The read-out commutes with still transformations.
    Static,
    /// The theorem: the hidden state flows with the input and its velocities shift.
    State,
    /// The hidden states of the two lifts are one state in two frames of reference.
    ChangeOfFrame,
    /// The read-out flows with the input.
    ReadOut,
    /// A forecaster's predictions commute with still transformations.
    StaticForecast,
    /// A forecaster's predictions flow with the frames seen, when what it is fed back moves on with
    /// every velocity.
    FlowedForecast,
    /// The same with the paper's feedback, which breaks it.
    Forecast,
}

impl Property {
    /// Every law.
    pub const ALL: [Self; 8] = [
        Self::Action,
        Self::Static,
        Self::State,
        Self::ChangeOfFrame,
        Self::ReadOut,
        Self::StaticForecast,
        Self::FlowedForecast,
        Self::Forecast,
    ];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Action => "group action",
            Self::Static => "static equivariance",
            Self::State => "state flow equivariance",
            Self::ChangeOfFrame => "change of frame",
            Self::ReadOut => "read-out flow equivariance",
            Self::StaticForecast => "forecast static equivariance",
            Self::FlowedForecast => "forecast flow equivariance, flowed feedback",
            Self::Forecast => "forecast flow equivariance, the paper's feedback",
        }
    }

    /// Whether it is a law of a decoder as well.
    pub(super) fn is_of_forecast(self) -> bool {
        matches!(self, Self::StaticForecast | Self::FlowedForecast | Self::Forecast)
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Property {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = Self::ALL.into_iter().find(|property| property.name() == text);
        found.ok_or_else(|| format!("`{text}` is no law that is verified"))
    }
}

/// A law to be measured on a case, in one precision, under some flows of the input.
pub(super) struct Measure<'a, G: FlowGroup> {
    pub property: Property,
    pub case: &'a Case<G>,
    pub flows: &'a [G::Velocity],
    pub dtype: DType,
    /// Whether a decoder is made of what the group's hidden maps are made of, or of plain kernels.
    pub has_equivariant_decoder: bool,
}

impl<G: VerifiedGroup> Measure<'_, G> {
    /// Of the group itself.
    pub fn of_group(&self) -> Result<EquivarianceError> {
        let frames = self.case.frames(self.dtype)?;
        merged(self.flows, |flow| action_error(&self.case.group, &frames, flow))
    }

    /// Of the cell that `make` makes with either lift.
    pub fn of_flow_cell<C>(&self, make: impl Fn(Lift) -> Result<C>) -> Result<EquivarianceError>
    where
        C: FlowCell<Group: FlowGroup<Velocity = G::Velocity>>,
    {
        let cell = make(self.case.lift)?;
        match self.property {
            Property::State => {
                let frames = self.case.frames(self.dtype)?;
                state_error_over(&cell, Sequence::Frames(&frames), self.flows)
            }
            Property::ChangeOfFrame => {
                let frames = self.case.frames(self.dtype)?;
                change_of_frame_error(&make(Lift::Trivial)?, &cell, &frames)
            }
            _ => {
                let group = cell.group().clone();
                self.of_cell(cell, &group)
            }
        }
    }

    /// Of any cell, whose read-outs `group` acts on.
    pub fn of_cell<C: Cell, H: FlowGroup<Velocity = G::Velocity>>(
        &self,
        cell: C,
        group: &H,
    ) -> Result<EquivarianceError> {
        let frames = self.case.frames(self.dtype)?;
        match self.property {
            Property::Action => self.of_group(),
            Property::Static | Property::ReadOut => {
                read_outs_error(&cell, group, Sequence::Frames(&frames), &self.motions())
            }
            Property::StaticForecast | Property::FlowedForecast | Property::Forecast => {
                let model = match (self.forecaster(cell)?, self.property) {
                    (model, Property::FlowedForecast) => model.with_feedback(Feedback::Flowed),
                    (model, _) => model,
                };
                let predict = |seen: &_| model.continued(seen, PREDICTED);
                frames_error(group, &frames, &self.motions(), predict)
            }
            Property::State | Property::ChangeOfFrame => Err(Error::Vacuous(format!(
                "{} says nothing of a cell without velocities",
                self.property
            ))),
        }
    }

    /// How the flows move the frames of the law.
    fn motions(&self) -> Vec<Motion<G::Velocity>> {
        let motion = match self.property {
            Property::Static | Property::StaticForecast => Motion::Still,
            _ => Motion::Flow,
        };
        self.flows.iter().copied().map(motion).collect()
    }

    /// The cell below a random decoder.
    fn forecaster<C: Cell>(&self, cell: C) -> Result<Forecaster<C>> {
        let case = self.case;
        let state = cell.zero_state(1, case.extents(), self.dtype, &candle_core::Device::Cpu)?;
        let planes = cell.read_out(&state)?.dims()[1];
        let fields = match self.has_equivariant_decoder {
            true => case.group.fields(DECODER_KERNEL)?,
            false => Fields::Plain,
        };
        Forecaster::new(cell, case.decoder(&fields, planes, self.dtype)?, case.algorithm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_come_back_from_their_text() {
        for property in Property::ALL {
            assert_eq!(property.to_string().parse(), Ok(property));
        }
    }
}
