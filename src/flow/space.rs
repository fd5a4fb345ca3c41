//! The space V × G that hidden states live on, in the frame of reference of a lift.

use super::group::FlowGroup;
use super::lift::Lift;
use super::state::LiftedState;
use super::velocity::VelocitySet;
use crate::error::Result;
use crate::ops::{CarryOrder, ConvAlgorithm};
use candle_core::{DType, Device, Tensor};

/// A group, the velocities carried, and the lift: everything about V × G that cells share.
#[derive(Clone, Debug)]
pub struct FlowSpace<G: FlowGroup> {
    group: G,
    velocities: VelocitySet<G::Velocity>,
    lift: Lift,
}

/// What a layer reads at a time step.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The frame of this step (B, C_in, H, W), still to be lifted.
    Frame(&'a Tensor),
    /// The frame of the step before (B, C_in, H, W), which every velocity moves on by ψ_1(ν) to
    /// where it expects it now.
    ///
    /// A frame that is fed back is one step old. Fed as if it were new it breaks flow equivariance;
    /// moved on by each velocity it keeps it: `ψ_1(ν)·ψ_{t−1}(ν̂) = ψ_t(ν̂)·ψ_1(ν − ν̂)`.
    FormerFrame(&'a Tensor),
    /// The hidden state (B, V, H, W, C_in) of the layer below, which already is on V × G and in the
    /// same frame of reference: its velocity axis is carried up.
    Lifted(&'a Tensor),
}

impl<G: FlowGroup> FlowSpace<G> {
    /// The space over `velocities`, with states in the frame of reference of `lift`.
    pub fn new(group: G, velocities: VelocitySet<G::Velocity>, lift: Lift) -> Self {
        Self { group, velocities, lift }
    }

    /// The group.
    pub fn group(&self) -> &G {
        &self.group
    }

    /// The velocity set, in the order of the states' velocity axis.
    pub fn velocities(&self) -> &VelocitySet<G::Velocity> {
        &self.velocities
    }

    /// The lift.
    pub fn lift(&self) -> Lift {
        self.lift
    }

    /// h_0 = 0: `memories` tensors of `channels` channels; `extents` is (H, W).
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] when the group cannot act with a velocity ([`FlowGroup::check`]).
    pub fn zero_state(
        &self,
        (memories, channels): (usize, usize),
        (batch, (height, width)): (usize, (usize, usize)),
        dtype: DType,
        device: &Device,
    ) -> Result<LiftedState> {
        self.group.check(self.velocities.as_slice())?;
        let shape = (batch, self.velocities.len(), height, width, channels);
        let zero = Tensor::zeros(shape, dtype, device)?;
        Ok(LiftedState::new(vec![zero; memories], 0))
    }

    /// U ⋆ input in the frame of reference of the lift, for the input that comes after
    /// `frames_seen` frames: (B, V, H, W, C), or (B, 1, H, W, C) where it is the same for every ν.
    pub fn drive(
        &self,
        input: Input<'_>,
        kernel: &Tensor,
        frames_seen: u32,
        how: ConvAlgorithm,
    ) -> Result<Tensor> {
        match (input, self.lift) {
            (Input::Lifted(slices), _) => self.group.convolve(slices, kernel, how),
            (Input::Frame(frame), Lift::Trivial) => {
                Ok(self.group.lift(frame, kernel)?.unsqueeze(1)?)
            }
            (Input::Frame(frame) | Input::FormerFrame(frame), _) => {
                let steps = self.steps_to_slices(input, frames_seen);
                self.group.lift_flowed(frame, kernel, self.velocities.as_slice(), steps)
            }
        }
    }

    /// By how many steps of its own velocity each slice sees a frame moved.
    pub(crate) fn steps_to_slices(&self, input: Input<'_>, frames_seen: u32) -> i64 {
        let is_former = matches!(input, Input::FormerFrame(_));
        let back = match self.lift {
            Lift::Trivial => 0,
            Lift::CoMoving => i64::from(frames_seen),
        };
        i64::from(is_former) - back
    }

    /// What was remembered (B, V, H, W, C) as the next step needs it: moved by ψ_1(ν) in the lab
    /// frame, left alone in the co-moving one.
    pub fn carry(&self, memory: &Tensor) -> Result<Tensor> {
        match self.lift {
            Lift::Trivial => self.group.act_on_slices(memory, self.velocities.as_slice(), 1),
            Lift::CoMoving => Ok(memory.clone()),
        }
    }

    /// What the next step's update reads of a remembered tensor (B, V, H, W, C) through a kernel:
    /// [`FlowGroup::carried_convolution`] in the lab frame, W ⋆ h̃(ν) in the co-moving one.
    pub fn carried_convolution(
        &self,
        memory: &Tensor,
        kernel: &Tensor,
        how: ConvAlgorithm,
    ) -> Result<Tensor> {
        match self.lift {
            Lift::Trivial => {
                let velocities = self.velocities.as_slice();
                self.group.carried_convolution(memory, velocities, kernel, how)
            }
            Lift::CoMoving => self.group.convolve(memory, kernel, how),
        }
    }

    /// [`FlowSpace::carry`] and [`FlowSpace::carried_convolution`] of the same remembered tensor, which
    /// moves only once where that is enough.
    pub fn carry_and_convolve(
        &self,
        memory: &Tensor,
        kernel: &Tensor,
        how: ConvAlgorithm,
    ) -> Result<(Tensor, Tensor)> {
        let carried = self.carry(memory)?;
        let convolved = match self.group.carry_order() {
            CarryOrder::CarryFirst => self.group.convolve(&carried, kernel, how)?,
            CarryOrder::ConvolveFirst => self.carried_convolution(memory, kernel, how)?,
        };
        Ok((carried, convolved))
    }

    /// ψ_t(ν)·h(ν) for t = `steps`, of everything remembered; the number of frames seen stays.
    ///
    /// Over rotations planes turn and orientations move on. With
    /// [`Rotation::truncating`](super::Rotation::truncating) orientations move by whole places truncated
    /// toward zero, as in the paper's public code.
    ///
    /// # Errors
    /// Those of [`FlowGroup::act_on_slices`].
    pub fn act(&self, state: &LiftedState, steps: i64) -> Result<LiftedState> {
        let velocities = self.velocities.as_slice();
        let act = |memory| self.group.act_on_slices(memory, velocities, steps);
        let memories = state.memories().iter().map(act).collect::<Result<_>>()?;
        Ok(LiftedState::new(memories, state.frames_seen()))
    }

    /// The hidden state (B, V, H, W, C) in the lab frame, whatever the lift.
    pub fn in_lab(&self, state: &LiftedState) -> Result<Tensor> {
        let newest = i64::from(state.frames_seen()) - 1;
        match self.lift {
            Lift::CoMoving if newest > 0 => {
                self.group.act_on_slices(state.hidden(), self.velocities.as_slice(), newest)
            }
            _ => Ok(state.hidden().clone()),
        }
    }
}
