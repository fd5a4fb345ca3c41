//! The space V × G that hidden states live on, in the frame of reference of a lift.

use super::group::FlowGroup;
use super::input::{Drive, Input, Sequence};
use super::lift::Lift;
use super::state::LiftedState;
use super::velocity::VelocitySet;
use crate::error::Result;
use crate::ops::{self, CarryOrder, ConvAlgorithm, Kernels, ReadOut, Unrolled};
use candle_core::{DType, Device, Tensor};

/// A group, the velocities carried, and the lift: everything about V × G that cells share.
#[derive(Clone, Debug)]
pub struct FlowSpace<G: FlowGroup> {
    group: G,
    velocities: VelocitySet<G::Velocity>,
    lift: Lift,
}

/// What a state over V × G holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateShape {
    /// Tensors remembered.
    pub memories: usize,
    /// Samples B.
    pub batch: usize,
    /// Channels C of each memory.
    pub channels: usize,
    /// (H, W).
    pub extents: (usize, usize),
}

impl<G: FlowGroup> FlowSpace<G> {
    /// The space over `velocities`, with states in the frame of reference of `lift`.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use fernn::flow::{FlowSpace, Lift, StateShape, Translation, VelocitySet};
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let space = FlowSpace::new(Translation, VelocitySet::square(1), Lift::Trivial);
    /// let of = StateShape { memories: 1, batch: 2, channels: 4, extents: (5, 7) };
    /// let state = space.zero_state(of, DType::F32, &Device::Cpu)?;
    /// assert_eq!(state.hidden().dims(), [2, 9, 5, 7, 4]); // (B, V, H, W, C)
    /// # Ok(())
    /// # }
    /// ```
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

    /// h_0 = 0.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] when the group cannot act with a velocity ([`FlowGroup::check`]).
    pub fn zero_state(&self, of: StateShape, dtype: DType, device: &Device) -> Result<LiftedState> {
        self.group.check(self.velocities.as_slice())?;
        let (height, width) = of.extents;
        let shape = (of.batch, self.velocities.len(), height, width, of.channels);
        let zero = Tensor::zeros(shape, dtype, device)?;
        Ok(LiftedState::new(vec![zero; of.memories], 0))
    }

    /// What an input adds to every slice, in the frame of reference of the lift, for the input that
    /// comes after `frames_seen` frames: (B, V, H, W, C), or (B, 1, H, W, C) where it is the same for
    /// every ν. That is U ⋆ input, or a feature map as it is.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] for a frame without U, and for a map that cannot be added.
    ///
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use fernn::flow::{Drive, FlowSpace, Input, Lift, Translation, VelocitySet};
    /// use fernn::ops::ConvAlgorithm;
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let space = FlowSpace::new(Translation, VelocitySet::square(1), Lift::Trivial);
    /// let map = Tensor::ones((2, 4, 5, 7), DType::F32, &Device::Cpu)?;
    /// let by_maps = Drive::new(None, 4);
    /// let driven = space.drive(Input::Map(&map), &by_maps, 0, ConvAlgorithm::Direct)?;
    /// assert_eq!(driven.dims(), [2, 1, 5, 7, 4]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn drive(
        &self,
        input: Input<'_>,
        by: &Drive,
        frames_seen: u32,
        how: ConvAlgorithm,
    ) -> Result<Tensor> {
        let (velocities, steps) =
            (self.velocities.as_slice(), self.steps_to_slices(input, frames_seen));
        match (input, self.lift) {
            (Input::Lifted(slices), _) => by.convolve(&self.group, slices, how),
            (Input::Frame(frame), Lift::Trivial) => {
                Ok(self.group.convolve_frame(frame, by.kernel_for_frames()?)?.unsqueeze(1)?)
            }
            (Input::Frame(frame) | Input::FormerFrame(frame), _) => {
                self.group.convolve_flowed_frame(frame, by.kernel_for_frames()?, velocities, steps)
            }
            (Input::Map(map), lift) => {
                by.check_map(map.dims4()?.1)?;
                let map = ops::to_channels_last(map)?;
                match lift {
                    Lift::Trivial => Ok(map.unsqueeze(1)?),
                    Lift::CoMoving => self.group.flow_map(&map, velocities, steps),
                }
            }
        }
    }

    /// [`FlowSpace::drive`] by a kernel U (C, C_in, k, k), for the input that comes after `state`; what a
    /// layer below shows is convolved directly.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] for a map that has not C channels.
    ///
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use fernn::flow::{FlowSpace, Input, Lift, StateShape, Translation, VelocitySet};
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let of = StateShape { memories: 1, batch: 2, channels: 4, extents: (5, 7) };
    /// let u = Tensor::ones((4, 1, 3, 3), DType::F32, &Device::Cpu)?;
    /// let frame = Tensor::ones((2, 1, 5, 7), DType::F32, &Device::Cpu)?;
    /// // The lab frame shows all nine velocities the same; the co-moving one, each its own.
    /// for (lift, slices) in [(Lift::Trivial, 1), (Lift::CoMoving, 9)] {
    ///     let space = FlowSpace::new(Translation, VelocitySet::square(1), lift);
    ///     let state = space.zero_state(of, DType::F32, &Device::Cpu)?;
    ///     let driven = space.drive_by(Input::Frame(&frame), &u, &state)?;
    ///     assert_eq!(driven.dims(), [2, slices, 5, 7, 4]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn drive_by(
        &self,
        input: Input<'_>,
        kernel: &Tensor,
        state: &LiftedState,
    ) -> Result<Tensor> {
        let by = Drive::new(Some(kernel.clone()), kernel.dims4()?.0);
        self.drive(input, &by, state.frames_seen(), ConvAlgorithm::Direct)
    }

    /// By how many steps of its own velocity each slice sees an input moved.
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
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use fernn::flow::{FlowSpace, Lift, PixelsPerFrame, Translation, VelocitySet};
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let velocities = VelocitySet::truncated(vec![PixelsPerFrame::new(0, 0), PixelsPerFrame::new(1, 0)])?;
    /// let row = Tensor::new(&[1f32, 2.0, 3.0], &Device::Cpu)?.reshape((1, 1, 1, 3, 1))?;
    /// let memory = Tensor::cat(&[&row, &row], 1)?; // the same for both velocities
    /// let carried = |lift| -> fernn::Result<Vec<f32>> {
    ///     let space = FlowSpace::new(Translation, velocities.clone(), lift);
    ///     Ok(space.carry(&memory)?.flatten_all()?.to_vec1()?)
    /// };
    /// assert_eq!(carried(Lift::Trivial)?, [1.0, 2.0, 3.0, 3.0, 1.0, 2.0], "one pixel to the right");
    /// assert_eq!(carried(Lift::CoMoving)?, [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
    /// # Ok(())
    /// # }
    /// ```
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

    /// [`FlowGroup::unroll`] with the space's velocities.
    pub(crate) fn unroll(
        &self,
        sequence: Sequence<'_>,
        kernels: Kernels<'_>,
        how: Unrolled,
        read_out: ReadOut<'_>,
    ) -> Result<Option<Tensor>> {
        if !self.group.unrolls() || !sequence.tensor().device().is_cpu() {
            return Ok(None);
        }
        let sequence = sequence.channels_last()?;
        self.group.unroll(&sequence, (&self.velocities, self.lift), kernels, how, read_out)
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
