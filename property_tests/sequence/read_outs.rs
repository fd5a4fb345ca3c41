//! Every way of reading a sequence out, over frames and over feature maps: the whole-sequence operation
//! against single steps, forward bit for bit, and backward; both against finite differences.

use super::common::{finite_differences, normal, relative_error, values};
use super::{ALGORITHMS, pooling};
use candle_core::{DType, Tensor, Var};
use fernn::Error;
use fernn::cells::{Cell, FlowGru, FlowLstm, FlowRnn, unroll_step_by_step};
use fernn::flow::{
    DegreesPerFrame, FlowGroup, FlowSpace, Lift, PixelsPerFrame, Rotation, Sequence, Translation,
    VelocitySet,
};
use fernn::ops::{
    Activation, CarryOrder, ConvAlgorithm, FedAs, Gated, ReadOut, Update, VelocityPooling,
};
use proptest::prelude::*;

const STEPS: usize = 3;

/// What is read out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    Last,
    Every,
    Fed(FedAs),
}

/// What is read: frames through U, or maps without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Frames,
    Maps,
}

const CASES: [(Kind, Read); 7] = [
    (Kind::Frames, Read::Last),
    (Kind::Frames, Read::Every),
    (Kind::Frames, Read::Fed(FedAs::New)),
    (Kind::Frames, Read::Fed(FedAs::Former)),
    (Kind::Maps, Read::Last),
    (Kind::Maps, Read::Every),
    (Kind::Maps, Read::Fed(FedAs::New)),
];

/// How many steps are taken at once.
#[derive(Clone, Copy, Debug)]
enum Way {
    AtOnce,
    StepByStep,
}

/// A group with its velocities, and the frame of reference.
#[derive(Clone, Debug)]
enum World {
    Translations(Lift, VelocitySet<PixelsPerFrame>),
    Rotations(Lift, Rotation, VelocitySet<DegreesPerFrame>),
}

impl World {
    fn translations(lift: Lift, range: u32) -> Self {
        Self::Translations(lift, VelocitySet::square(range))
    }

    fn rotations(lift: Lift, orientations: usize, order: CarryOrder, degrees: &[i32]) -> Self {
        let velocities = degrees.iter().map(|&d| DegreesPerFrame(d)).collect();
        let group = Rotation::new(orientations).unwrap().with_order(order);
        Self::Rotations(lift, group, VelocitySet::truncated(velocities).unwrap())
    }

    fn velocities(&self) -> usize {
        match self {
            Self::Translations(_, set) => set.len(),
            Self::Rotations(.., set) => set.len(),
        }
    }

    /// As many channels, filled up to whole fields.
    fn channels(&self, channels: usize) -> usize {
        match self {
            Self::Translations(..) => channels,
            Self::Rotations(_, group, _) => channels.next_multiple_of(group.orientations()),
        }
    }
}

fn lifts() -> impl Strategy<Value = Lift> {
    prop::sample::select(vec![Lift::Trivial, Lift::CoMoving])
}

/// Translations by any range, and rotations of which some interpolate, some move numbers alone and some do
/// not move orientations as they move pixels.
fn worlds() -> impl Strategy<Value = World> {
    let turns = [(8, vec![0, 45, -90]), (4, vec![-90, 0, 90, 180]), (3, vec![120]), (8, vec![0])];
    let rotations = (lifts(), prop::sample::select(turns.to_vec()), any::<bool>());
    let translations = (lifts(), 0u32..=2);
    prop_oneof![
        translations.prop_map(|(lift, range)| World::translations(lift, range)),
        rotations.prop_map(|(lift, (n, degrees), first)| {
            World::rotations(lift, n, CarryOrder::ALL[usize::from(first)], &degrees)
        }),
    ]
}

/// A cell with its kernels and what it reads.
#[derive(Clone)]
struct Run {
    kind: Kind,
    world: World,
    update: Update,
    pooling: VelocityPooling,
    algorithm: ConvAlgorithm,
    /// W, the sequence (B, T, C_in, H, W), and U over frames.
    tensors: Vec<Tensor>,
    /// What is fed, where it is not made of the read-out: then nothing is cut from the graph that the
    /// result depends on.
    constant: Option<Tensor>,
}

