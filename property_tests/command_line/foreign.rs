//! What others wrote, and what is no use, as `predict`, `report` and `data preview` take it: each kind of input has
//! its word.

use crate::common::{normal, values};
#[cfg(unix)]
use crate::within;
use crate::{fernn, refused};
use candle_core::{DType, Device, Tensor};
use std::collections::HashMap;
use std::path::PathBuf;

/// A folder with weights `w` and an input `x`.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.save("w", "", &Self::weights(0.2));
        folder.save("x", "", &[("input_seq", draw("x", &[1, 3, 1, 5, 7], 1.0))]);
        folder
    }

    fn weights(scale: f64) -> [(&'static str, Tensor); 4] {
        [
            ("cell.conv_u.weight", [4, 1, 3, 3]),
            ("cell.conv_h.weight", [4, 4, 3, 3]),
            ("decoder_conv.0.weight", [4, 4, 3, 3]),
            ("decoder_conv.2.weight", [1, 4, 3, 3]),
        ]
        .map(|(name, shape)| (name, draw(name, &shape, scale)))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn save(&self, file: &str, before: &str, tensors: &[(&str, Tensor)]) {
        let named =
            tensors.iter().map(|(name, tensor)| (format!("{before}{name}"), tensor.clone()));
        let map: HashMap<String, Tensor> = named.collect();
        candle_core::safetensors::save(&map, self.at(file)).unwrap();
    }

    /// The arguments of a forecast with some weights into a file.
    fn predict(&self, weights: &str, output: &str, more: &[&str]) -> Vec<String> {
        let paths = [("--weights", weights), ("--input", "x"), ("--output", output)];
        let paths = paths
            .into_iter()
            .flat_map(|(flag, file)| [flag.to_string(), self.at(file).display().to_string()]);
        let flags = ["predict", "--task", "translation"].into_iter().chain(more.iter().copied());
        flags.map(String::from).chain(paths).collect()
    }

    /// Runs it; gives what it says on standard error.
    fn said(&self, weights: &str, output: &str, more: &[&str]) -> String {
        let arguments = self.predict(weights, output, more);
        let done = fernn().args(arguments).assert().success();
        String::from_utf8_lossy(&done.get_output().stderr).into_owned()
    }

    fn refuse(&self, weights: &str, more: &[&str], needles: &[&str]) {
        let arguments = self.predict(weights, "none", more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&arguments, needles);
        assert!(!self.at("none").exists());
    }
}

fn draw(name: &str, shape: &[usize], scale: f64) -> Tensor {
    normal(6, name, shape, scale, DType::F32)
}

const STEPS: [&str; 2] = ["--steps", "2"];

#[test]
fn prefixes_of_wrappers_are_left_out_and_said() {
    let folder = Folder::new();
    assert_eq!(folder.said("w", "plain", &STEPS), "");
    for wrapper in ["module.", "_orig_mod.", "model.", "module._orig_mod."] {
        folder.save("wrapped", wrapper, &Folder::weights(0.2));
        let said = folder.said("wrapped", "unwrapped", &STEPS);
        assert!(said.contains(&format!("prefix `{wrapper}`")), "{said}");
        let [plain, unwrapped] =
            ["plain", "unwrapped"].map(|name| std::fs::read(folder.at(name)).unwrap());
        assert!(plain == unwrapped, "{wrapper}: other numbers");
    }
    // What not all names have is part of a name.
    let [first, others @ ..] = Folder::weights(0.2);
    let other = others.map(|(name, tensor)| (format!("module.{name}"), tensor));
    let other: Vec<_> =
        other.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect();
    folder.save("part", "", &[&[first], &other[..]].concat());
    folder.refuse("part", &STEPS, &["`module.cell.conv_h.weight` is unexpected"]);
}

#[test]
fn biases_are_named_as_such_and_not_taken_for_layers() {
    let folder = Folder::new();
    let bias = |name| (name, draw(name, &[4], 1.0));
    let with_biases = [&Folder::weights(0.2)[..], &[bias("decoder_conv.0.bias")]].concat();
    folder.save("biased", "", &with_biases);
    folder.refuse(
        "biased",
        &STEPS,
        &["`decoder_conv.0.bias` is unexpected", "no layer here has a bias"],
    );
    let arguments = folder.predict("biased", "none", &STEPS);
    let output = fernn().args(arguments).output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("missing"));
}

