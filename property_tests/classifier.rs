//! Laws of the classifiers of clips: flow equivariance with a circular encoder, its breach with a padded one,
//! statistics of batch normalisation, and learning.

mod common;

use candle_core::{DType, Device, Tensor};
use common::{normal, relative_error, values};
use fernn::flow::{FlowGroup, PixelsPerFrame, Translation, VelocitySet};
use fernn::models::{
    AnyClassifier, ClassificationLearner, Classifier, ClassifierChoice, ClassifierKind,
    ClassifierShape, MOMENTUM, Mode,
};
use fernn::ops::{ConvAlgorithm, Padding};
use fernn::parameters::{Parameters, Tensors};
use fernn::training::{Adam, AdamConfig, Learner, training_step};
use proptest::prelude::*;
use std::path::Path;

const CLASSES: usize = 6;
const EXTENTS: (usize, usize) = (5, 7);

/// Of a sum over the plane, and a linear layer after it, in f64.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// A model with drawn weights and statistics that are not the first ones.
fn drawn(
    seed: u64,
    choice: &ClassifierChoice,
    velocities: &VelocitySet<PixelsPerFrame>,
    dtype: DType,
) -> Tensors {
    let shape = ClassifierShape::of(choice.kind, 16, CLASSES);
    let initial = choice.parameters(&shape, velocities);
    let drawn = Parameters::draw(&initial, seed, &Device::Cpu).unwrap().detached();
    let moved = |(name, tensor): (String, Tensor)| {
        let noise = normal(seed, &name, tensor.dims(), 0.3, DType::F32);
        let tensor = match name.contains("running_var") {
            true => (tensor + noise.abs().unwrap()).unwrap(),
            false if tensor.rank() == 1 => (tensor + noise).unwrap(),
            false => tensor,
        };
        (name, tensor.to_dtype(dtype).unwrap())
    };
    drawn.into_iter().map(moved).collect()
}

fn build(
    choice: &ClassifierChoice,
    tensors: &Tensors,
    velocities: &VelocitySet<PixelsPerFrame>,
) -> AnyClassifier {
    choice.classifier(tensors, velocities, Path::new("test")).unwrap()
}

fn choice(layers: usize, padding: Padding) -> ClassifierChoice {
    let algorithm = ConvAlgorithm::Direct;
    ClassifierChoice { kind: ClassifierKind::Flow, layers, padding, algorithm }
}

/// Clips (B, T, 1, H, W).
fn clips(seed: u64, frames: usize, dtype: DType) -> Tensor {
    normal(seed, "clips", &[2, frames, 1, EXTENTS.0, EXTENTS.1], 1.0, dtype)
}

/// The clips seen by a camera that moves.
fn flowed(clips: &Tensor, velocity: PixelsPerFrame) -> Tensor {
    let moved = (0..clips.dims()[1]).map(|t| {
        let frame = clips.narrow(1, t, 1).unwrap().squeeze(1).unwrap();
        Translation.act_on_frame(&frame, velocity, t as i64).unwrap()
    });
    Tensor::stack(&moved.collect::<Vec<_>>(), 1).unwrap()
}

fn logits(model: &AnyClassifier, clips: &Tensor) -> Vec<f64> {
    values(&model.logits(clips, &mut Mode::Evaluation).unwrap())
}

/// The largest departure from h'_{t+1}(ν) = ψ_t(ν̂)·h_{t+1}(ν − ν̂) relative to the largest state, over the
/// pairs that a truncated set has.
fn breach(model: &AnyClassifier, clips: &Tensor, flow: PixelsPerFrame) -> f64 {
    let recurrent = model.recurrent().expect("a recurrent classifier");
    let still = recurrent.hidden_states(clips).unwrap(); // (V, B, T, C, H, W)
    let moving = recurrent.hidden_states(&flowed(clips, flow)).unwrap();
    let at = |states: &Tensor, v: usize, t: usize| {
        states.get(v).unwrap().narrow(1, t, 1).unwrap().squeeze(1).unwrap().contiguous().unwrap()
    };
    let pairs = recurrent.space().velocities().pairs_apart(flow);
    assert!(!pairs.is_empty());
    let mut worst = 0.0;
    for (to, from) in pairs {
        for t in 0..clips.dims()[1] {
            let expected = Translation.act_on_map(&at(&still, from, t), flow, t as i64).unwrap();
            let error = relative_error(&values(&at(&moving, to, t)), &values(&expected));
            worst = if error <= worst { worst } else { error }; // NaN fails
        }
    }
    worst
}

