//! The sequence-to-sequence model of Flowing MNIST: a recurrent encoder that goes on as a decoder.

use crate::cells::{Cell, FlowRnn, unroll_step_by_step};
use crate::error::{Error, Result, expect_shape};
use crate::flow::{FlowGroup, PixelsPerFrame, Sequence, Translation, VelocitySet};
use crate::ops::{
    Activation, ConvAlgorithm, FedAs, Feed, Layer, Padding, ReadOut, StackRun, VelocityPooling,
};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What the decoder feeds back as the next input frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Feedback {
    /// The model's own output, as in the paper.
    Output,
    /// The model's own output, moved on by each velocity to where it expects it; so is the last
    /// frame seen. With a closed set of velocities this makes predictions flow equivariant, which
    /// frames that are fed back as if they were new do not.
    Flowed,
    /// The model's own output clamped to [0, 1], the range of the data.
    Clamped,
    /// An empty frame after the first predicted step: the hidden state alone carries the motion.
    Silent,
}

/// Extents of a forecaster's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecasterShape {
    /// Channels of an input frame.
    pub inputs: usize,
    /// Hidden channels C.
    pub channels: usize,
    /// Channels of a predicted frame.
    pub outputs: usize,
    /// Hidden layers of the decoder, each a 3×3 convolution and a ReLU.
    pub decoder_layers: usize,
}

/// The parameter names and shapes of a forecaster with 3×3 kernels (the public code's names).
pub fn parameter_shapes(shape: &ForecasterShape) -> Vec<(String, [usize; 4])> {
    let c = shape.channels;
    let mut shapes = vec![
        ("cell.conv_u.weight".to_string(), [c, shape.inputs, 3, 3]),
        ("cell.conv_h.weight".to_string(), [c, c, 3, 3]),
    ];
    for layer in 0..shape.decoder_layers {
        shapes.push((decoder_name(layer), [c, c, 3, 3]));
    }
    shapes.push((decoder_name(shape.decoder_layers), [shape.outputs, c, 3, 3]));
    shapes
}

/// Convolutions of the decoder have even numbers; the odd ones are the ReLUs between them.
fn decoder_name(layer: usize) -> String {
    format!("decoder_conv.{}.weight", 2 * layer)
}

/// Encoder, recurrence and convolutional decoder over any cell whose read-out is (B, C, H, W).
///
/// Encoding runs the cell over the frames seen. The first decoding step is fed the last seen frame
/// again, every later one the model's own output, cut from the autograd graph. Each step: cell,
/// pool over V, decoder (Keller 2025, §5 and its public code).
///
/// # Equivariance
/// Predictions commute with still transformations. They do not flow with the frames seen, not even
/// over a closed set of velocities: the frame fed at step t is that of step t − 1, and the theorem
/// needs one that has moved on. With [`Feedback::Flowed`] they do, over a closed set.
#[derive(Clone, Debug)]
pub struct Forecaster<C> {
    cell: C,
    decoder: Vec<Layer>,
    feedback: Feedback,
    algorithm: ConvAlgorithm,
}

/// The forecaster of Flowing MNIST with translations.
pub type TranslationForecaster = Forecaster<FlowRnn<Translation>>;

/// What a forecaster computed.
#[derive(Clone, Debug)]
pub struct Forecast<S> {
    /// Predicted frames (B, N, C_out, H, W).
    pub outputs: Tensor,
    /// The state after each seen frame; empty unless asked for.
    pub encoder_states: Vec<S>,
    /// The state behind each predicted frame; empty unless asked for.
    pub decoder_states: Vec<S>,
}

