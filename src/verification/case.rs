//! Random cells and frames to measure.

use crate::cells::{
    DenseRnn, FlowGru, FlowLayer, FlowLstm, FlowRnn, LearnedShiftRnn, MixingRnn, Stacked,
    shift_kernels,
};
use crate::error::Result;
use crate::flow::{
    FlowGroup, FlowSpace, Lift, PixelsPerFrame, Translation, VelocitySet, ZeroPaddedTranslation,
};
use crate::ops::{Activation, ConvAlgorithm, Layer, Padding};
use crate::rng::Stream;
use candle_core::{DType, Device, Tensor};

/// The cells of the crate, and the controls among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CellKind {
    /// The simple recurrence with ReLU.
    Rnn,
    /// The simple recurrence with tanh.
    TanhRnn,
    /// The gated recurrent unit.
    Gru,
    /// The long short-term memory.
    Lstm,
    /// The simple recurrence that mixes neighbouring velocities.
    Mixing,
    /// Two simple recurrences, one above the other.
    Stack,
    /// A gated recurrent unit above a simple recurrence.
    MixedStack,
    /// The G-RNN+ with the kernels that make it a FERNN.
    OneHotShift,
    /// Control: the G-RNN+ with random shift kernels.
    LearnedShift,
    /// Control: the simple recurrence with zero-padded convolutions.
    ZeroPadded,
    /// Control: the dense recurrence of the textbooks.
    Dense,
}

impl CellKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Rnn,
        Self::TanhRnn,
        Self::Gru,
        Self::Lstm,
        Self::Mixing,
        Self::Stack,
        Self::MixedStack,
        Self::OneHotShift,
        Self::LearnedShift,
        Self::ZeroPadded,
        Self::Dense,
    ];

    /// The name in tables and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rnn => "rnn",
            Self::TanhRnn => "rnn-tanh",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
            Self::Mixing => "mixing",
            Self::Stack => "stack",
            Self::MixedStack => "rnn+gru",
            Self::OneHotShift => "one-hot-shift",
            Self::LearnedShift => "learned-shift",
            Self::ZeroPadded => "zero-padded",
            Self::Dense => "dense",
        }
    }

    /// Whether the theory claims flow equivariance of it.
    ///
    /// In the co-moving frame flowing the input permutes what the slices are given, whatever is then
    /// done to each of them alike: zero padding does no harm there.
    pub fn is_flow_equivariant(self, lift: Lift) -> bool {
        match self {
            Self::LearnedShift | Self::Dense => false,
            Self::ZeroPadded => lift == Lift::CoMoving,
            _ => true,
        }
    }

    /// Whether it commutes with still transformations.
    pub fn is_equivariant(self) -> bool {
        !matches!(self, Self::ZeroPadded | Self::Dense)
    }

    /// The frames of reference that it comes in.
    pub fn lifts(self) -> &'static [Lift] {
        match self {
            Self::OneHotShift | Self::LearnedShift | Self::Dense => &[Lift::Trivial],
            _ => &[Lift::Trivial, Lift::CoMoving],
        }
    }
}

/// A velocity set by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Velocities {
    /// V^T_N = {−N..N}²; N = 0 is the G-RNN.
    Square(u32),
    /// All velocities of the torus.
    Closed,
}

impl Velocities {
    /// `V0`, `V1`, … or `closed`.
    pub fn name(self) -> String {
        match self {
            Self::Square(range) => format!("V{range}"),
            Self::Closed => "closed".into(),
        }
    }

    /// The set on a torus of H × W pixels.
    pub fn on(self, height: usize, width: usize) -> VelocitySet<PixelsPerFrame> {
        match self {
            Self::Square(range) => VelocitySet::square(range),
            Self::Closed => VelocitySet::torus(height, width),
        }
    }
}

/// Extents of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Sequences.
    pub batch: usize,
    /// Frames of a sequence.
    pub frames: usize,
    /// Channels of a frame.
    pub inputs: usize,
    /// Hidden channels.
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
    /// a truncated one a torus that it does not close on.
    pub fn of_suite(velocities: Velocities) -> Self {
        let (height, width) = match velocities {
            Velocities::Closed => (5, 7),
            Velocities::Square(_) => (7, 11),
        };
        Self { batch: 2, frames: 5, inputs: 3, channels: 8, height, width, kernel: 3 }
    }
}

/// A random cell with random frames, a function of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
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

/// A layer of any kind over a group.
pub(super) type AnyLayer<G> = Box<dyn FlowLayer<Group = G>>;

impl Case {
    /// The velocity set.
    pub fn velocity_set(&self) -> VelocitySet<PixelsPerFrame> {
        self.velocities.on(self.sizes.height, self.sizes.width)
    }

    /// Random frames (B, T, C_in, H, W).
    pub fn frames(&self, dtype: DType) -> Result<Tensor> {
        let Sizes { batch, frames, inputs, height, width, .. } = self.sizes;
        self.draw("frames", &[batch, frames, inputs, height, width], 1.0, dtype)
    }

