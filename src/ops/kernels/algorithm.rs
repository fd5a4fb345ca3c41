//! The choice of an algorithm for a convolution, and of the channels that it stores.

use super::geometry::{Geometry, Plane};
use super::lanes::{Float, InstructionSet};
use super::register_tile::block;
use serde::{Deserialize, Serialize};

/// How a convolution is computed.
///
/// [`ConvAlgorithm::Direct`] sums each output over taps and channels in one order for every pixel:
/// it commutes with translations bit for bit. [`ConvAlgorithm::Winograd`] is F(4×4, 3×3), two to
/// three times faster; its result depends in the last bits on where a pixel lies in its tile. In
/// f32, with 16 to 128 channels, its 2-norm error against f64 is about four times that of the
/// direct kernel, 1e-6 to 2.3e-6 of the result (AVX-512; a unit test prints it). Layers that it does not fit (other kernel sizes,
/// a single channel) are computed directly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConvAlgorithm {
    /// Sums over taps and channels.
    Direct,
    /// Winograd F(4×4, 3×3) wherever it fits.
    Winograd,
    /// Winograd for 3×3 kernels with at least 8 channels on both sides, on a plane that fills at
    /// least half of its 4×4 tiles; else direct.
    #[default]
    Auto,
}

impl ConvAlgorithm {
    /// `direct`, `winograd` or `auto`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Winograd => "winograd",
            Self::Auto => "auto",
        }
    }
}

/// What runs in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Direct,
    Winograd,
    /// One input channel: unfold it, then a matrix product.
    OneInput,
    /// One output channel: a matrix product, then fold.
    OneOutput,
}

impl Method {
    /// `channels` are the kernel's own (outputs, inputs).
    pub fn choose<T: Float>(
        set: InstructionSet,
        algorithm: ConvAlgorithm,
        g: &Geometry,
        channels: (usize, usize),
    ) -> Self {
        let whole = |channels: usize| channels.is_multiple_of(block(channels, T::lanes(set)));
        let Plane { height, width } = g.plane;
        let fits =
            g.kernel_height == 3 && g.kernel_width == 3 && whole(g.inputs) && whole(g.outputs);
        let pays = channels.0.min(channels.1) >= ENOUGH_CHANNELS
            && 2 * g.plane.pixels() >= height.next_multiple_of(4) * width.next_multiple_of(4);
        if g.inputs == 1 && whole(g.outputs) {
            return Self::OneInput;
        }
        if g.outputs == 1 && whole(g.inputs) {
            return Self::OneOutput;
        }
        match algorithm {
            ConvAlgorithm::Winograd if fits => Self::Winograd,
            ConvAlgorithm::Auto if fits && pays => Self::Winograd,
            _ => Self::Direct,
        }
    }
}

/// Channels that Winograd needs to pay off, and that are worth being padded to whole vectors.
const ENOUGH_CHANNELS: usize = 8;

/// Channels as stored: whole blocks of vectors, except for a few channels.
pub(crate) fn stored_channels<T: Float>(channels: usize) -> usize {
    match channels {
        ..ENOUGH_CHANNELS => channels,
        _ => padded(channels, T::lanes(InstructionSet::best())),
    }
}

/// Columns rounded up to whole blocks.
pub(super) fn padded(columns: usize, lanes: usize) -> usize {
    columns.next_multiple_of(block(columns, lanes))
}
