//! The order of carrying and convolving in the lab frame.

use serde::{Deserialize, Serialize};

/// What the lab frame ([`Lift::Trivial`](crate::flow::Lift::Trivial)) does first with a remembered tensor,
/// carrying it along by ψ_1(ν) or convolving it.
///
/// Over translations of a torus, and wherever else the action commutes with the convolution, both are
/// the same. Rotations between pixels interpolate: there the two orders are different networks, and
/// weights trained with one do not fit the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CarryOrder {
    /// `h_{t+1}(ν) = σ( W ⋆ (ψ_1(ν)·h_t(ν)) + U ⋆ f_t )`, as the paper's public code computes it and its
    /// published numbers come from.
    #[default]
    CarryFirst,
    /// `h_{t+1}(ν) = σ( ψ_1(ν)·[W ⋆ h_t(ν)] + U ⋆ f_t )`, as the paper prints the equation (Keller 2025,
    /// §4).
    ConvolveFirst,
}

impl CarryOrder {
    /// Both orders, the default first.
    pub const ALL: [Self; 2] = [Self::CarryFirst, Self::ConvolveFirst];

    /// `carry-first` or `convolve-first`.
    pub fn name(self) -> &'static str {
        match self {
            Self::CarryFirst => "carry-first",
            Self::ConvolveFirst => "convolve-first",
        }
    }
}