    /// Two random decoder layers from the hidden channels to those of a frame.
    pub(super) fn decoder(&self, dtype: DType) -> Result<Vec<Layer>> {
        let Sizes { inputs, channels, .. } = self.sizes;
        let hidden = self.weights("decoder.0", &[channels, channels, 3, 3], dtype)?;
        let last = self.weights("decoder.1", &[inputs, channels, 3, 3], dtype)?;
        Ok(vec![
            Layer { kernel: hidden, activation: Activation::Relu, padding: Padding::Circular },
            Layer { kernel: last, activation: Activation::Identity, padding: Padding::Circular },
        ])
    }

    /// The control with zero-padded convolutions.
    pub(super) fn zero_padded(
        &self,
        dtype: DType,
    ) -> Result<Stacked<AnyLayer<ZeroPaddedTranslation>>> {
        let layer = self.simple(self.space(ZeroPaddedTranslation), "rnn", dtype)?;
        Stacked::new(vec![Box::new(layer)])
    }

    /// The cells over translations with circular convolutions.
    pub(super) fn circular(&self, dtype: DType) -> Result<Stacked<AnyLayer<Translation>>> {
        let space = || self.space(Translation);
        let mut layers: Vec<AnyLayer<Translation>> = Vec::new();
        match self.cell {
            CellKind::TanhRnn => {
                let layer = self.simple(space(), "rnn", dtype)?;
                layers.push(Box::new(layer.with_activation(Activation::Tanh)));
            }
            CellKind::Gru => layers.push(Box::new(self.gated(space(), "gru", dtype)?)),
            CellKind::Lstm => layers.push(Box::new(self.lstm(space(), dtype)?)),
            CellKind::Mixing => layers.push(Box::new(self.mixing(space(), dtype)?)),
            CellKind::OneHotShift | CellKind::LearnedShift => {
                layers.push(Box::new(self.learned_shift(dtype)?));
            }
            CellKind::Stack => {
                layers.push(Box::new(self.simple(space(), "lower", dtype)?));
                layers.push(Box::new(self.simple(space(), "upper", dtype)?));
            }
            CellKind::MixedStack => {
                layers.push(Box::new(self.simple(space(), "lower", dtype)?));
                layers.push(Box::new(self.gated(space(), "upper", dtype)?));
            }
            _ => layers.push(Box::new(self.simple(space(), "rnn", dtype)?)),
        }
        Stacked::new(layers)
    }

    fn space<G: FlowGroup<Velocity = PixelsPerFrame>>(&self, group: G) -> FlowSpace<G> {
        FlowSpace::new(group, self.velocity_set(), self.lift)
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

    /// Mixes each velocity with its eight neighbours.
    fn mixing<G>(&self, space: FlowSpace<G>, dtype: DType) -> Result<MixingRnn<G>>
    where
        G: FlowGroup<Velocity = PixelsPerFrame>,
    {
        let neighbourhood = VelocitySet::square(1).as_slice().to_vec();
        let (c, k) = (self.sizes.channels, self.sizes.kernel);
        let u = self.weights("mixing.u", &[c, self.sizes.inputs, 3, 3], dtype)?;
        let w = self.weights("mixing.w", &[neighbourhood.len(), c, c, k, k], dtype)?;
        Ok(MixingRnn::over(space, u, w, neighbourhood)?.with_algorithm(self.algorithm))
    }

    fn learned_shift(&self, dtype: DType) -> Result<LearnedShiftRnn> {
        const REACH: u32 = 2;
        let (u, w) = self.gate_kernels("learned shift", 1, dtype)?;
        let set = self.velocity_set();
        let shifts = match self.cell {
            CellKind::OneHotShift => shift_kernels(&set, REACH, dtype)?,
            _ => {
                let size = 2 * REACH as usize + 1;
                self.draw("shifts", &[set.len(), size, size], 1.0 / size as f64, dtype)?
            }
        };
        Ok(LearnedShiftRnn::new(set, u, w, shifts)?.with_algorithm(self.algorithm))
    }

    /// The dense control.
    pub(super) fn dense(&self, dtype: DType) -> Result<DenseRnn> {
        let Sizes { inputs, channels, height, width, .. } = self.sizes;
        let k = channels * height * width;
        let u = self.weights("dense.u", &[k, inputs * height * width], dtype)?;
        let w = self.weights("dense.w", &[k, k], dtype)?;
        DenseRnn::new(u, w, (channels, height, width), Activation::Relu)
    }

    /// U (gates·C, C_in, 3, 3) and W (gates·C, C, k, k). The upper layer of a stack reads C channels.
    fn gate_kernels(&self, name: &str, gates: usize, dtype: DType) -> Result<(Tensor, Tensor)> {
        let Sizes { inputs, channels, kernel, .. } = self.sizes;
        let inputs = if name == "upper" { channels } else { inputs };
        let rows = gates * channels;
        let u = self.weights(&format!("{name}.u"), &[rows, inputs, 3, 3], dtype)?;
        let w = self.weights(&format!("{name}.w"), &[rows, channels, kernel, kernel], dtype)?;
        Ok((u, w))
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