#[test]
fn files_of_other_formats_are_called_what_they_are() {
    let folder = Folder::new();
    for (bytes, needles) in [
        (&b"PK\x03\x04\0\0archive/data.pklmore"[..], ["PyTorch", "torch.load"]),
        (b"PK\x03\x04\0\0arr_0.npymore", ["numpy", "numpy.load"]),
        (b"\x80\x02}q\0.", ["pickle", "torch.load"]),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", ["Git LFS", "git lfs pull"]),
        (b"<!DOCTYPE html><title>404</title>", ["web page", "address"]),
    ] {
        std::fs::write(folder.at("other"), bytes).unwrap();
        folder.refuse("other", &STEPS, &["other", needles[0], needles[1]]);
    }
}

#[test]
fn weights_of_other_types_are_refused_in_order_with_the_line_that_converts() {
    let folder = Folder::new();
    for dtype in [DType::F16, DType::BF16, DType::F64] {
        let weights = Folder::weights(0.2);
        let other = weights.each_ref().map(|(name, t)| (*name, t.to_dtype(dtype).unwrap()));
        folder.save("other", "", &other);
        let said = format!("is {}, expected f32", dtype.as_str());
        folder.refuse("other", &STEPS, &[&said, "v.float()"]);
        let arguments = folder.predict("other", "none", &STEPS);
        let output = fernn().args(arguments).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        let places = weights.each_ref().map(|(name, _)| message.find(name).unwrap());
        let in_order = [places[1], places[0], places[2], places[3]]; // conv_h before conv_u
        assert!(in_order.is_sorted(), "{message}");
    }
}

#[test]
fn weights_without_a_number_are_refused() {
    let folder = Folder::new();
    let shapes = [[0, 1, 3, 3], [0, 0, 3, 3], [0, 0, 3, 3], [1, 0, 3, 3]];
    let names = Folder::weights(0.2).map(|(name, _)| name);
    let empty = |shape: [usize; 4]| Tensor::zeros(&shape, DType::F32, &Device::Cpu).unwrap();
    let weights: Vec<_> = names.into_iter().zip(shapes.map(empty)).collect();
    folder.save("empty", "", &weights);
    folder.refuse("empty", &STEPS, &["`cell.conv_u.weight` is empty", "[0, 1, 3, 3]"]);
}

/// What `report` makes, in 4 GB of addresses, of records and pictures of a run to which one row is added: a copy of
/// the first that begins so, with something changed.
#[cfg(unix)]
fn report_beside(file: &str, begin: &str, (from, to): (&str, &str)) -> std::process::Output {
    let folder = Folder::new();
    let quick = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("results/quick");
    for name in ["records.csv", "pictures.csv"] {
        let mut text = std::fs::read_to_string(quick.join(name)).unwrap();
        if name == file {
            let whole = format!("{begin}{from}");
            let row = text.lines().find(|row| row.starts_with(&whole)).unwrap();
            text += &format!("{begin}{to}{}\n", &row[whole.len()..]);
        }
        std::fs::write(folder.at(name), text).unwrap();
    }
    let mut command = within("ulimit -v 4000000; ulimit -t 100");
    command.args(["report", "--records"]).arg(folder.at("records.csv"));
    command.arg("--out").arg(folder.at("out")).output().unwrap()
}

#[cfg(unix)]
#[test]
fn records_of_what_cannot_be_drawn_cost_no_memory() {
    let error = "translation,G-RNN,,0,quick,test,mse_by_horizon,,,";
    let map = "velocity,G-RNN,,0,quick,test,mse_by_velocity,,,,";
    let seen = "translation,G-RNN,,0,quick,test,";
    for (file, begin, change) in [
        ("records.csv", error, ("1", "2147483647")),
        ("records.csv", map, ("\"-2,-2\"", "\"300,300\"")),
        ("records.csv", map, ("\"-2,-2\"", "\"2147483647,-2147483648\"")),
        ("pictures.csv", &format!("{seen}film_truth,"), ("0", "4294967295")),
        ("pictures.csv", &format!("{seen}hidden_lab,"), ("1", "2147483647")),
        ("pictures.csv", &format!("{seen}hidden_input,"), ("1", "4294967295")),
    ] {
        let output = report_beside(file, begin, change);
        assert!(output.status.success(), "{begin} {change:?}: {output:?}");
    }
    refused(&["data", "preview", "--velocity-range", "30000"], &["--velocity-range", "64"]);
}

