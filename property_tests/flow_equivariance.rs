//! The theorem of the paper, bit for bit, and the models that must break it.

mod common;

use candle_core::{DType, Tensor};
use common::{normal, random_cell};
use fernn::cells::{
    Cell, DenseRnn, FlowCell, FlowLayer, FlowRnn, LearnedShiftRnn, MapExtents, MixingRnn,
};
use fernn::equivariance::{change_of_frame_error, read_out_error, state_error, static_error};
use fernn::flow::{
    DegreesPerFrame, FlowGroup, FlowSpace, Input, Lift, PixelsPerFrame, Rotation, Sequence,
    Translation, Velocity, VelocitySet, ZeroPaddedTranslation,
};
use fernn::ops::{Activation, ConvAlgorithm, SteerableBasis};
use proptest::prelude::*;

const LIFTS: [Lift; 2] = [Lift::Trivial, Lift::CoMoving];

/// Different primes, so that a swapped axis cannot pass.
fn extents() -> impl Strategy<Value = (usize, usize)> {
    prop::sample::select(vec![(5, 7), (7, 5), (3, 11), (11, 7), (13, 3), (2, 5), (7, 17)])
}

fn velocity(range: i32) -> impl Strategy<Value = PixelsPerFrame> {
    (-range..=range, -range..=range).prop_map(|(x, y)| PixelsPerFrame::new(x, y))
}

fn moving(range: i32) -> impl Strategy<Value = PixelsPerFrame> {
    velocity(range).prop_filter("moves", |v| (v.x, v.y) != (0, 0))
}