impl Run {
    /// Two samples of T frames of one channel, or as many maps.
    fn draw(
        (kind, update): (Kind, Update),
        (seed, dtype): (u64, DType),
        (frames, channels): (usize, usize),
        (height, width): (usize, usize),
    ) -> Self {
        let maps = update.gates() * channels;
        let inputs = if kind == Kind::Frames { 1 } else { maps };
        let draw = |name: &str, shape: &[usize], scale| normal(seed, name, shape, scale, dtype);
        let scale = 0.8 / (3.0 * (channels as f64).sqrt());
        let w = draw("w", &[maps, channels, 3, 3], scale);
        let sequence = draw("sequence", &[2, frames, inputs, height, width], 1.0);
        let u = draw("u", &[maps, inputs, 3, 3], 0.4);
        let tensors = match kind {
            Kind::Frames => vec![w, sequence, u],
            Kind::Maps => vec![w, sequence],
        };
        let (algorithm, pooling) = (ConvAlgorithm::Direct, VelocityPooling::Mean);
        let world = World::translations(Lift::CoMoving, 1);
        Self { kind, world, update, pooling, algorithm, tensors, constant: None }
    }

    fn result(&self, read: Read, way: Way) -> Tensor {
        match self.world.clone() {
            World::Translations(lift, set) => {
                self.result_over(FlowSpace::new(Translation, set, lift), read, way)
            }
            World::Rotations(lift, group, set) => {
                self.result_over(FlowSpace::new(group, set, lift), read, way)
            }
        }
    }

    fn result_over<G: FlowGroup>(&self, space: FlowSpace<G>, read: Read, way: Way) -> Tensor {
        let (u, w) = (self.tensors.get(2).cloned(), self.tensors[0].clone());
        match self.update {
            Update::Simple(activation) => {
                let cell = FlowRnn::over(space, u, w).unwrap().with_activation(activation);
                let cell = cell.with_pooling(self.pooling).with_algorithm(self.algorithm);
                self.unrolled(&cell, read, way)
            }
            Update::Gated(Gated::Gru) => {
                let cell = FlowGru::over(space, u, w).unwrap().with_pooling(self.pooling);
                self.unrolled(&cell.with_algorithm(self.algorithm), read, way)
            }
            Update::Gated(Gated::Lstm) => {
                let cell = FlowLstm::over(space, u, w).unwrap().with_pooling(self.pooling);
                self.unrolled(&cell.with_algorithm(self.algorithm), read, way)
            }
        }
    }

    fn unrolled(&self, cell: &impl Cell, read: Read, way: Way) -> Tensor {
        let sequence = match self.kind {
            Kind::Frames => Sequence::Frames(&self.tensors[1]),
            Kind::Maps => Sequence::Maps(&self.tensors[1]),
        };
        let gates = self.update.gates();
        let mut feed = |read_out: &Tensor| match (&self.constant, self.kind) {
            (Some(constant), _) => Ok(constant.clone()),
            (None, Kind::Frames) => Ok(read_out.narrow(3, 0, 1)?.contiguous()?),
            (None, Kind::Maps) => Ok(Tensor::cat(&vec![read_out; gates], 3)?),
        };
        let read_out = match read {
            Read::Last => ReadOut::Last,
            Read::Every => ReadOut::Every,
            Read::Fed(fed_as) => ReadOut::Fed { steps: STEPS, feed: &mut feed, fed_as },
        };
        match way {
            Way::AtOnce => cell.unroll(sequence, read_out),
            Way::StepByStep => unroll_step_by_step(cell, sequence, read_out, &mut |_| ()),
        }
        .unwrap()
    }

    /// A random functional of the result.
    fn loss(&self, read: Read, way: Way) -> Tensor {
        let result = self.result(read, way);
        let weights = normal(7, "functional", result.dims(), 1.0, result.dtype());
        (result * weights).unwrap().sum_all().unwrap()
    }

