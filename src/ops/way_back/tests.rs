//! Blocks against the whole.

use super::super::kernels::{ConvAlgorithm, Plane, Shift};
use super::super::pooling::VelocityPooling;
use super::super::read_out::FedAs;
use super::super::resampling::Turn;
use super::super::rollout::Kept;
use super::super::rule::{Kernels, Unrolled};
use super::super::slice_action::{SliceAction, Turning};
use super::super::{CarryOrder, rule};
use super::*;
use crate::rng::Stream;
use candle_core::{Device, Tensor};

const PLANE: Plane = Plane { height: 5, width: 7 };
const BATCH: usize = 2;
const FRAMES: usize = 4;
const CHANNELS: usize = 3;

fn numbers(name: &str, count: usize, scale: f64) -> Vec<f64> {
    let mut stream = Stream::new(0, name, 0);
    (0..count).map(|_| scale * stream.normal()).collect()
}

/// The gradients to frames, U and W where the way back has so many blocks of slices in a step.
fn gradients(
    (action, update, pooling): (SliceAction<'_>, rule::Update, VelocityPooling),
    (has_input, is_tracked, kept): (bool, bool, usize),
    blocks: usize,
) -> Vec<Vec<f64>> {
    let (gates, Plane { height, width }) = (update.gates(), PLANE);
    let maps = CHANNELS * gates;
    let inputs = if has_input { 1 } else { maps };
    let kernel = |name, inputs: usize| {
        let shape = (maps, inputs, 3, 3);
        Tensor::from_vec(numbers(name, maps * inputs * 9, 0.3), shape, &Device::Cpu).unwrap()
    };
    let (u, w) = (kernel("u", 1), kernel("w", CHANNELS));
    let kernels = Kernels { input: has_input.then_some(&u), recurrent: &w };
    let how = Unrolled { update, pooling, algorithm: ConvAlgorithm::Direct };
    let kept = Kept::Every(kept);
    let mut rollout = Rollout::<f64>::new((action, how), (PLANE, BATCH), kernels, kept).unwrap();
    let shape = (BATCH, FRAMES, height, width, inputs);
    let frames = numbers("frames", shape.0 * shape.1 * height * width * inputs, 1.0);
    let all = Tensor::from_slice(&frames, shape, &Device::Cpu).unwrap();
    for t in 0..FRAMES {
        let frame = all.narrow(1, t, 1).unwrap().squeeze(1).unwrap();
        let fed_as = if t == 3 { FedAs::Former } else { FedAs::New };
        rollout.step(&frame, fed_as).unwrap();
        rollout.read_out();
    }
    let read_outs = numbers("read-outs", FRAMES * BATCH * height * width * CHANNELS, 1.0);
    let velocities = rollout.velocities();
    let block = velocities.div_ceil(blocks);
    let blocks = velocities.div_ceil(block);
    let division = Division { group: 1, part: 1, block, blocks };
    let gradients = rollout.backward_in(division, (&frames, &read_outs), is_tracked);
    let all = [gradients.frames, gradients.input_kernel, Some(gradients.recurrent_kernel)];
    all.into_iter().flatten().collect()
}

#[test]
fn blocks_of_slices_change_rounding_alone() {
    let shifts: Vec<Shift> =
        (-1..=1).flat_map(|down| (-1..=1).map(move |right| Shift { down, right })).collect();
    let turns: Vec<Turn> =
        (-2..=2).map(|n| Turn { degrees: 120.0 * n as f64, orientations: n }).collect();
    let (orientations, turns) = (CHANNELS, &turns[..]);
    let turning = |order| SliceAction::TurnedSlices(Turning { orientations, turns, order });
    let updates = [
        rule::Update::Simple(Activation::Tanh),
        rule::Update::Gated(Gated::Gru),
        rule::Update::Gated(Gated::Lstm),
    ];
    for action in [
        SliceAction::Shifts(&shifts),
        SliceAction::TurnedViews { orientations, turns },
        turning(CarryOrder::CarryFirst),
        turning(CarryOrder::ConvolveFirst),
    ] {
        for (update, pooling) in updates.into_iter().zip([
            VelocityPooling::Max,
            VelocityPooling::Mean,
            VelocityPooling::Sum,
        ]) {
            for has in [(true, true, 1), (true, false, 2), (false, true, 3), (false, false, 1)] {
                let what = (action, update, pooling);
                let whole = gradients(what, has, 1);
                assert!(whole.iter().all(|of| of.iter().any(|&g| g != 0.0)));
                for blocks in [2, 4, 5] {
                    let divided = gradients(what, has, blocks);
                    for (whole, divided) in whole.iter().flatten().zip(divided.iter().flatten()) {
                        let error = (whole - divided).abs() / (1.0 + whole.abs());
                        assert!(error < 1e-12, "{update:?} {has:?} {blocks}: {whole} {divided}");
                    }
                }
            }
        }
    }
}