fn frames(seed: u64, length: usize, (height, width): (usize, usize), dtype: DType) -> Tensor {
    normal(seed, "frames", &[2, length, 2, height, width], 1.0, dtype)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn flowing_the_input_flows_the_state_and_shifts_its_velocities(
        seed in 0u64..1000, extents in extents(), flow in moving(2), range in 1u32..=2,
        length in 1usize..7, channels in prop::sample::select(vec![1usize, 3, 5, 17, 33]),
    ) {
        let algorithms = [ConvAlgorithm::Direct, ConvAlgorithm::Winograd];
        for (dtype, algorithm) in [DType::F32, DType::F64].into_iter().flat_map(|d| algorithms.map(|a| (d, a))) {
            let cell = random_cell(seed, VelocitySet::square(range), (2, channels, 3), dtype)
                .with_algorithm(algorithm);
            if VelocitySet::square(range).as_slice().iter().any(|v|
                VelocitySet::square(range).index_of(PixelsPerFrame::new(v.x - flow.x, v.y - flow.y)).is_some())
            {
                let error = state_error(&cell, &frames(seed, length, extents, dtype), flow).unwrap();
                prop_assert_eq!(error.max(), 0.0);
            }
        }
    }

    #[test]
    fn over_a_closed_set_the_read_out_flows_with_the_input(
        seed in 0u64..1000, flow in moving(4), length in 1usize..5,
    ) {
        let extents = (3, 5);
        let set = VelocitySet::torus(extents.0, extents.1);
        prop_assume!(set.index_of(flow) != set.index_of(PixelsPerFrame::new(0, 0)));
        let frames = frames(seed, length, extents, DType::F32);
        for algorithm in [ConvAlgorithm::Direct, ConvAlgorithm::Winograd] {
            let cell = random_cell(seed, set.clone(), (2, 9, 3), DType::F32).with_algorithm(algorithm);
            prop_assert_eq!(read_out_error(&cell, &Translation, &frames, flow).unwrap().max(), 0.0);
            prop_assert_eq!(state_error(&cell, &frames, flow).unwrap().max(), 0.0);
        }
    }

    #[test]
    fn both_models_commute_with_a_static_translation(
        seed in 0u64..1000, extents in extents(), element in moving(9), range in 0u32..=1,
        size in prop::sample::select(vec![1usize, 3, 5]),
    ) {
        let cell = random_cell(seed, VelocitySet::square(range), (2, 9, size), DType::F32);
        let frames = frames(seed, 4, extents, DType::F32);
        let direct = cell.clone().with_algorithm(ConvAlgorithm::Direct);
        prop_assert_eq!(static_error(&direct, &Translation, &frames, element).unwrap().max(), 0.0);
        // Winograd's tiles lie still; four steps of rounding in sums of 81 terms.
        let winograd = cell.with_algorithm(ConvAlgorithm::Winograd);
        let error = static_error(&winograd, &Translation, &frames, element).unwrap().max();
        prop_assert!(error < 4.0 * 30.0 * f32::EPSILON as f64 * 9.0, "{error}");
    }

    // ---- Negative controls: each must fail by at least 10 % of the largest value. ----

    #[test]
    fn the_g_rnn_is_not_flow_equivariant(
        seed in 0u64..1000, extents in prop::sample::select(vec![(5, 7), (11, 7), (7, 17)]),
        flow in moving(2),
    ) {
        let cell = random_cell(seed, VelocitySet::trivial(), (2, 5, 3), DType::F32);
        let error = read_out_error(&cell, &Translation, &frames(seed, 5, extents, DType::F32), flow).unwrap();
        prop_assert_eq!(error.by_step[0].unwrap().largest, 0.0); // one frame has no motion yet
        prop_assert!(error.max() > MARGIN, "{error:?}");
    }

    #[test]
    fn zero_padding_breaks_everything_but_the_co_moving_law(
        seed in 0u64..1000, (x, y) in prop::sample::select(vec![(1, 0), (0, -1), (1, 1)]),
    ) {
        let flow = PixelsPerFrame::new(x, y);
        let frames = frames(seed, 5, (5, 7), DType::F64);
        let draw = |name: &str, shape: &[usize]| normal(seed, name, shape, 0.3, DType::F64);
        let cell = |lift| {
            let space = FlowSpace::new(ZeroPaddedTranslation, VelocitySet::square(1), lift);
            FlowRnn::over(space, draw("u", &[3, 2, 3, 3]), draw("w", &[3, 3, 3, 3])).unwrap()
        };
        let [trivial, co_moving] = [Lift::Trivial, Lift::CoMoving].map(cell);
        let group = ZeroPaddedTranslation;
        for cell in [&trivial, &co_moving] {
            prop_assert!(static_error(cell, &group, &frames, flow).unwrap().max() > MARGIN);
            prop_assert!(read_out_error(cell, &group, &frames, flow).unwrap().max() > MARGIN);
        }
        prop_assert!(state_error(&trivial, &frames, flow).unwrap().max() > MARGIN);
        // In the co-moving frame flowing the input permutes what the slices are given, and each of
        // them is then treated alike: the law does not need an equivariant convolution.
        prop_assert_eq!(state_error(&co_moving, &frames, flow).unwrap().max(), 0.0);
        prop_assert!(change_of_frame_error(&trivial, &co_moving, &frames).unwrap().max() > MARGIN);
    }

    #[test]
    fn mixing_obeys_the_law_as_far_as_the_border_of_v_has_not_been_felt(
        seed in 0u64..1000, lift in prop::sample::select(vec![Lift::Trivial, Lift::CoMoving]),
    ) {
        let flow = PixelsPerFrame::new(1, 0);
        let draw = |name: &str, shape: &[usize], scale| normal(seed, name, shape, scale, DType::F64);
        let cell = |set| {
            MixingRnn::over(
                FlowSpace::new(Translation, set, lift),
                draw("u", &[3, 2, 3, 3], 0.3),
                draw("w", &[9, 3, 3, 3, 3], 0.1),
                VelocitySet::square(1).as_slice().to_vec(),
            ).unwrap()
        };
        // Both borders are felt one velocity further inside at every step: of 4 columns of pairs
        // (vx, vx − 1) in V2 two remain, then none.
        let count = |cell: &MixingRnn<Translation>, t| FlowCell::claimed(cell, flow, t).len();
        let truncated = cell(VelocitySet::square(2));
        prop_assert_eq!([0, 1, 2, 5].map(|t| count(&truncated, t)), [20, 10, 0, 0]);
        let wider = cell(VelocitySet::square(4));
        prop_assert_eq!([0, 1, 2, 3, 4].map(|t| count(&wider, t)), [72, 54, 36, 18, 0]);
        let closed = cell(VelocitySet::torus(5, 7));
        prop_assert_eq!([0, 4].map(|t| count(&closed, t)), [35, 35]);
        let frames = frames(seed, 4, (5, 7), DType::F64);
        for cell in [&truncated, &wider, &closed] {
            prop_assert_eq!(state_error(cell, &frames, flow).unwrap().max(), 0.0);
        }
        // Without velocities beyond the border the pooled state cannot flow.
        prop_assert!(read_out_error(&truncated, &Translation, &frames, flow).unwrap().max() > MARGIN);
        prop_assert_eq!(read_out_error(&closed, &Translation, &frames, flow).unwrap().max(), 0.0);
    }

    #[test]
    fn learned_shifts_and_dense_recurrences_are_not_flow_equivariant(
        seed in 0u64..1000, (x, y) in prop::sample::select(vec![(1, 0), (0, -1), (2, 1)]),
    ) {
        let flow = PixelsPerFrame::new(x, y);
        let frames = frames(seed, 5, (5, 7), DType::F64);
        let draw = |name: &str, shape: &[usize], scale| normal(seed, name, shape, scale, DType::F64);
        let learned = LearnedShiftRnn::over(
            FlowSpace::new(Translation, VelocitySet::square(2), Lift::Trivial),
            draw("u", &[3, 2, 3, 3], 0.3),
            draw("w", &[3, 3, 3, 3], 0.2),
            draw("d", &[25, 5, 5], 0.2),
        ).unwrap();
        prop_assert!(state_error(&learned, &frames, flow).unwrap().max() > MARGIN);
        prop_assert_eq!(static_error(&learned, &Translation, &frames, flow).unwrap().max(), 0.0);
        let k = 3 * 5 * 7;
        let dense = DenseRnn::new(
            draw("du", &[k, 2 * 5 * 7], 0.1), draw("dw", &[k, k], 0.1), MapExtents { channels: 3, height: 5, width: 7 }, Activation::Relu,
        ).unwrap();
        prop_assert!(read_out_error(&dense, &Translation, &frames, flow).unwrap().max() > MARGIN);
        prop_assert!(static_error(&dense, &Translation, &frames, flow).unwrap().max() > MARGIN);
    }

    #[test]
    fn translations_act_as_a_group(
        seed in 0u64..1000, a in velocity(5), b in velocity(5), s in -4i64..5, t in -4i64..5,
    ) {
        let frame = normal(seed, "frame", &[2, 3, 5, 7], 1.0, DType::F32);
        let act = |v, steps, x: &Tensor| Translation.act_on_frame(x, v, steps).unwrap();
        let bits = |x: &Tensor| common::values(x);
        let zero = PixelsPerFrame::new(0, 0);
        prop_assert_eq!(bits(&act(a, 0, &frame)), bits(&frame));
        prop_assert_eq!(bits(&act(zero, t, &frame)), bits(&frame));
        prop_assert_eq!(bits(&act(a, s, &act(a, t, &frame))), bits(&act(a, s + t, &frame)));
        prop_assert_eq!(bits(&act(a, t, &act(b, t, &frame))), bits(&act(a.plus(b), t, &frame)));
        prop_assert_eq!(bits(&act(a.negated(), t, &frame)), bits(&act(a, -t, &frame)));
        // On slices each velocity acts on its own, as on a frame.
        let slices = normal(seed, "slices", &[1, 2, 5, 7, 3], 1.0, DType::F32);
        let moved = Translation.act_on_slices(&slices, &[a, b], t).unwrap();
        for (number, v) in [a, b].into_iter().enumerate() {
            let of = |x: &Tensor| {
                x.narrow(1, number, 1).unwrap().squeeze(1).unwrap().permute((0, 3, 1, 2)).unwrap()
            };
            prop_assert_eq!(bits(&of(&moved)), bits(&act(v, t, &of(&slices))));
        }
    }

    #[test]
    fn velocities_and_their_sets_obey_the_axioms(
        a in velocity(9), b in velocity(9), c in velocity(9), height in 1usize..6, width in 1usize..6,
    ) {
        let zero = PixelsPerFrame::new(0, 0);
        prop_assert_eq!(a.plus(b), b.plus(a));
        prop_assert_eq!(a.plus(b).plus(c), a.plus(b.plus(c)));
        prop_assert_eq!(a.plus(a.negated()), zero);
        prop_assert_eq!(a.plus(zero), a);
        let torus = VelocitySet::torus(height, width);
        prop_assert!(torus.is_closed());
        let place = |v| torus.index_of(v).unwrap();
        let moved = PixelsPerFrame::new(a.x + width as i32, a.y - 2 * height as i32);
        prop_assert_eq!(place(a), place(moved));
        prop_assert_eq!(torus.difference(place(a), b), Some(place(a.plus(b.negated()))));
        prop_assert_eq!(torus.neighbour(place(a), b), Some(place(a.plus(b))));
    }

    #[test]
    fn feature_maps_flow_through_a_cell_without_input_kernel(
        seed in 0u64..1000, (x, y) in prop::sample::select(vec![(1, 0), (-1, 2), (2, -1)]),
    ) {
        let flow = PixelsPerFrame::new(x, y);
        let maps = normal(seed, "maps", &[1, 4, 3, 5, 7], 1.0, DType::F64);
        let w = normal(seed, "w", &[3, 3, 3, 3], 0.2, DType::F64);
        let cell = |set, lift| {
            let space = FlowSpace::new(Translation, set, lift);
            let cell = FlowRnn::over(space, None, w.clone()).unwrap();
            cell.with_algorithm(ConvAlgorithm::Direct)
        };
        let [lab, co_moving] = LIFTS.map(|lift| cell(VelocitySet::square(2), lift));
        for cell in [&lab, &co_moving] {
            let error = state_error(cell, Sequence::Maps(&maps), flow).unwrap();
            prop_assert_eq!(error.max(), 0.0);
            let still = static_error(cell, &Translation, Sequence::Maps(&maps), flow).unwrap();
            prop_assert_eq!(still.max(), 0.0);
        }
        let between = change_of_frame_error(&lab, &co_moving, Sequence::Maps(&maps)).unwrap();
        prop_assert_eq!(between.max(), 0.0);
        let g_rnn = cell(VelocitySet::trivial(), Lift::Trivial);
        let error = read_out_error(&g_rnn, &Translation, Sequence::Maps(&maps), flow).unwrap();
        prop_assert!(error.max() > MARGIN, "without velocities nothing flows");
    }

    #[test]
    fn feature_maps_of_orientations_turn_by_quarters(seed in 0u64..1000, turn in 1i32..4) {
        let flow = DegreesPerFrame(90 * turn);
        let basis = SteerableBasis::new(4, 3).unwrap();
        let coefficients = normal(seed, "w", &[2, 2, 4, basis.len()], 0.1, DType::F64);
        let w = basis.regular(&coefficients).unwrap();
        let maps = normal(seed, "maps", &[1, 4, 8, 5, 5], 1.0, DType::F64);
        for lift in LIFTS {
            let set = VelocitySet::cyclic(4).unwrap();
            let space = FlowSpace::new(Rotation::new(4).unwrap(), set, lift);
            let cell = FlowRnn::over(space, None, w.clone()).unwrap();
            let error = state_error(&cell, Sequence::Maps(&maps), flow).unwrap();
            prop_assert!(error.max() < 1e-13, "{lift:?}: {error:?}"); // some hundred terms in f64
        }
        let set = VelocitySet::trivial();
        let space = FlowSpace::new(Rotation::new(4).unwrap(), set, Lift::Trivial);
        let g_rnn = FlowRnn::over(space, None, w).unwrap();
        let group = Rotation::new(4).unwrap();
        let error = read_out_error(&g_rnn, &group, Sequence::Maps(&maps), flow).unwrap();
        prop_assert!(error.max() > MARGIN);
    }

    #[test]
    fn faulty_flows_break_the_theorem(
        seed in 0u64..1000, extents in prop::sample::select(vec![(5, 7), (11, 7), (7, 17)]),
        // Off the axes and the diagonals, so that a swap or a sign is another velocity.
        flow in prop::sample::select(vec![(1, 2), (2, 1), (-1, 2), (2, -1), (1, -2), (-2, 1)]),
    ) {
        let flow = PixelsPerFrame::new(flow.0, flow.1);
        let cell = random_cell(seed, VelocitySet::square(2), (2, 5, 3), DType::F32);
        let frames = frames(seed, 5, extents, DType::F32);
        for fault in [
            PixelsPerFrame::new(0, 0),             // no shift
            PixelsPerFrame::new(-flow.x, -flow.y), // wrong sign
            PixelsPerFrame::new(flow.y, flow.x),   // x and y swapped
        ] {
            // The input flows by `flow`, the states are compared as if it flowed by `fault`.
            let error = mismatched_error(&cell, &frames, flow, fault);
            prop_assert!(error > MARGIN, "{fault:?}: {error}");
        }
        prop_assert_eq!(mismatched_error(&cell, &frames, flow, flow), 0.0);
    }
}

