//! `fernn predict`: shapes, values and refusals.

use crate::common::{normal, relative_error, values};
use crate::{fernn, refused};
use candle_core::{DType, Device, Tensor};
use std::collections::HashMap;
use std::path::Path;

fn save(path: &Path, tensors: &[(&str, Tensor)]) {
    let map: HashMap<&str, Tensor> = tensors.iter().cloned().collect();
    candle_core::safetensors::save(&map, path).unwrap();
}

#[test]
fn predict_writes_outputs_states_loss_and_gradients() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).display().to_string();
    // Two channels in and out, C = 3, kernels 5×5 and 3×3, two hidden decoder layers, H ≠ W.
    let weights = [
        ("cell.conv_u.weight", [3, 2, 5, 5]),
        ("cell.conv_h.weight", [3, 3, 3, 3]),
        ("decoder_conv.0.weight", [3, 3, 3, 3]),
        ("decoder_conv.2.weight", [3, 3, 5, 5]),
        ("decoder_conv.4.weight", [2, 3, 3, 3]),
    ]
    .map(|(name, shape)| (name, normal(1, name, &shape, 0.2, DType::F32)));
    save(&at("w"), &weights);
    save(&at("x"), &[("input_seq", normal(1, "x", &[2, 4, 2, 5, 7], 1.0, DType::F32))]);
    save(&at("t"), &[("target_seq", normal(1, "t", &[2, 3, 2, 5, 7], 1.0, DType::F32))]);
    let (w, x, t, y) = (text("w"), text("x"), text("t"), text("y"));
    let base = ["predict", "--task", "translation", "--weights", &w, "--input", &x, "--steps", "3"];
    fernn()
        .args(base)
        .args(["--output", &y, "--velocity-range", "1", "--hidden", "--target", &t])
        .assert()
        .success();
    let results = candle_core::safetensors::load(at("y"), &Device::Cpu).unwrap();
    assert_eq!(results["outputs"].dims(), [2, 3, 2, 5, 7]);
    assert_eq!(results["hidden_encoder"].dims(), [2, 4, 9, 3, 5, 7]);
    assert_eq!(results["hidden_decoder"].dims(), [2, 3, 9, 3, 5, 7]);
    for (name, weight) in &weights {
        let gradient = &results[&format!("grads.{name}")];
        assert_eq!(gradient.dims(), weight.dims());
        assert!(values(gradient).iter().any(|&g| g != 0.0), "{name} has no gradient");
    }
    let target = normal(1, "t", &[2, 3, 2, 5, 7], 1.0, DType::F32);
    let mse = (&results["outputs"] - target).unwrap().sqr().unwrap().mean_all().unwrap();
    let (loss, mse) = (values(&results["loss"])[0], values(&mse)[0]);
    assert!((loss - mse).abs() < 1e-6 * mse, "{loss} {mse}");

    // What does not fit is refused with everything that is wrong, and nothing is written.
    let missing = [
        weights[0].clone(),
        ("decoder_conv.0.weight", weights[2].1.clone()),
        ("spare", weights[1].1.clone()),
    ];
    save(&at("bad"), &missing);
    let (bad, none) = (text("bad"), text("none"));
    let with = |weights: &str, input: &str, needles: &[&str]| {
        let flags = ["predict", "--task", "translation", "--weights", weights, "--input", input];
        refused(&[&flags[..], &["--steps", "2", "--output", &none]].concat(), needles);
        assert!(!at("none").exists());
    };
    with(&bad, &x, &["`cell.conv_h.weight` is missing", "`spare` is unexpected"]);
    with(&w, &t, &["`input_seq` is missing"]);
    save(&at("f64"), &[("input_seq", normal(1, "x", &[1, 2, 2, 5, 7], 1.0, DType::F64))]);
    with(&w, &text("f64"), &["f64", "expected f32"]);
    save(&at("one"), &[("input_seq", normal(1, "x", &[1, 2, 1, 5, 7], 1.0, DType::F32))]);
    with(&w, &text("one"), &["1 channels", "expect 2"]);
    std::fs::write(at("junk"), b"junk").unwrap();
    with(&text("junk"), &x, &["junk", "not a readable safetensors file"]);
    with(&text("absent"), &x, &["absent"]);
}

