//! Batch normalisation of sequences, frame by frame, with the non-linearity after it.

use super::activation::{Activation, activate};
use super::kernels::Float;
use super::storage::{CpuView, contiguous};
use crate::error::{Result, expect_shape};
use candle_core::{CpuStorage, CustomOp3, DType, Layout, Shape, Tensor};
use rayon::prelude::*;

/// Added to variances before the root, PyTorch's default.
pub const EPSILON: f64 = 1e-5;

/// Mean and biased variance of every channel, over the pixels of all samples.
#[derive(Clone, Debug)]
pub struct Moments {
    /// (F, C): of each of F frames, or of all where F = 1.
    pub mean: Tensor,
    /// (F, C).
    pub variance: Tensor,
    /// Numbers that each of them was taken over.
    pub count: usize,
}

/// What follows the normalisation: y = σ(γ·x̂ + β).
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// γ (C).
    pub gain: &'a Tensor,
    /// β (C).
    pub bias: &'a Tensor,
    /// σ.
    pub activation: Activation,
}

/// `y = σ( γ·(x − μ)/√(s² + ε) + β )` with the mean μ and the biased variance s² of each frame over
/// samples and pixels (Ioffe & Szegedy 2015): training mode. Returns the moments beside it.
///
/// Frame by frame because a recurrent network's encoder sees one frame at a time: the moments of a
/// frame do not depend on those that follow it.
///
/// # Shapes
/// `x` and the result (B, T, H, W, C); the moments (T, C).
///
/// # Equivariance
/// Commutes with every permutation of pixels, to rounding: sums run over the pixels in their order.
///
/// # Gradients
/// To x, through the moments as well, and to γ and β.
///
/// # Errors
/// [`crate::Error::Shape`] when extents disagree.
pub fn normalise_by_batch(x: &Tensor, affine: Affine<'_>) -> Result<(Tensor, Moments)> {
    check(x, affine)?;
    let x = x.contiguous()?;
    let moments = moments(&x)?;
    if !x.device().is_cpu() {
        return Ok((composed_by_batch(&x, affine)?, moments));
    }
    let y = apply(&x, affine, &moments, Source::Batch)?;
    Ok((y, moments))
}

/// The same with given moments (1, C), which count as constants: evaluation mode.
///
/// # Errors
/// As [`normalise_by_batch`].
pub fn normalise_by(x: &Tensor, affine: Affine<'_>, moments: &Moments) -> Result<Tensor> {
    check(x, affine)?;
    let channels = Some(x.dims()[4]);
    for given in [&moments.mean, &moments.variance] {
        expect_shape("given moments", given, &[("F", Some(1)), ("C", channels)])?;
    }
    if !x.device().is_cpu() {
        return composed(x, affine, &moments.mean, &moments.variance);
    }
    apply(&x.contiguous()?, affine, moments, Source::Given)
}

fn check(x: &Tensor, affine: Affine<'_>) -> Result<()> {
    let any = ["B", "T", "H", "W", "C"].map(|name| (name, None));
    expect_shape("normalised sequence", x, &any)?;
    let channels = [("C", Some(x.dims()[4]))];
    expect_shape("gain", affine.gain, &channels)?;
    expect_shape("bias", affine.bias, &channels)
}

/// The moments of every frame, off the graph. Computed in f64, in two passes.
fn moments(x: &Tensor) -> Result<Moments> {
    let (batch, frames, height, width, channels) = x.dims5()?;
    let count = batch * height * width;
    let (mean, variance) = if x.device().is_cpu() {
        let view = CpuView::of(x);
        let extents = Extents::of(x.dims());
        let (mean, variance) = match x.dtype() {
            DType::F64 => extents.moments(view.slice::<f64>()?),
            _ => extents.moments(view.slice::<f32>()?),
        };
        let tensor = |values| Tensor::from_vec(values, (frames, channels), x.device());
        (tensor(mean)?.to_dtype(x.dtype())?, tensor(variance)?.to_dtype(x.dtype())?)
    } else {
        let x = x.detach();
        let mean = x.mean_keepdim((0, 2, 3))?;
        let variance = x.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2, 3))?;
        (mean.reshape((frames, channels))?, variance.reshape((frames, channels))?)
    };
    Ok(Moments { mean, variance, count })
}