    /// The gradients of [`Run::loss`] to W, the sequence and U.
    fn gradients(&self, read: Read, way: Way) -> Vec<Vec<f64>> {
        let variables: Vec<Var> =
            self.tensors.iter().map(|t| Var::from_tensor(t).unwrap()).collect();
        let tensors = variables.iter().map(|v| v.as_tensor().clone()).collect();
        let gradients = Self { tensors, ..self.clone() }.loss(read, way).backward().unwrap();
        variables.iter().map(|v| values(gradients.get(v).expect("a gradient"))).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn every_read_out_is_that_of_the_steps_bit_for_bit_and_so_nearly_are_its_gradients(
        seed in 0u64..1000, extents in prop::sample::select(vec![(5, 7), (7, 3), (4, 8)]),
        channels in prop::sample::select(vec![1usize, 3, 8, 17]), frames in 1usize..4,
        world in worlds(), pooling in pooling(),
        activation in prop::sample::select(vec![Activation::Relu, Activation::Tanh]),
        algorithm in prop::sample::select(ALGORITHMS.to_vec()),
        dtype in prop::sample::select(vec![DType::F32, DType::F64]),
    ) {
        // Over translations whole sequences run in the co-moving frame; Winograd's tiles lie elsewhere in single
        // steps of the lab's.
        let is_tiled = matches!(world, World::Translations(Lift::Trivial, _))
            && algorithm == ConvAlgorithm::Winograd;
        // Slices that turn and see former frames each in its own way are composed of candle's operations.
        let is_composed = matches!(world, World::Rotations(Lift::Trivial, ..)) && activation == Activation::Tanh;
        let channels = world.channels(channels);
        for (kind, read) in CASES {
            let what = (kind, Update::Simple(activation));
            let drawn = Run::draw(what, (seed, dtype), (frames, channels), extents);
            let run = Run { world: world.clone(), pooling, algorithm, ..drawn };
            let (whole, stepwise) = (run.result(read, Way::AtOnce), run.result(read, Way::StepByStep));
            let count = match read {
                Read::Last => 1,
                Read::Every => frames,
                Read::Fed(_) => STEPS,
            };
            prop_assert_eq!(whole.dims(), [count, 2, extents.0, extents.1, channels]);
            prop_assert!(values(&whole).iter().any(|&v| v != 0.0));
            let epsilon = if dtype == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
            let error = relative_error(&values(&whole), &values(&stepwise));
            let is_rounded = is_tiled || is_composed && read == Read::Fed(FedAs::Former);
            let most = if is_rounded { 1e3 * epsilon } else { 0.0 };
            prop_assert!(error <= most, "{kind:?}, {read:?}: {error}");
            // Where a maximum has two winners but for rounding, or a rectifier's input is nearly zero, either may
            // pass the gradient.
            if is_rounded {
                continue;
            }
            let pairs = run.gradients(read, Way::AtOnce).into_iter();
            for (ours, theirs) in pairs.zip(run.gradients(read, Way::StepByStep)) {
                let error = relative_error(&ours, &theirs);
                // The same sums of some thousand terms in another order, through a few steps. After a
                // single frame W has multiplied nothing but zeros.
                let is_zero = ours.iter().chain(&theirs).all(|&g| g == 0.0);
                prop_assert!(is_zero || error < 1e4 * epsilon, "{kind:?}, {read:?}: {error}");
            }
        }
    }
}

const GATED: [Update; 2] = [Update::Gated(Gated::Gru), Update::Gated(Gated::Lstm)];

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Gates are computed by other approximations than single steps compute them by, of the same precision.
    #[test]
    fn gated_sequences_and_their_gradients_are_those_of_the_steps_to_rounding(
        seed in 0u64..1000, extents in prop::sample::select(vec![(5, 7), (7, 3), (4, 8)]),
        channels in prop::sample::select(vec![1usize, 3, 8, 17]), frames in 1usize..4,
        world in worlds(), pooling in pooling(), update in prop::sample::select(GATED.to_vec()),
        algorithm in prop::sample::select(ALGORITHMS.to_vec()),
        dtype in prop::sample::select(vec![DType::F32, DType::F64]),
    ) {
        let epsilon = if dtype == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        let channels = world.channels(channels);
        for (kind, read) in CASES {
            let drawn = Run::draw((kind, update), (seed, dtype), (frames, channels), extents);
            let run = Run { world: world.clone(), pooling, algorithm, ..drawn };
            let (whole, stepwise) = (run.result(read, Way::AtOnce), run.result(read, Way::StepByStep));
            prop_assert_eq!(whole.dims(), stepwise.dims());
            let error = relative_error(&values(&whole), &values(&stepwise));
            prop_assert!(error < 1e3 * epsilon, "{kind:?}, {read:?}: {error}");
            // Where a maximum has two winners but for rounding, either may be given the gradient.
            if pooling == VelocityPooling::Max && world.velocities() > 1 {
                continue;
            }
            let pairs = run.gradients(read, Way::AtOnce).into_iter();
            for (ours, theirs) in pairs.zip(run.gradients(read, Way::StepByStep)) {
                let is_zero = ours.iter().chain(&theirs).all(|&g| g == 0.0);
                let error = relative_error(&ours, &theirs);
                prop_assert!(is_zero || error < 1e4 * epsilon, "{kind:?}, {read:?}: {error}");
            }
        }
    }
}

