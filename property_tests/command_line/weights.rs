//! `fernn verify --weights`: the laws of trained models.

use crate::common::normal;
use crate::{fernn, refused};
use candle_core::{DType, Device};
use std::collections::HashMap;
use std::path::Path;

/// Writes random weights, each name behind `before`.
fn save(path: &Path, before: &str, weights: &[(&str, &[usize])]) {
    let drawn = |(name, shape): &(&str, &[usize])| {
        let scale = 1.0 / (shape[1..].iter().product::<usize>() as f64).sqrt();
        (format!("{before}{name}"), normal(7, name, shape, scale, DType::F32))
    };
    let named = weights.iter().map(drawn);
    candle_core::safetensors::save(&named.collect::<HashMap<_, _>>(), path).unwrap();
}

/// What a check of weights prints, and whether it passes.
fn check(path: &Path, flags: &[&str]) -> (String, bool) {
    let mut command = fernn();
    let output = command.args(["verify", "--weights"]).arg(path).args(flags).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

const OVER_TRANSLATIONS: [(&str, &[usize]); 3] = [
    ("cell.conv_u.weight", &[4, 1, 3, 3]),
    ("cell.conv_h.weight", &[4, 4, 3, 3]),
    ("decoder_conv.0.weight", &[1, 4, 3, 3]),
];

#[test]
fn weights_and_checkpoints_are_checked_by_every_law() {
    let folder = tempfile::tempdir().unwrap();
    let [file, checkpoint] = ["w", "c"].map(|name| folder.path().join(name));
    save(&file, "", &OVER_TRANSLATIONS);
    save(&checkpoint, "best/", &OVER_TRANSLATIONS);
    let best = candle_core::safetensors::load(&checkpoint, &Device::Cpu).unwrap();
    let newest =
        best.iter().map(|(name, t)| (name.replace("best/", "weights/"), t.zeros_like().unwrap()));
    let both: HashMap<_, _> = newest.chain(best.clone()).collect();
    candle_core::safetensors::save(&both, &checkpoint).unwrap();
    for range in ["0", "2"] {
        let flags = ["--task", "translation", "--velocity-range", range];
        let (told, holds) = check(&file, &flags);
        assert!(holds, "{told}");
        for law in ["read-out", "forecast", "control", "closed set"] {
            assert!(told.contains(law), "{law}: {told}");
        }
        assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
        assert_eq!(check(&checkpoint, &flags), (told, true));
    }
    let (csv, _) = check(&file, &["--task", "translation", "--format", "csv"]);
    assert!(
        csv.starts_with("property,flow,cell,lift,group,velocities,algorithm,expected,verdict"),
        "{csv}"
    );
}

/// The paper's decoder over rotations is no group convolution: the states obey every law, and what is
/// predicted does not.
#[test]
fn a_breach_of_trained_filters_is_placed_in_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let [plain, equivariant] = ["p", "e"].map(|name| folder.path().join(name));
    let cell: [(&str, &[usize]); 2] =
        [("cell.conv_u.coefficients", &[2, 1, 6]), ("cell.conv_h.coefficients", &[2, 2, 4, 6])];
    save(&plain, "best/", &[&cell[..], &[("decoder_conv.0.weight", &[1, 8, 3, 3])]].concat());
    let steerable: (&str, &[usize]) = ("decoder_conv.0.coefficients", &[1, 2, 6]);
    save(&equivariant, "best/", &[&cell[..], &[steerable]].concat());
    let flags = ["--task", "rotation", "--orientations", "4", "--velocities", "-90,0,90"];
    let (told, holds) = check(&plain, &flags);
    assert!(!holds && told.contains("The breach begins at: forecast."), "{told}");
    let (told, holds) = check(&equivariant, &flags);
    assert!(holds, "{told}");
}

/// Where rotations interpolate the forecast is measured under quarter turns, or the decoder is said to be left
/// out.
#[test]
fn decoders_are_checked_by_quarter_turns_where_rotations_interpolate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w");
    let weights = |n: usize, decoder: (&str, &[usize])| {
        let cell: [(&str, &[usize]); 2] =
            [("cell.conv_u.coefficients", &[2, 1, 6]), ("cell.conv_h.coefficients", &[2, 2, n, 6])];
        save(&path, "best/", &[&cell[..], &[decoder]].concat());
    };
    let flags = ["--task", "rotation", "--orientations", "8", "--velocities=-45,0,45"];
    weights(8, ("decoder_conv.0.coefficients", &[1, 2, 6]));
    let (told, holds) = check(&path, &flags);
    assert!(holds && told.contains("static equivariance  forecast"), "{told}");
    weights(8, ("decoder_conv.0.weight", &[1, 16, 3, 3]));
    let (told, holds) = check(&path, &flags);
    assert!(!holds && told.contains("The breach begins at: forecast."), "{told}");
    weights(3, ("decoder_conv.0.coefficients", &[1, 2, 6]));
    let flags = ["--task", "rotation", "--orientations", "3", "--velocities=-120,0,120"];
    let output = fernn().args(["verify", "--weights"]).arg(&path).args(flags).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("The decoder is not checked"), "{said}");
}

/// With zeros beyond the border, as the public code has them, the encoder breaks every law but rest.
#[test]
fn a_classifier_of_clips_is_right_or_wrong_from_its_encoder_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let train = "train kth --model FERNN-V2 --steps 4 --set batch=4 --set validation_clips=6 --out";
    fernn().args(train.split(' ')).arg(&path).assert().success();
    let kth =
        ["--task", "kth", "--model", "fernn", "--velocity-range-x", "1", "--velocity-range-y", "1"];
    for (padding, is_right) in [("circular", true), ("zero", false)] {
        let (told, holds) = check(&path, &[&kth[..], &["--padding", padding]].concat());
        assert_eq!(holds, is_right, "{told}");
        assert!(told.contains("encoder") && told.contains("logits"), "{told}");
        assert_eq!(told.contains("The breach begins at: encoder's layer 1."), !is_right, "{told}");
    }
}

#[test]
fn flags_of_trained_models_need_weights_and_weights_a_task() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("w");
    save(&file, "", &OVER_TRANSLATIONS);
    let file = file.to_str().unwrap();
    refused(&["verify", "--weights", file], &["--task"]);
    refused(&["verify", "--orientations", "8"], &["--orientations", "--weights"]);
    refused(&["verify", "--task", "kth"], &["--weights"]);
    refused(
        &["verify", "--weights", file, "--task", "translation", "--orientations", "8"],
        &["--orientations", "--task translation"],
    );
    refused(&["verify", "--weights", file, "--task", "translation", "--cell", "rnn"], &["simple"]);
    refused(&["verify", "--cell", "simple"], &["--cell simple", "rnn"]);
    refused(
        &["verify", "--weights", file, "--task", "kth", "--model", "fernn"],
        &["w", "lstm.conv_u_first.0.weight"],
    );
}
