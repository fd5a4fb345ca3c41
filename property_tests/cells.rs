//! The contract of every cell: shapes, steps against whole sequences, naive references with and
//! without velocities, numbers of parameters, gradients.

mod common;
#[path = "cells/naive.rs"]
mod naive;

use candle_core::{DType, Device, Tensor, Var};
use common::{finite_differences, normal, relative_error, values};
use fernn::cells::{
    Cell, DenseRnn, FlowCell, FlowGru, FlowLayer, FlowLstm, FlowRnn, LearnedShiftRnn, MapExtents,
    MixingRnn, Stacked, parameter_count, shift_kernels, unroll_step_by_step,
};
use fernn::flow::{
    FlowGroup, FlowSpace, Input, Lift, LiftedState, PixelsPerFrame, Sequence, Translation,
    VelocitySet,
};
use fernn::ops::{
    Activation, ConvAlgorithm, FedAs, ReadOut, depthwise_convolution, to_channels_first,
};
use naive::{Maps, Naive, add};
use proptest::prelude::*;

type AnyLayer = Box<dyn FlowLayer<Group = Translation>>;

/// Whether a sequence at once is the same as step by step: bit for bit, or to rounding where gates have
/// approximations of their own, or Winograd's tiles lie elsewhere, for a sequence is run in the co-moving frame.
fn agree((kind, lift, algorithm): (Kind, Lift, ConvAlgorithm), a: &Tensor, b: &Tensor) -> bool {
    let (a, b) = (values(a), values(b));
    let is_tiled = lift == Lift::Trivial && algorithm == ConvAlgorithm::Winograd;
    match matches!(kind, Kind::Gru | Kind::Lstm) || is_tiled {
        true => relative_error(&a, &b) < 1e3 * f64::EPSILON,
        false => a == b,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Relu,
    Tanh,
    Gru,
    Lstm,
    Mixing,
    LearnedShift,
}

const KINDS: [Kind; 6] =
    [Kind::Relu, Kind::Tanh, Kind::Gru, Kind::Lstm, Kind::Mixing, Kind::LearnedShift];
const LIFTS: [Lift; 2] = [Lift::Trivial, Lift::CoMoving];
const ALGORITHMS: [ConvAlgorithm; 2] = [ConvAlgorithm::Direct, ConvAlgorithm::Winograd];

/// The neighbourhood of mixing cells in these tests: neither symmetric nor in the order of a set.
fn neighbourhood() -> Vec<PixelsPerFrame> {
    [(0, 0), (1, 0), (0, -1), (-1, 1)].map(|(x, y)| PixelsPerFrame::new(x, y)).to_vec()
}

impl Kind {
    /// The shapes of the parameters for C channels over `inputs`, in the order of `parameters()`.
    fn shapes(self, inputs: usize, c: usize, velocities: usize) -> Vec<Vec<usize>> {
        let gates = |n: usize| vec![vec![n * c, inputs, 3, 3], vec![n * c, c, 3, 3]];
        match self {
            Kind::Relu | Kind::Tanh => gates(1),
            Kind::Gru => gates(3),
            Kind::Lstm => gates(4),
            Kind::Mixing => {
                vec![vec![c, inputs, 3, 3], vec![neighbourhood().len(), c, c, 3, 3]]
            }
            Kind::LearnedShift => [gates(1), vec![vec![velocities, 5, 5]]].concat(),
        }
    }

    fn draw(self, seed: u64, name: &str, extents: (usize, usize, usize)) -> Vec<Tensor> {
        let shapes = self.shapes(extents.0, extents.1, extents.2);
        let draw = |(i, shape): (usize, &Vec<usize>)| {
            let fan_in: usize = shape[shape.len() - 3..].iter().product();
            let scale = 1.0 / (fan_in as f64).sqrt();
            normal(seed, &format!("{name} {self:?} {i}"), shape, scale, DType::F64)
        };
        shapes.iter().enumerate().map(draw).collect()
    }

    fn layer(
        self,
        over: (&VelocitySet<PixelsPerFrame>, Lift),
        parameters: &[Tensor],
        algorithm: ConvAlgorithm,
    ) -> AnyLayer {
        self.build(over, Some(parameters[0].clone()), &parameters[1..], algorithm)
    }

    /// Without U over feature maps.
    fn build(
        self,
        (set, lift): (&VelocitySet<PixelsPerFrame>, Lift),
        u: Option<Tensor>,
        others: &[Tensor],
        algorithm: ConvAlgorithm,
    ) -> AnyLayer {
        let space = FlowSpace::new(Translation, set.clone(), lift);
        let w = others[0].clone();
        match self {
            Kind::Relu => Box::new(FlowRnn::over(space, u, w).unwrap().with_algorithm(algorithm)),
            Kind::Tanh => Box::new(
                FlowRnn::over(space, u, w)
                    .unwrap()
                    .with_activation(Activation::Tanh)
                    .with_algorithm(algorithm),
            ),
            Kind::Gru => Box::new(FlowGru::over(space, u, w).unwrap().with_algorithm(algorithm)),
            Kind::Lstm => Box::new(FlowLstm::over(space, u, w).unwrap().with_algorithm(algorithm)),
            Kind::Mixing => Box::new(
                MixingRnn::over(space, u, w, neighbourhood()).unwrap().with_algorithm(algorithm),
            ),
            Kind::LearnedShift => Box::new(
                LearnedShiftRnn::over(space, u, w, others[1].clone())
                    .unwrap()
                    .with_algorithm(algorithm),
            ),
        }
    }

    fn lifts(self) -> &'static [Lift] {
        if self == Kind::LearnedShift { &LIFTS[..1] } else { &LIFTS }
    }
}

