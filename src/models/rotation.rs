//! The forecaster of rotating sequences: steerable filters, a recurrence over C_N, a decoder.

use super::forecaster::{Forecaster, decoder_layers, kernel_problems, named_kernels};
use super::parameters::{Draw, Initial};
use crate::cells::FlowRnn;
use crate::error::{Error, Result};
use crate::flow::{FlowSpace, Rotation};
use crate::ops::{ConvAlgorithm, Padding, SteerableBasis};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// How hidden fields become a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decoder {
    /// Ordinary convolutions over all C·N planes, as in the paper: equivariant to no rotation.
    Plain,
    /// Group convolutions, and at the end one from regular fields to a plane, which sums over
    /// orientations: equivariant, with far fewer parameters.
    Equivariant,
}

/// Extents of a rotation forecaster's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationShape {
    /// Channels of an input frame.
    pub inputs: usize,
    /// Hidden regular fields C; each is N planes.
    pub fields: usize,
    /// Orientations N.
    pub orientations: usize,
    /// Extent of the steerable filters, 3 or 5.
    pub filter_size: usize,
    /// Channels of a predicted frame.
    pub outputs: usize,
    /// Hidden layers of the decoder, each a convolution and a ReLU.
    pub decoder_layers: usize,
    /// The decoder.
    pub decoder: Decoder,
}

/// The forecaster of rotating sequences.
pub type RotationForecaster = Forecaster<FlowRnn<Rotation>>;

const LIFTING: &str = "cell.conv_u.coefficients";
const REGULAR: &str = "cell.conv_h.coefficients";

impl RotationShape {
    /// Names, shapes and first values of everything that is trained.
    ///
    /// Steerable coefficients are normal, of a variance with which a layer makes maps of the size of those
    /// that it reads (He et al. 2015, generalised to steerable filters by Weiler et al. 2018, without
    /// their factor 2 for the ReLU: a recurrence adds the input at every step); ordinary kernels are
    /// PyTorch's default.
    ///
    /// # Errors
    /// [`Error::Configuration`] as [`SteerableBasis::new`].
    pub fn parameters(&self) -> Result<Vec<Initial>> {
        let d = self.basis()?.len();
        let Self { inputs, fields: c, orientations: n, outputs, .. } = *self;
        let steerable = |name: String, shape: &[usize]| {
            let read = shape[1..].iter().product::<usize>();
            Initial { name, shape: shape.to_vec(), draw: Draw::Normal((1.0 / read as f64).sqrt()) }
        };
        let mut all = vec![
            steerable(LIFTING.into(), &[c, inputs, d]),
            steerable(REGULAR.into(), &[c, c, n, d]),
        ];
        for layer in 0..=self.decoder_layers {
            let is_last = layer == self.decoder_layers;
            let name = self.decoder_name(layer);
            all.push(match (self.decoder, is_last) {
                (Decoder::Plain, false) => Initial::convolution(name, [c * n, c * n, 3, 3]),
                (Decoder::Plain, true) => Initial::convolution(name, [outputs, c * n, 3, 3]),
                (Decoder::Equivariant, false) => steerable(name, &[c, c, n, d]),
                (Decoder::Equivariant, true) => steerable(name, &[outputs, c, d]),
            });
        }
        Ok(all)
    }

    fn basis(&self) -> Result<SteerableBasis> {
        SteerableBasis::new(self.orientations, self.filter_size)
    }

    fn decoder_name(&self, layer: usize) -> String {
        let kind = match self.decoder {
            Decoder::Plain => "weight",
            Decoder::Equivariant => "coefficients",
        };
        format!("decoder_conv.{}.{kind}", 2 * layer)
    }

    /// The forecaster over `space` whose filters are expanded from coefficients named as in
    /// [`RotationShape::parameters`]. Expand anew after every change of the coefficients.
    ///
    /// # Errors
    /// [`Error::Weights`] naming what is missing; [`Error::Shape`] when extents disagree.
    pub fn forecaster(
        &self,
        tensors: &BTreeMap<String, Tensor>,
        space: FlowSpace<Rotation>,
        source: &Path,
    ) -> Result<RotationForecaster> {
        let find = |name: &str| {
            tensors.get(name).ok_or_else(|| Error::Weights {
                path: source.to_path_buf(),
                problems: vec![format!("`{name}` is missing")],
            })
        };
        let basis = self.basis()?;
        let (u, w) = (basis.lifting(find(LIFTING)?)?, basis.regular(find(REGULAR)?)?);
        let kernel = |layer: usize| -> Result<Tensor> {
            let tensor = find(&self.decoder_name(layer))?;
            match self.decoder {
                Decoder::Plain => Ok(tensor.clone()),
                Decoder::Equivariant if layer == self.decoder_layers => basis.projecting(tensor),
                Decoder::Equivariant => basis.regular(tensor),
            }
        };
        let kernels = (0..=self.decoder_layers).map(kernel).collect::<Result<Vec<_>>>()?;
        let cell = FlowRnn::over(space, u, w)?;
        Forecaster::new(cell, decoder_layers(&kernels, Padding::Zero), ConvAlgorithm::Auto)
    }
}

impl RotationForecaster {
    /// The forecaster over `space` from filters that are expanded already: `filters.conv_u` (C·N, C_in,
    /// k, k), `filters.conv_h` (C·N, C·N, k', k') and `weights.decoder_conv.{0,2,…}.weight`.
    ///
    /// # Errors
    /// [`Error::Weights`] listing everything missing, unexpected or misshapen, also when the hidden
    /// planes are no whole fields of N orientations.
    pub fn from_filters(
        tensors: &BTreeMap<String, Tensor>,
        space: FlowSpace<Rotation>,
        source: &Path,
    ) -> Result<Self> {
        let prefixes = ("filters.conv_u", "filters.conv_h", "weights.");
        let (names, kernels) = named_kernels(tensors, prefixes, source)?;
        let mut problems = kernel_problems(&names, &kernels);
        let (n, planes) = (space.group().orientations(), kernels[1].dims()[0]);
        if planes % n != 0 {
            problems.push(format!(
                "`{}` makes {planes} planes, no multiple of --orientations {n}",
                names[1]
            ));
        }
        if !problems.is_empty() {
            return Err(Error::Weights { path: source.to_path_buf(), problems });
        }
        let cell = FlowRnn::over(space, kernels[0].clone(), kernels[1].clone())?;
        Self::new(cell, decoder_layers(&kernels[2..], Padding::Zero), ConvAlgorithm::Auto)
    }
}