fn apply(x: &Tensor, affine: Affine<'_>, moments: &Moments, source: Source) -> Result<Tensor> {
    let values = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let mean = values(&moments.mean)?;
    let inverse = values(&moments.variance)?.into_iter().map(|v| 1.0 / (v + EPSILON).sqrt());
    let operation = Normalise {
        extents: Extents::of(x.dims()),
        mean,
        inverse: inverse.collect(),
        source,
        activation: affine.activation,
    };
    let (gain, bias) = (affine.gain.contiguous()?, affine.bias.contiguous()?);
    Ok(x.apply_op3(&gain, &bias, operation)?)
}

/// In candle's operations, through the moments.
fn composed_by_batch(x: &Tensor, affine: Affine<'_>) -> Result<Tensor> {
    let mean = x.mean_keepdim((0, 2, 3))?;
    let variance = x.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2, 3))?;
    composed(x, affine, &mean, &variance)
}

/// In candle's operations, with moments that broadcast over x.
fn composed(x: &Tensor, affine: Affine<'_>, mean: &Tensor, variance: &Tensor) -> Result<Tensor> {
    let deviation = (variance + EPSILON)?.sqrt()?;
    let normal = x.broadcast_sub(mean)?.broadcast_div(&deviation)?;
    let y = normal.broadcast_mul(affine.gain)?.broadcast_add(affine.bias)?;
    activate(&y, affine.activation)
}

/// Whose the moments are, and so whether the gradient goes through them.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    Batch,
    Given,
}

/// The images of a (B, T, H, W, C) tensor.
#[derive(Clone, Copy)]
struct Extents {
    frames: usize,
    channels: usize,
    /// Numbers of an image.
    image: usize,
    /// Pixels of a frame, in all samples.
    pixels: usize,
}

impl Extents {
    fn of(dims: &[usize]) -> Self {
        let (image, pixels) = (dims[2] * dims[3] * dims[4], dims[0] * dims[2] * dims[3]);
        Self { frames: dims[1], channels: dims[4], image, pixels }
    }

    /// Sums over the pixels of all samples, (T, N) for the N sums that `add` makes of an image of frame
    /// t: image by image, so that no thread count changes them.
    fn sums(
        self,
        images: usize,
        width: usize,
        add: impl Fn(usize, usize, &mut [f64]) + Sync,
    ) -> Vec<f64> {
        let each: Vec<Vec<f64>> = (0..images)
            .into_par_iter()
            .map(|image| {
                let mut sums = vec![0.0; width];
                add(image, image % self.frames, &mut sums);
                sums
            })
            .collect();
        let mut all = vec![0.0; self.frames * width];
        for (image, sums) in each.iter().enumerate() {
            let to = &mut all[image % self.frames * width..][..width];
            to.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum);
        }
        all
    }

    /// Mean and biased variance, (T, C).
    fn moments<T: Float>(self, x: &[T]) -> (Vec<f64>, Vec<f64>) {
        let (c, images) = (self.channels, x.len() / self.image);
        let share = 1.0 / self.pixels as f64;
        let pixels = |image: usize| x[image * self.image..][..self.image].chunks_exact(c);
        let mean = self.sums(images, c, |image, _, sums| {
            for pixel in pixels(image) {
                sums.iter_mut().zip(pixel).for_each(|(sum, &x)| *sum += x.to_f64());
            }
        });
        let mean: Vec<f64> = mean.into_iter().map(|sum| sum * share).collect();
        let squares = self.sums(images, c, |image, t, sums| {
            let mean = &mean[t * c..][..c];
            for pixel in pixels(image) {
                for ((sum, &x), mean) in sums.iter_mut().zip(pixel).zip(mean) {
                    *sum += (x.to_f64() - mean).powi(2);
                }
            }
        });
        (mean, squares.into_iter().map(|sum| sum * share).collect())
    }
}

struct Normalise {
    extents: Extents,
    /// μ, (T, C) or (C).
    mean: Vec<f64>,
    /// 1/√(s² + ε), (T, C) or (C).
    inverse: Vec<f64>,
    source: Source,
    activation: Activation,
}

/// Gradients to (x, γ, β).
type Gradients<T> = (Vec<T>, Vec<T>, Vec<T>);

impl Normalise {
    /// μ and 1/√(s² + ε) of an image of frame t.
    fn of_frame<T: Float>(&self, t: usize) -> (Vec<T>, Vec<T>) {
        let c = self.extents.channels;
        let first = if self.mean.len() == c { 0 } else { t * c };
        let numbers = |all: &[f64]| all[first..first + c].iter().map(|&v| T::from_f64(v)).collect();
        (numbers(&self.mean), numbers(&self.inverse))
    }