/// Whether the first hidden state differs by more than rounding from pixel to pixel.
fn varies_over_the_plane(model: &AnyClassifier, clips: &Tensor) -> bool {
    let states = model.recurrent().expect("a recurrent classifier").hidden_states(clips).unwrap();
    let planes = EXTENTS.0 * EXTENTS.1;
    let first = values(&states.get(0).unwrap().narrow(1, 0, 1).unwrap());
    let spread = |plane: &[f64]| {
        let (low, high) =
            plane.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        high - low
    };
    first.chunks(planes).map(spread).fold(0.0, f64::max) > 1e-3
}

fn velocity() -> impl Strategy<Value = PixelsPerFrame> {
    prop::sample::select(vec![(1, 0), (0, -1), (1, 1), (-1, 1)])
        .prop_map(|(x, y)| PixelsPerFrame::new(x, y))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn with_a_circular_encoder_the_hidden_states_obey_the_theorem_bit_for_bit(
        seed in 0u64..1000, flow in velocity(), layers in 1usize..3, frames in 2usize..5,
    ) {
        let velocities = VelocitySet::square(1);
        let clips = clips(seed, frames, DType::F32);
        let model = |padding, velocities: &VelocitySet<PixelsPerFrame>| {
            let choice = choice(layers, padding);
            build(&choice, &drawn(seed, &choice, velocities, DType::F32), velocities)
        };
        let circular = model(Padding::Circular, &velocities);
        // A drawn encoder whose units are all silent would make maps that are the same everywhere.
        prop_assume!(varies_over_the_plane(&circular, &clips));
        prop_assert_eq!(breach(&circular, &clips, flow), 0.0);
        // The paper's encoder sees the border, which does not move with the frame.
        prop_assert!(breach(&model(Padding::Zero, &velocities), &clips, flow) > 1e-5);
    }

    #[test]
    fn over_a_closed_set_the_logits_are_invariant_and_without_velocities_they_are_not(
        seed in 0u64..1000, flow in velocity(), layers in 1usize..3,
    ) {
        let clips = clips(seed, 3, DType::F64);
        let change = |padding, velocities: VelocitySet<PixelsPerFrame>| {
            let choice = choice(layers, padding);
            let model = build(&choice, &drawn(seed, &choice, &velocities, DType::F64), &velocities);
            relative_error(&logits(&model, &flowed(&clips, flow)), &logits(&model, &clips))
        };
        let closed = || VelocitySet::torus(EXTENTS.0, EXTENTS.1);
        // The average over the plane sums the same numbers in another order.
        prop_assert!(change(Padding::Circular, closed()) < ROUNDING);
        // Random weights may react weakly, but far more than by rounding.
        prop_assert!(change(Padding::Zero, closed()) > 1e4 * ROUNDING);
        prop_assert!(change(Padding::Circular, VelocitySet::trivial()) > 1e4 * ROUNDING);
    }

    #[test]
    fn logits_are_read_off_the_last_state_of_the_highest_layer(
        seed in 0u64..1000, layers in 1usize..4, frames in 1usize..4,
    ) {
        let velocities = VelocitySet::square(1);
        let choice = choice(layers, Padding::Zero);
        let tensors = drawn(seed, &choice, &velocities, DType::F64);
        let model = build(&choice, &tensors, &velocities);
        let clips = clips(seed, frames, DType::F64);
        let states = model.recurrent().unwrap().hidden_states(&clips).unwrap();
        let [v, b, t, c, h, w] = <[usize; 6]>::try_from(states.dims()).unwrap();
        let states = values(&states);
        let at = |v: usize, b_: usize, c_: usize, p: usize| {
            states[(((v * b + b_) * t + t - 1) * c + c_) * h * w + p]
        };
        let (weight, bias) = (values(&tensors["fc.weight"]), values(&tensors["fc.bias"]));
        let mut expected = Vec::new();
        for sample in 0..b {
            let pooled = |channel: usize| {
                let largest = |p| (0..v).map(|v| at(v, sample, channel, p)).fold(f64::MIN, f64::max);
                (0..h * w).map(largest).sum::<f64>() / (h * w) as f64
            };
            let features: Vec<f64> = (0..c).map(pooled).collect();
            expected.extend(weight.chunks(c).zip(&bias).map(|(row, bias)| {
                row.iter().zip(&features).map(|(w, f)| w * f).sum::<f64>() + bias
            }));
        }
        prop_assert!(relative_error(&logits(&model, &clips), &expected) < 1e-12);
    }

    #[test]
    fn learned_shifts_of_one_hot_kernels_are_the_fernn(seed in 0u64..1000, layers in 1usize..3) {
        let velocities = VelocitySet::square(1);
        let flow = choice(layers, Padding::Zero);
        let plus = ClassifierChoice { kind: ClassifierKind::LearnedShift, ..flow };
        let mut tensors = drawn(seed, &flow, &velocities, DType::F64);
        let clips = clips(seed, 3, DType::F64);
        let expected = logits(&build(&flow, &tensors, &velocities), &clips);
        let shifts = fernn::cells::shift_kernels(&velocities, 1, DType::F64).unwrap();
        tensors.insert("lstm.learned_kernels".into(), shifts.unsqueeze(1).unwrap());
        let got = logits(&build(&plus, &tensors, &velocities), &clips);
        prop_assert!(relative_error(&got, &expected) < 1e-12);
        let drawn = drawn(seed, &plus, &velocities, DType::F64);
        let other = logits(&build(&plus, &drawn, &velocities), &clips);
        prop_assert!(relative_error(&other, &expected) > 1e-4);
    }

    #[test]
    fn running_statistics_move_toward_each_frame_in_turn(seed in 0u64..1000, batch in 1usize..4) {
        // Of the first normalisation, whose input needs no other to be known.
        let choice = choice(1, Padding::Zero);
        let velocities = VelocitySet::trivial();
        let tensors = drawn(seed, &choice, &velocities, DType::F64);
        let (height, width) = EXTENTS;
        let clips = normal(seed, "clips", &[batch, 3, 1, height, width], 1.0, DType::F64);
        let mut mode = Mode::training();
        build(&choice, &tensors, &velocities).logits(&clips, &mut mode).unwrap();
        let gathered = mode.gathered();
        prop_assert_eq!(gathered.len(), 6, "two for each of three normalisations");
        let kernel = values(&tensors["lstm.conv_u_first.0.weight"]);
        let channels = tensors["lstm.conv_u_first.0.weight"].dims()[0];
        let pixels = values(&clips);
        let mut mean = values(&tensors["lstm.conv_u_first.1.running_mean"]);
        let mut variance = values(&tensors["lstm.conv_u_first.1.running_var"]);
        for t in 0..3 {
            for c in 0..channels {
                let mut all = Vec::new();
                for b in 0..batch {
                    let frame = &pixels[(b * 3 + t) * height * width..][..height * width];
                    all.extend(padded(frame, &kernel[c * 25..][..25]));
                }
                let n = all.len() as f64;
                let centre = all.iter().sum::<f64>() / n;
                let unbiased = all.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / (n - 1.0);
                mean[c] += MOMENTUM * (centre - mean[c]);
                variance[c] += MOMENTUM * (unbiased - variance[c]);
            }
        }
        let of = |name: &str| values(&gathered[&format!("lstm.conv_u_first.1.{name}")]);
        prop_assert!(relative_error(&of("running_mean"), &mean) < 1e-12);
        prop_assert!(relative_error(&of("running_var"), &variance) < 1e-12);
    }
}

