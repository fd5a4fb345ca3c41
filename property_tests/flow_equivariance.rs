//! The theorem of the paper, bit for bit, and the models that must break it.

mod common;

use candle_core::{DType, Tensor};
use common::{normal, random_cell};
use fernn::cells::{Cell, FlowCell, FlowLayer};
use fernn::equivariance::{read_out_error, state_error, static_error};
use fernn::flow::{FlowGroup, PixelsPerFrame, Translation, VelocitySet};
use fernn::ops::ConvAlgorithm;
use proptest::prelude::*;

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
        seed in 0u64..1000, extents in extents(), element in velocity(9), range in 0u32..=1,
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
        plain = cell.step(&frame(t), &plain).unwrap();
        let moved = Translation.act_on_frame(&frame(t), flow, t as i64).unwrap();
        flowed = cell.step(&moved, &flowed).unwrap();
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
