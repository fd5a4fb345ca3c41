//! How recurrences are computed.

use super::activation::Activation;
use super::kernels::{ConvAlgorithm, Padding};
use super::pooling::VelocityPooling;
use candle_core::Tensor;

/// How a simple recurrence runs: `h_{t+1}(ν) = σ( W ⋆ h_t(ν) + u_t(ν) )`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recurrence {
    /// The non-linearity σ.
    pub activation: Activation,
    /// The pooling over V in the read-out.
    pub pooling: VelocityPooling,
    /// How W is applied. U always is directly, so that states flow bit for bit with the input.
    pub algorithm: ConvAlgorithm,
}

/// How one step of a recurrence is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecurrentStep {
    /// The non-linearity σ.
    pub activation: Activation,
    /// What W reads beyond the border.
    pub padding: Padding,
    /// How W is applied.
    pub algorithm: ConvAlgorithm,
}

/// How a whole sequence runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrolled {
    /// What becomes of memories once the convolutions are done.
    pub update: Update,
    /// The pooling over V in the read-out.
    pub pooling: VelocityPooling,
    /// How W is applied.
    pub algorithm: ConvAlgorithm,
}

/// The point-wise update of a recurrence, from what U and W make of a frame and of the hidden state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// h' = σ(w + u).
    Simple(Activation),
    /// Several maps made of each.
    Gated(Gated),
}

/// A gated update; kernels of the gates are stacked in the order of their equations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gated {
    /// r = sigmoid(w_r + u_r), z = sigmoid(w_z + u_z), n = tanh(r ⊙ w_n + u_n);
    /// h' = (1 − z) ⊙ n + z ⊙ h.
    Gru,
    /// i, a, o = sigmoid(w + u), g = tanh(w_g + u_g), in the order i, a, g, o;
    /// c' = a ⊙ c + i ⊙ g, h' = o ⊙ tanh(c').
    Lstm,
}

impl Update {
    /// Maps of C channels that U and W make each.
    pub fn gates(self) -> usize {
        match self {
            Self::Simple(_) => 1,
            Self::Gated(update) => update.gates(),
        }
    }
}

impl Gated {
    /// Maps of C channels that U and W make each.
    pub const fn gates(self) -> usize {
        match self {
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// Whether there is a memory beside the hidden state.
    pub(super) fn has_cell(self) -> bool {
        self == Self::Lstm
    }
}

impl From<Recurrence> for Unrolled {
    fn from(Recurrence { activation, pooling, algorithm }: Recurrence) -> Self {
        Self { update: Update::Simple(activation), pooling, algorithm }
    }
}

impl Recurrence {
    /// A step of this recurrence.
    pub fn step(self, padding: Padding) -> RecurrentStep {
        RecurrentStep { activation: self.activation, padding, algorithm: self.algorithm }
    }
}

/// The kernels of a recurrence whose W and U make G maps of C channels, stacked.
#[derive(Clone, Copy, Debug)]
pub struct Kernels<'a> {
    /// U (G·C, C_in, kh, kw), odd; `None` where the inputs are feature maps of G·C channels, taken as they
    /// are.
    pub input: Option<&'a Tensor>,
    /// W (G·C, C, kh', kw'), odd.
    pub recurrent: &'a Tensor,
}
