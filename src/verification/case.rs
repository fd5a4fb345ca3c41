//! What a kind of cell is measured with: a space, extents, random weights and frames.

use super::group::{Velocities, VerifiedGroup};
use super::sizes::Sizes;
use crate::cells::{Between, Fields, Maps};
use crate::equivariance::{Blobs, blobs, noise};
use crate::error::Result;
use crate::flow::{FlowSpace, Lift};
use crate::ops::{Activation, ConvAlgorithm, Layer};
use crate::rng::Stream;
use candle_core::{DType, Device, Tensor};

/// Where a kind of cell is measured: its weights and frames are a function of the fields.
#[derive(Clone, Debug)]
pub struct Case<G> {
    /// Over which group.
    pub group: G,
    /// The frame of reference.
    pub lift: Lift,
    /// The velocities.
    pub velocities: Velocities,
    /// How it convolves, if it has a choice.
    pub algorithm: ConvAlgorithm,
    /// The extents.
    pub sizes: Sizes,
    /// Seed of weights and frames.
    pub seed: u64,
}

impl<G: VerifiedGroup> Case<G> {
    /// The case of the fixed list.
    pub fn of_list(
        group: &G,
        lift: Lift,
        velocities: Velocities,
        algorithm: ConvAlgorithm,
        seed: u64,
    ) -> Self {
        let sizes = group.sizes(velocities);
        Self { group: group.clone(), lift, velocities, algorithm, sizes, seed }
    }

    /// (H, W) of the frames.
    pub fn extents(&self) -> (usize, usize) {
        (self.sizes.height, self.sizes.width)
    }

    /// What a cell is built over.
    ///
    /// # Errors
    /// As [`VerifiedGroup::set`].
    pub fn space(&self) -> Result<FlowSpace<G>> {
        let velocities = self.group.set(self.velocities, self.extents())?;
        Ok(FlowSpace::new(self.group.clone(), velocities, self.lift))
    }

    /// Random weights of a name and a shape (outputs, …), over steerable fields also (shares, outputs, …):
    /// normal, of variance 1 / fan-in, with which states neither vanish nor explode.
    ///
    /// # Errors
    /// Those of tensor operations.
    pub fn weights(&self, name: &str, shape: &[usize], dtype: DType) -> Result<Tensor> {
        let outputs = if shape.len() == 5 { shape[1] } else { shape[0] };
        let fan_in = shape.iter().product::<usize>() / outputs;
        self.draw(name, shape, 1.0 / (fan_in as f64).sqrt(), dtype)
    }

    /// Normal numbers of a scale.
    pub(super) fn draw(
        &self,
        name: &str,
        shape: &[usize],
        scale: f64,
        dtype: DType,
    ) -> Result<Tensor> {
        let mut stream = Stream::new(self.seed, &format!("verification/{name}"), 0);
        let values: Vec<f64> =
            (0..shape.iter().product()).map(|_| scale * stream.normal()).collect();
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?)
    }

    /// Random frames (B, T, C_in, H, W): noise; smooth blobs around the centre where the group
    /// interpolates, since what is as fine as the grid cannot be interpolated.
    ///
    /// # Errors
    /// Those of tensor operations.
    pub fn frames(&self, dtype: DType) -> Result<Tensor> {
        let Sizes { batch, frames, inputs, height, width, .. } = self.sizes;
        let shape = [batch, frames, inputs, height, width];
        let frames = match self.group.is_exact() {
            true => noise(shape, self.seed)?,
            false => blobs(shape, self.seed, BLOBS)?,
        };
        Ok(frames.to_dtype(dtype)?)
    }

    /// Two random decoder layers from hidden planes, which are made of `fields`, to the channels of a frame.
    pub(super) fn decoder(
        &self,
        fields: &Fields,
        planes: usize,
        dtype: DType,
    ) -> Result<Vec<Layer>> {
        let channels = planes / fields.planes();
        let kernel = |name: &str, between, outputs| {
            let maps = Maps { outputs, inputs: channels, size: DECODER_KERNEL };
            let initial = fields.initial(name, between, maps, 1);
            fields.expand(&self.weights(name, &initial.shape, dtype)?, between)
        };
        let hidden = kernel("decoder.0", Between::Hidden, channels)?;
        let last = kernel("decoder.1", Between::HiddenAndFrame, self.sizes.inputs)?;
        let last = (last / (fields.planes() as f64).sqrt())?;
        let padding = self.group.padding();
        Ok(vec![
            Layer { kernel: hidden, activation: Activation::Relu, padding },
            Layer { kernel: last, activation: Activation::Identity, padding },
        ])
    }
}

/// Height and width of a decoder's kernels.
pub(super) const DECODER_KERNEL: usize = 3;

/// Wide enough for interpolation on 27 pixels.
const BLOBS: Blobs = Blobs { reach: 1.0 / 6.0, sigma: 1.0 / 9.0, is_signed: false };
