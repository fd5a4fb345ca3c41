//! The whole-sequence operation against its steps, and the two algorithms against each other.

mod common;
#[path = "sequence/memory.rs"]
mod memory;
#[path = "sequence/read_outs.rs"]
mod read_outs;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use common::{finite_differences, forecaster, normal, relative_error, values};
use fernn::cells::{CellChoice, Running};
use fernn::models::{Feedback, ForecasterChoice};
use fernn::ops::{
    Activation, ConvAlgorithm, FedAs, Kernels, Layer, Padding, ReadOut, Recurrence, Shift,
    SliceAction, VelocityPooling, circular_convolution, convolution_stack, flow_sequence,
    pool_velocities,
};
use fernn::parameters::Parameters;
use proptest::prelude::*;
use std::collections::BTreeMap;

const ALGORITHMS: [ConvAlgorithm; 2] = [ConvAlgorithm::Direct, ConvAlgorithm::Winograd];

/// Random weights of a forecaster with one hidden decoder layer, small enough to stay bounded.
fn weights(seed: u64, channels: usize, inputs: usize, dtype: DType) -> BTreeMap<String, Tensor> {
    let c = channels;
    let shapes = [
        ("cell.conv_u.weight", [c, inputs, 3, 3]),
        ("cell.conv_h.weight", [c, c, 3, 3]),
        ("decoder_conv.0.weight", [c, c, 3, 3]),
        ("decoder_conv.2.weight", [inputs, c, 3, 3]),
    ];
    let weight = |(name, shape): (&str, [usize; 4])| {
        let scale = 0.8 / ((9 * shape[1]) as f64).sqrt();
        (name.to_string(), normal(seed, name, &shape, scale, dtype))
    };
    shapes.into_iter().map(weight).collect()
}

/// The simple cell with ReLU and max pooling, run by an algorithm.
fn by(algorithm: ConvAlgorithm) -> ForecasterChoice {
    let running = Running { algorithm, ..Running::default() };
    ForecasterChoice { running, ..ForecasterChoice::default() }
}

fn loss(outputs: &Tensor, seed: u64) -> Tensor {
    let target = normal(seed, "target", outputs.dims(), 1.0, outputs.dtype());
    candle_nn::loss::mse(outputs, &target).unwrap()
}

fn gradient(gradients: &GradStore, of: &Tensor) -> Vec<f64> {
    values(gradients.get(of).expect("a gradient"))
}

