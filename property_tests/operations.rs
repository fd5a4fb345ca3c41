//! Kernels against plain loops, gradients against finite differences, V = {0} against a naive RNN.

#[path = "operations/batch_norm.rs"]
mod batch_norm;
mod common;
#[path = "operations/convolution_3d.rs"]
mod convolution_3d;

use candle_core::{DType, Device, Tensor, Var};
use common::{
    finite_differences, forecaster, naive_convolution, normal, random_cell, relative_error, values,
};
use fernn::cells::Cell;
use fernn::flow::{
    FlowGroup, Input, LiftedState, PixelsPerFrame, Translation, VelocitySet, ZeroPaddedTranslation,
};
use fernn::models::ForecasterChoice;
use fernn::ops::{
    Activation, ConvAlgorithm, Padding, RecurrentStep, Shift, VelocityPooling,
    circular_convolution, flow_recurrence, pool_velocities, shift_slices, to_channels_first,
    to_channels_last,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// 8 ε times the root of the number of summed terms, relative to the largest value.
fn tolerance(terms: usize) -> f64 {
    8.0 * f32::EPSILON as f64 * (terms as f64).sqrt()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn convolution_agrees_with_the_naive_loop(
        seed in 0u64..1000, height in 1usize..16, width in 1usize..32,
        inputs in prop::sample::select(vec![1usize, 2, 16, 19]),
        outputs in prop::sample::select(vec![1usize, 3, 16, 17, 33, 64]),
        (kh, kw) in prop::sample::select(vec![(1usize, 1usize), (3, 3), (5, 3), (3, 5), (5, 5)]),
    ) {
        let x = normal(seed, "x", &[2, inputs, height, width], 1.0, DType::F32);
        let w = normal(seed, "w", &[outputs, inputs, kh, kw], 1.0, DType::F32);
        let y = to_channels_first(&circular_convolution(&to_channels_last(&x).unwrap(), &w, Activation::Identity, ConvAlgorithm::Direct).unwrap());
        let expected: Vec<f64> = values(&x)
            .chunks(inputs * height * width)
            .flat_map(|x| naive_convolution(x, (inputs, height, width), &values(&w), (outputs, kh, kw)))
            .collect();
        let error = relative_error(&values(&y.unwrap()), &expected);
        prop_assert!(error < tolerance(inputs * kh * kw), "{error}");
    }

    #[test]
    fn the_f32_kernels_agree_with_the_f64_path_forward_and_backward(
        seed in 0u64..1000, height in 2usize..9, width in 2usize..20,
        channels in prop::sample::select(vec![1usize, 5, 16, 24, 40]),
        size in prop::sample::select(vec![3usize, 5]), is_winograd: bool, is_zero: bool,
    ) {
        let algorithm = if is_winograd { ConvAlgorithm::Winograd } else { ConvAlgorithm::Direct };
        let padding = if is_zero { Padding::Zero } else { Padding::Circular };
        // The identity has no kink, so that both precisions take the same branch everywhere.
        let run = |dtype: DType| -> Vec<Vec<f64>> {
            let scale = 1.0 / (size as f64 * (channels as f64).sqrt());
            let h = Var::from_tensor(&normal(seed, "h", &[2, 3, height, width, channels], 1.0, dtype)).unwrap();
            let w = Var::from_tensor(&normal(seed, "w", &[channels, channels, size, size], scale, dtype)).unwrap();
            let u = Var::from_tensor(&normal(seed, "u", &[2, height, width, channels], 1.0, dtype)).unwrap();
            let shifts = [(0, 0), (1, -2), (-3, 1)].map(|(down, right)| Shift { down, right });
            let next = flow_recurrence(&h, &w, &u, &shifts, RecurrentStep { activation: Activation::Identity, padding, algorithm }).unwrap();
            let seedling = normal(seed, "g", next.dims(), 1.0, dtype);
            let gradients = (&next * seedling).unwrap().sum_all().unwrap().backward().unwrap();
            let gradient = |v: &Var| values(gradients.get(v).unwrap());
            vec![values(&next), gradient(&h), gradient(&w), gradient(&u)]
        };
        for (single, double) in run(DType::F32).iter().zip(run(DType::F64)) {
            let error = relative_error(single, &double);
            // Winograd's transforms enlarge rounding some five times.
            let growth = if is_winograd { 5.0 } else { 1.0 };
            let terms = 6 * height * width + channels * size * size;
            prop_assert!(error < growth * tolerance(terms), "{error}");
        }
    }

    #[test]
    fn with_v_0_the_cell_is_a_plain_convolutional_rnn(
        seed in 0u64..1000, height in 3usize..8, width in 3usize..8, length in 1usize..5,
    ) {
        let (inputs, channels) = (2, 3);
        let cell = random_cell(seed, VelocitySet::trivial(), (inputs, channels, 3), DType::F64);
        let frames = normal(seed, "frames", &[1, length, inputs, height, width], 1.0, DType::F64);
        let input_kernel = values(&normal(seed, "input kernel", &[channels, inputs, 3, 3], 0.4, DType::F64));
        let scale = 0.8 / (3.0 * (channels as f64).sqrt());
        let recurrent_kernel = values(&normal(seed, "recurrent kernel", &[channels, channels, 3, 3], scale, DType::F64));
        let mut state = cell.zero_state(1, (height, width), DType::F64, &Device::Cpu).unwrap();
        let mut naive = vec![0.0; channels * height * width];
        for t in 0..length {
            let frame = frames.narrow(1, t, 1).unwrap().squeeze(1).unwrap();
            state = cell.step(Input::Frame(&frame), &state).unwrap();
            let u = naive_convolution(&values(&frame), (inputs, height, width), &input_kernel, (channels, 3, 3));
            let w = naive_convolution(&naive, (channels, height, width), &recurrent_kernel, (channels, 3, 3));
            naive = u.iter().zip(&w).map(|(u, w)| (u + w).max(0.0)).collect();
        }
        let error = relative_error(&values(&state.to_tensor().unwrap()), &naive);
        prop_assert!(error < 1e-13, "{error}"); // some 30 terms of size 1 in f64, few steps
    }

    #[test]
    fn zero_padded_convolutions_see_zeros_beyond_the_border(
        seed in 0u64..1000, height in 1usize..7, width in 1usize..7,
        (kh, kw) in prop::sample::select(vec![(3usize, 3usize), (3, 5), (5, 1)]),
    ) {
        let x = normal(seed, "x", &[1, 2, height, width], 1.0, DType::F64);
        let w = normal(seed, "w", &[3, 2, kh, kw], 1.0, DType::F64);
        // On a torus with a margin of zeros as wide as the kernel nothing wraps around.
        let (high, wide) = (height + kh, width + kw);
        let mut padded = vec![0.0; 2 * high * wide];
        for (i, value) in values(&x).into_iter().enumerate() {
            let (c, y, x) = (i / (height * width), i / width % height, i % width);
            padded[(c * high + y) * wide + x] = value;
        }
        let y = naive_convolution(&padded, (2, high, wide), &values(&w), (3, kh, kw));
        let expected: Vec<f64> = (0..3 * height * width)
            .map(|i| y[(i / (height * width) * high + i / width % height) * wide + i % width])
            .collect();
        let lifted = ZeroPaddedTranslation.convolve_frame(&x, &w).unwrap();
        let slice = to_channels_last(&x).unwrap().unsqueeze(1).unwrap();
        let convolved = ZeroPaddedTranslation.convolve(&slice, &w, ConvAlgorithm::Direct).unwrap();
        for result in [lifted, convolved.squeeze(1).unwrap()] {
            let error = relative_error(&values(&to_channels_first(&result).unwrap()), &expected);
            prop_assert!(error < 1e-14, "{error}");
        }
    }

    #[test]
    fn shifts_move_content_down_and_to_the_right_and_undo_each_other(
        seed in 0u64..1000, height in 1usize..8, width in 1usize..8, down in -9i64..9, right in -9i64..9,
    ) {
        let x = normal(seed, "x", &[1, 1, height, width, 2], 1.0, DType::F32);
        let shift = Shift { down, right };
        let moved = shift_slices(&x, &[shift]).unwrap();
        let at = |t: &[f64], y: i64, x: i64, c: usize| {
            t[((y.rem_euclid(height as i64) as usize) * width + x.rem_euclid(width as i64) as usize) * 2 + c]
        };
        let (from, to) = (values(&x), values(&moved));
        for y in 0..height as i64 {
            for x in 0..width as i64 {
                prop_assert_eq!(at(&to, y + down, x + right, 1), at(&from, y, x, 1));
            }
        }
        prop_assert_eq!(values(&shift_slices(&moved, &[shift.inverse()]).unwrap()), from);
    }
}

#[test]
fn gradients_of_the_recurrence_agree_with_finite_differences() {
    let (shape, shifts) =
        ([2, 3, 3, 5, 2], [(0, 0), (1, -2), (-1, 1)].map(|(down, right)| Shift { down, right }));
    for (activation, padding) in [
        (Activation::Relu, Padding::Circular),
        (Activation::Tanh, Padding::Zero),
        (Activation::Identity, Padding::Circular),
    ] {
        let inputs = [
            normal(1, "h", &shape, 1.0, DType::F64),
            normal(1, "w", &[2, 2, 3, 3], 0.3, DType::F64),
            normal(1, "u", &[2, 3, 5, 2], 1.0, DType::F64),
        ];
        let weights = normal(1, "g", &shape, 1.0, DType::F64);
        let loss = |[h, w, u]: [&Tensor; 3]| {
            let step = RecurrentStep { activation, padding, algorithm: ConvAlgorithm::Direct };
            let next = flow_recurrence(h, w, u, &shifts, step).unwrap();
            (next * &weights).unwrap().sum_all().unwrap()
        };
        let variables = inputs.clone().map(|t| Var::from_tensor(&t).unwrap());
        let gradients = loss([&variables[0], &variables[1], &variables[2]]).backward().unwrap();
        for (place, variable) in variables.iter().enumerate() {
            let numeric = finite_differences(&inputs[place], |moved| {
                let mut at = [&inputs[0], &inputs[1], &inputs[2]];
                at[place] = moved;
                loss(at).to_scalar().unwrap()
            });
            let error = relative_error(&values(gradients.get(variable).unwrap()), &numeric);
            // Step² · third derivative, and ε / step of rounding: about 1e-9.
            assert!(error < 1e-8, "{activation:?}, argument {place}: {error}");
        }
    }
}

#[test]
fn gradients_of_the_whole_forecaster_agree_with_finite_differences() {
    let names = [
        "cell.conv_u.weight",
        "cell.conv_h.weight",
        "decoder_conv.0.weight",
        "decoder_conv.2.weight",
    ];
    let shapes = [[2, 1, 3, 3], [2, 2, 5, 5], [2, 2, 3, 3], [1, 2, 3, 3]];
    let tensors: BTreeMap<String, Tensor> = names
        .iter()
        .zip(shapes)
        .map(|(name, shape)| (name.to_string(), normal(2, name, &shape, 0.3, DType::F64)))
        .collect();
    let seen = normal(2, "seen", &[1, 3, 1, 3, 5], 1.0, DType::F64);
    let target = normal(2, "target", &[1, 1, 1, 3, 5], 1.0, DType::F64);
    let loss = |tensors: &BTreeMap<String, Tensor>| {
        let model = forecaster(ForecasterChoice::default(), tensors, 1);
        // One predicted step: later ones cut the graph on purpose at the fed-back frame.
        candle_nn::loss::mse(&model.forecast(&seen, 1).unwrap(), &target).unwrap()
    };
    let variables: BTreeMap<String, Var> =
        tensors.iter().map(|(n, t)| (n.clone(), Var::from_tensor(t).unwrap())).collect();
    let tracked = variables.iter().map(|(n, v)| (n.clone(), v.as_tensor().clone())).collect();
    let gradients = loss(&tracked).backward().unwrap();
    for (name, variable) in &variables {
        let numeric = finite_differences(&tensors[name], |moved| {
            let mut at = tensors.clone();
            at.insert(name.clone(), moved.clone());
            loss(&at).to_scalar().unwrap()
        });
        let error = relative_error(&values(gradients.get(variable).unwrap()), &numeric);
        assert!(error < 1e-6, "{name}: {error}");
    }
}

#[test]
fn the_maximum_gives_its_gradient_to_the_first_velocity_that_attains_it() {
    // Three velocities, one pixel, four channels: ties in channels 0 and 3.
    let state = [[1.0, 5.0, 0.0, 2.0], [1.0, 2.0, 7.0, 2.0], [0.0, 3.0, 1.0, 2.0f64]].concat();
    let state =
        Var::from_tensor(&Tensor::from_vec(state, (1, 3, 1, 1, 4), &Device::Cpu).unwrap()).unwrap();
    let pooled = pool_velocities(&state, VelocityPooling::Max).unwrap();
    assert_eq!(values(&pooled), [1.0, 5.0, 7.0, 2.0]);
    let gradients = pooled.sum_all().unwrap().backward().unwrap();
    let expected = [[1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0], [0.0; 4]].concat();
    assert_eq!(values(gradients.get(&state).unwrap()), expected);
}

#[test]
fn mean_and_sum_pooling_differ_by_the_number_of_velocities() {
    let cell = |pooling| {
        random_cell(3, VelocitySet::square(1), (1, 2, 3), DType::F64).with_pooling(pooling)
    };
    let state = LiftedState::from_tensor(&normal(3, "state", &[1, 9, 2, 3, 5], 1.0, DType::F64), 1)
        .unwrap();
    let mean = values(&cell(VelocityPooling::Mean).read_out(&state).unwrap());
    let sum = values(&cell(VelocityPooling::Sum).read_out(&state).unwrap());
    let scaled: Vec<f64> = mean.iter().map(|m| 9.0 * m).collect();
    assert!(relative_error(&scaled, &sum) < 1e-14);
}

#[test]
fn the_cell_refuses_what_does_not_fit() {
    let kernel = |shape: &[usize]| normal(0, "k", shape, 1.0, DType::F32);
    let set = || VelocitySet::<PixelsPerFrame>::square(1);
    let new = |u: &[usize], w: &[usize]| {
        fernn::cells::TranslationRnn::new(Translation, set(), kernel(u), kernel(w))
    };
    assert!(new(&[4, 1, 3, 3], &[4, 5, 3, 3]).is_err(), "channels disagree");
    let even = new(&[4, 1, 2, 2], &[4, 4, 3, 3]).unwrap();
    let state = even.zero_state(1, (5, 7), DType::F32, &Device::Cpu).unwrap();
    assert!(
        even.step(Input::Frame(&kernel(&[1, 1, 5, 7])), &state).is_err(),
        "an even kernel has no centre"
    );
    let cell = new(&[4, 1, 3, 3], &[4, 4, 3, 3]).unwrap();
    assert!(
        cell.step(Input::Frame(&kernel(&[1, 2, 5, 7])), &state).is_err(),
        "wrong number of input channels"
    );
    assert!(cell.step(Input::Frame(&kernel(&[1, 1, 7, 5])), &state).is_err(), "H and W exchanged");
    assert!(cell.step(Input::Frame(&kernel(&[1, 1, 5, 7])), &state).is_ok());
}
