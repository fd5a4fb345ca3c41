//! What a group must tell so that cells over it can be verified.

use super::sizes::Sizes;
use crate::cells::Fields;
use crate::equivariance::MeasuredGroup;
use crate::error::Result;
use crate::flow::{DegreesPerFrame, PixelsPerFrame, Rotation, Translation, Velocity, VelocitySet};
use crate::ops::{ConvAlgorithm, SteerableBasis};
use std::fmt;
use std::str::FromStr;

/// A velocity set by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Velocities {
    /// So many steps of the group each way: V^T_N or V^R_N; N = 0 is the G-RNN.
    Truncated(u32),
    /// All velocities of the torus, or all of C_N.
    Closed,
}

/// `V0`, `V1`, … or `closed`.
impl fmt::Display for Velocities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(range) => write!(f, "V{range}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

impl FromStr for Velocities {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let range = text.strip_prefix('V').and_then(|range| range.parse().ok());
        match (text, range) {
            ("closed", _) => Ok(Self::Closed),
            (_, Some(range)) => Ok(Self::Truncated(range)),
            _ => Err(format!("`{text}` is no set of velocities such as V2 or closed")),
        }
    }
}

/// A group over which the statements of the theory are measured.
pub trait VerifiedGroup: MeasuredGroup + 'static {
    /// The velocities of so many steps each way.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] where the group has no such step.
    fn steps(&self, range: u32) -> Result<VelocitySet<Self::Velocity>>;

    /// The velocity of a number of steps, one number for each direction that the group has.
    fn velocity_of(&self, steps: (i32, i32)) -> Self::Velocity;

    /// What hidden maps are made of, for kernels of an extent.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] where there are no such kernels.
    fn fields(&self, kernel: usize) -> Result<Fields>;

    /// The extents of the fixed list, for a set of velocities.
    fn sizes(&self, velocities: Velocities) -> Sizes;

    /// Random extents, made such that the group acts on them.
    fn fitted(&self, drawn: Sizes) -> Sizes;

    /// Whether what is moved is summed in the same order as before, a kernel's taps for one.
    fn keeps_order_of_sums(&self) -> bool;

    /// The ways of convolving that round in ways of their own.
    fn algorithms(&self) -> &'static [ConvAlgorithm];

    /// The set of a name on frames (H, W).
    ///
    /// # Errors
    /// As [`VerifiedGroup::steps`] and [`MeasuredGroup::closed`].
    fn set(
        &self,
        velocities: Velocities,
        extents: (usize, usize),
    ) -> Result<VelocitySet<Self::Velocity>> {
        match velocities {
            Velocities::Truncated(range) => self.steps(range),
            Velocities::Closed => self.closed(extents),
        }
    }

    /// Whether a flow moves anything on frames (H, W): on a small torus some do not.
    ///
    /// # Errors
    /// As [`MeasuredGroup::closed`].
    fn moves(&self, flow: Self::Velocity, extents: (usize, usize)) -> Result<bool> {
        let all = self.closed(extents)?;
        Ok(all.index_of(flow) != all.index_of(Velocity::ZERO))
    }
}

/// Different primes where a swapped axis could pass, enough channels for Winograd.
const TRANSLATED: Sizes =
    Sizes { batch: 2, frames: 5, inputs: 3, channels: 8, height: 7, width: 11, kernel: 3 };
/// Square, with room for what is turned.
const TURNED: Sizes = Sizes { channels: 2, height: 13, width: 13, ..TRANSLATED };
/// Fine enough that interpolation is a small error, and few, since pixels are many.
const INTERPOLATED: Sizes =
    Sizes { batch: 1, frames: 3, inputs: 1, height: 27, width: 27, ..TURNED };

impl VerifiedGroup for Translation {
    fn steps(&self, range: u32) -> Result<VelocitySet<PixelsPerFrame>> {
        Ok(VelocitySet::square(range))
    }

    fn velocity_of(&self, (x, y): (i32, i32)) -> PixelsPerFrame {
        PixelsPerFrame::new(x, y)
    }

    fn fields(&self, _kernel: usize) -> Result<Fields> {
        Ok(Fields::Plain)
    }

    /// A closed set has a velocity for every pixel, and so gets a small torus; a truncated one a torus that
    /// it does not close on.
    fn sizes(&self, velocities: Velocities) -> Sizes {
        match velocities {
            Velocities::Closed => Sizes { height: 5, width: 7, ..TRANSLATED },
            Velocities::Truncated(_) => TRANSLATED,
        }
    }

    fn fitted(&self, drawn: Sizes) -> Sizes {
        drawn
    }

    fn keeps_order_of_sums(&self) -> bool {
        true
    }

    fn algorithms(&self) -> &'static [ConvAlgorithm] {
        &[ConvAlgorithm::Direct, ConvAlgorithm::Winograd]
    }
}

impl VerifiedGroup for Rotation {
    fn steps(&self, range: u32) -> Result<VelocitySet<DegreesPerFrame>> {
        VelocitySet::cyclic(self.orientations() as u32)?; // refuses steps of no whole degree
        Ok(VelocitySet::multiples(self.velocity_of((1, 0)), range))
    }

    fn velocity_of(&self, (steps, _): (i32, i32)) -> DegreesPerFrame {
        DegreesPerFrame(steps * (360 / self.orientations() as i32))
    }

    fn fields(&self, kernel: usize) -> Result<Fields> {
        Ok(Fields::Steerable(SteerableBasis::new(self.orientations(), kernel)?))
    }

    fn sizes(&self, _velocities: Velocities) -> Sizes {
        if self.is_exact() { TURNED } else { INTERPOLATED }
    }

    /// Squares.
    fn fitted(&self, drawn: Sizes) -> Sizes {
        let (kernel, channels) = (drawn.kernel.max(3), drawn.channels.min(4));
        Sizes { width: drawn.height, kernel, channels, ..drawn }
    }

    /// A turned kernel lists its taps in another order.
    fn keeps_order_of_sums(&self) -> bool {
        false
    }

    /// Both round alike.
    fn algorithms(&self) -> &'static [ConvAlgorithm] {
        &[ConvAlgorithm::Direct]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_come_back_from_their_text() {
        for set in [Velocities::Truncated(0), Velocities::Truncated(12), Velocities::Closed] {
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        for text in ["", "V", "V-1", "12", "open"] {
            assert!(text.parse::<Velocities>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_flow_by_the_whole_torus_moves_nothing() -> Result<()> {
        assert!(!Translation.moves(PixelsPerFrame::new(7, -10), (5, 7))?);
        assert!(Translation.moves(PixelsPerFrame::new(7, 1), (5, 7))?);
        assert!(!Rotation::new(8)?.moves(DegreesPerFrame(-360), (9, 9))?);
        assert!(Rotation::new(8)?.moves(DegreesPerFrame(315), (9, 9))?);
        Ok(())
    }

    #[test]
    fn steps_are_angles_between_orientations() -> Result<()> {
        let eight = Rotation::new(8)?;
        assert_eq!(eight.steps(1)?.as_slice(), [-45, 0, 45].map(DegreesPerFrame));
        assert!(Rotation::new(16)?.steps(1).is_err(), "22.5° is no whole degree");
        Ok(())
    }
}
