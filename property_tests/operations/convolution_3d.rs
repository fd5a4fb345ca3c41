//! Convolutions over time and space against the plain loop, and their gradients.

use super::common::{finite_differences, normal, relative_error, values};
use candle_core::{DType, Tensor, Var};
use fernn::ops::{ConvAlgorithm, Padding, Strides, convolve_3d};
use proptest::prelude::*;

/// x (B, T, H, W, C_in) and w (C_out, C_in, kt, kh, kw), index by index; zeros outside in time, and in the
/// plane where `is_zero`.
fn naive(x: &Tensor, w: &Tensor, strides: Strides, is_zero: bool) -> Vec<f64> {
    let [b, t, h, width, c] = <[usize; 5]>::try_from(x.dims()).unwrap();
    let [outputs, _, kt, kh, kw] = <[usize; 5]>::try_from(w.dims()).unwrap();
    let (x, w) = (values(x), values(w));
    let inside = |place: isize, extent: usize| (0..extent as isize).contains(&place);
    let mut y = Vec::new();
    for (sample, time) in (0..b).flat_map(|b| (0..t).step_by(strides.time).map(move |t| (b, t))) {
        for row in (0..h).step_by(strides.space) {
            for column in (0..width).step_by(strides.space) {
                for o in 0..outputs {
                    let mut sum = 0.0;
                    for (s, ky, kx) in (0..kt)
                        .flat_map(|s| (0..kh).flat_map(move |y| (0..kw).map(move |x| (s, y, x))))
                    {
                        let at = |place: usize, tap: usize, size: usize| {
                            (place + tap) as isize - (size / 2) as isize
                        };
                        let (s_at, r, k) = (at(time, s, kt), at(row, ky, kh), at(column, kx, kw));
                        let beyond = !inside(r, h) || !inside(k, width);
                        if !inside(s_at, t) || (is_zero && beyond) {
                            continue;
                        }
                        let r = r.rem_euclid(h as isize) as usize;
                        let k = k.rem_euclid(width as isize) as usize;
                        for i in 0..c {
                            let tap = (((o * c + i) * kt + s) * kh + ky) * kw + kx;
                            let pixel = ((sample * t + s_at as usize) * h + r) * width + k;
                            sum += w[tap] * x[pixel * c + i];
                        }
                    }
                    y.push(sum);
                }
            }
        }
    }
    y
}

fn strides() -> impl Strategy<Value = Strides> {
    (1usize..4, 1usize..4).prop_map(|(time, space)| Strides { time, space })
}

fn padding(is_zero: bool) -> Padding {
    if is_zero { Padding::Zero } else { Padding::Circular }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn it_is_the_sum_over_time_space_and_channels(
        seed in 0u64..1000, frames in 1usize..6, strides in strides(), is_zero: bool,
        (kt, kh, kw) in prop::sample::select(vec![(1usize, 3usize, 3usize), (3, 3, 3), (5, 1, 3), (3, 5, 3)]),
    ) {
        let x = normal(seed, "x", &[2, frames, 5, 7, 3], 1.0, DType::F32);
        let w = normal(seed, "w", &[4, 3, kt, kh, kw], 1.0, DType::F32);
        let y = convolve_3d(&x, &w, strides, (padding(is_zero), ConvAlgorithm::Auto)).unwrap();
        let up = |extent: usize, stride| extent.div_ceil(stride);
        let expected = [2, up(frames, strides.time), up(5, strides.space), up(7, strides.space), 4];
        prop_assert_eq!(y.dims(), &expected);
        let error = relative_error(&values(&y), &naive(&x, &w, strides, is_zero));
        prop_assert!(error < 32.0 * f64::from(f32::EPSILON), "{error}");
    }

    #[test]
    fn its_gradients_are_those_of_finite_differences(
        seed in 0u64..1000, strides in strides(), is_zero: bool,
    ) {
        let tensors = [
            normal(seed, "x", &[1, 3, 3, 5, 2], 1.0, DType::F64),
            normal(seed, "w", &[2, 2, 3, 3, 3], 1.0, DType::F64),
        ];
        let loss = |[x, w]: [&Tensor; 2]| {
            let y = convolve_3d(x, w, strides, (padding(is_zero), ConvAlgorithm::Auto)).unwrap();
            let weights = normal(5, "weights", y.dims(), 1.0, DType::F64);
            (y.sqr().unwrap() * weights).unwrap().sum_all().unwrap()
        };
        let variables = tensors.each_ref().map(|tensor| Var::from_tensor(tensor).unwrap());
        let gradients = loss(variables.each_ref().map(|v| v.as_tensor())).backward().unwrap();
        for (place, variable) in variables.iter().enumerate() {
            let expected = finite_differences(&tensors[place], |moved| {
                let mut all = tensors.each_ref();
                all[place] = moved;
                loss(all).to_scalar::<f64>().unwrap()
            });
            let got = values(gradients.get(variable).expect("a gradient"));
            prop_assert!(relative_error(&got, &expected) < 1e-6, "gradient {place}");
        }
    }
}

#[test]
fn what_has_no_centre_or_no_stride_is_refused() {
    let x = normal(0, "x", &[1, 3, 5, 7, 2], 1.0, DType::F32);
    let kernel = |kt| normal(0, "w", &[1, 2, kt, 3, 3], 1.0, DType::F32);
    let run = |kt, time, space| {
        convolve_3d(
            &x,
            &kernel(kt),
            Strides { time, space },
            (Padding::Zero, ConvAlgorithm::Direct),
        )
    };
    assert!(run(3, 1, 1).is_ok());
    for (kt, time, space) in [(2, 1, 1), (3, 0, 1), (3, 1, 0)] {
        assert!(run(kt, time, space).is_err_and(|e| e.is_usage()));
    }
    let foreign = normal(0, "w", &[1, 3, 3, 3, 3], 1.0, DType::F32);
    assert!(
        convolve_3d(&x, &foreign, Strides::default(), (Padding::Zero, ConvAlgorithm::Auto))
            .is_err()
    );
}
