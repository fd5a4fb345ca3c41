//! `predict` against plain code: every pooling over velocities, both flows and both frames of reference.

use super::DIGITS;
use super::expected::FORWARD;
use super::moving_digits::MovingDigits;
use super::network::{Network, Pooling};
use super::setup::{CASES, Carry, Case, SEEN, SIZE, velocities};
use super::tape::{Id, Tape};
use super::training::loss_and_gradient;
use candle_core::{DType, Device, Tensor};
use std::collections::HashMap;
use std::path::Path;

const PREDICTED: usize = 3;

fn save(path: &Path, tensors: Vec<(String, Vec<f64>, Vec<usize>)>) {
    let tensor = |(name, values, shape): (String, Vec<f64>, Vec<usize>)| {
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
        (name, tensor.to_dtype(DType::F32).unwrap())
    };
    let map: HashMap<String, Tensor> = tensors.into_iter().map(tensor).collect();
    candle_core::safetensors::save(&map, path).unwrap();
}

/// The kernels under the names of the command line.
fn kernels(case: Case, network: &Network, tape: &Tape) -> Vec<(String, Vec<f64>, Vec<usize>)> {
    let is_expanded = case.has_filters();
    let (u, w) = match is_expanded {
        true => ("filters.conv_u", "filters.conv_h"),
        false => ("cell.conv_u.weight", "cell.conv_h.weight"),
    };
    let before = if is_expanded { "weights." } else { "" };
    let mut all = vec![(u.to_string(), network.input), (w.to_string(), network.recurrent)];
    for (layer, kernel) in network.decoder.iter().enumerate() {
        all.push((format!("{before}decoder_conv.{}.weight", 2 * layer), *kernel));
    }
    let last = all.len() - 1;
    let planes = tape.value(network.input).len() / 9;
    let shaped = |(number, (name, id)): (usize, (String, Id))| {
        let values = tape.value(id).to_vec();
        let outputs = if number == last { 1 } else { planes };
        let shape = vec![outputs, values.len() / (9 * outputs), 3, 3];
        (name, values, shape)
    };
    all.into_iter().enumerate().map(shaped).collect()
}

/// What the command writes for a case's kernels and frames.
fn predict(folder: &Path, flags: &[&str]) -> HashMap<String, Tensor> {
    let at = |name: &str| folder.join(name).display().to_string();
    let (w, x, y) = (at("w"), at("x"), at("y"));
    let files = ["--weights", &w, "--input", &x, "--output", &y, "--steps", "3"];
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_fernn"))
        .arg("predict")
        .args(files)
        .args(flags)
        .assert()
        .success();
    candle_core::safetensors::load(at("y"), &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn assert_near(got: &[f64], expected: &[f64], what: &str) {
    let largest = expected.iter().fold(0.0, |max: f64, v| max.max(v.abs()));
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= FORWARD * largest, "{what}: {got} for {expected}");
    }
}

/// Asserts that each pooling predicts what plain code does, and that no two agree.
fn check(case: Case, flags: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let data = MovingDigits::new(&DIGITS, case.flow, 3, velocities(case.flow, 1));
    let frames = data.frames("test", 0, SEEN);
    let mut tape = Tape::default();
    let mut network = Network::new(case, &case.first_weights(3), &mut tape);
    save(&folder.path().join("w"), kernels(case, &network, &tape));
    let shape = vec![1, SEEN, 1, SIZE, SIZE];
    save(&folder.path().join("x"), vec![("input_seq".into(), frames.concat(), shape)]);
    let mut all: Vec<Vec<f64>> = Vec::new();
    let poolings = [(Pooling::Max, "max"), (Pooling::Mean, "mean"), (Pooling::Sum, "sum")];
    for (pooling, name) in poolings {
        network.pooling = pooling;
        let outputs = network.run(&mut tape, &frames, PREDICTED).outputs;
        let expected: Vec<f64> = outputs.iter().flat_map(|o| tape.value(*o).to_vec()).collect();
        let got =
            values(&predict(folder.path(), &[flags, &["--pooling", name]].concat())["outputs"]);
        assert_near(&got, &expected, name);
        all.push(expected);
    }
    let differ = |a: &[f64], b: &[f64]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-2);
    assert!(differ(&all[0], &all[1]) && differ(&all[1], &all[2]) && differ(&all[0], &all[2]));
    // Without the flag it is the paper's.
    assert_near(&values(&predict(folder.path(), flags)["outputs"]), &all[0], "default");
}

