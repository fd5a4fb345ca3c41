//! A forecaster as data: any cell of the list, a decoder, what is fed back.

use super::decoder::{Decoder, DecoderShape, layers};
use super::forecaster::{Feedback, Forecaster};
use super::weights::NamedKernels;
use crate::cells::{AnyLayer, Between, CellChoice, CellShape, Fields, Running};
use crate::error::Result;
use crate::flow::{FlowGroup, FlowSpace, Velocity, VelocitySet};
use crate::ops::Layer;
use crate::parameters::{Initial, Tensors};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A forecaster over any cell of the list.
pub type AnyForecaster<G> = Forecaster<AnyLayer<G>>;

/// What a forecaster is made of and how it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecasterChoice {
    /// The cell.
    pub cell: CellChoice,
    /// What is fed back while decoding.
    pub feedback: Feedback,
    /// Pooling and algorithm.
    #[serde(flatten)]
    pub running: Running,
}

impl Default for ForecasterChoice {
    /// The paper's: the simple cell with ReLU, its output fed back, max pooling.
    fn default() -> Self {
        let (feedback, running) = (Feedback::Output, Running::default());
        Self { cell: CellChoice::SIMPLE, feedback, running }
    }
}

/// Extents of what a forecaster trains; all its kernels are 3×3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecasterShape {
    /// Channels of an input frame.
    pub inputs: usize,
    /// Hidden maps C; over rotations, regular fields of N planes each.
    pub channels: usize,
    /// Channels of a predicted frame.
    pub outputs: usize,
    /// Hidden layers of the decoder, each a 3×3 convolution and a ReLU.
    pub decoder_layers: usize,
    /// The decoder's convolutions.
    #[serde(default)]
    pub decoder: Decoder,
}

/// What the parameters of a cell begin with.
const CELL: &str = "cell";

impl ForecasterShape {
    fn cell(&self, fields: &Fields) -> CellShape {
        let size = match fields {
            Fields::Plain => 3,
            Fields::Steerable(basis) => basis.size(),
        };
        CellShape {
            fields: fields.clone(),
            reads: Between::FrameAndHidden,
            inputs: self.inputs,
            channels: self.channels,
            kernels: (size, size),
        }
    }

    fn decoder(&self) -> DecoderShape {
        let Self { channels, outputs, decoder_layers, decoder, .. } = *self;
        DecoderShape { kind: decoder, hidden: decoder_layers, channels, outputs }
    }
}

impl ForecasterChoice {
    /// What is trained: the cell's parameters, then those of the decoder (over plain maps under the
    /// public code's names).
    pub fn parameters<V: Velocity>(
        &self,
        shape: &ForecasterShape,
        fields: &Fields,
        velocities: &VelocitySet<V>,
    ) -> Vec<Initial> {
        let mut all = self.cell.parameters(CELL, &shape.cell(fields), velocities);
        all.extend(shape.decoder().parameters(fields));
        all
    }

    /// The forecaster over `space` from tensors named as in [`ForecasterChoice::parameters`]. Filters are
    /// expanded here: build anew after every change of what is trained.
    ///
    /// # Errors
    /// [`crate::Error::Weights`] naming what is missing, [`crate::Error::Shape`] when extents disagree.
    pub fn forecaster<G: FlowGroup + 'static>(
        &self,
        (shape, fields): (&ForecasterShape, &Fields),
        tensors: &Tensors,
        space: FlowSpace<G>,
        source: &Path,
    ) -> Result<AnyForecaster<G>> {
        let (padding, cell) = (space.group().padding(), (CELL, &shape.cell(fields)));
        let has_fields = space.group().planes() == 1 || shape.decoder == Decoder::Equivariant;
        let kernels = shape.decoder().kernels(fields, tensors, source)?;
        let cell = self.cell.layer(space, cell, tensors, (self.running, source))?;
        self.decoding(cell, layers(&kernels, padding), has_fields)
    }

    /// The forecaster over `space` from kernels as the operations read them, under the names of the
    /// paper's public code: `cell.conv_u.weight`, `cell.conv_h.weight` and
    /// `decoder_conv.{0,2,…}.weight`; or, of expanded filters, `filters.conv_u`, `filters.conv_h` and
    /// `weights.decoder_conv.{0,2,…}.weight`. Kernel sizes, channels and the decoder's depth follow from
    /// the tensors; `source` is named in errors.
    ///
    /// # Errors
    /// [`crate::Error::Weights`] listing everything missing, unexpected or misshapen.
    pub fn from_kernels<G: FlowGroup + 'static>(
        &self,
        tensors: &Tensors,
        space: FlowSpace<G>,
        source: &Path,
    ) -> Result<AnyForecaster<G>> {
        let velocities = space.velocities().as_slice();
        let shares = G::Velocity::neighbourhood(velocities, self.cell.reach).len();
        let kernels = NamedKernels::read(tensors, (self.cell.kind, shares), source)?;
        let (padding, has_fields) = (space.group().padding(), space.group().planes() == 1);
        let (cell, running) = ((CELL, &kernels.cell_shape()), (self.running, source));
        let layer = self.cell.layer(space, cell, &kernels.cell, running)?;
        self.decoding(layer, layers(&kernels.decoder, padding), has_fields)
    }

    /// The forecaster of a cell and a decoder, between whose layers there are fields or what nothing is claimed of.
    fn decoding<G: FlowGroup + 'static>(
        &self,
        cell: AnyLayer<G>,
        decoder: Vec<Layer>,
        has_fields: bool,
    ) -> Result<AnyForecaster<G>> {
        let model = Forecaster::new(cell, decoder, self.running.algorithm)?;
        let model = if has_fields { model.with_fields_between_layers() } else { model };
        Ok(model.with_feedback(self.feedback))
    }
}
