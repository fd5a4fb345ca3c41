//! The real binary: every file that it writes is parsed, every refusal has its exit code, and a
//! killed run ends like one that was left alone.

mod common;

use assert_cmd::Command;
use candle_core::{DType, Device, Tensor};
use common::{normal, relative_error, values};
use fernn::experiments::{Evidence, Metric, PROVENANCE, Record};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn fernn() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fernn"))
}

/// A run of a few seconds: one experiment, one seed, few steps but several evaluations.
fn small_run(out: &Path) -> Vec<String> {
    let flags = "reproduce --only translation --seeds 1 --steps 110 --seed 3 --out";
    flags.split(' ').map(String::from).chain([out.display().to_string()]).collect()
}

fn read(path: PathBuf) -> Vec<u8> {
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn records(folder: &Path) -> Vec<Record> {
    Evidence::read(&folder.join("records.csv")).unwrap().records
}

/// All files below a folder with their bytes, checkpoints and parts left out.
fn products(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(&current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().unwrap() != "runs" {
                folders.push(path);
            } else if path.is_file() {
                files.insert(path.strip_prefix(folder).unwrap().to_path_buf(), read(path));
            }
        }
    }
    files
}

/// Compares two folders file by file, so that a failure names the file.
fn assert_same_products(ours: &BTreeMap<PathBuf, Vec<u8>>, theirs: &BTreeMap<PathBuf, Vec<u8>>) {
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (path, bytes) in ours {
        let (ours, theirs) =
            (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&theirs[path]));
        for (number, (ours, theirs)) in ours.lines().zip(theirs.lines()).enumerate() {
            assert_eq!(ours, theirs, "{} differs in line {}", path.display(), number + 1);
        }
        assert_eq!(ours.len(), theirs.len(), "{} differs in length", path.display());
    }
}

#[test]
fn a_run_killed_at_several_moments_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    fernn().args(small_run(&whole)).assert().success();
    let mut kills = 0;
    for milliseconds in [300, 700, 1500, 2500, 3500, 1100, 2100] {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_fernn"))
            .args(small_run(&killed))
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        kills += usize::from(process.try_wait().unwrap().is_none());
        let _ = process.kill();
        process.wait().unwrap();
    }
    assert!(kills >= 3, "the run was too fast to be killed: {kills} kills");
    fernn().args(small_run(&killed)).assert().success();
    assert_same_products(&products(&whole), &products(&killed));
}

#[test]
fn reproduce_writes_records_tables_figures_and_a_report_that_can_be_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fernn().args(small_run(&out)).args(["--threads", "1"]).assert().success();
    let one_thread = records(&out);
    let of = |metric: Metric| one_thread.iter().filter(move |r| r.metric == metric);
    let models: Vec<String> = of(Metric::MSE).map(|r| r.subject.to_string()).collect();
    assert_eq!(models, ["G-RNN", "FERNN-V1", "FERNN-V2"]);
    assert_eq!(of(Metric::MSE_BY_HORIZON).count(), 3 * 42);
    assert_eq!(of(Metric::LOSS).count(), 3 * 2 * 3);
    assert_eq!(of(Metric::SETTINGS).count(), 3, "every unit stores its settings");
    let is_text = |r: &Record| r.experiment == PROVENANCE || r.metric == Metric::SETTINGS;
    assert!(one_thread.iter().all(|r| is_text(r) != r.value.is_some()));

    for (name, bytes) in products(&out) {
        match name.extension().and_then(|e| e.to_str()) {
            Some("csv") => {
                let mut reader = csv::Reader::from_reader(bytes.as_slice());
                let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
                assert!(!rows.is_empty(), "{name:?}");
            }
            Some("png") => {
                assert!(bytes.starts_with(b"\x89PNG\r\n") && bytes.len() > 5000, "{name:?}")
            }
            Some("gif") => {
                let decoder = gif::DecodeOptions::new().read_info(bytes.as_slice());
                assert!(decoder.unwrap().read_next_frame().unwrap().is_some(), "{name:?}");
            }
            Some("svg") => {
                assert!(bytes.ends_with(b"</svg>\n") || bytes.ends_with(b"</svg>"), "{name:?}")
            }
            Some("md") => assert!(
                std::str::from_utf8(&bytes).unwrap().contains("|---") || name.starts_with("tables"),
                "{name:?}"
            ),
            other => panic!("unexpected kind of file {other:?}: {name:?}"),
        }
    }
    let report = String::from_utf8(read(out.join("REPORT.md"))).unwrap();
    for needle in [
        "## Verdicts",
        "Not run here: velocity",
        "## Provenance",
        "commit",
        "threads: 1",
        "film.png",
    ] {
        assert!(report.contains(needle), "the report lacks {needle}");
    }

    assert!(!report.contains("not run**"), "a claim is judged where its experiment ran");

    // `report` needs nothing but records and pictures, and gives the same bytes.
    let again = folder.path().join("again");
    let path = out.join("records.csv");
    fernn()
        .args(["report", "--records", path.to_str().unwrap(), "--out", again.to_str().unwrap()])
        .assert()
        .success();
    let mut expected = products(&out);
    assert!(expected.remove(Path::new("records.csv")).is_some());
    assert!(expected.remove(Path::new("pictures.csv")).is_some());
    assert_same_products(&products(&again), &expected);

    // More threads, same values.
    let two = folder.path().join("two");
    fernn().args(small_run(&two)).args(["--threads", "2"]).assert().success();
    let measured = |records: Vec<Record>| -> Vec<Record> {
        records.into_iter().filter(|r| r.experiment != PROVENANCE).collect()
    };
    assert_eq!(measured(records(&two)), measured(one_thread));

    // The same folder with other settings is refused and left alone; --fresh starts over.
    let before = products(&out);
    let other = |out: &Path| {
        let mut arguments = small_run(out);
        arguments[6] = "5".into();
        arguments
    };
    let arguments = other(&out);
    refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &["--fresh"]);
    assert_same_products(&products(&out), &before);
    fernn().args(other(&out)).arg("--fresh").assert().success();
    assert_ne!(products(&out), before);
}

