//! The cyclic group C_N of rotations, acting on frames and on regular fields over the plane.

use super::group::FlowGroup;
use super::lift::Lift;
use super::velocity::{DegreesPerFrame, VelocitySet};
use crate::error::{Error, Result, expect_shape};
use crate::ops::{
    self, CarryOrder, ConvAlgorithm, Kernels, Padding, ReadOut, Recurrence, SliceAction, Turn,
    Turning, Unrolled,
};
use candle_core::Tensor;

/// Rotations about the centre of the frame. Frames are trivial fields: a rotation moves their pixels.
/// Hidden states are regular fields of N planes each, plane = field · N + orientation: a rotation moves
/// their pixels and moves orientations on (SE(2) restricted to C_N on the grid; Keller 2025, §5).
///
/// Kernels are expanded filters, as [`SteerableBasis`](crate::ops::SteerableBasis) makes them;
/// convolutions are padded with zeros. In the lab frame the state is turned before it is convolved, as the
/// paper's public code does; the equation as printed convolves first ([`Rotation::with_order`]).
///
/// # Equivariance
/// Multiples of 90° on square frames only move numbers, and convolutions with steerable filters commute
/// with them to rounding (N divisible by 4). Other angles interpolate between pixels: every law holds up
/// to the grid's discretisation, and what leaves the frame is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    orientations: usize,
    mismatch: Mismatch,
    order: CarryOrder,
}

/// What becomes of a velocity that is no multiple of 360°/N, and so moves orientations by a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mismatch {
    Refused,
    Truncated,
}

impl Rotation {
    /// The group with N = `orientations`, which refuses velocities that are no multiples of 360°/N and
    /// turns states before they are convolved, [`CarryOrder::CarryFirst`].
    ///
    /// # Errors
    /// [`Error::Configuration`] when there is no orientation.
    pub fn new(orientations: usize) -> Result<Self> {
        if orientations == 0 {
            let problem = "has no orientation";
            return Err(Error::configuration("the group", problem, "take at least one"));
        }
        Ok(Self { orientations, mismatch: Mismatch::Refused, order: CarryOrder::default() })
    }

    /// The same group for any velocity: ψ_1(ν) moves orientations by ν·N/360° truncated toward zero, as
    /// the paper's public code does, and rotates the plane by the whole of ν.
    ///
    /// # Equivariance
    /// None for velocities that are truncated: planes and orientations no longer move alike.
    pub fn truncating(self) -> Self {
        Self { mismatch: Mismatch::Truncated, ..self }
    }

    /// Replaces what comes first in the lab frame, turning or convolving. In the co-moving frame, where no
    /// state turns, it changes nothing.
    ///
    /// # Equivariance
    /// That of the group in either order. Where velocities are multiples of 90°, frames square and kernels
    /// steerable with N divisible by 4, both orders are the same network to rounding; between pixels they
    /// are two different ones.
    pub fn with_order(self, order: CarryOrder) -> Self {
        Self { order, ..self }
    }

    /// N.
    pub fn orientations(&self) -> usize {
        self.orientations
    }

    /// By how many places ψ_1(ν) moves orientations on.
    fn orientations_per_frame(&self, velocity: DegreesPerFrame) -> Result<i64> {
        let places = i64::from(velocity.0) * self.orientations as i64;
        if places % 360 != 0 && self.mismatch == Mismatch::Refused {
            let (nu, n) = (velocity.0, self.orientations);
            return Err(Error::configuration(
                "the velocity",
                format!("{nu}° per frame is no multiple of 360°/{n}"),
                "take another number of orientations, or ask for truncation",
            ));
        }
        Ok(places / 360)
    }

    fn turns(&self, velocities: &[DegreesPerFrame], steps: i64) -> Result<Vec<Turn>> {
        let turn = |&velocity: &DegreesPerFrame| {
            let orientations = self.orientations_per_frame(velocity)? * steps;
            Ok(Turn { degrees: degrees(velocity, steps), orientations })
        };
        velocities.iter().map(turn).collect()
    }
}

/// The angle of ψ_t(ν) in [0°, 360°).
fn degrees(velocity: DegreesPerFrame, steps: i64) -> f64 {
    (i64::from(velocity.0) * steps).rem_euclid(360) as f64
}

/// Frames (B, C, H, W) as slices (B, V, H, W, C) that are only rotated, each by its own velocity.
fn rotated_frames(frame: &Tensor, velocities: &[DegreesPerFrame], steps: i64) -> Result<Tensor> {
    let any = ["B", "C", "H", "W"].map(|name| (name, None));
    expect_shape("frame", frame, &any)?;
    let slice = ops::to_channels_last(frame)?.unsqueeze(1)?;
    let slices = slice.repeat((1, velocities.len(), 1, 1, 1))?;
    let turn = |&v: &DegreesPerFrame| Turn { degrees: degrees(v, steps), orientations: 0 };
    ops::turn_slices(&slices, 1, &velocities.iter().map(turn).collect::<Vec<_>>())
}

