//! A cell as somebody would write it, with what can go wrong in it.

use crate::common::normal;
use candle_core::{D, DType, Device, Tensor};
use fernn::cells::FlowLayer;
use fernn::flow::{
    FlowGroup, FlowSpace, Input, Lift, LiftedState, PixelsPerFrame, Translation, VelocitySet,
};
use fernn::ops::{Activation, ConvAlgorithm, Padding, activate, convolve_slices};
use fernn::{Error, Result};

/// What can go wrong in somebody's cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    ZeroPadding,
    PositionRamp,
    /// As small as f32 rounds.
    FaintRamp,
    BiasByStep,
    InputOneStepTooFar,
    InputOneStepTooLittle,
    InputDelayed,
    MemoryNotMoved,
    MemoryMovedTwice,
    WrongSign,
    SwappedAxes,
    VelocitiesOutOfOrder,
    MaximumLeaksIntoTheState,
    NormalisedOverSpace,
    NormalisedOverVelocities,
    BoundaryMask,
    ChannelsMixedByPosition,
    HalfPrecision,
    /// One pixel of it, of every state.
    NotANumber,
    /// None of the theorem: all laws hold of a state that is the same at every pixel.
    SameEverywhere,
}

pub const FAULTS: [Fault; 18] = [
    Fault::ZeroPadding,
    Fault::PositionRamp,
    Fault::FaintRamp,
    Fault::BiasByStep,
    Fault::InputOneStepTooFar,
    Fault::InputOneStepTooLittle,
    Fault::InputDelayed,
    Fault::MemoryNotMoved,
    Fault::MemoryMovedTwice,
    Fault::WrongSign,
    Fault::SwappedAxes,
    Fault::VelocitiesOutOfOrder,
    Fault::MaximumLeaksIntoTheState,
    Fault::NormalisedOverSpace,
    Fault::NormalisedOverVelocities,
    Fault::BoundaryMask,
    Fault::ChannelsMixedByPosition,
    Fault::HalfPrecision,
];

impl Fault {
    /// Why it does no harm to flow equivariance in a frame of reference, where it does none.
    pub fn proof(self, lift: Lift) -> Option<&'static str> {
        match (self, lift) {
            (Self::BiasByStep, _) => {
                Some("what is the same at every pixel and velocity moves to itself")
            }
            (Self::NormalisedOverSpace, _) => {
                Some("a sum over all pixels is the same wherever they are moved")
            }
            (Self::HalfPrecision, _) => {
                Some("rounding each number by itself commutes with moving numbers")
            }
            // ψ_{t−1}(ν)⁻¹·f_{t−1} under a flow is that of ν − ν̂, whatever the step it is used at.
            (Self::InputDelayed, Lift::CoMoving) => {
                Some("a frame seen where its own step puts it may be used at a later one")
            }
            // The co-moving memory lies still: not moving it is what is right.
            (Self::MemoryNotMoved, Lift::CoMoving) => Some("it is no fault there"),
            _ => None,
        }
    }
}

pub const CHANNELS: usize = 4;

/// The simple cell as somebody would write it, with a fault to choose.
pub struct Faulty {
    space: FlowSpace<Translation>,
    u: Tensor,
    w: Tensor,
    fault: Fault,
}

impl Faulty {
    pub fn new(
        fault: Fault,
        lift: Lift,
        dtype: DType,
        velocities: VelocitySet<PixelsPerFrame>,
    ) -> Result<Self> {
        let u = normal(3, "u", &[CHANNELS, 1, 3, 3], 0.5, dtype);
        let w = normal(3, "w", &[CHANNELS, CHANNELS, 3, 3], 0.17, dtype);
        Ok(Self { space: FlowSpace::new(Translation, velocities, lift), u, w, fault })
    }

    /// The velocities that the cell believes in.
    fn velocities(&self) -> Vec<PixelsPerFrame> {
        let mut all = self.space.velocities().as_slice().to_vec();
        match self.fault {
            Fault::WrongSign => all.iter_mut().for_each(|v| *v = PixelsPerFrame::new(-v.x, -v.y)),
            Fault::SwappedAxes => all.iter_mut().for_each(|v| *v = PixelsPerFrame::new(v.y, v.x)),
            Fault::VelocitiesOutOfOrder => all.rotate_left(1),
            _ => {}
        }
        all
    }

