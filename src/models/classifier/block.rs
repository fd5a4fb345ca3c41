//! A convolution, batch normalisation and a ReLU: what encoders and the 3-D CNN are made of.

use crate::error::{Error, Result};
use crate::ops::{
    Activation, Affine, ConvAlgorithm, Moments, Padding, Strides, convolve_3d, convolve_slices,
    normalise_by, normalise_by_batch,
};
use crate::parameters::Tensors;
use candle_core::Tensor;

/// The share of the newest frame in running statistics, PyTorch's default.
pub const MOMENTUM: f64 = 0.1;

/// How batch normalisation takes its moments.
#[derive(Clone, Debug)]
pub enum Mode {
    /// From the batch, gathering running statistics: under each name the newest.
    Training(Tensors),
    /// From the running statistics.
    Evaluation,
}

impl Mode {
    /// Training, with nothing gathered yet.
    pub fn training() -> Self {
        Self::Training(Tensors::new())
    }

    /// What was gathered.
    pub fn gathered(self) -> Tensors {
        match self {
            Self::Training(gathered) => gathered,
            Self::Evaluation => Tensors::new(),
        }
    }
}

/// Batch normalisation of C channels and its running statistics.
#[derive(Clone, Debug)]
pub(super) struct BatchNorm {
    /// What its tensors' names begin with.
    pub name: String,
    /// γ (C).
    pub gain: Tensor,
    /// β (C).
    pub bias: Tensor,
    /// Running mean (C).
    pub mean: Tensor,
    /// Running unbiased variance (C).
    pub variance: Tensor,
}

impl BatchNorm {
    /// The name of the running mean.
    pub fn mean_name(name: &str) -> String {
        format!("{name}.running_mean")
    }

    /// The name of the running variance.
    pub fn variance_name(name: &str) -> String {
        format!("{name}.running_var")
    }

    /// Normalises (B, T, H, W, C) frame by frame, with a ReLU after it.
    fn apply(&self, x: &Tensor, mode: &mut Mode) -> Result<Tensor> {
        let (gain, bias, activation) = (&self.gain, &self.bias, Activation::Relu);
        let affine = Affine { gain, bias, activation };
        match mode {
            Mode::Training(gathered) => {
                let (y, moments) = normalise_by_batch(x, affine)?;
                self.gather(&moments, gathered)?;
                Ok(y)
            }
            Mode::Evaluation => {
                let [mean, variance] = [&self.mean, &self.variance].map(|m| m.unsqueeze(0));
                let moments = Moments { mean: mean?, variance: variance?, count: 0 };
                normalise_by(x, affine, &moments)
            }
        }
    }

    /// Moves the running statistics toward the moments (T, C), frame after frame; variances without bias.
    fn gather(&self, moments: &Moments, gathered: &mut Tensors) -> Result<()> {
        if moments.count < 2 {
            let problem = "would be taken over a single number";
            let remedy = "train on more samples or larger frames";
            return Err(Error::configuration("a variance of the batch", problem, remedy));
        }
        let unbiased = moments.count as f64 / (moments.count as f64 - 1.0);
        let updates = [
            (Self::mean_name(&self.name), &self.mean, moments.mean.clone()),
            (Self::variance_name(&self.name), &self.variance, (&moments.variance * unbiased)?),
        ];
        for (name, first, newest) in updates {
            let mut running = gathered.get(&name).unwrap_or(first).detach();
            for t in 0..newest.dims()[0] {
                running = ((running * (1.0 - MOMENTUM))? + (newest.get(t)? * MOMENTUM)?)?;
            }
            gathered.insert(name, running);
        }
        Ok(())
    }
}

/// A convolution without bias, batch normalisation, and a ReLU.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// (C_out, C_in, kh, kw), or (C_out, C_in, kt, kh, kw).
    pub kernel: Tensor,
    pub norm: BatchNorm,
}

impl Block {
    /// Frame by frame: (B, T, H, W, C_in) to (B, T, H, W, C_out).
    pub fn apply(
        &self,
        x: &Tensor,
        (padding, algorithm): (Padding, ConvAlgorithm),
        mode: &mut Mode,
    ) -> Result<Tensor> {
        self.norm.apply(&convolve_slices(x, &self.kernel, padding, algorithm)?, mode)
    }

    /// Over time and space; normalised over all frames together.
    pub fn apply_3d(
        &self,
        x: &Tensor,
        strides: Strides,
        how: (Padding, ConvAlgorithm),
        mode: &mut Mode,
    ) -> Result<Tensor> {
        let y = convolve_3d(x, &self.kernel, strides, how)?;
        let (batch, frames, height, width, channels) = y.dims5()?;
        let together = y.reshape((batch * frames, 1, height, width, channels))?;
        Ok(self.norm.apply(&together, mode)?.reshape((batch, frames, height, width, channels))?)
    }
}

/// (B, T, C, H, W) with the channels last, (B, T, H, W, C).
pub(super) fn channels_last(clips: &Tensor) -> Result<Tensor> {
    let any = ["B", "T", "C_in", "H", "W"].map(|name| (name, None));
    crate::error::expect_shape("clips", clips, &any)?;
    Ok(clips.permute((0, 1, 3, 4, 2))?.contiguous()?)
}

/// The last layer: (B, C) to (B, classes).
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// (classes, C).
    pub weight: Tensor,
    /// (classes).
    pub bias: Tensor,
}

impl Head {
    pub fn apply(&self, features: &Tensor) -> Result<Tensor> {
        Ok(features.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)?)
    }
}
