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

impl Recurrence {
    /// A step of this recurrence.
    pub fn step(self, padding: Padding) -> RecurrentStep {
        RecurrentStep { activation: self.activation, padding, algorithm: self.algorithm }
    }
}

/// The kernels of a simple recurrence.
#[derive(Clone, Copy, Debug)]
pub struct Kernels<'a> {
    /// U (C, C_in, kh, kw), odd; `None` where the inputs are feature maps of C channels, added as they
    /// are.
    pub input: Option<&'a Tensor>,
    /// W (C, C, kh', kw'), odd.
    pub recurrent: &'a Tensor,
}