    /// What each slice remembers, convolved and moved.
    fn remembered(&self, memory: &Tensor) -> Result<Tensor> {
        let padding = match self.fault {
            Fault::ZeroPadding => Padding::Zero,
            _ => Padding::Circular,
        };
        let convolved = convolve_slices(memory, &self.w, padding, ConvAlgorithm::Direct)?;
        let steps = match (self.space.lift(), self.fault) {
            (Lift::Trivial, Fault::MemoryNotMoved) => 0,
            (Lift::Trivial, Fault::MemoryMovedTwice) => 2,
            (Lift::Trivial, _) => 1,
            (Lift::CoMoving, Fault::MemoryMovedTwice) => 1,
            (Lift::CoMoving, _) => 0,
        };
        Translation.act_on_slices(&convolved, &self.velocities(), steps)
    }

    /// What each slice is given.
    fn driven(&self, frame: &Tensor, state: &LiftedState) -> Result<Tensor> {
        let seen = i64::from(state.frames_seen());
        let steps = match self.space.lift() {
            Lift::Trivial => 0,
            Lift::CoMoving => -seen,
        };
        let steps = match self.fault {
            Fault::InputOneStepTooFar => steps - 1,
            Fault::InputOneStepTooLittle => steps + 1,
            _ => steps,
        };
        Translation.convolve_flowed_frame(frame, &self.u, &self.velocities(), steps)
    }

    /// What the fault makes of the new state.
    fn spoilt(&self, next: Tensor, frames_seen: u32) -> Result<Tensor> {
        let (_, _, height, width, _) = next.dims5()?;
        let by_column = |value: &dyn Fn(usize) -> f64| -> Result<Tensor> {
            let values: Vec<f64> = (0..width).map(value).collect();
            let column = Tensor::from_vec(values, (1, 1, 1, width, 1), &Device::Cpu)?;
            Ok(column.to_dtype(next.dtype())?)
        };
        Ok(match self.fault {
            Fault::PositionRamp => next.broadcast_add(&by_column(&|x| 0.1 * x as f64)?)?,
            Fault::FaintRamp => next.broadcast_add(&by_column(&|x| 1e-6 * x as f64)?)?,
            Fault::SameEverywhere => {
                next.mean_keepdim((2, 3))?.broadcast_as(next.shape())?.contiguous()?
            }
            Fault::BiasByStep => (next + 0.3 * f64::from(frames_seen))?,
            Fault::MaximumLeaksIntoTheState => {
                next.broadcast_add(&(next.max_keepdim(1)? * 0.3)?)?
            }
            Fault::NormalisedOverSpace => {
                next.broadcast_div(&(next.mean_keepdim((2, 3))? + 0.1)?)?
            }
            Fault::NormalisedOverVelocities => {
                next.broadcast_div(&(next.mean_keepdim(1)? + 0.1)?)?
            }
            Fault::BoundaryMask => {
                let border = next.narrow(2, 0, 1)?.zeros_like()?;
                Tensor::cat(&[&border, &next.narrow(2, 1, height - 1)?], 2)?
            }
            Fault::ChannelsMixedByPosition => {
                let is_even = by_column(&|x| if x % 2 == 0 { 1.0 } else { 0.0 })?;
                let mixed = (next.sum_keepdim(D::Minus1)?.tanh()? * 0.5)?;
                next.broadcast_add(&mixed.broadcast_mul(&is_even)?)?
            }
            Fault::NotANumber => {
                next.broadcast_add(&by_column(&|x| if x == 0 { f64::NAN } else { 0.0 })?)?
            }
            Fault::HalfPrecision => next.to_dtype(DType::F16)?.to_dtype(next.dtype())?,
            _ => next,
        })
    }
}

impl FlowLayer for Faulty {
    type Group = Translation;

    fn space(&self) -> &FlowSpace<Translation> {
        &self.space
    }

    fn channels(&self) -> usize {
        CHANNELS
    }

    fn memories(&self) -> usize {
        2
    }

    fn parameters(&self) -> Vec<&Tensor> {
        vec![&self.u, &self.w]
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let driven = match input {
            Input::Frame(frame) => self.driven(frame, state)?,
            Input::Lifted(below) => Translation.convolve(below, &self.w, ConvAlgorithm::Direct)?,
            _ => return Err(Error::configuration("the cell", "lifts frames", "give it frames")),
        };
        let [hidden, former] = state.memories() else {
            return Err(Error::configuration("the state", "is foreign", "start from zero"));
        };
        let used = if self.fault == Fault::InputDelayed { former } else { &driven };
        let next = activate(&(self.remembered(hidden)? + used)?, Activation::Relu)?;
        Ok(state.next(vec![self.spoilt(next, state.frames_seen())?, driven.clone()]))
    }
}
