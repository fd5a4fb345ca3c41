//! The recurrent network of the textbooks, which knows nothing of space.

use super::cell::Cell;
use crate::error::{Error, Result, expect_shape};
use crate::flow::Input;
use crate::ops::{self, Activation};
use candle_core::{DType, Device, Tensor};

/// `h_{t+1} = σ( W·h_t + U·f_t )` with dense matrices over whole flattened frames (Elman, 1990).
///
/// Its hidden vector has K = C·H·W entries, so that it can be read out as C maps: the control that
/// is equivariant to nothing, neither static nor flowing.
#[derive(Clone, Debug)]
pub struct DenseRnn {
    input_weights: Tensor,
    recurrent_weights: Tensor,
    maps: MapExtents,
    activation: Activation,
}

/// The extents of the maps (C, H, W) that a hidden vector is read out as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapExtents {
    /// Channels C.
    pub channels: usize,
    /// Rows H.
    pub height: usize,
    /// Columns W.
    pub width: usize,
}

impl DenseRnn {
    /// A cell whose hidden vector is read out as `maps`.
    ///
    /// # Shapes
    /// `input_weights` U (K, C_in·H·W), `recurrent_weights` W (K, K), K = C·H·W.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when extents disagree.
    pub fn new(
        input_weights: Tensor,
        recurrent_weights: Tensor,
        maps: MapExtents,
        activation: Activation,
    ) -> Result<Self> {
        let k = Some(maps.channels * maps.height * maps.width);
        expect_shape("input weights", &input_weights, &[("K", k), ("C_in·H·W", None)])?;
        expect_shape("recurrent weights", &recurrent_weights, &[("K", k), ("K", k)])?;
        Ok(Self { input_weights, recurrent_weights, maps, activation })
    }

    /// Everything that is trained.
    pub fn parameters(&self) -> Vec<&Tensor> {
        vec![&self.input_weights, &self.recurrent_weights]
    }

    /// U·f of a frame (B, C_in, H, W).
    fn drive(&self, frame: &Tensor) -> Result<Tensor> {
        let inputs = Some(self.input_weights.dims()[1]);
        let flat = frame.flatten_from(1)?;
        expect_shape("flattened frame", &flat, &[("B", None), ("C_in·H·W", inputs)])?;
        Ok(flat.contiguous()?.matmul(&self.input_weights.t()?)?)
    }
}

impl Cell for DenseRnn {
    /// The hidden vectors (B, K).
    type State = Tensor;

    fn zero_state(
        &self,
        batch: usize,
        _extents: (usize, usize),
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        Ok(Tensor::zeros((batch, self.recurrent_weights.dims()[0]), dtype, device)?)
    }

    /// Takes frames, new and former ones alike, and maps (B, C, H, W) of its own extents.
    fn step(&self, input: Input<'_>, state: &Tensor) -> Result<Tensor> {
        let driven = match input {
            Input::Frame(frame) | Input::FormerFrame(frame) => self.drive(frame)?,
            Input::Map(map) => {
                let MapExtents { channels, height, width } = self.maps;
                let (c, h, w) = (Some(channels), Some(height), Some(width));
                let dims = [("B", None), ("C", c), ("H", h), ("W", w)];
                expect_shape("feature map", map, &dims)?;
                map.flatten_from(1)?.contiguous()?
            }
            Input::Lifted(_) => {
                let problem = "has no velocities, and was given a lifted map";
                return Err(Error::configuration("the dense cell", problem, "give it frames"));
            }
        };
        let sum = (state.matmul(&self.recurrent_weights.t()?)? + driven)?;
        ops::activate(&sum, self.activation)
    }

    fn read_out(&self, state: &Tensor) -> Result<Tensor> {
        let MapExtents { channels, height, width } = self.maps;
        Ok(state.reshape((state.dims()[0], channels, height, width))?)
    }

    fn detach(&self, state: &Tensor) -> Tensor {
        state.detach()
    }
}
