//! The laws, what the theory expects of each case, and their measurement.

use super::case::{Case, Sizes};
use super::kinds::{GroupKind, Specimen, Velocities};
use crate::cells::{Cell, FlowCell};
use crate::equivariance::{
    Diagnosis, EquivarianceError, LEAST_BREACH, action_error, change_of_frame_error, diagnose,
    read_out_error, sequence_error, state_error, static_error, static_sequence_error,
};
use crate::error::Result;
use crate::flow::{
    AnyVelocity, DegreesPerFrame, FlowGroup, Lift, PixelsPerFrame, Rotation, Translation, Velocity,
};
use crate::models::{Feedback, Forecaster, PREDICTED};
use crate::ops::ConvAlgorithm;
use candle_core::{DType, Tensor};

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

    /// What the theory says of a case; `None` where it says nothing, or the law has no meaning.
    pub fn expected(self, case: &Case) -> Option<Diagnosis> {
        let is_closed = case.is_closed();
        let is_moving = case.velocities != Velocities::Truncated(0);
        let acting = match case.group.is_exact() {
            true => Diagnosis::Exact,
            false => Diagnosis::Discretisation,
        };
        // Winograd's tiles lie still: what moves across them is rounded in other places. A turned
        // kernel sums its taps in another order.
        let across_tiles = match (case.group, case.algorithm) {
            (GroupKind::Translation, ConvAlgorithm::Direct) => Diagnosis::Exact,
            _ => acting.max(Diagnosis::Rounding),
        };
        let flowing = match case.lift {
            Lift::CoMoving => acting, // each slice lies still in a frame of its own
            Lift::Trivial => across_tiles,
        };
        let is_flowing = case.cell.is_flow_equivariant(case.lift);
        let if_so = |holds: bool, how: Diagnosis| if holds { how } else { Diagnosis::Broken };
        let (cell, is_layer) = (case.cell, case.cell != Specimen::Dense);
        match self {
            Self::Action => Some(acting),
            Self::Static => Some(if_so(cell.is_equivariant(), across_tiles)),
            Self::State if !is_layer || !is_moving => None,
            Self::State => Some(if_so(is_flowing, flowing)),
            Self::ChangeOfFrame => (cell.lifts().len() == 2 && case.lift == Lift::CoMoving)
                .then(|| if_so(cell.is_equivariant() || !is_moving, across_tiles)),
            Self::ReadOut | Self::FlowedForecast if case.goes_round() => None,
            Self::ReadOut => Some(if_so(is_closed && is_flowing, flowing)),
            Self::StaticForecast => Some(if_so(cell.is_equivariant(), across_tiles)),
            // The decoder convolves in the lab frame.
            Self::FlowedForecast => {
                let decodes = cell != Specimen::PlainKernels; // its decoder is no more steerable
                Some(if_so(is_closed && is_flowing && decodes, across_tiles))
            }
            Self::Forecast => Some(Diagnosis::Broken),
        }
    }

    /// Measures the law on a case in one precision, for a flow ν̂.
    ///
    /// # Errors
    /// [`crate::Error::Vacuous`] where the comparison would prove nothing.
    pub fn measure(
        self,
        case: &Case,
        flow: AnyVelocity,
        dtype: DType,
    ) -> Result<EquivarianceError> {
        let frames = case.frames(dtype)?;
        let with = |lift| Case { lift, ..*case };
        match (case.group, flow) {
            (GroupKind::Translation, AnyVelocity::Translation(flow)) => match case.cell {
                Specimen::Dense => {
                    self.measure_cell(case, case.dense(dtype)?, &Translation, &frames, flow)
                }
                Specimen::ZeroPadded => {
                    let make = |lift| with(lift).zero_padded(dtype);
                    self.measure_flow_cell(case, make, &frames, flow)
                }
                _ => {
                    let make = |lift| with(lift).translating(dtype);
                    self.measure_flow_cell(case, make, &frames, flow)
                }
            },
            (GroupKind::Rotation(n), AnyVelocity::Rotation(flow)) => match case.cell {
                Specimen::Dense => {
                    self.measure_cell(case, case.dense(dtype)?, &Rotation::new(n)?, &frames, flow)
                }
                _ => {
                    let make = |lift| with(lift).rotating(n, dtype);
                    self.measure_flow_cell(case, make, &frames, flow)
                }
            },
            _ => Err(crate::Error::Vacuous(format!(
                "{} is no flow of {}",
                flow.name(),
                case.group.name()
            ))),
        }
    }

    /// `make` makes the case's cell with either lift.
    fn measure_flow_cell<C: FlowCell>(
        self,
        case: &Case,
        make: impl Fn(Lift) -> Result<C>,
        frames: &Tensor,
        flow: <C::Group as FlowGroup>::Velocity,
    ) -> Result<EquivarianceError> {
        let cell = make(case.lift)?;
        match self {
            Self::State => state_error(&cell, frames, flow),
            Self::ChangeOfFrame => change_of_frame_error(&make(Lift::Trivial)?, &cell, frames),
            _ => {
                let group = cell.group().clone();
                self.measure_cell(case, cell, &group, frames, flow)
            }
        }
    }

    fn measure_cell<C: Cell, G: FlowGroup>(
        self,
        case: &Case,
        cell: C,
        group: &G,
        frames: &Tensor,
        flow: G::Velocity,
    ) -> Result<EquivarianceError> {
        match self {
            Self::Action => action_error(group, frames, flow),
            Self::Static => static_error(&cell, group, frames, flow),
            Self::ReadOut => read_out_error(&cell, group, frames, flow),
            Self::StaticForecast | Self::FlowedForecast | Self::Forecast => {
                let decoder = case.decoder(frames.dtype())?;
                let model = Forecaster::new(cell, decoder, case.algorithm)?;
                let model = match self {
                    Self::FlowedForecast => model.with_feedback(Feedback::Flowed),
                    _ => model,
                };
                let predict = |seen: &Tensor| model.continued(seen, PREDICTED);
                match self {
                    Self::StaticForecast => static_sequence_error(group, frames, flow, predict),
                    _ => sequence_error(group, frames, flow, predict),
                }
            }
            Self::State | Self::ChangeOfFrame => Err(crate::Error::Vacuous(format!(
                "{} says nothing of a cell without velocities",
                self.name()
            ))),
        }
    }
}