#[test]
fn predictions_over_translations_pool_as_they_are_told() {
    check(CASES[1], &["--task", "translation", "--velocity-range", "1"]);
}

#[test]
fn predictions_over_rotations_pool_as_they_are_told() {
    let flags = ["--task", "rotation", "--orientations", "8", "--velocities=-45,0,45"];
    check(CASES[5], &flags);
    let co_moving = Case { is_co_moving: true, ..CASES[5] };
    check(co_moving, &[&flags[..], &["--frame", "co-moving"]].concat());
}

#[test]
fn predictions_over_rotations_turn_and_convolve_in_the_order_that_they_are_told() {
    let (case, folder) = (CASES[5], tempfile::tempdir().unwrap());
    let data = MovingDigits::new(&DIGITS, case.flow, 3, velocities(case.flow, 1));
    let frames = data.frames("test", 0, SEEN);
    let mut tape = Tape::default();
    let mut network = Network::new(case, &case.first_weights(3), &mut tape);
    save(&folder.path().join("w"), kernels(case, &network, &tape));
    let shape = vec![1, SEEN, 1, SIZE, SIZE];
    save(&folder.path().join("x"), vec![("input_seq".into(), frames.concat(), shape)]);
    let mut all: Vec<Vec<f64>> = Vec::new();
    let orders =
        [(Carry::BeforeConvolution, "carry-first"), (Carry::AfterConvolution, "convolve-first")];
    for (carry, name) in orders {
        network.carry = carry;
        let outputs = network.run(&mut tape, &frames, PREDICTED).outputs;
        let expected: Vec<f64> = outputs.iter().flat_map(|o| tape.value(*o).to_vec()).collect();
        let flags = ["--task", "rotation", "--orientations", "8", "--velocities=-45,0,45"];
        let got = predict(folder.path(), &[&flags[..], &["--order", name]].concat());
        assert_near(&values(&got["outputs"]), &expected, name);
        all.push(expected);
    }
    let differ = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-3;
    assert!(all[0].iter().zip(&all[1]).any(differ));
}

#[test]
fn the_loss_and_gradients_of_a_prediction_are_those_of_plain_code() {
    let case = CASES[1];
    let folder = tempfile::tempdir().unwrap();
    let data = MovingDigits::new(&DIGITS, case.flow, 3, velocities(case.flow, 1));
    let frames = data.frames("test", 1, SEEN + PREDICTED);
    let weights = case.first_weights(3);
    let mut tape = Tape::default();
    let network = Network::new(case, &weights, &mut tape);
    save(&folder.path().join("w"), kernels(case, &network, &tape));
    let (seen, target) = frames.split_at(SEEN);
    let sequence = |name: &str, frames: &[Vec<f64>]| {
        (name.to_string(), frames.concat(), vec![1, frames.len(), 1, SIZE, SIZE])
    };
    save(
        &folder.path().join("x"),
        vec![sequence("input_seq", seen), sequence("target_seq", target)],
    );
    let x = folder.path().join("x").display().to_string();
    let flags = ["--task", "translation", "--velocity-range", "1", "--target", &x];
    let got = predict(folder.path(), &flags);
    let (loss, gradient) = loss_and_gradient(case, &weights, std::slice::from_ref(&frames));
    assert_near(&values(&got["loss"]), &[loss], "loss");
    for (name, expected) in &gradient {
        let got = values(&got[&format!("grads.{name}")]);
        // A backward pass is as long as two forward ones.
        let largest = expected.iter().fold(0.0, |max: f64, v| max.max(v.abs()));
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() <= 3.0 * FORWARD * largest, "{name}: {got} {expected}");
        }
    }
}