fn pooling() -> impl Strategy<Value = VelocityPooling> {
    prop::sample::select(vec![VelocityPooling::Max, VelocityPooling::Mean, VelocityPooling::Sum])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_sequence_and_its_steps_give_the_same_bits(
        seed in 0u64..1000, (height, width) in prop::sample::select(vec![(5, 7), (7, 3), (13, 11), (4, 8)]),
        channels in prop::sample::select(vec![1usize, 3, 8, 17, 33]), inputs in 1usize..3,
        frames in 1usize..5, steps in 1usize..4, range in 0u32..=2,
        // Sums over velocities in another order would round otherwise.
        activation in prop::sample::select(vec![Activation::Relu, Activation::Tanh]),
    ) {
        for dtype in [DType::F32, DType::F64] {
            for algorithm in ALGORITHMS {
                let seen = normal(seed, "seen", &[3, frames, inputs, height, width], 1.0, dtype);
                let cell = CellChoice { activation, ..CellChoice::SIMPLE };
                let choice = ForecasterChoice { cell, ..by(algorithm) };
                let model = forecaster(choice, &weights(seed, channels, inputs, dtype), range);
                let sequence = model.forecast(&seen, steps).unwrap();
                let stepwise = model.forecast_with_states(&seen, steps).unwrap();
                // A decoder with a single ReLU may be dead, and would prove nothing.
                prop_assume!(channels > 1 || values(&sequence).iter().any(|&v| v != 0.0));
                prop_assert!(values(&sequence).iter().any(|&v| v != 0.0));
                prop_assert_eq!(values(&sequence), values(&stepwise.outputs));
                prop_assert_eq!(stepwise.encoder_states.len(), frames);
                prop_assert_eq!(stepwise.decoder_states.len(), steps);
            }
        }
    }

    #[test]
    fn backward_through_a_sequence_and_through_its_steps_agree(
        seed in 0u64..1000, (height, width) in prop::sample::select(vec![(5, 7), (7, 3), (4, 8)]),
        channels in prop::sample::select(vec![2usize, 8, 9]), frames in 1usize..5, steps in 1usize..4,
        range in 0u32..=2, pooling in pooling(), algorithm in prop::sample::select(ALGORITHMS.to_vec()),
    ) {
        let parameters = Parameters::from_tensors(weights(seed, channels, 1, DType::F64)).unwrap();
        let seen = normal(seed, "seen", &[3, frames, 1, height, width], 1.0, DType::F64);
        let seen = Var::from_tensor(&seen).unwrap();
        let running = Running { pooling, algorithm };
        let choice = ForecasterChoice { running, ..ForecasterChoice::default() };
        let model = forecaster(choice, &parameters.tensors(), range);
        let sequence = loss(&model.forecast(&seen, steps).unwrap(), seed).backward().unwrap();
        let outputs = model.forecast_with_states(&seen, steps).unwrap().outputs;
        let stepwise = loss(&outputs, seed).backward().unwrap();
        let variables = parameters.variables();
        for variable in variables.iter().chain([&seen]) {
            let (ours, theirs) = (gradient(&sequence, variable), gradient(&stepwise, variable));
            // With two channels the decoder's rectifiers may silence everything.
            let is_silent = ours.iter().chain(&theirs).all(|&g| g == 0.0);
            let error = relative_error(&ours, &theirs);
            // The same sums of some thousand terms in another order, in f64.
            prop_assert!(is_silent || error < 1e-11, "{error}");
        }
    }

    #[test]
    fn the_algorithms_agree_to_rounding(
        seed in 0u64..1000, height in 1usize..20, width in 1usize..30,
        channels in prop::sample::select(vec![8usize, 16, 24, 40]), images in 1usize..6,
    ) {
        let x = normal(seed, "x", &[images, height, width, channels], 1.0, DType::F32);
        let kernel = normal(seed, "w", &[channels, channels, 3, 3], 1.0, DType::F32);
        let [direct, winograd] = ALGORITHMS.map(|algorithm| {
            values(&circular_convolution(&x, &kernel, Activation::Identity, algorithm).unwrap())
        });
        // The documented growth of about 4 holds for the 2-norm; the largest of many errors is
        // some seven times that. Below ε the algorithm would not be Winograd's.
        let bound = 30.0 * f32::EPSILON as f64 * ((9 * channels) as f64).sqrt();
        let error = relative_error(&winograd, &direct);
        prop_assert!(error < bound, "{error}");
        prop_assert!(error > 0.0 || images * height * width < 4, "Winograd did not run");
    }
}

#[test]
fn what_is_pooled_by_rows_and_goes_back_by_blocks_is_that_of_the_steps() {
    // Large enough for three blocks of rows, and for two of slices.
    let (channels, frames, steps, range) = (64, 2, 2, 1);
    for pooling in [VelocityPooling::Max, VelocityPooling::Mean] {
        let parameters = Parameters::from_tensors(weights(8, channels, 1, DType::F64)).unwrap();
        let seen = normal(8, "seen", &[1, frames, 1, 29, 21], 1.0, DType::F64);
        let running = Running { pooling, algorithm: ConvAlgorithm::Winograd };
        let choice = ForecasterChoice { running, ..ForecasterChoice::default() };
        let model = forecaster(choice, &parameters.tensors(), range);
        let sequence = model.forecast(&seen, steps).unwrap();
        let stepwise = model.forecast_with_states(&seen, steps).unwrap().outputs;
        assert!(values(&sequence).iter().any(|&v| v != 0.0));
        assert_eq!(values(&sequence), values(&stepwise), "{pooling:?}");
        let [ours, theirs] = [sequence, stepwise].map(|y| loss(&y, 8).backward().unwrap());
        for variable in parameters.variables() {
            let error = relative_error(&gradient(&ours, &variable), &gradient(&theirs, &variable));
            assert!(error < 1e-11, "{pooling:?}: {error}");
        }
    }
}

