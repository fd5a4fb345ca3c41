//! The classifier of the paper: a frame encoder, recurrent layers over V × G, an invariant read-out.

use super::block::{Block, Head, Mode, channels_last};
use super::model::Classifier;
use crate::cells::{AnyLayer, Cell, FlowLayer};
use crate::error::{Error, Result};
use crate::flow::{FlowSpace, Input, Lift, LiftedState, Sequence, Translation};
use crate::ops::{ConvAlgorithm, Padding, ReadOut, pool_velocities};
use candle_core::Tensor;

/// A recurrent layer: the block that its input goes through, and the cell, which adds what comes out.
pub(super) struct RecurrentLayer {
    /// Of the lowest layer none: there the encoder stands.
    pub block: Option<Block>,
    pub cell: AnyLayer<Translation>,
}

/// Frames are encoded one by one, and the recurrence runs over their feature maps; the hidden state after
/// the last frame is pooled over V (maximum), averaged over the plane, and mapped to the classes
/// (Keller 2025, §5; its public code).
///
/// # Equivariance
/// With a circular encoder the hidden states obey the theorem, bit for bit with
/// [`ConvAlgorithm::Direct`], and over a closed set of
/// velocities the logits are invariant under flows, to the rounding of an average over the plane. Over a
/// truncated set they are as far as the border allows. The paper's encoder is padded with zeros, which
/// breaks both at the border of the frame; so do blocks between layers.
pub struct RecurrentClassifier {
    encoder: Vec<Block>,
    layers: Vec<RecurrentLayer>,
    head: Head,
    padding: Padding,
    algorithm: ConvAlgorithm,
}

impl RecurrentClassifier {
    /// The frame of reference of the states of `layers` layers. A block between layers that is padded with
    /// zeros sees where its slices lie, as the public code has it: in the lab frame.
    pub(super) fn lift(layers: usize) -> Lift {
        if layers == 1 { Lift::CoMoving } else { Lift::Trivial }
    }

    pub(super) fn new(
        encoder: Vec<Block>,
        layers: Vec<RecurrentLayer>,
        head: Head,
        (padding, algorithm): (Padding, ConvAlgorithm),
    ) -> Result<Self> {
        if encoder.is_empty() || layers.is_empty() {
            let problem = "has no encoder or no recurrent layer";
            return Err(Error::configuration("the classifier", problem, "give it both"));
        }
        Ok(Self { encoder, layers, head, padding, algorithm })
    }

    /// The space that hidden states live on.
    pub fn space(&self) -> &FlowSpace<Translation> {
        self.layers[0].cell.space()
    }

    /// The feature maps of every frame, channels last (B, T, H, W, C), of clips (B, T, C_in, H, W).
    ///
    /// # Errors
    /// [`Error::Shape`] when extents disagree.
    pub fn encode(&self, clips: &Tensor, mode: &mut Mode) -> Result<Tensor> {
        self.encode_showing(clips, mode, &mut |_| ())
    }

    /// The same, showing to `observe` what comes out of every layer of the encoder, (B, T, H, W, C).
    pub(in crate::models) fn encode_showing(
        &self,
        clips: &Tensor,
        mode: &mut Mode,
        observe: &mut dyn FnMut(&Tensor),
    ) -> Result<Tensor> {
        let mut x = channels_last(clips)?;
        for block in &self.encoder {
            x = block.apply(&x, (self.padding, self.algorithm), mode)?;
            observe(&x);
        }
        Ok(x)
    }

    /// The hidden state of the highest layer after every frame, in evaluation mode and in the lab frame.
    ///
    /// # Shapes
    /// `clips` (B, T, C_in, H, W); result (V, B, T, C, H, W).
    ///
    /// # Errors
    /// [`Error::Shape`] when extents disagree.
    pub fn hidden_states(&self, clips: &Tensor) -> Result<Tensor> {
        let mut states = Vec::new();
        let maps = self.encode(clips, &mut Mode::Evaluation)?;
        self.run(&maps, &mut Mode::Evaluation, &mut |layers| {
            let highest = &layers[layers.len() - 1];
            let lab = self.space().in_lab(highest)?.permute((1, 0, 4, 2, 3))?; // (V, B, C, H, W)
            states.push(lab.contiguous()?);
            Ok(())
        })?;
        Ok(Tensor::stack(&states, 2)?)
    }

    /// The hidden states (B, V, H, W, C) of every layer, the lowest first, after every frame, in evaluation
    /// mode and in the layers' frame of reference.
    ///
    /// # Errors
    /// [`Error::Shape`] when extents disagree.
    pub fn states_of_layers(&self, clips: &Tensor) -> Result<Vec<Vec<Tensor>>> {
        let mut all = vec![Vec::new(); self.layers.len()];
        let maps = self.encode(clips, &mut Mode::Evaluation)?;
        self.run(&maps, &mut Mode::Evaluation, &mut |layers| {
            for (states, layer) in all.iter_mut().zip(layers) {
                states.push(layer.hidden().clone());
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// Runs all layers step by step, showing their states to `observe`; returns the highest one's last.
    fn run(
        &self,
        maps: &Tensor,
        mode: &mut Mode,
        observe: &mut dyn FnMut(&[LiftedState]) -> Result<()>,
    ) -> Result<LiftedState> {
        let sequence = Sequence::MapsChannelsLast(maps);
        let (batch, frames, height, width, _) = maps.dims5()?;
        let zero = |layer: &RecurrentLayer| {
            layer.cell.zero_state(batch, (height, width), maps.dtype(), maps.device())
        };
        let mut states = self.layers.iter().map(zero).collect::<Result<Vec<_>>>()?;
        for t in 0..frames {
            for (place, layer) in self.layers.iter().enumerate() {
                states[place] = match &layer.block {
                    None => layer.cell.step(Input::Map(&sequence.at(t)?), &states[place])?,
                    Some(block) => {
                        let slices = self.through(block, states[place - 1].hidden(), mode)?;
                        layer.cell.step(Input::Lifted(&slices), &states[place])?
                    }
                };
            }
            observe(&states)?;
        }
        states
            .pop()
            .ok_or_else(|| Error::configuration("the classifier", "has no layer", "add one"))
    }

    /// Slices (B, V, H, W, C) through the block between two layers, each as a sample.
    fn through(&self, block: &Block, slices: &Tensor, mode: &mut Mode) -> Result<Tensor> {
        let (batch, velocities, height, width, channels) = slices.dims5()?;
        let samples = slices.reshape((batch * velocities, 1, height, width, channels))?;
        let y = block.apply(&samples, (self.padding, self.algorithm), mode)?;
        Ok(y.reshape((batch, velocities, height, width, y.dims()[4]))?)
    }

    /// The pooled state after the last frame, (B, H, W, C).
    fn last(&self, maps: &Tensor, mode: &mut Mode) -> Result<Tensor> {
        match self.layers.as_slice() {
            [only] => {
                let maps = Sequence::MapsChannelsLast(maps);
                Ok(only.cell.unroll(maps, ReadOut::Last)?.squeeze(0)?)
            }
            _ => {
                let last = self.run(maps, mode, &mut |_| Ok(()))?;
                let highest = &self.layers[self.layers.len() - 1].cell;
                pool_velocities(&highest.space().in_lab(&last)?, highest.pooling())
            }
        }
    }
}

impl Classifier for RecurrentClassifier {
    fn logits(&self, clips: &Tensor, mode: &mut Mode) -> Result<Tensor> {
        let maps = self.encode(clips, mode)?;
        self.head.apply(&self.last(&maps, mode)?.mean((1, 2))?)
    }
}