impl TranslationForecaster {
    /// The forecaster over `velocities` from tensors named as in [`parameter_shapes`]. Kernel
    /// sizes, channels and decoder depth follow from the tensors; `source` is named in errors.
    ///
    /// # Errors
    /// [`Error::Weights`] listing everything missing, unexpected or misshapen.
    pub fn from_tensors(
        tensors: &BTreeMap<String, Tensor>,
        velocities: VelocitySet<PixelsPerFrame>,
        source: &Path,
    ) -> Result<Self> {
        let prefixes = ("cell.conv_u.weight", "cell.conv_h.weight", "");
        let (names, kernels) = named_kernels(tensors, prefixes, source)?;
        let problems = kernel_problems(&names, &kernels);
        if !problems.is_empty() {
            return Err(Error::Weights { path: source.to_path_buf(), problems });
        }
        let cell = FlowRnn::new(Translation, velocities, kernels[0].clone(), kernels[1].clone())?;
        let decoder = decoder_layers(&kernels[2..], Padding::Circular);
        Self::new(cell, decoder, ConvAlgorithm::Auto)
    }
}

impl<G: FlowGroup> Forecaster<FlowRnn<G>> {
    /// Replaces the recurrence's non-linearity.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { cell: self.cell.with_activation(activation), ..self }
    }

    /// Replaces how the convolutions of cell and decoder are computed.
    pub fn with_algorithm(self, algorithm: ConvAlgorithm) -> Self {
        Self { cell: self.cell.with_algorithm(algorithm), algorithm, ..self }
    }

    /// Replaces the pooling over V.
    pub fn with_pooling(self, pooling: VelocityPooling) -> Self {
        Self { cell: self.cell.with_pooling(pooling), ..self }
    }
}

/// The kernels U, W and those of the decoder with their names; `names` are those of U and W and what
/// stands before the decoder's.
pub(super) fn named_kernels(
    tensors: &BTreeMap<String, Tensor>,
    (input, recurrent, before): (&str, &str, &str),
    source: &Path,
) -> Result<(Vec<String>, Vec<Tensor>)> {
    let decoder = format!("{before}decoder_conv.");
    let layers = tensors.keys().filter(|name| name.starts_with(&decoder)).count();
    let mut names = vec![input.to_string(), recurrent.to_string()];
    names.extend((0..layers.max(1)).map(|layer| format!("{before}{}", decoder_name(layer))));
    let mut problems: Vec<String> = names
        .iter()
        .filter(|name| !tensors.contains_key(*name))
        .map(|name| format!("`{name}` is missing"))
        .collect();
    let unexpected = tensors.keys().filter(|name| !names.contains(name));
    problems.extend(unexpected.map(|name| format!("`{name}` is unexpected")));
    if !problems.is_empty() {
        return Err(Error::Weights { path: source.to_path_buf(), problems });
    }
    let kernels = names.iter().map(|name| tensors[name].clone()).collect();
    Ok((names, kernels))
}