#[test]
fn gradients_of_a_long_forecast_agree_with_finite_differences() {
    // Nothing fed back: the graph is not cut, so that the loss is a function of what it is a
    // function of. Tanh and the mean have no kinks.
    for algorithm in ALGORITHMS {
        let tensors = weights(4, 8, 1, DType::F64);
        let seen = normal(4, "seen", &[2, 3, 1, 3, 5], 1.0, DType::F64);
        let model = |tensors: &BTreeMap<String, Tensor>| {
            let choice = ForecasterChoice {
                cell: CellChoice { activation: Activation::Tanh, ..CellChoice::SIMPLE },
                feedback: Feedback::Silent,
                running: Running { pooling: VelocityPooling::Mean, algorithm },
            };
            forecaster(choice, tensors, 1)
        };
        let parameters = Parameters::from_tensors(tensors.clone()).unwrap();
        let tracked = Var::from_tensor(&seen).unwrap();
        let outputs = model(&parameters.tensors()).forecast(&tracked, 3).unwrap();
        let gradients = loss(&outputs, 4).backward().unwrap();
        let value = |tensors: &BTreeMap<String, Tensor>, seen: &Tensor| {
            loss(&model(tensors).forecast(seen, 3).unwrap(), 4).to_scalar::<f64>().unwrap()
        };
        for name in ["cell.conv_u.weight", "cell.conv_h.weight", "decoder_conv.2.weight"] {
            let numeric = finite_differences(&tensors[name], |moved| {
                let mut at = tensors.clone();
                at.insert(name.to_string(), moved.clone());
                value(&at, &seen)
            });
            let exact = gradient(&gradients, parameters.get(name).unwrap());
            let error = relative_error(&exact, &numeric);
            assert!(error < 1e-6, "{algorithm:?}, {name}: {error}"); // ε / step of rounding, ReLU in the decoder
        }
        let numeric = finite_differences(&seen, |moved| value(&tensors, moved));
        let error = relative_error(&gradient(&gradients, &tracked), &numeric);
        assert!(error < 1e-6, "{algorithm:?}, seen frames: {error}");
    }
}

#[test]
fn frozen_weights_still_pass_gradients_to_the_input() {
    let tensors = weights(5, 8, 1, DType::F64);
    let seen = Var::from_tensor(&normal(5, "seen", &[2, 2, 1, 5, 7], 1.0, DType::F64)).unwrap();
    let to_seen = |tensors: &BTreeMap<String, Tensor>| {
        let outputs =
            forecaster(ForecasterChoice::default(), tensors, 1).forecast(&seen, 2).unwrap();
        gradient(&loss(&outputs, 5).backward().unwrap(), &seen)
    };
    let trained = Parameters::from_tensors(tensors.clone()).unwrap();
    let (frozen, trained) = (to_seen(&tensors), to_seen(&trained.tensors()));
    assert!(frozen.iter().any(|&g| g != 0.0));
    assert!(relative_error(&frozen, &trained) < 1e-12);
}

#[test]
fn a_stack_is_its_layers_one_after_the_other() {
    let kernel = |name: &str, shape: &[usize]| normal(6, name, shape, 0.2, DType::F64);
    let layers = [
        Layer {
            kernel: kernel("a", &[9, 3, 3, 5]),
            activation: Activation::Tanh,
            padding: Padding::Zero,
        },
        Layer {
            kernel: kernel("b", &[10, 9, 3, 3]),
            activation: Activation::Relu,
            padding: Padding::Circular,
        },
        Layer {
            kernel: kernel("c", &[1, 10, 3, 3]),
            activation: Activation::Identity,
            padding: Padding::Zero,
        },
    ];
    let x = normal(6, "x", &[5, 7, 11, 3], 1.0, DType::F64);
    for algorithm in ALGORITHMS {
        let stack = convolution_stack(&x, &layers, algorithm).unwrap();
        let chained = layers.iter().fold(x.clone(), |x, layer| {
            convolution_stack(&x, std::slice::from_ref(layer), algorithm).unwrap()
        });
        assert_eq!(values(&stack), values(&chained));
    }
    let no_layers: [Layer; 0] = [];
    assert!(convolution_stack(&x, &no_layers, ConvAlgorithm::Auto).is_err());
    assert!(convolution_stack(&x, &layers[1..], ConvAlgorithm::Auto).is_err(), "channels");
}

