//! The closed list of cells, as data: what each trains, and how it is built over any group.

use super::fields::{Between, Fields, Maps, named};
use super::gated::{GatedRnn, Gating};
use super::gru::GruGates;
use super::layer::FlowLayer;
use super::learned_shift::LearnedShiftRnn;
use super::lstm::LstmGates;
use super::mixing::MixingRnn;
use super::rnn::FlowRnn;
use crate::error::Result;
use crate::flow::{FlowGroup, FlowSpace, Velocity, VelocitySet};
use crate::ops::{Activation, ConvAlgorithm, VelocityPooling};
use crate::parameters::{Draw, Initial, Tensors};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The kinds of cells that can be trained, measured and run by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// [`FlowRnn`]: the FERNN, and with V = {0} the G-RNN.
    #[default]
    Simple,
    /// [`FlowGru`](super::FlowGru).
    Gru,
    /// [`FlowLstm`](super::FlowLstm).
    Lstm,
    /// [`MixingRnn`].
    Mixing,
    /// [`LearnedShiftRnn`]: the G-RNN+.
    LearnedShift,
}

impl CellKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Simple, Self::Gru, Self::Lstm, Self::Mixing, Self::LearnedShift];

    /// The name in settings and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
            Self::Mixing => "mixing",
            Self::LearnedShift => "learned-shift",
        }
    }

    /// Work of a slice beside one of the simple cell, roughly: those without a whole-sequence operation
    /// run step by step.
    pub fn work(self) -> u64 {
        match self {
            Self::Simple => 1,
            Self::Gru | Self::Lstm => self.gates() as u64,
            Self::LearnedShift | Self::Mixing => 10,
        }
    }

    /// Maps of C channels that U and W make each.
    pub(crate) fn gates(self) -> usize {
        match self {
            Self::Gru => GruGates::GATES,
            Self::Lstm => LstmGates::GATES,
            Self::Simple | Self::Mixing | Self::LearnedShift => 1,
        }
    }
}

/// A cell as data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellChoice {
    /// The kind.
    pub kind: CellKind,
    /// The non-linearity of cells without gates; those with gates have their own.
    pub activation: Activation,
    /// How far a mixing cell looks from each velocity, in steps of its set; how far the kernels of learned
    /// shifts reach, in pixels. Of no meaning to the others.
    pub reach: u32,
}

/// What the kernels of a cell go between.
///
/// ```
/// use fernn::cells::{Between, CellChoice, CellShape, Fields};
/// use fernn::flow::VelocitySet;
/// use fernn::ops::SteerableBasis;
///
/// # fn main() -> fernn::Result<()> {
/// let (fields, reads) = (Fields::Steerable(SteerableBasis::new(4, 3)?), Between::FrameAndHidden);
/// let shape = CellShape { fields, reads, inputs: 1, channels: 2, kernels: (3, 3) };
/// let all = CellChoice::SIMPLE.parameters("cell", &shape, &VelocitySet::cyclic(4)?);
/// assert_eq!(all[0].shape, [2, 1, 6]); // (C, C_in, D)
/// assert_eq!(all[1].shape, [2, 2, 4, 6]); // (C, C, N, D)
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CellShape {
    /// How kernels come about.
    pub fields: Fields,
    /// What the cell reads: [`Between::FrameAndHidden`], or [`Between::Hidden`] above another layer.
    pub reads: Between,
    /// Channels of a frame, or hidden maps of the layer below.
    pub inputs: usize,
    /// Hidden maps C.
    pub channels: usize,
    /// Extent of the input kernel and of the recurrent one.
    pub kernels: (usize, usize),
}

/// How a cell runs, whatever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The pooling over V in the read-out.
    pub pooling: VelocityPooling,
    /// How convolutions are computed.
    pub algorithm: ConvAlgorithm,
}

/// A layer of any kind over a group: what [`CellChoice::layer`] makes, and what a cell of one's own is boxed as.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use fernn::cells::{AnyLayer, Cell, FlowRnn};
/// use fernn::flow::{FlowSpace, Lift, Sequence, Translation, VelocitySet};
/// use fernn::ops::ReadOut;
///
/// # fn main() -> fernn::Result<()> {
/// let space = FlowSpace::new(Translation, VelocitySet::square(1), Lift::CoMoving);
/// let kernel = |shape: (usize, usize, usize, usize)| Tensor::randn(0f32, 0.3, shape, &Device::Cpu);
/// let layer: AnyLayer<Translation> =
///     Box::new(FlowRnn::over(space, kernel((4, 1, 3, 3))?, kernel((4, 4, 3, 3))?)?);
/// let frames = Tensor::randn(0f32, 1.0, (1, 3, 1, 6, 7), &Device::Cpu)?; // (B, T, C, H, W)
/// let read_outs = layer.unroll(Sequence::Frames(&frames), ReadOut::Every)?; // (T, B, H, W, C)
/// assert_eq!(read_outs.dims(), [3, 1, 6, 7, 4]);
/// # Ok(())
/// # }
/// ```
pub type AnyLayer<G> = Box<dyn FlowLayer<Group = G>>;

impl CellChoice {
    /// The simple cell with ReLU.
    pub const SIMPLE: Self =
        Self { kind: CellKind::Simple, activation: Activation::Relu, reach: 1 };

    /// A kind with ReLU, and a reach of one step or pixel.
    pub const fn of(kind: CellKind) -> Self {
        Self { kind, ..Self::SIMPLE }
    }