#[test]
fn predict_over_rotations_reads_expanded_filters() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).display().to_string();
    // Two fields of four orientations; any kernels will do.
    let weights = [
        ("filters.conv_u", [8, 1, 3, 3]),
        ("filters.conv_h", [8, 8, 3, 3]),
        ("weights.decoder_conv.0.weight", [8, 8, 3, 3]),
        ("weights.decoder_conv.2.weight", [1, 8, 3, 3]),
    ]
    .map(|(name, shape)| (name, normal(1, name, &shape, 0.2, DType::F32)));
    save(&at("w"), &weights);
    save(&at("x"), &[("input_seq", normal(1, "x", &[2, 3, 1, 6, 6], 1.0, DType::F32))]);
    let (w, x, y) = (text("w"), text("x"), text("y"));
    let base = ["predict", "--task", "rotation", "--weights", &w, "--input", &x, "--output", &y];
    let flags = |more: &[&'static str]| [&base[..], &["--steps", "2"], more].concat();
    let run = |more: &[&'static str]| {
        fernn().args(flags(more)).args(["--hidden", "--orientations", "4"]).assert().success();
        candle_core::safetensors::load(at("y"), &Device::Cpu).unwrap()
    };
    let lab = run(&["--velocities=-90,0,90"]);
    assert_eq!(lab["outputs"].dims(), [2, 2, 1, 6, 6]);
    assert_eq!(lab["hidden_encoder"].dims(), [2, 3, 3, 8, 6, 6]);
    assert_eq!(lab["hidden_decoder"].dims(), [2, 2, 3, 8, 6, 6]);
    // The kernels are not steerable, so that the frames of reference differ; at rest they do not.
    let still = (run(&["--velocities=0"]), run(&["--velocities=0", "--frame", "co-moving"]));
    assert_eq!(values(&still.0["outputs"]), values(&still.1["outputs"]));
    // Nor are they carried in an order that does not matter: the public code's is the default.
    let [first, then] = ["carry-first", "convolve-first"]
        .map(|order| values(&run(&["--velocities=-90,0,90", "--order", order])["outputs"]));
    assert_eq!(first, values(&lab["outputs"]));
    assert!(relative_error(&then, &first) > 1e-2);
    // Truncated toward zero, 100° moves orientations by one place and planes by all of it.
    assert_eq!(run(&["--velocities=100", "--truncate"])["outputs"].dims(), [2, 2, 1, 6, 6]);

    std::fs::remove_file(at("y")).unwrap();
    let refuse = |more: &[&'static str], needles: &[&str]| {
        refused(&flags(more), needles);
        assert!(!at("y").exists());
    };
    refuse(&["--velocities=100", "--orientations", "4"], &["100°", "--truncate"]);
    refuse(&["--orientations", "3"], &["filters.conv_h", "--orientations 3"]);
    refuse(&["--orientations", "0"], &["no orientation"]);
    refuse(&["--velocities=90"], &["--orientations"]);
    refuse(&["--velocities=90,90", "--orientations", "4"], &["twice"]);
    refuse(&["--velocity-range", "1", "--orientations", "4"], &["--velocity-range", "rotation"]);
    let order = ["--orientations", "4", "--order", "carry-first", "--frame", "co-moving"];
    refuse(&order, &["--order", "co-moving frame", "--frame"]);
    let order = ["--order", "carry-first", "--steps", "2"];
    let translation = ["predict", "--task", "translation", "--weights", &w, "--input", &x];
    refused(&[&translation[..], &["--output", &y], &order].concat(), &["--order", "translation"]);
}

#[test]
fn predict_reads_as_many_mixing_kernels_as_there_are_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).display().to_string();
    let draw = |name: &str, shape: &[usize]| normal(4, name, shape, 0.2, DType::F32);
    // Over translations nine, of which a velocity alone uses that of itself; over rotations one.
    let nine = draw("w", &[9, 4, 4, 3, 3]);
    let own = nine.get(4).unwrap();
    save(&folder.path().join("x"), &[("input_seq", draw("x", &[1, 3, 1, 6, 6]))]);
    let weights = |name: &str, names: [&'static str; 3], recurrent: &Tensor| {
        let kernels = [draw("u", &[4, 1, 3, 3]), recurrent.clone(), draw("d", &[1, 4, 3, 3])];
        let tensors: Vec<_> = names.into_iter().zip(kernels).collect();
        save(&folder.path().join(name), &tensors);
    };
    let trained = ["cell.conv_u.weight", "cell.conv_h.weight", "decoder_conv.0.weight"];
    let expanded = ["filters.conv_u", "filters.conv_h", "weights.decoder_conv.0.weight"];
    let flags = |task: &'static str, more: &[&'static str], weights: &str, output: &str| {
        let own = ["--weights", weights, "--output", output, "--input"].map(String::from);
        let all =
            ["predict", "--steps", "2", "--task", task].into_iter().chain(more.iter().copied());
        all.map(String::from)
            .chain(own.map(|w| match w.starts_with("--") {
                true => w,
                false => text(&w),
            }))
            .chain([text("x")])
            .collect::<Vec<_>>()
    };
    // A velocity alone has no neighbour but itself: mixing is the simple cell.
    let (still, rotation) = (&["--velocity-range", "0"][..], &["--orientations", "4"][..]);
    let one = own.unsqueeze(0).unwrap();
    for (task, names, more, kernels) in
        [("translation", trained, still, &nine), ("rotation", expanded, rotation, &one)]
    {
        weights("mixing", names, kernels);
        weights("simple", names, &own);
        fernn().args(flags(task, more, "simple", "a")).assert().success();
        fernn()
            .args(flags(task, more, "mixing", "b"))
            .args(["--cell", "mixing"])
            .assert()
            .success();
        let outputs = |name: &str| {
            let all =
                candle_core::safetensors::load(folder.path().join(name), &Device::Cpu).unwrap();
            values(&all["outputs"])
        };
        assert!(relative_error(&outputs("a"), &outputs("b")) < 1e-6, "{task}");
    }
    let gated = flags("translation", &["--cell", "gru", "--activation", "tanh"], "simple", "c");
    let gated: Vec<&str> = gated.iter().map(String::as_str).collect();
    refused(&gated, &["--activation", "--cell gru"]);
    weights("mixing", trained, &one);
    let many = flags("translation", &["--cell", "mixing", "--velocity-range", "1"], "mixing", "c");
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    refused(&many, &["cell.conv_h.weight", "1 kernels for 9 neighbours"]);
}
