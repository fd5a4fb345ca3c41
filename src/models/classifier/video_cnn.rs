//! The 3-D CNN that recurrent classifiers are compared with.

use super::block::{Block, Head, Mode, channels_last};
use super::model::Classifier;
use crate::error::Result;
use crate::ops::{ConvAlgorithm, Padding, Strides};
use candle_core::Tensor;

/// Blocks over time and space in three stages, an average over everything that is left, and a linear layer
/// (the paper's public code). The first stage halves time, each further one the plane.
///
/// # Equivariance
/// To no flow: it is the baseline without memory and without velocities.
pub struct VideoCnn {
    blocks: Vec<(Block, Strides)>,
    head: Head,
    padding: Padding,
    algorithm: ConvAlgorithm,
}

/// Strides of the blocks, in order.
pub(super) const STRIDES: [Strides; 5] = [
    Strides { time: 2, space: 1 },
    Strides { time: 1, space: 2 },
    Strides { time: 1, space: 1 },
    Strides { time: 1, space: 2 },
    Strides { time: 1, space: 1 },
];

impl VideoCnn {
    pub(super) fn new(
        blocks: [Block; 5],
        head: Head,
        (padding, algorithm): (Padding, ConvAlgorithm),
    ) -> Self {
        Self { blocks: blocks.into_iter().zip(STRIDES).collect(), head, padding, algorithm }
    }
}

impl Classifier for VideoCnn {
    fn logits(&self, clips: &Tensor, mode: &mut Mode) -> Result<Tensor> {
        let mut x = channels_last(clips)?;
        for (block, strides) in &self.blocks {
            x = block.apply_3d(&x, *strides, (self.padding, self.algorithm), mode)?;
        }
        self.head.apply(&x.mean((1, 2, 3))?)
    }
}