/// Over a closed set, whichever the frame of reference and the algorithm.
#[test]
fn sequences_flow_with_their_input_bit_for_bit() {
    let flow = PixelsPerFrame::new(-1, 2);
    let (frames, extents) = (4, (5, 7));
    let closed = || VelocitySet::torus(extents.0, extents.1);
    let flowed = |sequence: &Tensor| {
        let moved = (0..frames).map(|t| {
            let frame = sequence.narrow(1, t, 1).unwrap().squeeze(1).unwrap();
            Translation.act_on_frame(&frame, flow, t as i64).unwrap()
        });
        Tensor::stack(&moved.collect::<Vec<_>>(), 1).unwrap()
    };
    for update in [Update::Simple(Activation::Relu), GATED[0], GATED[1]] {
        for (lift, algorithm) in
            [Lift::Trivial, Lift::CoMoving].into_iter().flat_map(|l| ALGORITHMS.map(|a| (l, a)))
        {
            let what = (Kind::Frames, update);
            let drawn = Run::draw(what, (5, DType::F32), (frames, 17), extents);
            let world = World::Translations(lift, closed());
            let run = Run { world, algorithm, pooling: VelocityPooling::Max, ..drawn };
            let mut moved = run.clone();
            moved.tensors[1] = flowed(&run.tensors[1]);
            let [plain, got] = [&run, &moved].map(|run| run.result(Read::Every, Way::AtOnce)); // (T, B, H, W, C)
            for t in 0..frames {
                let map = plain.narrow(0, t, 1).unwrap().squeeze(0).unwrap().unsqueeze(1).unwrap();
                let expected = Translation.act_on_slices(&map, &[flow], t as i64).unwrap();
                let got = values(&got.narrow(0, t, 1).unwrap());
                assert!(got.iter().any(|&v| v != got[0]));
                assert_eq!(got, values(&expected), "{update:?} {lift:?} {algorithm:?}, frame {t}");
            }
        }
    }
}

#[test]
fn gradients_of_every_read_out_agree_with_finite_differences() {
    let poolings = [VelocityPooling::Max, VelocityPooling::Mean, VelocityPooling::Sum];
    let direct = poolings.map(|pooling| (ConvAlgorithm::Direct, 2, pooling));
    let winograd = [(ConvAlgorithm::Winograd, 8, VelocityPooling::Mean)]; // needs eight channels
    let simple = Update::Simple(Activation::Tanh);
    for how in direct.into_iter().chain(winograd) {
        let world = World::translations(Lift::CoMoving, 1);
        compare_with_finite_differences(&world, simple, how, &CASES);
    }
    let how = (ConvAlgorithm::Direct, 3, VelocityPooling::Mean);
    for world in turning_worlds() {
        compare_with_finite_differences(&world, simple, how, &CASES);
    }
}

/// Fields of three orientations in both frames of reference and in both orders.
fn turning_worlds() -> [World; 3] {
    let (first, second) = (CarryOrder::CarryFirst, CarryOrder::ConvolveFirst);
    [(Lift::CoMoving, first), (Lift::Trivial, first), (Lift::Trivial, second)]
        .map(|(lift, order)| World::rotations(lift, 3, order, &[0, 120, -120]))
}

