//! How hidden maps become a frame.

use crate::cells::{Between, Fields, Maps};
use crate::error::Result;
use crate::ops::{Activation, Layer, Padding};
use crate::parameters::{Initial, Tensors};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The kind of convolutions in a decoder; over plain maps both are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decoder {
    /// Ordinary convolutions over all planes, as in the paper: over rotations equivariant to none.
    #[default]
    Plain,
    /// Group convolutions, and at the end one from hidden fields to a plane, which sums over
    /// orientations: equivariant, with far fewer parameters.
    Equivariant,
}

/// Extent of the decoder's kernels.
const KERNEL: usize = 3;

/// The extents of a decoder: `hidden` layers, each a convolution and a ReLU, and a last convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct DecoderShape {
    pub kind: Decoder,
    pub hidden: usize,
    /// Hidden maps that it reads.
    pub channels: usize,
    /// Channels of a frame.
    pub outputs: usize,
}

/// Convolutions of the decoder have even numbers; the odd ones are the ReLUs between them.
pub(super) fn layer_name(layer: usize) -> String {
    format!("decoder_conv.{}", 2 * layer)
}

impl DecoderShape {
    /// The fields that its kernels are made of, the maps of each in planes where they are plain.
    fn fields<'a>(&self, hidden: &'a Fields) -> (&'a Fields, usize) {
        match self.kind {
            Decoder::Equivariant => (hidden, self.channels),
            Decoder::Plain => (&Fields::Plain, self.channels * hidden.planes()),
        }
    }

    fn is_last(&self, layer: usize) -> bool {
        layer == self.hidden
    }

    fn between(&self, layer: usize) -> Between {
        if self.is_last(layer) { Between::HiddenAndFrame } else { Between::Hidden }
    }

    /// What is trained, layer by layer.
    pub fn parameters(&self, hidden: &Fields) -> Vec<Initial> {
        let (fields, channels) = self.fields(hidden);
        let one = |layer: usize| {
            let outputs = if self.is_last(layer) { self.outputs } else { channels };
            let maps = Maps { outputs, inputs: channels, size: KERNEL };
            fields.initial(&layer_name(layer), self.between(layer), maps, 1)
        };
        (0..=self.hidden).map(one).collect()
    }

    /// The kernels, layer by layer.
    pub fn kernels(
        &self,
        hidden: &Fields,
        tensors: &Tensors,
        source: &Path,
    ) -> Result<Vec<Tensor>> {
        let (fields, _) = self.fields(hidden);
        let one = |layer| fields.kernel(tensors, &layer_name(layer), self.between(layer), source);
        (0..=self.hidden).map(one).collect()
    }
}

/// Kernels as layers with a ReLU between them.
pub(super) fn layers(kernels: &[Tensor], padding: Padding) -> Vec<Layer> {
    let layer = |(number, kernel): (usize, &Tensor)| Layer {
        kernel: kernel.clone(),
        activation: match number + 1 == kernels.len() {
            true => Activation::Identity,
            false => Activation::Relu,
        },
        padding,
    };
    kernels.iter().enumerate().map(layer).collect()
}