#[test]
fn numbers_that_no_memory_holds_are_refused_before_it_is_taken() {
    let folder = Folder::new();
    for range in ["65", "20000", "2147483648", "4294967295", "-1"] {
        let range = format!("--velocity-range={range}");
        folder.refuse("w", &["--steps", "1", &range], &["--velocity-range"]);
    }
    for steps in ["99999999999", "18446744073709551615"] {
        folder.refuse("w", &["--steps", steps], &["--steps", "GiB"]);
        folder.refuse("w", &["--steps", steps, "--hidden"], &["GiB"]);
    }
    folder.refuse("w", &["--steps", "18446744073709551616"], &["--steps"]);
}

/// Three GiB, of which two are free.
#[cfg(unix)]
#[test]
fn a_limit_of_addresses_is_what_is_free() {
    let folder = Folder::new();
    let frame = 4 * 3 * 5 * 7; // in bytes, with the copies that are made of it
    let steps = ((3usize << 30) / frame).to_string();
    let arguments = folder.predict("w", "none", &["--steps", &steps]);
    let output = within("ulimit -v 2000000").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--steps") && said.contains("GiB are free"), "{said}");
}

#[cfg(unix)]
#[test]
fn frames_whose_states_no_memory_holds_are_refused_before_it_is_taken() {
    let folder = Folder::new();
    let numbers: u64 = 4 * 20_000 * 2_000;
    let header = format!(
        r#"{{"input_seq":{{"dtype":"F32","shape":[1,1,1,20000,2000],"data_offsets":[0,{numbers}]}}}}"#
    );
    let begin = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    std::fs::write(folder.at("large"), &begin).unwrap();
    let file = std::fs::OpenOptions::new().append(true).open(folder.at("large")).unwrap();
    file.set_len(begin.len() as u64 + numbers).unwrap(); // zeros that take no room
    // 33282 velocities: more than any machine has memory for.
    let mut arguments = folder.predict("w", "none", &["--steps", "1", "--velocity-range", "64"]);
    let input = arguments.iter().position(|word| word == "--input").unwrap();
    arguments[input + 1] = folder.at("large").display().to_string();
    let output = within("ulimit -v 3000000").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("GiB"), "{said}");
}

#[test]
fn more_orientations_than_degrees_are_refused() {
    let folder = Folder::new();
    for orientations in ["361", "10000000000", "4000000000000000000", "-1"] {
        let flag = format!("--orientations={orientations}");
        let mut arguments = folder.predict("w", "none", &["--steps", "2", &flag]);
        arguments[2] = "rotation".into();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&arguments, &["--orientations"]);
    }
}

#[test]
fn numbers_that_are_not_finite_have_a_word() {
    let folder = Folder::new();
    folder.save("large", "", &Folder::weights(30.0));
    let said = folder.said("large", "y", &["--steps", "60"]);
    assert!(said.contains("`outputs` are not finite"), "{said}");
    assert!(folder.at("y").exists());
}

#[test]
fn quarter_turns_of_frames_that_are_not_square_have_a_word() {
    let folder = Folder::new();
    let names = [
        "filters.conv_u",
        "filters.conv_h",
        "weights.decoder_conv.0.weight",
        "weights.decoder_conv.2.weight",
    ];
    let weights: Vec<_> =
        names.into_iter().zip(Folder::weights(0.2).map(|(_, tensor)| tensor)).collect();
    folder.save("w", "", &weights);
    let run = |velocities: &str| {
        let mut arguments =
            folder.predict("w", "y", &["--orientations", "4", "--steps", "2", velocities]);
        arguments[2] = "rotation".into();
        let done = fernn().args(arguments).assert().success();
        String::from_utf8_lossy(&done.get_output().stderr).into_owned()
    };
    assert!(run("--velocities=-90,0").contains("5×7 pixels are not square"));
    assert_eq!(run("--velocities=0,180"), "", "half turns move numbers on any frame");
    folder.save("x", "", &[("input_seq", draw("x", &[1, 3, 1, 6, 6], 1.0))]);
    assert_eq!(run("--velocities=-90,0"), "");
    for twice in ["--velocities=90,450", "--velocities=-90,270", "--velocities=0,0"] {
        let flags = ["--orientations", "4", "--steps", "2", twice];
        let mut arguments = folder.predict("w", "none", &flags);
        arguments[2] = "rotation".into();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&arguments, &["--velocities", "twice"]);
    }
}