#[test]
fn a_nan_anywhere_reaches_the_output() {
    for algorithm in ALGORITHMS {
        for name in ["cell.conv_u.weight", "cell.conv_h.weight", "decoder_conv.0.weight"] {
            let mut tensors = weights(7, 8, 1, DType::F32);
            let mut poisoned = values(&tensors[name]);
            poisoned[3] = f64::NAN;
            let shape = tensors[name].shape().clone();
            let tensor = Tensor::from_vec(poisoned, shape, &Device::Cpu).unwrap();
            tensors.insert(name.to_string(), tensor.to_dtype(DType::F32).unwrap());
            let seen = normal(7, "seen", &[1, 3, 1, 6, 5], 1.0, DType::F32);
            let model = forecaster(by(algorithm), &tensors, 1);
            let outputs = values(&model.forecast(&seen, 2).unwrap());
            assert!(outputs.iter().any(|v| v.is_nan()), "{algorithm:?}, {name}");
        }
    }
}

/// A NaN in one velocity's slice alone, be it the first or the last: with kernels of one pixel, what one pixel of the
/// first frame shows moves with every velocity to a place of its own.
#[test]
fn a_nan_in_one_slice_is_in_the_maximum() {
    let range = -1..=1;
    let shifts: Vec<Shift> = range
        .clone()
        .flat_map(|down| range.clone().map(move |right| Shift { down, right }))
        .collect();
    let kernel = |shape: &[usize]| normal(9, "kernel", shape, 1.0, DType::F32);
    let (u, w) = (kernel(&[2, 1, 1, 1]), kernel(&[2, 2, 1, 1]));
    let (height, width) = (5, 7);
    let mut pixels = vec![1f32; 2 * height * width];
    pixels[2 * width + 3] = f32::NAN;
    let frames = Tensor::from_vec(pixels, (1, 2, height, width, 1), &Device::Cpu).unwrap();
    let kernels = Kernels { input: Some(&u), recurrent: &w };
    let (action, how) = (SliceAction::Shifts(&shifts), Recurrence::default());
    let read = flow_sequence(&frames, kernels, action, how, ReadOut::Last).unwrap();
    let found = values(&read).iter().filter(|value| value.is_nan()).count();
    assert_eq!(found, 2 * shifts.len(), "a pixel of two channels for every velocity");
    for place in 0..3 {
        let mut slices = vec![1f32, 2.0, 3.0];
        slices[place] = f32::NAN;
        let state = Tensor::from_vec(slices, (1, 3, 1, 1, 1), &Device::Cpu).unwrap();
        let pooled = pool_velocities(&state, VelocityPooling::Max).unwrap();
        assert!(values(&pooled)[0].is_nan(), "slice {place}");
    }
}

#[test]
fn a_sequence_refuses_what_it_cannot_run() {
    let seen = normal(8, "seen", &[1, 2, 3, 4, 1], 1.0, DType::F32); // (B, T, H, W, C_in)
    let kernel = |shape: &[usize]| normal(8, "kernel", shape, 0.1, DType::F32);
    let (u, w) = (kernel(&[2, 1, 3, 3]), kernel(&[2, 2, 3, 3]));
    let run = |seen: &Tensor, w: &Tensor, velocities: usize, steps: usize| {
        let shifts = vec![Shift::default(); velocities];
        let kernels = Kernels { input: Some(&u), recurrent: w };
        let mut feed = |_: &Tensor| Ok(normal(8, "fed", &[1, 3, 4, 1], 1.0, DType::F32));
        let fed = ReadOut::Fed { steps, feed: &mut feed, fed_as: FedAs::New };
        flow_sequence(seen, kernels, SliceAction::Shifts(&shifts), Recurrence::default(), fed)
    };
    assert_eq!(run(&seen, &w, 2, 3).unwrap().dims(), [3, 1, 3, 4, 2]);
    assert!(run(&seen, &w, 2, 0).is_err(), "no step");
    assert!(run(&seen.narrow(1, 0, 0).unwrap(), &w, 2, 1).is_err(), "no frame");
    assert!(run(&seen, &kernel(&[2, 2, 2, 2]), 2, 1).is_err(), "an even kernel");
    assert!(run(&seen, &kernel(&[3, 2, 3, 3]), 2, 1).is_err(), "channels disagree");
    assert!(run(&seen, &w, (1 << 16) + 1, 1).is_err(), "more velocities than can be told apart");
}