impl FlowGroup for Rotation {
    type Velocity = DegreesPerFrame;

    fn check(&self, velocities: &[DegreesPerFrame]) -> Result<()> {
        velocities.iter().try_for_each(|&v| self.orientations_per_frame(v).map(|_| ()))
    }

    fn planes(&self) -> usize {
        self.orientations
    }

    fn padding(&self) -> Padding {
        Padding::Zero
    }

    fn act_on_frame(
        &self,
        frame: &Tensor,
        velocity: DegreesPerFrame,
        steps: i64,
    ) -> Result<Tensor> {
        ops::to_channels_first(&rotated_frames(frame, &[velocity], steps)?.squeeze(1)?)
    }

    /// Rotates planes and moves orientations on: ψ_t(ν) for t = `steps`.
    ///
    /// With [`Rotation::truncating`] orientations move by t times the truncated shift of one step:
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use fernn::flow::{DegreesPerFrame, FlowGroup, Rotation};
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let state = Tensor::zeros((1, 1, 5, 5, 8), candle_core::DType::F32, &Device::Cpu)?;
    /// let group = Rotation::new(8)?;
    /// let nu = [DegreesPerFrame(60)]; // 1⅓ of the 45° between orientations
    /// assert!(group.act_on_slices(&state, &nu, 1).is_err());
    /// let turned = group.truncating().act_on_slices(&state, &nu, 1)?; // by 60°, and one orientation
    /// assert_eq!(turned.dims(), state.dims());
    /// # Ok(())
    /// # }
    /// ```
    fn act_on_slices(
        &self,
        slices: &Tensor,
        velocities: &[DegreesPerFrame],
        steps: i64,
    ) -> Result<Tensor> {
        ops::turn_slices(slices, self.orientations, &self.turns(velocities, steps)?)
    }

    fn convolve_frame(&self, frame: &Tensor, kernel: &Tensor) -> Result<Tensor> {
        ops::convolve(&ops::to_channels_last(frame)?, kernel, Padding::Zero, ConvAlgorithm::Direct)
    }

    fn convolve(&self, slices: &Tensor, kernel: &Tensor, how: ConvAlgorithm) -> Result<Tensor> {
        ops::convolve_slices(slices, kernel, Padding::Zero, how)
    }

    fn convolve_flowed_frame(
        &self,
        frame: &Tensor,
        kernel: &Tensor,
        velocities: &[DegreesPerFrame],
        steps: i64,
    ) -> Result<Tensor> {
        self.convolve(&rotated_frames(frame, velocities, steps)?, kernel, ConvAlgorithm::Direct)
    }

    fn carry_order(&self) -> CarryOrder {
        self.order
    }

    fn recur_carried(
        &self,
        slices: &Tensor,
        velocities: &[DegreesPerFrame],
        kernel: &Tensor,
        inputs: &Tensor,
        recurrence: Recurrence,
    ) -> Result<Tensor> {
        if inputs.dims5()?.1 == 1 {
            let (orientations, turns) = (self.orientations, self.turns(velocities, 1)?);
            let turning = Turning { orientations, turns: &turns, order: self.order };
            let how = (recurrence.activation, recurrence.algorithm);
            return ops::turned_recurrence(slices, kernel, &inputs.squeeze(1)?, turning, how);
        }
        let carried = self.carried_convolution(slices, velocities, kernel, recurrence.algorithm)?;
        ops::activate(&(carried + inputs)?, recurrence.activation)
    }

    fn recur(
        &self,
        slices: &Tensor,
        kernel: &Tensor,
        inputs: &Tensor,
        recurrence: Recurrence,
    ) -> Result<Tensor> {
        ops::recurrence(slices, kernel, inputs, recurrence.step(Padding::Zero))
    }

    fn unrolls(&self) -> bool {
        true
    }

    fn unroll(
        &self,
        sequence: &Tensor,
        (velocities, lift): (&VelocitySet<DegreesPerFrame>, Lift),
        kernels: Kernels<'_>,
        how: Unrolled,
        read_out: ReadOut<'_>,
    ) -> Result<Option<Tensor>> {
        let (orientations, order) = (self.orientations, self.order);
        let turns = &self.turns(velocities.as_slice(), 1)?;
        let action = match lift {
            Lift::Trivial => SliceAction::TurnedSlices(Turning { orientations, turns, order }),
            Lift::CoMoving => SliceAction::TurnedViews { orientations, turns },
        };
        Ok(Some(ops::flow_sequence(sequence, kernels, action, how, read_out)?))
    }
}
