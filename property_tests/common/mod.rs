//! Random tensors and a naive reference, shared by the suites.
#![allow(dead_code)] // each suite uses its own part

use candle_core::{DType, Device, Tensor};
use fernn::cells::TranslationRnn;
use fernn::flow::{FlowSpace, Lift, PixelsPerFrame, Translation, VelocitySet};
use fernn::models::{AnyForecaster, ForecasterChoice};
use fernn::parameters::Tensors;
use fernn::rng::Stream;
use std::path::Path;

/// A tensor of normal draws, a function of (seed, purpose).
pub fn normal(seed: u64, purpose: &str, shape: &[usize], scale: f64, dtype: DType) -> Tensor {
    let mut stream = Stream::new(seed, purpose, 0);
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| scale * stream.normal()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

/// A cell with random kernels (C, C_in, 3, 3) and (C, C, k, k).
pub fn random_cell(
    seed: u64,
    velocities: VelocitySet<PixelsPerFrame>,
    (inputs, channels, size): (usize, usize, usize),
    dtype: DType,
) -> TranslationRnn {
    let input = normal(seed, "input kernel", &[channels, inputs, 3, 3], 0.4, dtype);
    let scale = 0.8 / (size as f64 * (channels as f64).sqrt());
    let recurrent =
        normal(seed, "recurrent kernel", &[channels, channels, size, size], scale, dtype);
    TranslationRnn::new(Translation, velocities, input, recurrent).unwrap()
}

/// A forecaster over V^T_N, N = `range`, in the co-moving frame.
pub fn forecaster(
    choice: ForecasterChoice,
    tensors: &Tensors,
    range: u32,
) -> AnyForecaster<Translation> {
    let space = FlowSpace::new(Translation, VelocitySet::square(range), Lift::CoMoving);
    choice.from_kernels(tensors, space, Path::new("test")).unwrap()
}

/// All values in order, as f64.
pub fn values(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.detach().to_dtype(DType::F64).unwrap();
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// max |a − b| / max |b|; NaN where anything is not finite.
pub fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let largest = |values: Vec<f64>| {
        values.into_iter().fold(0.0, |max: f64, v| if v.abs() <= max { max } else { v.abs() })
    };
    largest(a.iter().zip(b).map(|(a, b)| a - b).collect()) / largest(b.to_vec())
}

/// Circular cross-correlation, index by index: x (C_in, H, W), w (C_out, C_in, kh, kw).
pub fn naive_convolution(
    x: &[f64],
    (inputs, height, width): (usize, usize, usize),
    w: &[f64],
    (outputs, kh, kw): (usize, usize, usize),
) -> Vec<f64> {
    let mut y = vec![0.0; outputs * height * width];
    for o in 0..outputs {
        for row in 0..height {
            for column in 0..width {
                for i in 0..inputs {
                    for ky in 0..kh {
                        for kx in 0..kw {
                            let r = (row + height * kh + ky - kh / 2) % height;
                            let c = (column + width * kw + kx - kw / 2) % width;
                            y[(o * height + row) * width + column] += w
                                [((o * inputs + i) * kh + ky) * kw + kx]
                                * x[(i * height + r) * width + c];
                        }
                    }
                }
            }
        }
    }
    y
}

/// Maps (C, H, W) whose content is moved by (right, down) on the torus, index by index.
pub fn roll(
    x: &[f64],
    (channels, height, width): (usize, usize, usize),
    (right, down): (i64, i64),
) -> Vec<f64> {
    let mut moved = vec![0.0; x.len()];
    for c in 0..channels {
        for row in 0..height {
            for column in 0..width {
                let r = (row as i64 + down).rem_euclid(height as i64) as usize;
                let k = (column as i64 + right).rem_euclid(width as i64) as usize;
                moved[(c * height + r) * width + k] = x[(c * height + row) * width + column];
            }
        }
    }
    moved
}

/// Central differences of `loss` in every element of `at`.
pub fn finite_differences(at: &Tensor, loss: impl Fn(&Tensor) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let base = values(at);
    (0..base.len())
        .map(|i| {
            let moved = |by: f64| {
                let mut values = base.clone();
                values[i] += by;
                loss(&Tensor::from_vec(values, at.shape(), &Device::Cpu).unwrap())
            };
            (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
        })
        .collect()
}