#[test]
fn outputs_that_are_inputs_of_the_same_command_are_refused() {
    let folder = Folder::new();
    let target = draw("target", &[1, 2, 1, 5, 7], 1.0);
    folder.save("t", "", &[("target_seq", target)]);
    let before = ["w", "x", "t"].map(|name| std::fs::read(folder.at(name)).unwrap());
    let at = folder.at("t").display().to_string();
    for (output, flag) in
        [("w", "--weights"), ("x", "--input"), ("t", "--target"), ("./x", "--input")]
    {
        let arguments = folder.predict("w", output, &["--steps", "2", "--target", &at]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&arguments, &["--output would replace", flag]);
    }
    assert!(["w", "x", "t"].map(|name| std::fs::read(folder.at(name)).unwrap()) == before);
    std::fs::write(folder.at("settings.toml"), "seen = 5\n").unwrap();
    let settings = folder.at("settings.toml").display().to_string();
    let train = ["train", "translation", "--model", "G-RNN", "--config", &settings, "--out"];
    refused(&[&train[..], &[&settings]].concat(), &["--out would replace", "no trained model"]);
    assert_eq!(std::fs::read(folder.at("settings.toml")).unwrap(), b"seen = 5\n");
}

#[cfg(unix)]
#[test]
fn outputs_that_are_pipes_or_links_stay_what_they_are() {
    let folder = Folder::new();
    folder.said("w", "plain", &STEPS);
    let expected = std::fs::read(folder.at("plain")).unwrap();
    std::fs::write(folder.at("real"), "old").unwrap();
    std::os::unix::fs::symlink("real", folder.at("link")).unwrap();
    folder.said("w", "link", &STEPS);
    assert!(folder.at("link").is_symlink());
    assert!(std::fs::read(folder.at("real")).unwrap() == expected);
    let made = std::process::Command::new("mkfifo").arg(folder.at("pipe")).status();
    if !made.is_ok_and(|status| status.success()) {
        return eprintln!("no mkfifo here");
    }
    let (pipe, reader) = (folder.at("pipe"), folder.at("pipe"));
    let reader = std::thread::spawn(move || std::fs::read(reader).unwrap());
    folder.said("w", "pipe", &STEPS);
    assert!(reader.join().unwrap() == expected);
    use std::os::unix::fs::FileTypeExt;
    assert!(std::fs::metadata(pipe).unwrap().file_type().is_fifo());
    let read = candle_core::safetensors::load(folder.at("real"), &Device::Cpu).unwrap();
    assert!(values(&read["outputs"]).iter().any(|&v| v != 0.0));
}

#[test]
fn files_under_the_names_of_outputs_are_replaced_where_they_are_ours_alone() {
    let preview = ["data", "preview", "--sequences", "1", "--frames", "2", "--out"];
    let verify = ["verify", "--cell", "dense", "--flow", "1,0", "--dtype", "f32", "--out"];
    for (command, names) in [
        (&preview[..], &["preview.svg", "preview.png", "preview.gif"][..]),
        (&verify, &["equivariance.csv", "equivariance/error_by_cell.svg"]),
    ] {
        for name in names {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            fernn::atomic_file::write_atomically(&path, b"of somebody else").unwrap();
            let flags = [command, &[folder.path().to_str().unwrap()]].concat();
            refused(&flags, &[name.split('/').next().unwrap(), "may be somebody else's"]);
            assert_eq!(std::fs::read(&path).unwrap(), b"of somebody else", "{name}");
        }
        let folder = tempfile::tempdir().unwrap();
        for _ in ["for the first time", "over what it wrote"] {
            fernn().args(command).arg(folder.path()).assert().success();
        }
        // What is there to be written to is written to.
        #[cfg(target_os = "linux")]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(names[0]);
            std::os::unix::fs::symlink("/dev/null", &path).unwrap();
            fernn().args(command).arg(folder.path()).assert().success();
            assert!(path.is_symlink());
        }
    }
}