/// Runs and expects exit code 2 with every needle in the message.
fn refused(arguments: &[&str], needles: &[&str]) {
    let output = fernn().args(arguments).assert().code(2).get_output().clone();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    for needle in needles {
        assert!(message.contains(needle), "{arguments:?}: `{needle}` is not in: {message}");
    }
    assert!(output.stdout.is_empty(), "{arguments:?}: results although refused");
}

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
fn damaged_and_missing_data_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    refused(&["data", "check", "--data-dir", &path], &["train-images-idx3-ubyte", "data fetch"]);
    std::fs::write(folder.path().join("train-images-idx3-ubyte"), [0, 0, 8, 3, 0]).unwrap();
    refused(
        &["data", "check", "--data-dir", &path],
        &["train-images-idx3-ubyte", "truncated header"],
    );
    refused(&["reproduce", "--data-dir", &path, "--out", &path], &["train-labels-idx1-ubyte"]);
}

#[test]
fn wrong_usage_has_one_message_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    refused(
        &["reproduce", "--only", "nothing", "--out", &path],
        &["`nothing`", "translation, velocity"],
    );
    refused(&["reproduce", "--seeds", "0", "--out", &path], &["--seeds"]);
    refused(&["report", "--out", &path], &["records.csv"]);
    refused(&["list", "nothing"], &["`nothing`"]);
    refused(&["data", "preview", "--digit", "5", "--out", &path], &["5 pixels", "divisor of 28"]);
    refused(&["nonsense"], &["nonsense"]);
    refused(&["reproduce", "--algorithm", "fft", "--out", &path], &["fft", "winograd"]);
    #[cfg(not(feature = "cuda"))]
    refused(&["reproduce", "--device", "cuda", "--out", &path], &["--features cuda"]);
    std::fs::write(folder.path().join("records.csv"), "experiment,model\nx,y,z\n").unwrap();
    refused(&["report", "--out", &path], &["records.csv", "line 2"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else was written");
}

#[test]
fn preview_writes_a_picture_and_an_animation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    fernn()
        .args(["data", "preview", "--sequences", "2", "--frames", "5", "--out", &path])
        .assert()
        .success();
    let files = products(folder.path());
    let bytes = |name: &str| &files[Path::new(name)];
    assert!(bytes("preview.png").starts_with(b"\x89PNG"));
    assert!(bytes("preview.svg").starts_with(b"<svg"));
    let mut decoder = gif::DecodeOptions::new().read_info(bytes("preview.gif").as_slice()).unwrap();
    let mut frames = 0;
    while decoder.read_next_frame().unwrap().is_some() {
        frames += 1;
    }
    assert_eq!(frames, 5);
}