/// A frame convolved with a 5×5 kernel, zeros beyond the border, index by index.
fn padded(frame: &[f64], kernel: &[f64]) -> Vec<f64> {
    let (height, width) = (EXTENTS.0 as i64, EXTENTS.1 as i64);
    let at = |y: i64, x: i64| match (0..height).contains(&y) && (0..width).contains(&x) {
        true => frame[(y * width + x) as usize],
        false => 0.0,
    };
    let pixel = |place: i64| {
        let (y, x) = (place / width, place % width);
        let tap = |k: i64| kernel[k as usize] * at(y + k / 5 - 2, x + k % 5 - 2);
        (0..25).map(tap).sum::<f64>()
    };
    (0..height * width).map(pixel).collect()
}

/// Clips of two classes that differ by how they move: to the right, or down.
fn moving(seed: u64, batch: usize) -> (Tensor, Tensor) {
    let frame = normal(seed, "frame", &[batch, 1, EXTENTS.0, EXTENTS.1], 1.0, DType::F32);
    let clip = |i: usize| {
        let still = frame.narrow(0, i, 1).unwrap().unsqueeze(1).unwrap();
        let still = still.repeat((1, 4, 1, 1, 1)).unwrap();
        let velocity =
            if i.is_multiple_of(2) { PixelsPerFrame::new(1, 0) } else { PixelsPerFrame::new(0, 1) };
        flowed(&still, velocity)
    };
    let clips: Vec<Tensor> = (0..batch).map(clip).collect();
    let labels: Vec<u32> = (0..batch as u32).map(|i| i % 2).collect();
    (Tensor::cat(&clips, 0).unwrap(), Tensor::from_vec(labels, batch, &Device::Cpu).unwrap())
}