const MARGIN: f64 = 0.1;

/// The largest relative difference of h'(ν) and ψ_t(fault)·h(ν − fault) after the last frame,
/// where the input flows by `flow`; written out by hand, apart from `fernn::equivariance`.
fn mismatched_error(
    cell: &fernn::cells::TranslationRnn,
    frames: &Tensor,
    flow: PixelsPerFrame,
    fault: PixelsPerFrame,
) -> f64 {
    let (batch, length, _, height, width) = frames.dims5().unwrap();
    let frame =
        |t: usize| frames.narrow(1, t, 1).unwrap().squeeze(1).unwrap().contiguous().unwrap();
    let zero = cell.zero_state(batch, (height, width), frames.dtype(), frames.device()).unwrap();
    let (mut plain, mut flowed) = (zero.clone(), zero);
    for t in 0..length {
        plain = cell.step(Input::Frame(&frame(t)), &plain).unwrap();
        let moved = Translation.act_on_frame(&frame(t), flow, t as i64).unwrap();
        flowed = cell.step(Input::Frame(&moved), &flowed).unwrap();
    }
    let [plain, flowed] = [plain, flowed]
        .map(|state| cell.space().in_lab(&state).unwrap().permute((0, 1, 4, 2, 3)).unwrap());
    let set = cell.velocities();
    let mut worst = 0.0f64;
    for index in 0..set.len() {
        let Some(partner) = set.difference(index, fault) else { continue };
        let slice = |state: &Tensor, v: usize| state.narrow(1, v, 1).unwrap().squeeze(1).unwrap();
        let expected =
            Translation.act_on_frame(&slice(&plain, partner), fault, length as i64 - 1).unwrap();
        let error = common::relative_error(
            &common::values(&slice(&flowed, index)),
            &common::values(&expected),
        );
        worst = worst.max(error);
    }
    worst
}

#[test]
fn vacuous_comparisons_are_refused() {
    let cell = random_cell(0, VelocitySet::square(1), (2, 3, 3), DType::F32);
    let zero = Tensor::zeros((1, 3, 2, 5, 7), DType::F32, &candle_core::Device::Cpu).unwrap();
    assert!(state_error(&cell, &zero, PixelsPerFrame::new(1, 0)).is_err(), "zero states");
    let frames = frames(0, 3, (5, 7), DType::F32);
    assert!(state_error(&cell, &frames, PixelsPerFrame::new(3, 0)).is_err(), "no slice compared");
    assert!(state_error(&cell, &frames, PixelsPerFrame::new(0, 0)).is_err(), "no flow");
}
