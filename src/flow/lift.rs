//! The two ways of putting an input on V × G.

use serde::{Deserialize, Serialize};

/// How an input frame is lifted to the velocities, and so the frame of reference that hidden states
/// are kept in (Keller 2025, §4 and its appendix).
///
/// Both describe the same network. With h of the trivial and h̃ of the co-moving lift,
/// `h̃_{t+1}(ν) = ψ_t(ν)⁻¹·h_{t+1}(ν)` at every step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lift {
    /// The lab frame: the lifted input is the same for every ν, and every remembered tensor is moved
    /// by ψ_1(ν) before it is used.
    ///
    /// Flowing the input by ν̂ gives `h'_{t+1}(ν) = ψ_t(ν̂)·h_{t+1}(ν − ν̂)`.
    #[default]
    Trivial,
    /// The co-moving frame: frame t is moved by ψ_t(ν)⁻¹ before it is lifted, and nothing that is
    /// remembered moves.
    ///
    /// Flowing the input only moves slices: `h̃'_{t+1}(ν) = h̃_{t+1}(ν − ν̂)`.
    CoMoving,
}

impl Lift {
    /// `trivial` or `co-moving`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::CoMoving => "co-moving",
        }
    }
}
