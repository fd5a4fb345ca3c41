//! Batch normalisation against plain sums in f64, and its gradients against finite differences.

use super::common::{finite_differences, normal, relative_error, values};
use candle_core::{DType, Tensor, Var};
use fernn::ops::{Activation, Affine, EPSILON, Moments, normalise_by, normalise_by_batch};
use proptest::prelude::*;

const ACTIVATIONS: [Activation; 3] = [Activation::Relu, Activation::Tanh, Activation::Identity];

/// What is normalised, (B, T, H, W, C), with γ and β.
fn draw(seed: u64, dims: [usize; 5], dtype: DType) -> [Tensor; 3] {
    let x = normal(seed, "x", &dims, 2.0, dtype).affine(1.0, 3.0).unwrap();
    let gain = normal(seed, "gain", &dims[4..], 1.0, dtype);
    [x, gain, normal(seed, "bias", &dims[4..], 1.0, dtype)]
}

/// Mean and biased variance of each frame and channel, (T, C), index by index.
fn naive_moments(x: &[f64], [batch, frames, height, width, channels]: [usize; 5]) -> [Vec<f64>; 2] {
    let pixels = height * width;
    let of = |t: usize, c: usize| -> Vec<f64> {
        let at = |b, p| x[((b * frames + t) * pixels + p) * channels + c];
        (0..batch).flat_map(|b| (0..pixels).map(move |p| at(b, p))).collect()
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let mut both = [vec![], vec![]];
    for (t, c) in (0..frames).flat_map(|t| (0..channels).map(move |c| (t, c))) {
        let values = of(t, c);
        let centre = mean(&values);
        let squares: Vec<f64> = values.iter().map(|v| (v - centre).powi(2)).collect();
        both[0].push(centre);
        both[1].push(mean(&squares));
    }
    both
}

/// σ(γ·(x − μ)/√(s² + ε) + β), with moments (T, C) or (1, C).
fn naive(x: &[f64], gain: &[f64], bias: &[f64], moments: &[Vec<f64>; 2], frame: usize) -> Vec<f64> {
    let (channels, rows) = (gain.len(), moments[0].len() / gain.len());
    let one = |(i, x): (usize, &f64)| {
        let (t, c) = (i / frame % rows, i % channels);
        let [mean, variance] = moments.each_ref().map(|m| m[t * channels + c]);
        gain[c] * (x - mean) / (variance + EPSILON).sqrt() + bias[c]
    };
    x.iter().enumerate().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_frame_is_normalised_by_its_own_moments(
        seed in 0u64..1000, batch in 1usize..4, frames in 1usize..4,
        channels in prop::sample::select(vec![1usize, 3, 16, 19]), is_double: bool,
    ) {
        let dims = [batch, frames, 5, 7, channels];
        let dtype = if is_double { DType::F64 } else { DType::F32 };
        let [x, gain, bias] = draw(seed, dims, dtype);
        let affine = Affine { gain: &gain, bias: &bias, activation: Activation::Identity };
        let (y, moments) = normalise_by_batch(&x, affine).unwrap();
        let expected = naive_moments(&values(&x), dims);
        let tolerance = if is_double { 1e-12 } else { 16.0 * f64::from(f32::EPSILON) };
        prop_assert_eq!(moments.count, batch * 35);
        prop_assert_eq!(moments.mean.dims(), &[frames, channels]);
        prop_assert!(relative_error(&values(&moments.mean), &expected[0]) < tolerance);
        prop_assert!(relative_error(&values(&moments.variance), &expected[1]) < tolerance);
        let [x, gain, bias] = [&x, &gain, &bias].map(values);
        let expected = naive(&x, &gain, &bias, &expected, 35 * channels);
        prop_assert!(relative_error(&values(&y), &expected) < tolerance);
    }

    #[test]
    fn given_moments_serve_every_frame_and_are_constants(
        seed in 0u64..1000, frames in 1usize..4,
        activation in prop::sample::select(ACTIVATIONS.to_vec()),
    ) {
        let [x, gain, bias] = draw(seed, [2, frames, 3, 5, 2], DType::F64);
        let mean = normal(seed, "mean", &[1, 2], 1.0, DType::F64);
        // Not so small that a small step of x is a large one of what is normalised: differences would not be
        // derivatives any more.
        let squares = normal(seed, "variance", &[1, 2], 1.0, DType::F64).sqr().unwrap();
        let variance = (squares + 0.05).unwrap();
        let moments = Moments { mean, variance, count: 30 };
        let run = |[x, gain, bias]: [&Tensor; 3]| {
            normalise_by(x, Affine { gain, bias, activation: Activation::Identity }, &moments).unwrap()
        };
        let given = [values(&moments.mean), values(&moments.variance)];
        let expected = naive(&values(&x), &values(&gain), &values(&bias), &given, 30);
        prop_assert!(relative_error(&values(&run([&x, &gain, &bias])), &expected) < 1e-12);
        check_gradients([x, gain, bias], activation, |x, affine| {
            normalise_by(x, affine, &moments).unwrap()
        })?;
    }

    #[test]
    fn gradients_go_through_the_moments_of_the_batch(
        seed in 0u64..1000, batch in 1usize..3, frames in 1usize..3,
        activation in prop::sample::select(ACTIVATIONS.to_vec()),
    ) {
        let tensors = draw(seed, [batch, frames, 3, 5, 2], DType::F64);
        check_gradients(tensors, activation, |x, affine| {
            normalise_by_batch(x, affine).unwrap().0
        })?;
    }
}

/// Gradients to x, γ and β of a weighted sum against finite differences. A case with a pre-activation so
/// close to ReLU's kink that a difference crosses it is left out.
fn check_gradients(
    tensors: [Tensor; 3],
    activation: Activation,
    run: impl Fn(&Tensor, Affine<'_>) -> Tensor,
) -> Result<(), TestCaseError> {
    let run = |[x, gain, bias]: [&Tensor; 3], activation| run(x, Affine { gain, bias, activation });
    let weigh = |y: Tensor| {
        let weights = normal(5, "weights", y.dims(), 1.0, DType::F64);
        (y * weights).unwrap().sum_all().unwrap()
    };
    let variables = tensors.clone().map(|tensor| Var::from_tensor(&tensor).unwrap());
    let before = values(&run(tensors.each_ref(), Activation::Identity));
    prop_assume!(activation != Activation::Relu || before.iter().all(|v| v.abs() > 1e-3));
    // What is silent everywhere has no gradient to compare.
    prop_assume!(activation != Activation::Relu || before.iter().any(|v| *v > 0.0));
    let y = run(variables.each_ref().map(|v| v.as_tensor()), activation);
    let gradients = weigh(y).backward().unwrap();
    for (place, variable) in variables.iter().enumerate() {
        let expected = finite_differences(&tensors[place], |moved| {
            let mut all = tensors.clone();
            all[place] = moved.clone();
            weigh(run(all.each_ref(), activation)).to_scalar::<f64>().unwrap()
        });
        let got = values(gradients.get(variable).expect("a gradient"));
        prop_assert!(relative_error(&got, &expected) < 1e-6, "gradient {place}");
    }
    Ok(())
}

#[test]
fn a_frame_is_not_normalised_by_the_frames_beside_it() {
    let [x, gain, bias] = draw(3, [2, 3, 4, 5, 2], DType::F32);
    let affine = Affine { gain: &gain, bias: &bias, activation: Activation::Relu };
    let all = normalise_by_batch(&x, affine).unwrap().0;
    let frame = |tensor: &Tensor| tensor.narrow(1, 1, 1).unwrap().contiguous().unwrap();
    let alone = normalise_by_batch(&frame(&x), affine).unwrap().0;
    assert_eq!(values(&alone), values(&frame(&all)));
}