/// Kernels as layers with a ReLU between them.
pub(super) fn decoder_layers(kernels: &[Tensor], padding: Padding) -> Vec<Layer> {
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

/// Everything wrong with the kernels' ranks, sizes and channels, in words; U comes first.
pub(super) fn kernel_problems(names: &[String], tensors: &[Tensor]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut channels = None;
    for (name, tensor) in names.iter().zip(tensors) {
        let &[outputs, inputs, kh, kw] = tensor.dims() else {
            problems.push(format!("`{name}` has shape {:?}, expected four extents", tensor.dims()));
            continue;
        };
        if kh % 2 == 0 || kw % 2 == 0 {
            problems.push(format!("`{name}` has an even kernel size {kh}×{kw}"));
        }
        let is_input = names.first() == Some(name);
        let hidden = *channels.get_or_insert(outputs);
        let is_last = names.last() == Some(name);
        if (!is_input && inputs != hidden) || (!is_input && !is_last && outputs != hidden) {
            problems.push(format!("`{name}` has shape {:?}, expected C = {hidden}", tensor.dims()));
        }
    }
    problems
}

impl<C: Cell> Forecaster<C> {
    /// A forecaster over any cell, which feeds back its output; `decoder` reads what the cell reads
    /// out.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the decoder has no layer.
    pub fn new(cell: C, decoder: Vec<Layer>, algorithm: ConvAlgorithm) -> Result<Self> {
        if decoder.is_empty() {
            return Err(Error::configuration("the decoder", "has no layer", "give it one"));
        }
        Ok(Self { cell, decoder, feedback: Feedback::Output, algorithm })
    }

    /// The recurrent cell.
    pub fn cell(&self) -> &C {
        &self.cell
    }

    /// Replaces what is fed back while decoding.
    pub fn with_feedback(self, feedback: Feedback) -> Self {
        Self { feedback, ..self }
    }

    /// Predicts `steps` frames after the frames seen.
    ///
    /// # Shapes
    /// `seen` (B, T, C_in, H, W) with T ≥ 1; result (B, `steps`, C_out, H, W).
    ///
    /// # Errors
    /// [`Error::Shape`] when extents disagree, also when outputs are fed back and C_out ≠ C_in.
    pub fn forecast(&self, seen: &Tensor, steps: usize) -> Result<Tensor> {
        self.check(seen, steps)?;
        self.decode(seen, |feed| {
            let fed = ReadOut::Fed { steps, feed, fed_as: self.fed_as() };
            self.cell.unroll(Sequence::Frames(seen), fed)
        })
    }

    /// [`Forecaster::forecast`] with the hidden states along the way.
    pub fn forecast_with_states(&self, seen: &Tensor, steps: usize) -> Result<Forecast<C::State>> {
        self.check(seen, steps)?;
        let mut states = Vec::new();
        let outputs = self.decode(seen, |feed| {
            let mut keep = |state: &C::State| states.push(state.clone());
            let fed = ReadOut::Fed { steps, feed, fed_as: self.fed_as() };
            unroll_step_by_step(&self.cell, Sequence::Frames(seen), fed, &mut keep)
        })?;
        let decoder_states = states.split_off(seen.dims()[1]);
        Ok(Forecast { outputs, encoder_states: states, decoder_states })
    }

    /// How what is fed back is taken.
    fn fed_as(&self) -> FedAs {
        if self.feedback == Feedback::Flowed { FedAs::Former } else { FedAs::New }
    }

    fn check(&self, seen: &Tensor, steps: usize) -> Result<()> {
        let any = ["B", "T", "C_in", "H", "W"].map(|name| (name, None));
        expect_shape("input sequence", seen, &any)?;
        let (batch, frames, inputs, height, width) = seen.dims5()?;
        if frames == 0 || steps == 0 {
            return Err(Error::configuration(
                "the sequence",
                format!("has {frames} seen and {steps} predicted frames"),
                "ask for at least one of each",
            ));
        }
        let outputs = self.decoder.last().map_or(inputs, |layer| layer.kernel.dims()[0]);
        if steps > 1 && outputs != inputs && self.feedback != Feedback::Silent {
            return Err(Error::Shape {
                what: "fed-back output",
                expected: format!("(B, C_in={inputs}, H, W)"),
                got: vec![batch, outputs, height, width],
            });
        }
        Ok(())
    }

    /// Decodes what `unroll` reads out step by step, feeding back what was decoded.
    fn decode(
        &self,
        seen: &Tensor,
        unroll: impl FnOnce(&mut Feed<'_>) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (_, _, inputs, height, width) = seen.dims5()?;
        let mut decoding = StackRun::new(&self.decoder, (height, width), self.algorithm)?;
        let mut feed = |read_out: &Tensor| self.fed_back(&decoding.step(read_out)?, inputs);
        let read_outs = unroll(&mut feed)?;
        let outputs = decoding.finish(&read_outs)?; // (N, B, H, W, C_out)
        Ok(outputs.permute((1, 0, 4, 2, 3))?.contiguous()?)
    }

    fn fed_back(&self, output: &Tensor, inputs: usize) -> Result<Tensor> {
        match self.feedback {
            Feedback::Silent => {
                let (batch, height, width, _) = output.dims4()?;
                let shape = (batch, height, width, inputs);
                Ok(Tensor::zeros(shape, output.dtype(), output.device())?)
            }
            Feedback::Clamped => Ok(output.clamp(0.0, 1.0)?),
            Feedback::Output | Feedback::Flowed => Ok(output.clone()),
        }
    }
}
