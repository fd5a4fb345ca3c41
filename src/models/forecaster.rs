//! The sequence-to-sequence model of Flowing MNIST: a recurrent encoder that goes on as a decoder.

use crate::cells::{Cell, unroll_step_by_step};
use crate::error::{Error, Result, expect_shape};
use crate::flow::Sequence;
use crate::ops::{
    ConvAlgorithm, FedAs, Feed, Layer, ReadOut, StackRun, convolution_stack, to_channels_first,
};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// What the decoder feeds back as the next input frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Feedback {
    /// The model's own output, as in the paper.
    #[default]
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
    /// Whether the maps between the decoder's layers are fields as the cell's are.
    has_fields: bool,
}

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

impl<C: Cell> Forecaster<C> {
    /// A forecaster over any cell, which feeds back its output; `decoder` reads what the cell reads
    /// out.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the decoder has no layer.
    ///
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use fernn::cells::TranslationRnn;
    /// use fernn::flow::{Translation, VelocitySet};
    /// use fernn::models::Forecaster;
    /// use fernn::ops::{Activation, ConvAlgorithm, Layer, Padding};
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let (velocities, padding) = (VelocitySet::square(1), Padding::Circular);
    /// let one = Tensor::ones((1, 1, 1, 1), DType::F32, &Device::Cpu)?; // a kernel of one tap
    /// let cell = TranslationRnn::new(Translation, velocities, one.clone(), one.zeros_like()?)?;
    /// let decoder = Layer { kernel: one, activation: Activation::Identity, padding };
    /// let model = Forecaster::new(cell, vec![decoder], ConvAlgorithm::Auto)?;
    /// let seen = Tensor::rand(0f32, 1.0, (2, 3, 1, 5, 7), &Device::Cpu)?; // (B, T, C_in, H, W)
    /// let difference = model.forecast(&seen, 2)?.broadcast_sub(&seen.narrow(1, 2, 1)?)?;
    /// let error = difference.abs()?.sum_all()?.to_scalar::<f32>()?;
    /// assert_eq!(error, 0.0, "without memory it repeats the last frame");
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(cell: C, decoder: Vec<Layer>, algorithm: ConvAlgorithm) -> Result<Self> {
        if decoder.is_empty() {
            return Err(Error::configuration("the decoder", "has no layer", "give it one"));
        }
        Ok(Self { cell, decoder, feedback: Feedback::Output, algorithm, has_fields: false })
    }

    /// The recurrent cell.
    pub fn cell(&self) -> &C {
        &self.cell
    }

    /// The recurrent cell alone.
    pub fn into_cell(self) -> C {
        self.cell
    }

    /// What is fed back while decoding.
    pub fn feedback(&self) -> Feedback {
        self.feedback
    }

    /// Replaces what is fed back while decoding.
    pub fn with_feedback(self, feedback: Feedback) -> Self {
        Self { feedback, ..self }
    }

    /// Says that the maps between the decoder's layers are fields as the cell's hidden maps are (over translations
    /// all maps are): then a [check](crate::equivariance::check) measures the decoder layer by layer.
    pub fn with_fields_between_layers(self) -> Self {
        Self { has_fields: true, ..self }
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

    /// The frames seen with those predicted after them, (B, T + `steps`, C, H, W): what moves with the input.
    ///
    /// # Errors
    /// As [`Forecaster::forecast`].
    pub(crate) fn continued(&self, seen: &Tensor, steps: usize) -> Result<Tensor> {
        Ok(Tensor::cat(&[seen, &self.forecast(seen, steps)?], 1)?)
    }

    /// The maps (B, 1, C, H, W) between the decoder's layers for the first predicted frame, before anything is
    /// fed back that the decoder has made; none unless they
    /// [are fields](Forecaster::with_fields_between_layers).
    ///
    /// # Errors
    /// As [`Forecaster::forecast`].
    pub(crate) fn between_layers(&self, seen: &Tensor) -> Result<Vec<Tensor>> {
        let Some((_, layers)) = self.decoder.split_last().filter(|_| self.has_fields) else {
            return Ok(Vec::new());
        };
        self.check(seen, 1)?;
        let mut last = |read_out: &Tensor| Ok(read_out.clone()); // is not used
        let fed = ReadOut::Fed { steps: 1, feed: &mut last, fed_as: self.fed_as() };
        let mut maps = self.cell.unroll(Sequence::Frames(seen), fed)?.squeeze(0)?;
        let mut all = Vec::with_capacity(layers.len());
        for layer in layers {
            maps = convolution_stack(&maps, std::slice::from_ref(layer), self.algorithm)?;
            all.push(to_channels_first(&maps)?.unsqueeze(1)?);
        }
        Ok(all)
    }

    /// [`Forecaster::forecast`] with the hidden states along the way, step by step: to rounding the same, since
    /// gates are approximated in another way then, and fed back.
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