    fn forward<T: Float>(&self, x: &[T], gain: &[T], bias: &[T]) -> Vec<T> {
        let Extents { image, frames, channels, .. } = self.extents;
        let mut y = vec![T::default(); x.len()];
        y.par_chunks_mut(image).zip(x.par_chunks(image)).enumerate().for_each(
            |(number, (y, x))| {
                let (mean, inverse) = self.of_frame::<T>(number % frames);
                let scale: Vec<T> =
                    inverse.iter().zip(gain).map(|(&inverse, &g)| inverse * g).collect();
                for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                    for c in 0..channels {
                        y[c] = (x[c] - mean[c]) * scale[c] + bias[c];
                    }
                }
                super::pointwise::activate(self.activation, y);
            },
        );
        y
    }

    /// `inner` is the gradient before the non-linearity.
    fn backward<T: Float>(&self, x: &[T], gain: &[T], inner: &[T]) -> Gradients<T> {
        let Extents { image, frames, channels, pixels } = self.extents;
        // Σ g and Σ g·x̂ of every frame, (T, 2, C).
        let sums = self.extents.sums(x.len() / image, 2 * channels, |number, t, sums| {
            let (mean, inverse) = self.of_frame::<f64>(t);
            let (plain, with_x) = sums.split_at_mut(channels);
            let pair = x[number * image..][..image].chunks_exact(channels);
            for (x, g) in pair.zip(inner[number * image..][..image].chunks_exact(channels)) {
                for c in 0..channels {
                    let g = g[c].to_f64();
                    plain[c] += g;
                    with_x[c] += g * (x[c].to_f64() - mean[c]) * inverse[c];
                }
            }
        });
        let mut to_x = vec![T::default(); x.len()];
        let images = x.par_chunks(image).zip(inner.par_chunks(image));
        to_x.par_chunks_mut(image).zip(images).enumerate().for_each(|(number, (to_x, (x, g)))| {
            let t = number % frames;
            let (mean, inverse) = self.of_frame::<T>(t);
            let share = if self.source == Source::Batch { 1.0 / pixels as f64 } else { 0.0 };
            let means: Vec<T> = sums[2 * t * channels..][..2 * channels]
                .iter()
                .map(|s| T::from_f64(s * share))
                .collect();
            let (plain, with_x) = means.split_at(channels);
            let triples = to_x.chunks_exact_mut(channels).zip(x.chunks_exact(channels));
            for ((to_x, x), g) in triples.zip(g.chunks_exact(channels)) {
                for c in 0..channels {
                    let normal = (x[c] - mean[c]) * inverse[c];
                    to_x[c] = gain[c] * inverse[c] * (g[c] - plain[c] - normal * with_x[c]);
                }
            }
        });
        let over_frames = |first: usize| -> Vec<T> {
            let sum = |c: usize| sums[first + c..].iter().step_by(2 * channels).sum::<f64>();
            (0..channels).map(|c| T::from_f64(sum(c))).collect()
        };
        (to_x, over_frames(channels), over_frames(0))
    }

    fn gradients<T: Float>(
        &self,
        [x, gain, y, gradient]: [&Tensor; 4],
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let views = [x, gain, y, gradient].map(CpuView::of);
        let mut inner = views[3].slice::<T>()?.to_vec();
        let image = self.extents.image;
        inner
            .par_chunks_mut(image)
            .zip(views[2].slice::<T>()?.par_chunks(image))
            .for_each(|(inner, y)| super::pointwise::chain(self.activation, y, inner));
        let (to_x, to_gain, to_bias) = self.backward(views[0].slice()?, views[1].slice()?, &inner);
        let tensor = |values: Vec<T>, like: &Tensor| {
            Tensor::from_vec(values, like.shape(), like.device()).map(Some)
        };
        Ok((tensor(to_x, x)?, tensor(to_gain, gain)?, tensor(to_bias, gain)?))
    }
}

impl CustomOp3 for Normalise {
    fn name(&self) -> &'static str {
        "batch-normalisation"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gain: &CpuStorage,
        gain_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let y = match x {
            CpuStorage::F64(_) => CpuStorage::F64(self.forward(
                contiguous(x, x_layout)?,
                contiguous(gain, gain_layout)?,
                contiguous(bias, bias_layout)?,
            )),
            _ => CpuStorage::F32(self.forward(
                contiguous(x, x_layout)?,
                contiguous(gain, gain_layout)?,
                contiguous(bias, bias_layout)?,
            )),
        };
        Ok((y, x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gain: &Tensor,
        _bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        match x.dtype() {
            DType::F64 => self.gradients::<f64>([x, gain, y, &gradient]),
            _ => self.gradients::<f32>([x, gain, y, &gradient]),
        }
    }
}