/// Standard output of `verify` with the flags, which must exit with `code`.
fn verify(flags: &[&str], code: i32) -> (String, String) {
    let output = fernn().arg("verify").args(flags).assert().code(code).get_output().clone();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

fn rows_of(csv: &str) -> Vec<HashMap<String, String>> {
    csv::Reader::from_reader(csv.as_bytes()).deserialize().map(|r| r.unwrap()).collect()
}

#[test]
fn verify_passes_and_its_formats_agree() {
    let some = ["--cell", "rnn", "--cell", "lstm", "--cell", "dense"];
    let run = |format| verify(&[&some[..], &["--format", format]].concat(), 0).0;
    let table = run("table");
    assert!(table.contains("exact") && table.contains("BROKEN (must)"));
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let json: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
    let rows = rows_of(&run("csv"));
    assert_eq!(rows.len(), json.as_array().unwrap().len());
    let lines = table.lines().filter(|line| line.starts_with(' ')).count();
    assert_eq!(rows.len(), lines);
    for row in &rows {
        let error = row["error_f64"].parse::<f64>().unwrap();
        match row["expected"].as_str() {
            "exact" => assert_eq!(error, 0.0, "{row:?}"),
            "rounding" => assert!(error < 1e-12, "{row:?}"),
            "BROKEN" => assert!(error >= 0.1, "{row:?}"),
            "discretisation" => assert!(error < 0.5, "{row:?}"),
            other => panic!("{other} is no diagnosis"),
        }
        assert_eq!(row["holds"], "true");
    }
    let has = |cell: &str, verdict: &str| {
        rows.iter().any(|r| r["cell"] == cell && r["verdict"] == verdict)
    };
    assert!(has("lstm", "exact") && has("lstm", "rounding") && has("dense", "BROKEN"));
}

#[test]
fn verify_measures_what_it_is_asked_for() {
    let flags =
        ["--cell", "gru", "--format", "csv", "--dtype", "f64", "--flow=1,-1", "--seed", "7"];
    let rows = rows_of(&verify(&flags, 0).0);
    assert!(!rows.is_empty());
    assert!(rows.iter().all(|r| r["cell"] == "gru" && r["error_f32"].is_empty()));
    let other = rows_of(&verify(&[&flags[..8], &["8"]].concat(), 0).0);
    assert_ne!(rows, other, "another seed");
    let turned = verify(&["--cell", "gru", "--format", "csv", "--flow=-45deg"], 0).0;
    assert!(rows_of(&turned).iter().all(|r| r["group"].starts_with("rotation-8")));
    for row in rows_of(&verify(&["--cell", "gru", "--format", "csv", "--flow", "90deg"], 0).0) {
        let is_exact = row["group"].starts_with("rotation-4");
        assert!(!is_exact || row["verdict"] != "discretisation", "quarter turns: {row:?}");
    }
    for (flags, word) in [
        (&["--cell", "gruu"][..], "mixing"),
        (&["--flow", "0,0"], "stands still"),
        (&["--flow", "sideways"], "translation"),
        (&["--flow", "30deg"], "45deg"),
        (&["--flow=0deg"], "stands still"),
        (&["--minutes", "1"], "--thorough"),
        (&["--baseline", "/nowhere.csv"], "/nowhere.csv"),
    ] {
        let (stdout, stderr) = verify(flags, 2);
        assert!(stdout.is_empty() && stderr.contains(word), "{flags:?}: {stderr}");
    }
}

#[test]
fn verify_fails_on_what_is_worse_than_its_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baseline.csv");
    let name = path.to_str().unwrap();
    let only = ["--cell", "rnn"];
    let out = ["--out", folder.path().to_str().unwrap()];
    let (csv, _) = verify(&[&only[..], &["--format", "csv"], &out].concat(), 0);
    assert_eq!(read(folder.path().join("equivariance.csv")), csv.as_bytes());
    let figures = ["error_by_cell", "error_by_step", "counter_example", "read_out_by_velocity"];
    for figure in figures {
        let path = folder.path().join("equivariance").join(figure);
        assert!(read(path.with_extension("png")).starts_with(b"\x89PNG"));
        assert!(read(path.with_extension("svg")).starts_with(b"<svg"));
    }
    std::fs::write(&path, &csv).unwrap();
    let against = [&only[..], &["--baseline", name]].concat();
    verify(&against, 0);
    // Pretend that a rounded statement used to be exact.
    let rounded = csv.lines().find(|line| line.contains(",rounding,rounding,")).unwrap();
    let fields: Vec<&str> = rounded.split(',').collect();
    let exact = [&fields[..5], &["exact", "exact", "0.0", "0.0", "1.0", "true"]].concat().join(",");
    std::fs::write(&path, csv.replace(rounded, &exact)).unwrap();
    let (_, stderr) = verify(&against, 1);
    assert!(stderr.contains("worse than the baseline") && stderr.contains("was exact"), "{stderr}");
    std::fs::write(&path, "property,cell\nx,y\n").unwrap();
    let (_, stderr) = verify(&against, 2);
    assert!(stderr.contains("baseline.csv, line 2"), "{stderr}");
}

#[test]
fn a_thorough_search_is_counted_and_ends() {
    let (_, stderr) = verify(&["--cell", "mixing", "--thorough", "--minutes", "0"], 0);
    assert!(stderr.contains("256 random cases, no counterexample"), "{stderr}");
    let (_, stderr) = verify(&["--cell", "dense", "--thorough", "--minutes", "0"], 2);
    assert!(stderr.contains("no control"), "{stderr}");
}

#[test]
fn every_command_explains_itself() {
    for command in ["reproduce", "report", "predict", "verify", "data", "list"] {
        let output = fernn().args([command, "--help"]).assert().success().get_output().clone();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains("Usage:") && help.len() > 200, "{command}: {help}");
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{command}: {help}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_fernn"))
        .args(["list", "translation"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(process.stdout.take());
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