/// Fewer, for gates are many numbers to move; the steps have the rest.
#[test]
fn gradients_of_gated_sequences_agree_with_finite_differences() {
    let fed = Read::Fed(FedAs::Former);
    let cases = [(Kind::Frames, Read::Every), (Kind::Frames, fed), (Kind::Maps, Read::Last)];
    for update in GATED {
        for pooling in [VelocityPooling::Max, VelocityPooling::Sum] {
            let how = (ConvAlgorithm::Direct, 2, pooling);
            let world = World::translations(Lift::CoMoving, 1);
            compare_with_finite_differences(&world, update, how, &cases);
        }
        let how = (ConvAlgorithm::Direct, 3, VelocityPooling::Sum);
        for world in turning_worlds() {
            compare_with_finite_differences(&world, update, how, &[(Kind::Frames, fed)]);
        }
    }
}

fn compare_with_finite_differences(
    world: &World,
    update: Update,
    (algorithm, channels, pooling): (ConvAlgorithm, usize, VelocityPooling),
    cases: &[(Kind, Read)],
) {
    for &(kind, read) in cases {
        let drawn = Run::draw((kind, update), (11, DType::F64), (3, channels), (3, 5));
        let fed = [2, 3, 5, drawn.tensors[1].dims()[2]];
        let constant = Some(normal(3, "fed", &fed, 1.0, DType::F64));
        let run = Run { world: world.clone(), algorithm, pooling, constant, ..drawn };
        for (place, exact) in run.gradients(read, Way::AtOnce).into_iter().enumerate() {
            let numeric = finite_differences(&run.tensors[place], |moved| {
                let mut at = run.clone();
                at.tensors[place] = moved.clone();
                at.loss(read, Way::AtOnce).to_scalar().unwrap()
            });
            assert!(exact.iter().any(|&g| g != 0.0));
            let error = relative_error(&exact, &numeric);
            // Step² · third derivative and ε / step of rounding.
            assert!(
                error < 1e-6,
                "{world:?}, {update:?}, {algorithm:?}, {pooling:?}, {kind:?}, {read:?}: {error}"
            );
        }
    }
}

#[test]
fn sequences_that_cannot_be_read_are_refused_with_a_remedy_by_either_way() {
    let space = || FlowSpace::new(Translation, VelocitySet::square(1), Lift::CoMoving);
    let draw = |name: &str, shape: &[usize]| normal(8, name, shape, 0.3, DType::F32);
    let (u, w) = (draw("u", &[4, 1, 3, 3]), draw("w", &[4, 4, 3, 3]));
    let lifting = FlowRnn::over(space(), u, w.clone()).unwrap();
    let driven = FlowRnn::over(space(), None, w).unwrap();
    let (frames, maps) = (draw("frames", &[1, 2, 1, 3, 5]), draw("maps", &[1, 2, 4, 3, 5]));
    let empty = maps.narrow(1, 0, 0).unwrap();
    let refuse = |cell: &FlowRnn<Translation>, sequence: Sequence<'_>, read: Read, steps: usize| {
        for way in [Way::AtOnce, Way::StepByStep] {
            let mut feed = |read_out: &Tensor| Ok(read_out.clone());
            let read_out = match read {
                Read::Last => ReadOut::Last,
                Read::Every => ReadOut::Every,
                Read::Fed(fed_as) => ReadOut::Fed { steps, feed: &mut feed, fed_as },
            };
            let result = match way {
                Way::AtOnce => cell.unroll(sequence, read_out),
                Way::StepByStep => unroll_step_by_step(cell, sequence, read_out, &mut |_| ()),
            };
            match result {
                Err(Error::Configuration { remedy, .. }) => assert!(!remedy.is_empty()),
                other => panic!("{way:?}, {read:?}: {other:?}"),
            }
        }
    };
    refuse(&driven, Sequence::Frames(&frames), Read::Last, 1); // nothing lifts a frame
    refuse(&driven, Sequence::Maps(&frames), Read::Last, 1); // one channel where four are added
    refuse(&lifting, Sequence::Maps(&frames), Read::Last, 1);
    refuse(&driven, Sequence::Maps(&empty), Read::Every, 1);
    refuse(&driven, Sequence::Maps(&maps), Read::Fed(FedAs::New), 0);
    refuse(&driven, Sequence::Maps(&maps), Read::Fed(FedAs::Former), 1);
    let read = |cell: &FlowRnn<Translation>| cell.unroll(Sequence::Maps(&maps), ReadOut::Last);
    let same = (values(&read(&lifting).unwrap()), values(&read(&driven).unwrap()));
    assert_eq!(same.0, same.1, "a map is added as it is, whether there is a U or not");
}