/// The hidden states in the lab frame after every frame, flat: (T, V, C, H, W) of sample 0.
fn hidden_in_lab(cell: &impl FlowCell<Group = Translation>, frames: &Tensor) -> Vec<f64> {
    let (batch, length, _, height, width) = frames.dims5().unwrap();
    let mut state = cell.zero_state(batch, (height, width), DType::F64, &Device::Cpu).unwrap();
    let mut all = Vec::new();
    for t in 0..length {
        state = cell.step(Input::Frame(&frame(frames, t)), &state).unwrap();
        let mut hidden = cell.hidden(&state).unwrap();
        if cell.lift() == Lift::CoMoving {
            let velocities = cell.velocities().as_slice();
            hidden = Translation.act_on_slices(&hidden, velocities, t as i64).unwrap();
        }
        let sample = hidden.narrow(0, 0, 1).unwrap().permute((0, 1, 4, 2, 3)).unwrap();
        all.extend(values(&sample.contiguous().unwrap()));
    }
    all
}

fn frame(frames: &Tensor, t: usize) -> Tensor {
    frames.narrow(1, t, 1).unwrap().squeeze(1).unwrap().contiguous().unwrap()
}

fn sets() -> impl Strategy<Value = VelocitySet<PixelsPerFrame>> {
    // Out of any order, to tell the place of a velocity from its value.
    let odd = [(1, 0), (-1, 2), (0, 0), (2, -1)].map(|(x, y)| PixelsPerFrame::new(x, y));
    prop::sample::select(vec![
        VelocitySet::trivial(),
        VelocitySet::square(1),
        VelocitySet::torus(3, 5),
        VelocitySet::truncated(odd.to_vec()).unwrap(),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_cell_computes_its_equations(seed in 0u64..1000, set in sets(), length in 1usize..5) {
        let (inputs, channels, extents) = (2, 8, (3, 5)); // 8 channels: enough for Winograd
        let frames = normal(seed, "frames", &[2, length, inputs, 3, 5], 1.0, DType::F64);
        for kind in KINDS {
            let parameters = kind.draw(seed, "cell", (inputs, channels, set.len()));
            let naive = Naive {
                kind, set: set.clone(), inputs, channels, extents,
                parameters: parameters.iter().map(values).collect(),
            };
            let read: Vec<Maps> = (0..length)
                .map(|t| {
                    let sample = values(&frame(&frames, t).narrow(0, 0, 1).unwrap());
                    vec![sample; set.len()]
                })
                .collect();
            let expected: Vec<f64> = naive.run(&read).concat().concat();
            prop_assert!(expected.iter().any(|&v| v != 0.0));
            for (&lift, algorithm) in kind.lifts().iter().flat_map(|l| ALGORITHMS.map(|a| (l, a))) {
                let cell = kind.layer((&set, lift), &parameters, algorithm);
                let error = relative_error(&hidden_in_lab(&cell, &frames), &expected);
                // Some hundred terms of size 1 in f64 over few steps; Winograd four times that.
                prop_assert!(error < 1e-13, "{kind:?}, {lift:?}, {algorithm:?}: {error}");
            }
        }
    }

    #[test]
    fn a_stack_carries_the_velocity_axis_up(seed in 0u64..1000, set in sets()) {
        let (inputs, channels, extents, length) = (2, 3, (3, 5), 3);
        let frames = normal(seed, "frames", &[1, length, inputs, 3, 5], 1.0, DType::F64);
        for (lower, upper) in [(Kind::Relu, Kind::Relu), (Kind::Tanh, Kind::Gru), (Kind::Lstm, Kind::Mixing)] {
            let below = lower.draw(seed, "below", (inputs, channels, set.len()));
            let above = upper.draw(seed, "above", (channels, channels, set.len()));
            let naive = |kind, inputs, parameters: &[Tensor]| Naive {
                kind, set: set.clone(), inputs, channels, extents,
                parameters: parameters.iter().map(values).collect(),
            };
            let read: Vec<Maps> = (0..length)
                .map(|t| vec![values(&frame(&frames, t)); set.len()])
                .collect();
            let lower_states = naive(lower, inputs, &below).run(&read);
            let expected = naive(upper, channels, &above).run(&lower_states).concat().concat();
            for lift in LIFTS {
                let layers = vec![
                    lower.layer((&set, lift), &below, ConvAlgorithm::Direct),
                    upper.layer((&set, lift), &above, ConvAlgorithm::Direct),
                ];
                let stack = Stacked::new(layers).unwrap();
                let error = relative_error(&hidden_in_lab(&stack, &frames), &expected);
                prop_assert!(error < 1e-13, "{lower:?} below {upper:?}, {lift:?}: {error}");
            }
        }
    }

    #[test]
    fn a_sequence_is_its_steps_and_has_the_shapes_promised(seed in 0u64..1000, set in sets()) {
        let (batch, length, inputs, channels, steps) = (2, 3, 1, 9, 2);
        let seen = normal(seed, "seen", &[batch, length, inputs, 3, 5], 1.0, DType::F64);
        for kind in KINDS {
            let parameters = kind.draw(seed, "cell", (inputs, channels, set.len()));
            for &lift in kind.lifts() {
                let cell = kind.layer((&set, lift), &parameters, ConvAlgorithm::Winograd);
                // What is fed back: the first channel of the read-out.
                let mut feed = |read_out: &Tensor| Ok(read_out.narrow(3, 0, 1)?.contiguous()?);
                let seen = Sequence::Frames(&seen);
                let fed = ReadOut::Fed { steps, feed: &mut feed, fed_as: FedAs::New };
                let whole = cell.unroll(seen, fed).unwrap();
                let mut states: Vec<LiftedState> = Vec::new();
                let mut keep = |state: &LiftedState| states.push(state.clone());
                let fed = ReadOut::Fed { steps, feed: &mut feed, fed_as: FedAs::New };
                let stepwise = unroll_step_by_step(&cell, seen, fed, &mut keep).unwrap();
                prop_assert_eq!(whole.dims(), [steps, batch, 3, 5, channels]);
                let how = (kind, lift, ConvAlgorithm::Winograd);
                prop_assert!(agree(how, &whole, &stepwise), "{kind:?}, {lift:?}");
                prop_assert_eq!(states.len(), length + steps);
                for (t, state) in states.iter().enumerate() {
                    let dims = [batch, set.len(), channels, 3, 5];
                    let hidden = state.to_tensor().unwrap();
                    prop_assert_eq!(hidden.dims(), dims);
                    prop_assert_eq!(state.frames_seen() as usize, t + 1);
                    prop_assert_eq!(state.memories().len(), cell.memories());
                    let read_out = cell.read_out(state).unwrap();
                    prop_assert_eq!(read_out.dims(), [batch, channels, 3, 5]);
                }
            }
        }
    }

    #[test]
    fn without_an_input_kernel_a_cell_adds_maps_as_they_are(seed in 0u64..1000, set in sets()) {
        let (inputs, channels, length) = (2, 8, 3);
        let frames = normal(seed, "frames", &[2, length, inputs, 3, 5], 1.0, DType::F64);
        for kind in KINDS {
            let parameters = kind.draw(seed, "cell", (inputs, channels, set.len()));
            let lifted = |t| {
                let lifted = Translation.convolve_frame(&frame(&frames, t), &parameters[0]).unwrap();
                to_channels_first(&lifted).unwrap()
            };
            let maps = Tensor::stack(&(0..length).map(lifted).collect::<Vec<_>>(), 1).unwrap();
            for (&lift, algorithm) in kind.lifts().iter().flat_map(|l| ALGORITHMS.map(|a| (l, a))) {
                let lifting = kind.layer((&set, lift), &parameters, algorithm);
                let driven = kind.build((&set, lift), None, &parameters[1..], algorithm);
                prop_assert_eq!(driven.parameters().len() + 1, lifting.parameters().len());
                let expected = lifting.unroll(Sequence::Frames(&frames), ReadOut::Every).unwrap();
                prop_assert!(values(&expected).iter().any(|&v| v != 0.0));
                // With U a map is added as it is, too; a stack hands it to its lowest layer.
                for cell in [driven, lifting] {
                    let got = cell.unroll(Sequence::Maps(&maps), ReadOut::Every).unwrap();
                    prop_assert_eq!(values(&got), values(&expected), "{:?}, {:?}", kind, lift);
                    let stack = Stacked::new(vec![cell]).unwrap();
                    let got = stack.unroll(Sequence::Maps(&maps), ReadOut::Every).unwrap();
                    let how = (kind, lift, algorithm);
                    prop_assert!(agree(how, &got, &expected), "stack of {kind:?}, {lift:?}");
                }
            }
        }
    }

    #[test]
    fn learned_shifts_that_are_one_hot_are_the_fernn(seed in 0u64..1000, range in 0u32..=2) {
        let set = VelocitySet::square(range);
        let frames = normal(seed, "frames", &[2, 4, 1, 7, 5], 1.0, DType::F32);
        let draw = |name: &str, shape: &[usize]| normal(seed, name, shape, 0.3, DType::F32);
        let (u, w) = (draw("u", &[3, 1, 3, 3]), draw("w", &[3, 3, 3, 3]));
        let shifts = shift_kernels(&set, 2, DType::F32).unwrap();
        let space = FlowSpace::new(Translation, set, Lift::Trivial);
        let learned = LearnedShiftRnn::over(space.clone(), u.clone(), w.clone(), shifts).unwrap();
        let fernn = FlowRnn::over(space, u, w).unwrap();
        let last = |cell: &dyn Fn(&Tensor, &LiftedState) -> LiftedState, zero: LiftedState| {
            let run = (0..4).fold(zero, |state, t| cell(&frame(&frames, t), &state));
            values(&run.to_tensor().unwrap())
        };
        let zero = fernn.zero_state(2, (7, 5), DType::F32, &Device::Cpu).unwrap();
        let a = last(&|f, s| learned.step(Input::Frame(f), s).unwrap(), zero.clone());
        let b = last(&|f, s| fernn.step(Input::Frame(f), s).unwrap(), zero);
        prop_assert!(a.iter().any(|&v| v != 0.0));
        prop_assert_eq!(a, b);
    }

    #[test]
    fn a_depthwise_convolution_is_its_sum(
        seed in 0u64..1000, (kh, kw) in prop::sample::select(vec![(1usize, 1usize), (3, 5), (5, 3), (7, 7)]),
    ) {
        let (velocities, height, width, channels) = (3, 5, 4, 2);
        let x = normal(seed, "x", &[2, velocities, height, width, channels], 1.0, DType::F64);
        let d = normal(seed, "d", &[velocities, kh, kw], 1.0, DType::F64);
        let y = values(&depthwise_convolution(&x, &d).unwrap());
        let (x, d) = (values(&x), values(&d));
        let place = |b: usize, v: usize, row: usize, column: usize, c: usize| {
            (((b * velocities + v) * height + row) * width + column) * channels + c
        };
        for (b, v, row, column, c) in [(0, 0, 0, 0, 0), (1, 2, 4, 3, 1), (0, 1, 2, 0, 1), (1, 0, 3, 3, 0)] {
            let mut sum = 0.0;
            for ky in 0..kh {
                for kx in 0..kw {
                    let r = (row + ky + height * kh - kh / 2) % height;
                    let k = (column + kx + width * kw - kw / 2) % width;
                    sum += d[(v * kh + ky) * kw + kx] * x[place(b, v, r, k, c)];
                }
            }
            prop_assert!((y[place(b, v, row, column, c)] - sum).abs() < 1e-12);
        }
    }
}

/// Compares the gradients of a functional of the last read-out with finite differences.
fn assert_gradients<C: Cell>(what: &str, parameters: &[Tensor], build: impl Fn(&[Tensor]) -> C) {
    let functional = |parameters: &[Tensor]| {
        let cell = build(parameters);
        let frames = normal(3, "frames", &[2, 3, 1, 3, 5], 1.0, DType::F64);
        let zero = cell.zero_state(2, (3, 5), DType::F64, &Device::Cpu).unwrap();
        let state = (0..3)
            .fold(zero, |state, t| cell.step(Input::Frame(&frame(&frames, t)), &state).unwrap());
        let read_out = cell.read_out(&state).unwrap();
        let weights = normal(3, "functional", read_out.dims(), 1.0, DType::F64);
        (read_out * weights).unwrap().sum_all().unwrap()
    };
    let variables: Vec<Var> = parameters.iter().map(|p| Var::from_tensor(p).unwrap()).collect();
    let tracked: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let gradients = functional(&tracked).backward().unwrap();
    for (place, variable) in variables.iter().enumerate() {
        let exact = values(gradients.get(variable).expect("a gradient"));
        let numeric = finite_differences(&parameters[place], |moved| {
            let mut at = parameters.to_vec();
            at[place] = moved.clone();
            functional(&at).to_scalar().unwrap()
        });
        assert!(exact.iter().all(|g| g.is_finite()));
        let share = exact.iter().filter(|&&g| g != 0.0).count() as f64 / exact.len() as f64;
        // A slice that never wins the maximum teaches a kernel of its own nothing.
        assert!(share > 0.5, "{what}, parameter {place}: {share} not zero");
        let error = relative_error(&exact, &numeric);
        // Step² · third derivative and ε / step; kinks of ReLU and max are not near.
        assert!(error < 1e-6, "{what}, parameter {place}: {error}");
    }
}

#[test]
fn gradients_of_every_cell_are_right_and_not_zero() {
    let set = VelocitySet::square(1);
    let how = ConvAlgorithm::Direct;
    for kind in KINDS {
        for &lift in kind.lifts() {
            let parameters = kind.draw(3, "gradients", (1, 2, set.len()));
            assert_gradients(&format!("{kind:?}, {lift:?}"), &parameters, |parameters| {
                kind.layer((&set, lift), parameters, how)
            });
        }
    }
    for lift in LIFTS {
        let below = Kind::Tanh.draw(3, "below", (1, 2, set.len()));
        let above = Kind::Gru.draw(3, "above", (2, 2, set.len()));
        assert_gradients(&format!("stack, {lift:?}"), &[below, above].concat(), |parameters| {
            let (below, above) = parameters.split_at(2);
            let lower = Kind::Tanh.layer((&set, lift), below, how);
            Stacked::new(vec![lower, Kind::Gru.layer((&set, lift), above, how)]).unwrap()
        });
    }
    let draw = |name: &str, shape: &[usize]| normal(3, name, shape, 0.2, DType::F64);
    assert_gradients("dense", &[draw("u", &[30, 15]), draw("w", &[30, 30])], |parameters| {
        let (u, w) = (parameters[0].clone(), parameters[1].clone());
        DenseRnn::new(u, w, MapExtents { channels: 2, height: 3, width: 5 }, Activation::Tanh)
            .unwrap()
    });
}

#[test]
fn velocities_cost_no_parameters_but_where_each_has_its_own() {
    let count = |kind: Kind, set: &VelocitySet<PixelsPerFrame>| {
        let parameters = kind.draw(0, "count", (1, 4, set.len()));
        parameter_count(&kind.layer((set, Lift::Trivial), &parameters, ConvAlgorithm::Auto))
    };
    let (none, many) = (VelocitySet::trivial(), VelocitySet::square(2));
    for kind in [Kind::Relu, Kind::Tanh, Kind::Gru, Kind::Lstm, Kind::Mixing] {
        assert_eq!(count(kind, &none), count(kind, &many), "{kind:?}");
    }
    let g_rnn = count(Kind::Relu, &none);
    assert_eq!(g_rnn, 4 * 9 + 4 * 4 * 9);
    assert_eq!(count(Kind::Gru, &many), 3 * g_rnn);
    assert_eq!(count(Kind::Lstm, &many), 4 * g_rnn);
    assert_eq!(count(Kind::Mixing, &many), 4 * 9 + neighbourhood().len() * 4 * 4 * 9);
    // The published difference between G-RNN+ and FERNN: a 5×5 kernel for each of 25 velocities.
    assert_eq!(count(Kind::LearnedShift, &many), g_rnn + 625);
}

#[test]
fn the_dense_cell_computes_its_equation() {
    let (inputs, maps) = (2, MapExtents { channels: 3, height: 2, width: 5 });
    let draw = |name: &str, shape: &[usize]| normal(1, name, shape, 0.3, DType::F64);
    let (u, w) = (draw("u", &[30, inputs * 10]), draw("w", &[30, 30]));
    let cell = DenseRnn::new(u.clone(), w.clone(), maps, Activation::Tanh).unwrap();
    let frames = draw("frames", &[1, 3, inputs, 2, 5]);
    let mut state = cell.zero_state(1, (2, 5), DType::F64, &Device::Cpu).unwrap();
    let mut naive = vec![0.0; 30];
    for t in 0..3 {
        state = cell.step(Input::Frame(&frame(&frames, t)), &state).unwrap();
        let product = |matrix: &Tensor, x: &[f64]| -> Vec<f64> {
            values(matrix)
                .chunks(x.len())
                .map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
                .collect()
        };
        naive = add(&product(&u, &values(&frame(&frames, t))), &product(&w, &naive), f64::tanh);
    }
    assert!(relative_error(&values(&state), &naive) < 1e-14);
    let read_out = cell.read_out(&state).unwrap();
    assert_eq!(read_out.dims(), [1, 3, 2, 5]);
    assert_eq!(values(&read_out), values(&state));
    assert!(
        cell.step(Input::Frame(&draw("bad", &[1, inputs, 5, 5])), &state).is_err(),
        "larger frames"
    );
    let wide = MapExtents { width: 6, ..maps };
    assert!(DenseRnn::new(u, w, wide, Activation::Tanh).is_err(), "maps that do not fit");
    let zero = cell.zero_state(1, (2, 5), DType::F64, &Device::Cpu).unwrap();
    let map = draw("map", &[1, 3, 2, 5]);
    let next = cell.step(Input::Map(&map), &zero).unwrap();
    let expected: Vec<f64> = values(&map).into_iter().map(f64::tanh).collect();
    assert_eq!(values(&next), expected, "a map of its own extents is added as it is");
    assert!(cell.step(Input::Map(&draw("bad", &[1, 2, 3, 5])), &zero).is_err());
    assert!(cell.step(Input::Lifted(&draw("bad", &[1, 1, 2, 5, 3])), &zero).is_err());
}

#[test]
fn cells_refuse_what_does_not_fit() {
    let space = || FlowSpace::new(Translation, VelocitySet::square(1), Lift::Trivial);
    let k = |shape: &[usize]| normal(0, "k", shape, 1.0, DType::F32);
    assert!(FlowGru::over(space(), k(&[6, 1, 3, 3]), k(&[6, 2, 3, 3])).is_ok());
    assert!(FlowGru::over(space(), k(&[4, 1, 3, 3]), k(&[6, 2, 3, 3])).is_err(), "two gates of U");
    assert!(FlowLstm::over(space(), k(&[6, 1, 3, 3]), k(&[6, 2, 3, 3])).is_err(), "three gates");
    let (u, w) = (|| k(&[2, 1, 3, 3]), |offsets| k(&[offsets, 2, 2, 3, 3]));
    assert!(MixingRnn::over(space(), u(), w(4), neighbourhood()).is_ok());
    assert!(MixingRnn::over(space(), u(), w(3), neighbourhood()).is_err(), "a kernel too few");
    assert!(MixingRnn::over(space(), u(), w(0), vec![]).is_err(), "no neighbour");
    let twice = vec![PixelsPerFrame::new(1, 0); 2];
    assert!(MixingRnn::over(space(), u(), w(2), twice).is_err(), "the same neighbour twice");
    let set = VelocitySet::square(2);
    assert!(shift_kernels(&set, 1, DType::F32).is_err(), "a kernel too small for the velocity");
    let learned = |lift, d: &[usize]| {
        let space = FlowSpace::new(Translation, set.clone(), lift);
        LearnedShiftRnn::over(space, u(), k(&[2, 2, 3, 3]), k(d))
    };
    assert!(learned(Lift::Trivial, &[25, 5, 5]).is_ok());
    assert!(learned(Lift::Trivial, &[24, 5, 5]).is_err(), "a velocity without kernel");
    assert!(learned(Lift::CoMoving, &[25, 5, 5]).is_err(), "a frame in which nothing moves");
    let layer = |lift, set| -> AnyLayer {
        let space = FlowSpace::new(Translation, set, lift);
        Box::new(FlowRnn::over(space, k(&[2, 2, 3, 3]), k(&[2, 2, 3, 3])).unwrap())
    };
    let (one, two) = (|| VelocitySet::square(1), || VelocitySet::square(2));
    assert!(Stacked::new(vec![layer(Lift::Trivial, one()), layer(Lift::Trivial, one())]).is_ok());
    assert!(Stacked::new(vec![layer(Lift::Trivial, one()), layer(Lift::CoMoving, one())]).is_err());
    assert!(Stacked::new(vec![layer(Lift::Trivial, one()), layer(Lift::Trivial, two())]).is_err());
    assert!(Stacked::<AnyLayer>::new(vec![]).is_err(), "no layer");
}

/// Near the border of a truncated set a mixing cell lacks neighbours, and claims less than a simple one; a
/// stack claims what both do, in whichever order.
#[test]
fn a_stack_claims_what_all_of_its_layers_claim() {
    let set = VelocitySet::square(2);
    let k = |shape: &[usize]| normal(0, "k", shape, 1.0, DType::F32);
    let space = || FlowSpace::new(Translation, set.clone(), Lift::CoMoving);
    let simple = || -> AnyLayer {
        Box::new(FlowRnn::over(space(), k(&[2, 2, 3, 3]), k(&[2, 2, 3, 3])).unwrap())
    };
    let mixing = || -> AnyLayer {
        let kernels = k(&[4, 2, 2, 3, 3]);
        Box::new(MixingRnn::over(space(), k(&[2, 2, 3, 3]), kernels, neighbourhood()).unwrap())
    };
    let flow = PixelsPerFrame::new(1, 0);
    let claims = |layers: Vec<AnyLayer>| Stacked::new(layers).unwrap().claimed(flow, 2);
    let (more, fewer) = (claims(vec![simple()]), claims(vec![mixing()]));
    assert!(fewer.len() < more.len() && !more.is_empty(), "{} of {}", fewer.len(), more.len());
    assert_eq!(claims(vec![simple(), mixing()]), fewer);
    assert_eq!(claims(vec![mixing(), simple()]), fewer);
}
