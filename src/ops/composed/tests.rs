//! The composed operations against the kernels, with their gradients, in f64.

use super::*;
use crate::ops;
use crate::ops::{Activation, ConvAlgorithm, Turn, VelocityPooling};
use crate::rng::Stream;
use candle_core::{Device, Var};

fn random(name: &str, shape: &[usize]) -> Var {
    let mut stream = Stream::new(9, name, 0);
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| stream.normal()).collect();
    Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
}

/// Compares a result and the gradients of a random functional of it, in f64.
fn assert_same(composed: Tensor, kernels: Tensor, arguments: &[&Var]) {
    let weights = random("functional", kernels.dims());
    let run = |result: &Tensor| {
        let functional = (result * weights.as_tensor()).unwrap().sum_all().unwrap();
        let gradients = functional.backward().unwrap();
        let gradient = |v: &&Var| gradients.get(v).expect("a gradient").contiguous().unwrap();
        let mut all: Vec<Tensor> = arguments.iter().map(gradient).collect();
        all.push(result.contiguous().unwrap());
        all
    };
    for (composed, kernels) in run(&composed).iter().zip(run(&kernels)) {
        let difference = (composed - &kernels).unwrap().abs().unwrap();
        let scale = kernels.abs().unwrap().flatten_all().unwrap().max(0).unwrap();
        let difference = difference.flatten_all().unwrap().max(0).unwrap();
        let (difference, scale) = (difference.to_scalar::<f64>(), scale.to_scalar::<f64>());
        assert!(difference.unwrap() < 1e-13 * scale.unwrap());
    }
}

#[test]
fn composed_recurrences_agree_with_the_kernels() {
    let shifts = [(0, 0), (1, -2), (-4, 9)].map(|(down, right)| Shift { down, right });
    for (activation, padding) in [
        (Activation::Relu, Padding::Circular),
        (Activation::Tanh, Padding::Zero),
        (Activation::Identity, Padding::Circular),
    ] {
        let (h, u) = (random("h", &[2, 3, 5, 4, 3]), random("u", &[2, 5, 4, 3]));
        let w = random("w", &[3, 3, 3, 5]);
        let step = RecurrentStep { activation, padding, algorithm: ConvAlgorithm::Direct };
        assert_same(
            recurrence(&h, &w, &u, &shifts, step).unwrap(),
            ops::flow_recurrence(&h, &w, &u, &shifts, step).unwrap(),
            &[&h, &w, &u],
        );
    }
    let h = random("h", &[2, 3, 5, 4, 3]);
    assert_same(shift_slices(&h, &shifts).unwrap(), ops::shift_slices(&h, &shifts).unwrap(), &[&h]);
    let pooled = ops::pool_velocities(&h, VelocityPooling::Max).unwrap();
    assert_same(maximum(&h).unwrap(), pooled, &[&h]);
}

#[test]
fn composed_convolutions_agree_with_the_kernels() {
    let (x, a) = (random("x", &[2, 5, 4, 3]), random("a", &[9, 3, 3, 3]));
    let b = random("b", &[1, 9, 5, 5]); // a halo of half the torus
    let layer = |kernel: &Var, activation, padding| Layer {
        kernel: kernel.as_tensor().clone(),
        activation,
        padding,
    };
    let layers = [
        layer(&a, Activation::Tanh, Padding::Zero),
        layer(&b, Activation::Identity, Padding::Circular),
    ];
    assert_same(
        convolution_stack(&x, &layers).unwrap(),
        ops::convolution_stack(&x, &layers, ConvAlgorithm::Auto).unwrap(),
        &[&x, &a, &b],
    );
    let (h, d) = (random("h", &[2, 3, 5, 4, 3]), random("d", &[3, 3, 5]));
    let rows = (-1..=1).rev();
    let taps = rows.flat_map(|down| (-2..=2).rev().map(move |right| Shift { down, right }));
    assert_same(
        depthwise_convolution(&h, &d, &taps.collect::<Vec<_>>()).unwrap(),
        ops::depthwise_convolution(&h, &d).unwrap(),
        &[&h, &d],
    );
}

#[test]
fn composed_turns_agree_with_the_kernels() {
    let regular = random("regular", &[2, 3, 5, 4, 6]); // two fields of three orientations
    let turns = [(30.0, -1), (90.0, 2), (-200.0, 4)];
    let turns = turns.map(|(degrees, orientations)| Turn { degrees, orientations });
    assert_same(
        turn_slices(&regular, 3, &turns).unwrap(),
        ops::turn_slices(&regular, 3, &turns).unwrap(),
        &[&regular],
    );
}
