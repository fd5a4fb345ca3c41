//! Random cells and frames to measure.

use super::kinds::{GroupKind, Specimen, Velocities};
use crate::cells::{
    AnyLayer, Between, CellChoice, CellKind, CellShape, DenseRnn, Fields, MapExtents, Maps,
    Running, Stacked, shift_kernels,
};
use crate::equivariance::{Blobs, blobs, noise};
use crate::error::Result;
use crate::flow::{FlowGroup, FlowSpace, Lift, Rotation, Translation, ZeroPaddedTranslation};
use crate::ops::{Activation, ConvAlgorithm, Layer, Padding, SteerableBasis};
use crate::parameters::{Initial, Tensors};
use crate::rng::Stream;
use candle_core::{DType, Device, Tensor};
use std::path::Path;

/// Extents of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Sequences.
    pub batch: usize,
    /// Frames of a sequence.
    pub frames: usize,
    /// Channels of a frame.
    pub inputs: usize,
    /// Hidden channels; over rotations, hidden fields.
    pub channels: usize,
    /// Rows of the torus.
    pub height: usize,
    /// Columns of the torus.
    pub width: usize,
    /// Extent of the recurrent kernels.
    pub kernel: usize,
}

impl Sizes {
    /// The extents of the fixed suite: different primes where a swapped axis could pass, enough
    /// channels for Winograd. A closed set has a velocity for every pixel, and so gets a small torus;
    /// a truncated one a torus that it does not close on. Rotations need square frames, with room for
    /// what is turned.
    pub fn of_suite(group: GroupKind, velocities: Velocities) -> Self {
        let all =
            Self { batch: 2, frames: 5, inputs: 3, channels: 8, height: 7, width: 11, kernel: 3 };
        match (group, velocities) {
            (GroupKind::Translation, Velocities::Closed) => Self { height: 5, width: 7, ..all },
            (GroupKind::Translation, _) => all,
            _ if group.is_exact() => Self { channels: 2, height: 13, width: 13, ..all },
            // Fine enough that interpolation is a small error, and few, since pixels are many.
            _ => Self { batch: 1, frames: 3, inputs: 1, channels: 2, height: 27, width: 27, ..all },
        }
    }
}

/// A random cell with random frames, a function of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Over which group.
    pub group: GroupKind,
    /// Which cell or control.
    pub cell: Specimen,
    /// Its frame of reference.
    pub lift: Lift,
    /// Its velocities.
    pub velocities: Velocities,
    /// How it convolves.
    pub algorithm: ConvAlgorithm,
    /// The extents.
    pub sizes: Sizes,
    /// Seed of weights and frames.
    pub seed: u64,
}

impl Case {
    /// Whether ν − ν̂ never leaves the velocities.
    pub fn is_closed(&self) -> bool {
        self.velocities == Velocities::Closed
    }

    /// Whether truncated velocities go all the way round, so that a law of closed sets may hold of them
    /// as well.
    pub(super) fn goes_round(&self) -> bool {
        match (self.group, self.velocities) {
            (GroupKind::Rotation(n), Velocities::Truncated(range)) => 2 * range as usize + 1 >= n,
            _ => false,
        }
    }

    /// Random frames (B, T, C_in, H, W): noise; smooth blobs around the centre where the group
    /// interpolates, since what is as fine as the grid cannot be interpolated.
    pub fn frames(&self, dtype: DType) -> Result<Tensor> {
        let Sizes { batch, frames, inputs, height, width, .. } = self.sizes;
        let shape = [batch, frames, inputs, height, width];
        let frames = match self.group.is_exact() {
            true => noise(shape, self.seed)?,
            false => blobs(shape, self.seed, BLOBS)?,
        };
        Ok(frames.to_dtype(dtype)?)
    }

