//! The cells of the crate, and the controls among them.

use super::case::Case;
use super::group::{Velocities, VerifiedGroup};
use super::kind::Kind;
use super::theory::{BOTH, Theory};
use super::verified::Verified;
use crate::cells::{
    AnyLayer, Between, CellChoice, CellKind, CellShape, DenseRnn, Fields, MapExtents, Running,
    Stacked, shift_kernels,
};
use crate::error::Result;
use crate::flow::{FlowGroup, FlowSpace, Lift, Rotation, Translation, ZeroPaddedTranslation};
use crate::ops::Activation;
use crate::parameters::{Initial, Tensors};
use candle_core::{DType, Device, Tensor};
use std::path::Path;

/// The cells of the crate, and the controls among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Specimen {
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
    /// Control: the simple recurrence over rotations with kernels that are not steerable.
    PlainKernels,
    /// Control: the dense recurrence of the textbooks.
    Dense,
}

/// Every cell over every group that it is defined over, in the order of tables.
///
/// # Errors
/// None that is known: the groups exist.
pub fn suite() -> Result<Vec<Box<dyn Verified>>> {
    use Specimen::{Dense, LearnedShift, OneHotShift, PlainKernels, ZeroPadded};
    let mut kinds: Vec<Box<dyn Verified>> = Vec::new();
    for specimen in Specimen::ALL.into_iter().filter(|&cell| cell != PlainKernels) {
        kinds.push(Box::new(specimen.over_translations()));
    }
    for orientations in [4, 8] {
        let group = Rotation::new(orientations)?;
        let is_left_out = |cell| match cell {
            OneHotShift | LearnedShift | ZeroPadded => true,
            Dense => orientations > 4, // its matrices grow with the square of the pixels
            _ => false,
        };
        for specimen in Specimen::ALL.into_iter().filter(|&cell| !is_left_out(cell)) {
            kinds.push(Box::new(specimen.over(group)));
        }
    }
    Ok(kinds)
}