#[test]
fn every_kind_learns_to_tell_motions_apart_and_keeps_it_in_evaluation() {
    for kind in [ClassifierKind::Flow, ClassifierKind::LearnedShift, ClassifierKind::VideoCnn] {
        let choice = ClassifierChoice { kind, ..choice(1, Padding::Circular) };
        let velocities = match kind {
            ClassifierKind::VideoCnn => VelocitySet::trivial(),
            _ => VelocitySet::square(1),
        };
        let shape = ClassifierShape::of(kind, 16, 2);
        let make = |tensors: &Tensors| choice.classifier(tensors, &velocities, Path::new("test"));
        let initial = choice.parameters(&shape, &velocities);
        let learner = ClassificationLearner { initial, classes: 2, build: &make };
        let parameters = Parameters::draw(&learner.initial, 0, &Device::Cpu).unwrap();
        let config = AdamConfig { learning_rate: 5e-3, ..AdamConfig::default() };
        let mut adam = <Adam as candle_nn::Optimizer>::new(parameters.variables(), config).unwrap();
        for step in 0..60 {
            training_step(&learner, &parameters, &mut adam, &moving(step, 16), Some(1.0)).unwrap();
        }
        let unseen = [moving(1000, 16), moving(1001, 7)]; // an odd last batch
        let accuracy = learner.score(&parameters.detached(), &unseen).unwrap();
        assert!(accuracy > 0.8, "{kind:?} {accuracy}");
    }
}

#[test]
fn what_is_no_model_is_refused_with_everything_that_is_wrong() {
    let choice = choice(1, Padding::Zero);
    let velocities = VelocitySet::square(1);
    let mut tensors = drawn(0, &choice, &velocities, DType::F32);
    let bias = tensors.remove("fc.bias").unwrap();
    tensors.insert("fc.biases".into(), bias);
    tensors.insert(
        "lstm.shift_kernels".into(),
        Tensor::zeros((25, 1, 5, 5), DType::F32, &Device::Cpu).unwrap(),
    );
    let Err(error) = choice.classifier(&tensors, &velocities, Path::new("w.safetensors")) else {
        panic!("accepted")
    };
    let text = error.to_string();
    for part in
        ["w.safetensors", "`fc.bias` is missing", "`fc.biases` is unexpected", "[9, 1, 3, 3]"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(error.is_usage());
}

#[test]
fn stored_shifts_of_other_velocities_are_refused() {
    // As many velocities of the same reach, with the axes exchanged.
    let range = |x: i32, y: i32| {
        let all = (-x..=x).flat_map(|vx| (-y..=y).map(move |vy| PixelsPerFrame::new(vx, vy)));
        VelocitySet::truncated(all.collect()).unwrap()
    };
    let choice = choice(1, Padding::Zero);
    let mut tensors = drawn(0, &choice, &range(2, 1), DType::F32);
    let shifts = fernn::cells::shift_kernels(&range(2, 1), 2, DType::F32).unwrap();
    tensors.insert("lstm.shift_kernels".into(), shifts.unsqueeze(1).unwrap());
    assert!(choice.classifier(&tensors, &range(2, 1), Path::new("w")).is_ok());
    let Err(error) = choice.classifier(&tensors, &range(1, 2), Path::new("w")) else {
        panic!("accepted")
    };
    assert!(error.to_string().contains("other velocities"), "{error}");
}
