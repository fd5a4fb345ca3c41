//! What the tensors of a classifier are called, as in the paper's public code.

use super::block::BatchNorm;
use super::block::{Block, Head};
use crate::error::{Error, Result};
use crate::parameters::{Draw, Initial, Tensors};
use candle_core::Tensor;
use std::path::Path;

/// Convolutions of the frame encoder.
pub(super) const ENCODER: [&str; 3] =
    ["lstm.conv_u_first.0", "lstm.conv_u_first.3", "lstm.conv_u_first.6"];

/// Batch normalisations of the frame encoder.
pub(super) const ENCODER_NORMS: [&str; 3] =
    ["lstm.conv_u_first.1", "lstm.conv_u_first.4", "lstm.conv_u_first.7"];

/// The learned shifts of the G-RNN+, the same in all layers.
pub(super) const SHIFTS: &str = "lstm.learned_kernels";

/// One-hot kernels of the velocities, which the public code saves beside what is trained.
pub(super) const SHIFT_BUFFER: &str = "lstm.shift_kernels";

/// The linear layer of a recurrent classifier.
pub(super) const HEAD: &str = "fc";

/// Blocks of the 3-D CNN; convolution and normalisation are their parts 0 and 1.
pub(super) const VIDEO: [&str; 5] = ["st1", "st2.0", "st2.1", "st3.0", "st3.1"];

/// The linear layer of the 3-D CNN.
pub(super) const VIDEO_HEAD: &str = "head";

/// The recurrent convolution of a layer, from 0.
pub(super) fn recurrent(layer: usize) -> String {
    format!("lstm.conv_h_layers.{layer}.0")
}

/// Convolution and normalisation between layer `layer` − 1 and `layer` ≥ 1.
pub(super) fn between(layer: usize) -> [String; 2] {
    [0, 1].map(|part| format!("lstm.conv_u_layers.{}.{part}", layer - 1))
}

/// Convolution and normalisation of a block of the 3-D CNN.
pub(super) fn video(block: &str) -> [String; 2] {
    [0, 1].map(|part| format!("{block}.{part}"))
}

fn weight(name: &str) -> String {
    format!("{name}.weight")
}

fn bias(name: &str) -> String {
    format!("{name}.bias")
}

/// A kernel with PyTorch's default: uniform in ±1/√fan_in.
pub(super) fn kernel(name: &str, shape: &[usize]) -> Initial {
    let fan_in: usize = shape[1..].iter().product();
    Initial::trained(weight(name), shape, Draw::Uniform(1.0 / (fan_in as f64).sqrt()))
}

/// γ = 1, β = 0, running mean 0 and variance 1.
pub(super) fn norm(name: &str, channels: usize) -> [Initial; 4] {
    [
        Initial::trained(weight(name), &[channels], Draw::Constant(1.0)),
        Initial::trained(bias(name), &[channels], Draw::Constant(0.0)),
        Initial::statistic(BatchNorm::mean_name(name), &[channels], 0.0),
        Initial::statistic(BatchNorm::variance_name(name), &[channels], 1.0),
    ]
}

/// A linear layer with PyTorch's default: both uniform in ±1/√(features).
pub(super) fn linear(name: &str, [outputs, inputs]: [usize; 2]) -> [Initial; 2] {
    let draw = Draw::Uniform(1.0 / (inputs as f64).sqrt());
    [
        Initial::trained(weight(name), &[outputs, inputs], draw),
        Initial::trained(bias(name), &[outputs], draw),
    ]
}

/// Tensors of a model by the names of its parts; `source` is named in errors.
pub(super) struct Named<'a> {
    pub tensors: &'a Tensors,
    pub source: &'a Path,
}

impl Named<'_> {
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        self.tensors.get(name).cloned().ok_or_else(|| Error::Weights {
            path: self.source.to_path_buf(),
            problems: vec![format!("`{name}` is missing")],
        })
    }

    pub fn kernel(&self, name: &str) -> Result<Tensor> {
        self.tensor(&weight(name))
    }

    pub fn block(&self, convolution: &str, norm: &str) -> Result<Block> {
        let norm = BatchNorm {
            name: norm.to_string(),
            gain: self.tensor(&weight(norm))?,
            bias: self.tensor(&bias(norm))?,
            mean: self.tensor(&BatchNorm::mean_name(norm))?,
            variance: self.tensor(&BatchNorm::variance_name(norm))?,
        };
        Ok(Block { kernel: self.kernel(convolution)?, norm })
    }

    pub fn head(&self, name: &str) -> Result<Head> {
        Ok(Head { weight: self.kernel(name)?, bias: self.tensor(&bias(name))? })
    }
}
