//! What a case can be of: groups, flows, cells, velocity sets.

use crate::error::Result;
use crate::flow::{AnyVelocity, DegreesPerFrame, Lift, PixelsPerFrame, VelocitySet};

/// A group over which cells are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKind {
    /// Translations of a torus by whole pixels.
    Translation,
    /// Rotations in this number of orientations: with 4 the grid carries them exactly.
    Rotation(usize),
}

impl GroupKind {
    /// Every group of the suite.
    pub const ALL: [Self; 3] = [Self::Translation, Self::Rotation(4), Self::Rotation(8)];

    /// The name in tables.
    pub fn name(self) -> String {
        match self {
            Self::Translation => "translation".into(),
            Self::Rotation(n) => format!("rotation-{n}"),
        }
    }

    /// Whether a flow is one of the group's.
    pub fn has(self, flow: AnyVelocity) -> bool {
        match (self, flow) {
            (Self::Translation, AnyVelocity::Translation(_)) => true,
            (Self::Rotation(n), AnyVelocity::Rotation(v)) => (i64::from(v.0) * n as i64) % 360 == 0,
            _ => false,
        }
    }

    /// Whether the grid carries the group's action exactly.
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Translation | Self::Rotation(1 | 2 | 4))
    }

    /// The smallest flow that the grid cannot carry exactly, where there is one.
    pub(super) fn interpolated(self) -> Option<AnyVelocity> {
        match self {
            Self::Rotation(n) if !self.is_exact() => {
                Some(AnyVelocity::Rotation(DegreesPerFrame(360 / n as i32)))
            }
            _ => None,
        }
    }

    /// Planes of a hidden field.
    pub(super) fn planes(self) -> usize {
        match self {
            Self::Translation => 1,
            Self::Rotation(n) => n,
        }
    }
}

/// The cells of the crate, and the controls among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Specimen {
    /// The simple recurrence with ReLU.
    Rnn,
    /// The simple recurrence with tanh.
    TanhRnn,
    /// The gated recurrent unit.
    Gru,
    /// The long short-term memory.
    Lstm,
    /// The simple recurrence that mixes neighbouring velocities.
    Mixing,
    /// Two simple recurrences, one above the other.
    Stack,
    /// A gated recurrent unit above a simple recurrence.
    MixedStack,
    /// The G-RNN+ with the kernels that make it a FERNN.
    OneHotShift,
    /// Control: the G-RNN+ with random shift kernels.
    LearnedShift,
    /// Control: the simple recurrence with zero-padded convolutions.
    ZeroPadded,
    /// Control: the simple recurrence over rotations with kernels that are not steerable.
    PlainKernels,
    /// Control: the dense recurrence of the textbooks.
    Dense,
}

impl Specimen {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Rnn,
        Self::TanhRnn,
        Self::Gru,
        Self::Lstm,
        Self::Mixing,
        Self::Stack,
        Self::MixedStack,
        Self::OneHotShift,
        Self::LearnedShift,
        Self::ZeroPadded,
        Self::PlainKernels,
        Self::Dense,
    ];

    /// The name in tables and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rnn => "rnn",
            Self::TanhRnn => "rnn-tanh",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
            Self::Mixing => "mixing",
            Self::Stack => "stack",
            Self::MixedStack => "rnn+gru",
            Self::OneHotShift => "one-hot-shift",
            Self::LearnedShift => "learned-shift",
            Self::ZeroPadded => "zero-padded",
            Self::PlainKernels => "plain-kernels",
            Self::Dense => "dense",
        }
    }

    /// Whether the theory claims flow equivariance of it.
    ///
    /// In the co-moving frame flowing the input permutes what the slices are given, whatever is then
    /// done to each of them alike: neither zero padding nor any kernel does harm there.
    pub fn is_flow_equivariant(self, lift: Lift) -> bool {
        match self {
            Self::LearnedShift | Self::Dense => false,
            Self::ZeroPadded | Self::PlainKernels => lift == Lift::CoMoving,
            _ => true,
        }
    }

    /// Whether it commutes with still transformations.
    pub fn is_equivariant(self) -> bool {
        !matches!(self, Self::ZeroPadded | Self::PlainKernels | Self::Dense)
    }

    /// Whether it is defined over a group.
    pub fn is_over(self, group: GroupKind) -> bool {
        match (self, group) {
            (Self::OneHotShift | Self::LearnedShift | Self::ZeroPadded, _) => {
                group == GroupKind::Translation
            }
            (Self::PlainKernels, _) => group != GroupKind::Translation,
            _ => true,
        }
    }

    /// The frames of reference that it comes in.
    pub fn lifts(self) -> &'static [Lift] {
        match self {
            Self::OneHotShift | Self::LearnedShift | Self::Dense => &[Lift::Trivial],
            _ => &[Lift::Trivial, Lift::CoMoving],
        }
    }
}

/// A velocity set by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Velocities {
    /// V^T_N = {−N..N}², or V^R_N = {−N, …, N} times the angle between orientations; N = 0 is the
    /// G-RNN.
    Truncated(u32),
    /// All velocities of the torus, or all of C_N.
    Closed,
}

impl Velocities {
    /// `V0`, `V1`, … or `closed`.
    pub fn name(self) -> String {
        match self {
            Self::Truncated(range) => format!("V{range}"),
            Self::Closed => "closed".into(),
        }
    }

    /// The set of translations of a torus of H × W pixels.
    pub fn on(self, height: usize, width: usize) -> VelocitySet<PixelsPerFrame> {
        match self {
            Self::Truncated(range) => VelocitySet::square(range),
            Self::Closed => VelocitySet::torus(height, width),
        }
    }

    /// The set of rotations in steps of 360°/n.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] when that is no whole number of degrees.
    pub fn about(self, n: usize) -> Result<VelocitySet<DegreesPerFrame>> {
        let closed = VelocitySet::cyclic(n as u32)?;
        Ok(match self {
            Self::Truncated(range) => {
                VelocitySet::multiples(DegreesPerFrame(360 / n as i32), range)
            }
            Self::Closed => closed,
        })
    }
}