    /// What is trained, in the order U, W, and what the kind has beside them. Names begin with `cell`:
    /// `cell.conv_u…`, `cell.conv_h…`, `cell.shift.weight`.
    ///
    /// ```
    /// use fernn::cells::{Between, CellChoice, CellKind, CellShape, Fields};
    /// use fernn::flow::VelocitySet;
    ///
    /// let (fields, reads) = (Fields::Plain, Between::FrameAndHidden);
    /// let shape = CellShape { fields, reads, inputs: 1, channels: 4, kernels: (3, 3) };
    /// let gru = CellChoice::of(CellKind::Gru);
    /// let all = gru.parameters("cell", &shape, &VelocitySet::square(2));
    /// assert_eq!(all[0].name, "cell.conv_u.weight");
    /// assert_eq!(all[0].shape, [12, 1, 3, 3], "a kernel for each of three gates");
    /// assert_eq!(all, gru.parameters("cell", &shape, &VelocitySet::square(0)), "shared over V");
    /// ```
    pub fn parameters<V: Velocity>(
        &self,
        cell: &str,
        shape: &CellShape,
        velocities: &VelocitySet<V>,
    ) -> Vec<Initial> {
        let CellShape { fields, reads, inputs, channels, kernels } = shape;
        let outputs = self.kind.gates() * channels;
        let input = Maps { outputs, inputs: *inputs, size: kernels.0 };
        let recurrent = Maps { outputs, inputs: *channels, size: kernels.1 };
        let shares = match self.kind {
            CellKind::Mixing => V::neighbourhood(velocities.as_slice(), self.reach).len(),
            _ => 1,
        };
        let mut all = vec![
            fields.initial(&format!("{cell}.conv_u"), *reads, input, 1),
            fields.initial(&format!("{cell}.conv_h"), Between::Hidden, recurrent, shares),
        ];
        if self.kind == CellKind::LearnedShift {
            let size = 2 * self.reach as usize + 1;
            let draw = Draw::Normal(1.0 / size as f64); // as the public code draws them
            let shape = [velocities.len(), size, size];
            all.push(Initial::trained(format!("{cell}.shift.weight"), &shape, draw));
        }
        all
    }

    /// The cell over a space from tensors named as in [`CellChoice::parameters`].
    ///
    /// # Errors
    /// [`crate::Error::Weights`] naming what is missing, [`crate::Error::Shape`] when extents disagree.
    ///
    /// ```
    /// use candle_core::Device;
    /// use fernn::cells::{Between, CellChoice, CellShape, Fields, Running, parameter_count};
    /// use fernn::flow::{FlowSpace, Lift, Translation, VelocitySet};
    /// use fernn::parameters::Parameters;
    /// use std::path::Path;
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let (fields, reads) = (Fields::Plain, Between::FrameAndHidden);
    /// let shape = CellShape { fields, reads, inputs: 1, channels: 4, kernels: (3, 3) };
    /// let space = FlowSpace::new(Translation, VelocitySet::square(1), Lift::CoMoving);
    /// let all = CellChoice::SIMPLE.parameters("cell", &shape, space.velocities());
    /// let parameters = Parameters::draw(&all, 0, &Device::Cpu)?;
    /// let how = (Running::default(), Path::new("drawn"));
    /// let cell = CellChoice::SIMPLE.layer(space, ("cell", &shape), &parameters.tensors(), how)?;
    /// assert_eq!(parameter_count(&cell), parameters.count());
    /// # Ok(())
    /// # }
    /// ```
    pub fn layer<G: FlowGroup + 'static>(
        &self,
        space: FlowSpace<G>,
        (cell, shape): (&str, &CellShape),
        tensors: &Tensors,
        (running, source): (Running, &Path),
    ) -> Result<AnyLayer<G>> {
        let (u, w) = (format!("{cell}.conv_u"), format!("{cell}.conv_h"));
        let u = shape.fields.kernel(tensors, &u, shape.reads, source)?;
        let square = || shape.fields.kernel(tensors, &w, Between::Hidden, source);
        let Running { pooling, algorithm } = running;
        Ok(match self.kind {
            CellKind::Simple => Box::new(
                FlowRnn::over(space, u, square()?)?
                    .with_activation(self.activation)
                    .with_pooling(pooling)
                    .with_algorithm(algorithm),
            ),
            CellKind::Gru => Box::new(
                GatedRnn::<G, GruGates>::over(space, u, square()?)?
                    .with_pooling(pooling)
                    .with_algorithm(algorithm),
            ),
            CellKind::Lstm => Box::new(
                GatedRnn::<G, LstmGates>::over(space, u, square()?)?
                    .with_pooling(pooling)
                    .with_algorithm(algorithm),
            ),
            CellKind::Mixing => {
                let offsets = G::Velocity::neighbourhood(space.velocities().as_slice(), self.reach);
                let w = (w.as_str(), offsets.len());
                let w = shape.fields.shares(tensors, w, Between::Hidden, source)?;
                Box::new(
                    MixingRnn::over(space, u, w, offsets)?
                        .with_activation(self.activation)
                        .with_pooling(pooling)
                        .with_algorithm(algorithm),
                )
            }
            CellKind::LearnedShift => {
                let shifts = named(tensors, &format!("{cell}.shift.weight"), source)?;
                Box::new(
                    LearnedShiftRnn::over(space, u, square()?, shifts.clone())?
                        .with_activation(self.activation)
                        .with_pooling(pooling)
                        .with_algorithm(algorithm),
                )
            }
        })
    }
}