/// Whether a flow moves anything, and leaves a law something to compare: on a small torus, and in a small
/// set, some do not.
fn says_something(property: Property, case: &Case, flow: AnyVelocity) -> Result<bool> {
    let Sizes { height, width, .. } = case.sizes;
    let (is_moving, has_pairs) = match (case.group, flow) {
        (GroupKind::Translation, AnyVelocity::Translation(flow)) => {
            let period = PixelsPerFrame::new(width as i32, height as i32);
            let pairs = case.velocities.on(height, width).pairs_apart(flow);
            (flow.reduced(period) != PixelsPerFrame::ZERO, !pairs.is_empty())
        }
        (GroupKind::Rotation(n), AnyVelocity::Rotation(flow)) => {
            let is_moving = flow.reduced(DegreesPerFrame(360)) != DegreesPerFrame::ZERO;
            (is_moving, !case.velocities.about(n)?.pairs_apart(flow).is_empty())
        }
        _ => (false, false),
    };
    Ok(is_moving && (property != Property::State || has_pairs))
}

/// An error in one or both precisions, over several flows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurement {
    /// In f32.
    pub single: Option<EquivarianceError>,
    /// In f64.
    pub double: Option<EquivarianceError>,
    /// The error of the group's action itself, on the same frames in f64.
    pub action: f64,
}

impl Measurement {
    /// Measures a law on a case, over the flows that it says something of; `None` if there is none.
    pub fn of(
        property: Property,
        case: &Case,
        flows: &[AnyVelocity],
        dtypes: &[DType],
    ) -> Result<Option<Self>> {
        let mut measured = Self::default();
        let mut is_empty = true;
        for &flow in flows.iter().filter(|&&flow| case.group.has(flow)) {
            if !says_something(property, case, flow)? {
                continue;
            }
            is_empty = false;
            for &dtype in dtypes {
                let error = property.measure(case, flow, dtype)?;
                let slot = match dtype {
                    DType::F64 => &mut measured.double,
                    _ => &mut measured.single,
                };
                *slot = Some(slot.take().unwrap_or_default().merge(error));
            }
            // Velocities of the model interpolate as well, whatever the input flows by.
            for flow in [Some(flow), case.group.interpolated()].into_iter().flatten() {
                let action = Property::Action.measure(case, flow, DType::F64)?.max();
                measured.action = measured.action.max(action);
            }
        }
        Ok((!is_empty).then_some(measured))
    }

    /// What the error comes from; in a single precision, as if the other had the same.
    pub fn diagnosis(&self) -> Diagnosis {
        let (single, double) = (self.single.as_ref(), self.double.as_ref());
        match (single.or(double), double.or(single)) {
            (Some(single), Some(double)) => diagnose(single, double, self.action),
            _ => Diagnosis::Broken,
        }
    }

    /// Whether the measurement is what was expected, or better; a control must break the law by
    /// [`LEAST_BREACH`].
    pub fn agrees_with(&self, expected: Diagnosis) -> bool {
        match expected {
            Diagnosis::Broken => [&self.single, &self.double]
                .into_iter()
                .flatten()
                .all(|error| error.max() >= LEAST_BREACH || error.max().is_nan()),
            _ => self.diagnosis() <= expected,
        }
    }
}
