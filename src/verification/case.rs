//! Random cells and frames to measure.

use super::kinds::{CellKind, GroupKind, Velocities};
use crate::cells::{
    DenseRnn, FlowGru, FlowLayer, FlowLstm, FlowRnn, LearnedShiftRnn, MapExtents, MixingRnn,
    Stacked, shift_kernels,
};
use crate::error::Result;
use crate::flow::{
    FlowGroup, FlowSpace, Lift, Rotation, Translation, VelocitySet, ZeroPaddedTranslation,
};
use crate::ops::{Activation, ConvAlgorithm, Layer, Padding, SteerableBasis};
use crate::rng::Stream;
use candle_core::{DType, Device, Tensor};

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
    /// Which cell.
    pub cell: CellKind,
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

/// Between which fields a kernel maps; all the same over translations.
#[derive(Clone, Copy)]
enum Fields {
    Lifting,
    Regular,
    Projecting,
}

/// A layer of any kind over a group.
pub(super) type AnyLayer<G> = Box<dyn FlowLayer<Group = G>>;

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
        match self.group.is_exact() {
            true => self.draw("frames", &shape, 1.0, dtype),
            false => {
                let images = (0..batch * frames * inputs).map(|image| self.blobs(image));
                let values: Vec<f64> = images.flatten().collect();
                Ok(Tensor::from_vec(values, shape.as_slice(), &Device::Cpu)?.to_dtype(dtype)?)
            }
        }
    }

    /// Three blobs of random weight, on one image.
    fn blobs(&self, image: usize) -> Vec<f64> {
        let Sizes { height, width, .. } = self.sizes;
        let mut stream = Stream::new(self.seed, "verification/blobs", image as u64);
        let (reach, sigma) = (height.min(width) as f64 / 6.0, height.min(width) as f64 / 9.0);
        let mut blob = || {
            let mut place = || stream.uniform_in(-reach, reach);
            (place(), place(), 0.5 + stream.normal().abs())
        };
        let blobs = [blob(), blob(), blob()];
        let centre = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
        let value = |i: usize| {
            let (y, x) = ((i / width) as f64 - centre.0, (i % width) as f64 - centre.1);
            let one = |&(by, bx, weight): &(f64, f64, f64)| {
                let square = (y - by) * (y - by) + (x - bx) * (x - bx);
                weight * (-square / (2.0 * sigma * sigma)).exp()
            };
            blobs.iter().map(one).sum()
        };
        (0..height * width).map(value).collect()
    }

    /// Two random decoder layers from the hidden planes to the channels of a frame.
    pub(super) fn decoder(&self, dtype: DType) -> Result<Vec<Layer>> {
        let Sizes { inputs, channels, .. } = self.sizes;
        let hidden = self.kernel("decoder.0", (channels, channels), Fields::Regular, dtype)?;
        let last = self.kernel("decoder.1", (inputs, channels), Fields::Projecting, dtype)?;
        let padding = match self.group {
            GroupKind::Translation => Padding::Circular,
            GroupKind::Rotation(_) => Padding::Zero,
        };
        Ok(vec![
            Layer { kernel: hidden, activation: Activation::Relu, padding },
            Layer { kernel: last, activation: Activation::Identity, padding },
        ])
    }

    /// The control with zero-padded convolutions.
    pub(super) fn zero_padded(
        &self,
        dtype: DType,
    ) -> Result<Stacked<AnyLayer<ZeroPaddedTranslation>>> {
        let set = self.velocities.on(self.sizes.height, self.sizes.width);
        let space = FlowSpace::new(ZeroPaddedTranslation, set, self.lift);
        let layer = self.simple(space, "rnn", dtype)?;
        Stacked::new(vec![Box::new(layer)])
    }

    /// The cells over translations with circular convolutions.
    pub(super) fn translating(&self, dtype: DType) -> Result<Stacked<AnyLayer<Translation>>> {
        if matches!(self.cell, CellKind::OneHotShift | CellKind::LearnedShift) {
            return Stacked::new(vec![Box::new(self.learned_shift(dtype)?)]);
        }
        let set = self.velocities.on(self.sizes.height, self.sizes.width);
        let neighbourhood = VelocitySet::square(1).as_slice().to_vec();
        self.layers(FlowSpace::new(Translation, set, self.lift), neighbourhood, dtype)
    }

    /// The cells over rotations in `n` orientations.
    pub(super) fn rotating(&self, n: usize, dtype: DType) -> Result<Stacked<AnyLayer<Rotation>>> {
        let space = FlowSpace::new(Rotation::new(n)?, self.velocities.about(n)?, self.lift);
        let neighbourhood = Velocities::Truncated(1).about(n)?.as_slice().to_vec();
        self.layers(space, neighbourhood, dtype)
    }

    /// The case's cell over a space; `neighbourhood` is what a mixing cell mixes.
    fn layers<G: FlowGroup + 'static>(
        &self,
        space: FlowSpace<G>,
        neighbourhood: Vec<G::Velocity>,
        dtype: DType,
    ) -> Result<Stacked<AnyLayer<G>>> {
        let mut layers: Vec<AnyLayer<G>> = Vec::new();
        match self.cell {
            CellKind::TanhRnn => {
                let layer = self.simple(space, "rnn", dtype)?;
                layers.push(Box::new(layer.with_activation(Activation::Tanh)));
            }
            CellKind::Gru => layers.push(Box::new(self.gated(space, "gru", dtype)?)),
            CellKind::Lstm => layers.push(Box::new(self.lstm(space, dtype)?)),
            CellKind::Mixing => layers.push(Box::new(self.mixing(space, neighbourhood, dtype)?)),
            CellKind::Stack => {
                layers.push(Box::new(self.simple(space.clone(), "lower", dtype)?));
                layers.push(Box::new(self.simple(space, "upper", dtype)?));
            }
            CellKind::MixedStack => {
                layers.push(Box::new(self.simple(space.clone(), "lower", dtype)?));
                layers.push(Box::new(self.gated(space, "upper", dtype)?));
            }
            _ => layers.push(Box::new(self.simple(space, "rnn", dtype)?)),
        }
        Stacked::new(layers)
    }

    fn simple<G: FlowGroup>(
        &self,
        space: FlowSpace<G>,
        name: &str,
        dtype: DType,
    ) -> Result<FlowRnn<G>> {
        let (u, w) = self.gate_kernels(name, 1, dtype)?;
        Ok(FlowRnn::over(space, u, w)?.with_algorithm(self.algorithm))
    }

    fn gated<G: FlowGroup>(
        &self,
        space: FlowSpace<G>,
        name: &str,
        dtype: DType,
    ) -> Result<FlowGru<G>> {
        let (u, w) = self.gate_kernels(name, 3, dtype)?;
        Ok(FlowGru::over(space, u, w)?.with_algorithm(self.algorithm))
    }

    fn lstm<G: FlowGroup>(&self, space: FlowSpace<G>, dtype: DType) -> Result<FlowLstm<G>> {
        let (u, w) = self.gate_kernels("lstm", 4, dtype)?;
        Ok(FlowLstm::over(space, u, w)?.with_algorithm(self.algorithm))
    }

    /// Mixes each velocity with its neighbours.
    fn mixing<G: FlowGroup>(
        &self,
        space: FlowSpace<G>,
        neighbourhood: Vec<G::Velocity>,
        dtype: DType,
    ) -> Result<MixingRnn<G>> {
        let Sizes { inputs, channels: c, .. } = self.sizes;
        let (d, k) = (neighbourhood.len(), self.sizes.kernel);
        let u = self.kernel("mixing.u", (c, inputs), Fields::Lifting, dtype)?;
        let w = match self.group {
            GroupKind::Translation => self.weights("mixing.w", &[d, c, c, k, k], dtype)?,
            GroupKind::Rotation(_) => {
                let share = |number| {
                    let name = format!("mixing.w{number}");
                    let kernel = self.kernel(&name, (c, c), Fields::Regular, dtype)?;
                    Ok((kernel / (d as f64).sqrt())?)
                };
                let kernels = (0..d).map(share).collect::<Result<Vec<_>>>()?;
                Tensor::stack(&kernels, 0)?
            }
        };
        Ok(MixingRnn::over(space, u, w, neighbourhood)?.with_algorithm(self.algorithm))
    }

    fn learned_shift(&self, dtype: DType) -> Result<LearnedShiftRnn<Translation>> {
        const REACH: u32 = 2;
        let (u, w) = self.gate_kernels("learned shift", 1, dtype)?;
        let set = self.velocities.on(self.sizes.height, self.sizes.width);
        let shifts = match self.cell {
            CellKind::OneHotShift => shift_kernels(&set, REACH, dtype)?,
            _ => {
                let size = 2 * REACH as usize + 1;
                self.draw("shifts", &[set.len(), size, size], 1.0 / size as f64, dtype)?
            }
        };
        let space = FlowSpace::new(Translation, set, Lift::Trivial);
        Ok(LearnedShiftRnn::over(space, u, w, shifts)?.with_algorithm(self.algorithm))
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

    /// U (gates·C, C_in, 3, 3) and W (gates·C, C, k, k), expanded to planes over rotations. The upper
    /// layer of a stack reads the hidden state below.
    fn gate_kernels(&self, name: &str, gates: usize, dtype: DType) -> Result<(Tensor, Tensor)> {
        let Sizes { inputs, channels, .. } = self.sizes;
        let rows = gates * channels;
        let (inputs, fields) = match name {
            "upper" => (channels, Fields::Regular),
            _ => (inputs, Fields::Lifting),
        };
        let u = self.kernel(&format!("{name}.u"), (rows, inputs), fields, dtype)?;
        let w = self.kernel(&format!("{name}.w"), (rows, channels), Fields::Regular, dtype)?;
        Ok((u, w))
    }

    /// A random kernel between fields; over rotations an expanded filter, unless the cell is the control
    /// whose kernels are not steerable.
    fn kernel(
        &self,
        name: &str,
        (outputs, inputs): (usize, usize),
        fields: Fields,
        dtype: DType,
    ) -> Result<Tensor> {
        let recurs = name.ends_with(".w");
        let size = if recurs { self.sizes.kernel } else { 3 };
        let n = match self.group {
            GroupKind::Translation => {
                return self.weights(name, &[outputs, inputs, size, size], dtype);
            }
            GroupKind::Rotation(n) => n,
        };
        let (n_out, n_in) = match fields {
            Fields::Lifting => (n, 1),
            Fields::Regular => (n, n),
            Fields::Projecting => (1, n),
        };
        if self.cell == CellKind::PlainKernels {
            return self.weights(name, &[outputs * n_out, inputs * n_in, size, size], dtype);
        }
        let basis = SteerableBasis::new(n, size)?;
        let d = basis.len();
        let lifting = || -> Result<Tensor> {
            let drawn = self.weights(name, &[outputs, inputs, d], dtype)?;
            if self.group.is_exact() {
                return Ok(drawn);
            }
            // Where the group interpolates, input drives with the two functions without a direction as
            // well: of what nearly cancels, little but the error of the grid would be left.
            let size = 1.0 / ((inputs * d) as f64).sqrt();
            let favoured: Vec<f64> = (0..d).map(|i| if i < 2 { size } else { 0.0 }).collect();
            let favoured = Tensor::from_vec(favoured, d, &Device::Cpu)?.to_dtype(dtype)?;
            Ok(drawn.broadcast_add(&favoured)?)
        };
        match fields {
            Fields::Lifting => basis.lifting(&lifting()?),
            Fields::Regular => {
                basis.regular(&self.weights(name, &[outputs, inputs, n, d], dtype)?)
            }
            Fields::Projecting => {
                let k = self.weights(name, &[outputs, inputs, d], dtype)?;
                Ok((basis.projecting(&k)? / (n as f64).sqrt())?)
            }
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