impl Specimen {
    /// Every kind.
    pub const ALL: [Self; 12] = [
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
        Self::PlainKernels,
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
            Self::PlainKernels => "plain-kernels",
            Self::Dense => "dense",
        }
    }

    /// What is claimed of it.
    ///
    /// In the co-moving frame flowing the input permutes what the slices are given, whatever is then
    /// done to each of them alike: neither zero padding nor any kernel does harm there.
    fn theory(self) -> Theory {
        let all = Theory::FLOW_EQUIVARIANT;
        let (lab, co_moving): (&[Lift], &[Lift]) = (&[Lift::Trivial], &[Lift::CoMoving]);
        match self {
            Self::OneHotShift => Theory { lifts: lab, ..all },
            Self::LearnedShift => Theory { lifts: lab, flows_in: &[], ..all },
            Self::ZeroPadded => {
                Theory { lifts: BOTH, flows_in: co_moving, is_equivariant: false, ..all }
            }
            Self::PlainKernels => Theory {
                flows_in: co_moving,
                is_equivariant: false,
                has_equivariant_decoder: false,
                ..all
            },
            _ => all,
        }
    }

    /// The specimen over a group that has everything it needs.
    pub fn over<G: VerifiedGroup>(self, group: G) -> Kind<G> {
        if self == Self::Dense {
            return Kind::without_velocities(self.name(), group, dense);
        }
        self.kind(group, move |case, dtype| self.layers(case, case.space()?, None, dtype))
    }

    /// The specimen over translations, controls of convolutions and of shifts as well.
    pub fn over_translations(self) -> Kind<Translation> {
        let few = vec![Velocities::Truncated(1), Velocities::Truncated(2)]; // kernels reach two pixels
        match self {
            Self::ZeroPadded => self.kind(Translation, move |case, dtype| {
                let velocities = case.space()?.velocities().clone();
                let space = FlowSpace::new(ZeroPaddedTranslation, velocities, case.lift);
                self.layers(case, space, None, dtype)
            }),
            Self::OneHotShift => self
                .kind(Translation, move |case, dtype| {
                    let space = case.space()?;
                    let shifts = shift_kernels(space.velocities(), SHIFT_REACH, dtype)?;
                    self.layers(case, space, Some(shifts), dtype)
                })
                .with_sets(few),
            Self::LearnedShift => self.over(Translation).with_sets(few),
            _ => self.over(Translation),
        }
    }

    fn kind<G: VerifiedGroup, H: FlowGroup<Velocity = G::Velocity> + 'static>(
        self,
        group: G,
        build: impl Fn(&Case<G>, DType) -> Result<Stacked<AnyLayer<H>>> + Send + Sync + 'static,
    ) -> Kind<G> {
        let algorithms = group.algorithms();
        let kind = Kind::new(self.name(), group, build);
        let kind = kind.with_theory(self.theory()).with_algorithms(algorithms);
        if self == Self::Rnn { kind.with_single_flows() } else { kind }
    }

    /// Its layers by name, lowest first, the controls' special kernels apart.
    fn choices(self) -> Vec<(&'static str, CellChoice)> {
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

    /// What its hidden maps are made of, and how many there are: plain ones in the place of fields if its
    /// kernels are not steerable.
    fn fields<G: VerifiedGroup>(self, case: &Case<G>) -> Result<(Fields, usize)> {
        let (fields, channels) = (case.group.fields(case.sizes.kernel)?, case.sizes.channels);
        Ok(match self {
            Self::PlainKernels => (Fields::Plain, channels * fields.planes()),
            _ => (fields, channels),
        })
    }

    /// Its layers over a space, lowest first; `shifts` in the place of random shift kernels.
    fn layers<G: VerifiedGroup, H: FlowGroup<Velocity = G::Velocity> + 'static>(
        self,
        case: &Case<G>,
        space: FlowSpace<H>,
        shifts: Option<Tensor>,
        dtype: DType,
    ) -> Result<Stacked<AnyLayer<H>>> {
        let (fields, channels) = self.fields(case)?;
        let layer = |(number, (name, choice)): (usize, (&str, CellChoice))| {
            let (reads, inputs) = match number {
                0 => (Between::FrameAndHidden, case.sizes.inputs),
                _ => (Between::Hidden, channels),
            };
            let (fields, kernels) = (fields.clone(), (3, case.sizes.kernel));
            let shape = CellShape { fields, reads, inputs, channels, kernels };
            let mut tensors = Tensors::new();
            for initial in choice.parameters(name, &shape, space.velocities()) {
                let value = parameter(case, name, &initial, &shape, dtype)?;
                tensors.insert(initial.name, value);
            }
            if let Some(shifts) = &shifts {
                tensors.insert(format!("{name}.shift.weight"), shifts.clone());
            }
            let running = Running { algorithm: case.algorithm, ..Running::default() };
            let source = (running, Path::new("a random case"));
            choice.layer(space.clone(), (name, &shape), &tensors, source)
        };
        let choices = self.choices().into_iter().enumerate();
        Stacked::new(choices.map(layer).collect::<Result<_>>()?)
    }
}

/// The dense control.
fn dense<G: VerifiedGroup>(case: &Case<G>, dtype: DType) -> Result<DenseRnn> {
    let (inputs, (height, width)) = (case.sizes.inputs, case.extents());
    let channels = case.sizes.channels * case.group.fields(case.sizes.kernel)?.planes();
    let k = channels * height * width;
    let u = case.weights("dense.u", &[k, inputs * height * width], dtype)?;
    let w = case.weights("dense.w", &[k, k], dtype)?;
    DenseRnn::new(u, w, MapExtents { channels, height, width }, Activation::Relu)
}

/// Random values of a layer's parameter.
fn parameter<G: VerifiedGroup>(
    case: &Case<G>,
    layer: &str,
    initial: &Initial,
    shape: &CellShape,
    dtype: DType,
) -> Result<Tensor> {
    let is = |part: &str| initial.name.starts_with(&format!("{layer}.{part}"));
    if is("shift") {
        let scale = 1.0 / *initial.shape.last().expect("(V, k, k)") as f64;
        return case.draw("shifts", &initial.shape, scale, dtype);
    }
    let drawn = |part: &str| case.weights(&format!("{layer}.{part}"), &initial.shape, dtype);
    if !is("conv_u") {
        return drawn("w");
    }
    let is_lifting = shape.reads == Between::FrameAndHidden;
    match is_lifting && !case.group.is_exact() && matches!(shape.fields, Fields::Steerable(_)) {
        true => favour_undirected(&drawn("u")?),
        false => drawn("u"),
    }
}

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