    /// Two random decoder layers from the hidden planes to the channels of a frame.
    pub(super) fn decoder(&self, dtype: DType) -> Result<Vec<Layer>> {
        let (fields, channels) = self.fields(3)?;
        let kernel = |name: &str, between, outputs| {
            let maps = Maps { outputs, inputs: channels, size: 3 };
            let initial = fields.initial(name, between, maps, 1);
            fields.expand(&self.weights(name, &initial.shape, dtype)?, between)
        };
        let hidden = kernel("decoder.0", Between::Hidden, channels)?;
        let last = kernel("decoder.1", Between::HiddenAndFrame, self.sizes.inputs)?;
        let last = (last / (fields.planes() as f64).sqrt())?;
        let padding = match self.group {
            GroupKind::Translation => Padding::Circular,
            GroupKind::Rotation(_) => Padding::Zero,
        };
        Ok(vec![
            Layer { kernel: hidden, activation: Activation::Relu, padding },
            Layer { kernel: last, activation: Activation::Identity, padding },
        ])
    }

    /// What hidden maps are made of, and how many there are: fields over rotations, unless the specimen is
    /// the control whose kernels are not steerable.
    fn fields(&self, size: usize) -> Result<(Fields, usize)> {
        let channels = self.sizes.channels;
        Ok(match self.group {
            GroupKind::Rotation(n) if self.cell == Specimen::PlainKernels => {
                (Fields::Plain, channels * n)
            }
            GroupKind::Rotation(n) => (Fields::Steerable(SteerableBasis::new(n, size)?), channels),
            GroupKind::Translation => (Fields::Plain, channels),
        })
    }

    /// The control with zero-padded convolutions.
    pub(super) fn zero_padded(
        &self,
        dtype: DType,
    ) -> Result<Stacked<AnyLayer<ZeroPaddedTranslation>>> {
        let set = self.velocities.on(self.sizes.height, self.sizes.width);
        self.layers(FlowSpace::new(ZeroPaddedTranslation, set, self.lift), None, dtype)
    }

    /// The cells over translations with circular convolutions.
    pub(super) fn translating(&self, dtype: DType) -> Result<Stacked<AnyLayer<Translation>>> {
        let set = self.velocities.on(self.sizes.height, self.sizes.width);
        let shifts = match self.cell {
            Specimen::OneHotShift => Some(shift_kernels(&set, SHIFT_REACH, dtype)?),
            _ => None,
        };
        self.layers(FlowSpace::new(Translation, set, self.lift), shifts, dtype)
    }

    /// The cells over rotations in `n` orientations.
    pub(super) fn rotating(&self, n: usize, dtype: DType) -> Result<Stacked<AnyLayer<Rotation>>> {
        let space = FlowSpace::new(Rotation::new(n)?, self.velocities.about(n)?, self.lift);
        self.layers(space, None, dtype)
    }

    /// The specimen's layers over a space, lowest first; `shifts` in the place of random shift kernels.
    fn layers<G: FlowGroup + 'static>(
        &self,
        space: FlowSpace<G>,
        shifts: Option<Tensor>,
        dtype: DType,
    ) -> Result<Stacked<AnyLayer<G>>> {
        let layer = |(number, (name, choice)): (usize, (&str, CellChoice))| {
            let (fields, channels) = self.fields(self.sizes.kernel)?;
            let (reads, inputs) = match number {
                0 => (Between::FrameAndHidden, self.sizes.inputs),
                _ => (Between::Hidden, channels),
            };
            let kernels = (3, self.sizes.kernel);
            let shape = CellShape { fields, reads, inputs, channels, kernels };
            let mut tensors = Tensors::new();
            for initial in choice.parameters(name, &shape, space.velocities()) {
                let value = self.parameter(name, &initial, &shape, dtype)?;
                tensors.insert(initial.name, value);
            }
            if let Some(shifts) = &shifts {
                tensors.insert(format!("{name}.shift.weight"), shifts.clone());
            }
            let running = Running { algorithm: self.algorithm, ..Running::default() };
            let source = (running, Path::new("a random case"));
            choice.layer(space.clone(), (name, &shape), &tensors, source)
        };
        let choices = self.cell.layers().into_iter().enumerate();
        Stacked::new(choices.map(layer).collect::<Result<_>>()?)
    }

    /// The dense control.
    pub(super) fn dense(&self, dtype: DType) -> Result<DenseRnn> {
        let Sizes { inputs, height, width, .. } = self.sizes;
        let channels = self.sizes.channels * self.group.planes();
        let k = channels * height * width;
        let u = self.weights("dense.u", &[k, inputs * height * width], dtype)?;
        let w = self.weights("dense.w", &[k, k], dtype)?;
        DenseRnn::new(u, w, MapExtents { channels, height, width }, Activation::Relu)
    }

    /// Random values of a layer's parameter.
    fn parameter(
        &self,
        layer: &str,
        initial: &Initial,
        shape: &CellShape,
        dtype: DType,
    ) -> Result<Tensor> {
        let is = |part: &str| initial.name.starts_with(&format!("{layer}.{part}"));
        if is("shift") {
            let scale = 1.0 / *initial.shape.last().expect("(V, k, k)") as f64;
            return self.draw("shifts", &initial.shape, scale, dtype);
        }
        let drawn = |part: &str| self.weights(&format!("{layer}.{part}"), &initial.shape, dtype);
        if !is("conv_u") {
            return drawn("w");
        }
        let is_lifting = shape.reads == Between::FrameAndHidden;
        match is_lifting && !self.group.is_exact() && matches!(shape.fields, Fields::Steerable(_)) {
            true => favour_undirected(&drawn("u")?),
            false => drawn("u"),
        }
    }

    /// Normal draws of variance 1 / fan_in, with which states neither vanish nor explode.
    fn weights(&self, name: &str, shape: &[usize], dtype: DType) -> Result<Tensor> {
        let outputs = if shape.len() == 5 { shape[1] } else { shape[0] };
        let fan_in = shape.iter().product::<usize>() / outputs;
        self.draw(name, shape, 1.0 / (fan_in as f64).sqrt(), dtype)
    }

    fn draw(&self, name: &str, shape: &[usize], scale: f64, dtype: DType) -> Result<Tensor> {
        let mut stream = Stream::new(self.seed, &format!("verification/{name}"), 0);
        let values: Vec<f64> =
            (0..shape.iter().product()).map(|_| scale * stream.normal()).collect();
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?)
    }
}

/// Wide enough for interpolation on 27 pixels.
const BLOBS: Blobs = Blobs { reach: 1.0 / 6.0, sigma: 1.0 / 9.0, is_signed: false };

/// How far the kernels of learned shifts reach.
const SHIFT_REACH: u32 = 2;

/// Where the group interpolates, input drives with the two functions without a direction as well: of what
/// nearly cancels, little but the error of the grid would be left. Coefficients (C, C_in, D).
fn favour_undirected(coefficients: &Tensor) -> Result<Tensor> {
    let (_, inputs, d) = coefficients.dims3()?;
    let size = 1.0 / ((inputs * d) as f64).sqrt();
    let favoured: Vec<f64> = (0..d).map(|i| if i < 2 { size } else { 0.0 }).collect();
    let favoured = Tensor::from_vec(favoured, d, &Device::Cpu)?.to_dtype(coefficients.dtype())?;
    Ok(coefficients.broadcast_add(&favoured)?)
}

impl Specimen {
    /// Its layers by name, lowest first, the controls' special kernels apart.
    fn layers(self) -> Vec<(&'static str, CellChoice)> {
        let simple = CellChoice::SIMPLE;
        match self {
            Self::TanhRnn => vec![("rnn", CellChoice { activation: Activation::Tanh, ..simple })],
            Self::Gru => vec![("gru", CellChoice::of(CellKind::Gru))],
            Self::Lstm => vec![("lstm", CellChoice::of(CellKind::Lstm))],
            Self::Mixing => vec![("mixing", CellChoice::of(CellKind::Mixing))],
            Self::Stack => vec![("lower", simple), ("upper", simple)],
            Self::MixedStack => vec![("lower", simple), ("upper", CellChoice::of(CellKind::Gru))],
            Self::OneHotShift | Self::LearnedShift => {
                let choice = CellChoice::of(CellKind::LearnedShift);
                vec![("learned shift", CellChoice { reach: SHIFT_REACH, ..choice })]
            }
            Self::Rnn | Self::ZeroPadded | Self::PlainKernels | Self::Dense => {
                vec![("rnn", simple)]
            }
        }
    }
}
