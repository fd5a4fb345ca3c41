//! The real binary: every file that it writes is parsed, every refusal has its exit code, and a
//! killed run ends like one that was left alone.

mod common;
#[path = "command_line/faults.rs"]
mod faults;
#[path = "command_line/foreign.rs"]
mod foreign;
#[cfg(target_os = "linux")]
#[path = "command_line/limits.rs"]
mod limits;
#[path = "command_line/own_data.rs"]
mod own_data;
#[path = "command_line/predict.rs"]
mod predict;
#[path = "command_line/recorded.rs"]
mod recorded;
#[path = "command_line/runs.rs"]
mod runs;
#[path = "command_line/shell.rs"]
mod shell;
#[path = "command_line/steering.rs"]
mod steering;
#[path = "command_line/units.rs"]
mod units;
#[path = "command_line/verify.rs"]
mod verify;
#[path = "command_line/watching.rs"]
mod watching;
#[path = "command_line/weights.rs"]
mod weights;

use assert_cmd::Command;
use fernn::experiments::{Evidence, Metric, PROVENANCE, Record};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn fernn() -> Command {
    Command::new(env!("CARGO_BIN_EXE_fernn"))
}

/// The program within limits that the shell sets: `ulimit -v 4000000`.
#[cfg(unix)]
fn within(limits: &str) -> std::process::Command {
    let mut command = std::process::Command::new("bash");
    let script = format!("{limits}; exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_fernn")]);
    command
}

/// A run of a few seconds: one experiment, one seed, few steps but several evaluations.
fn small_run(out: &Path) -> Vec<String> {
    let flags = "reproduce --only translation --seeds 1 --steps 22 --seed 3 --set schedule.interval=10 \
                 --set shape.channels=4 --set validation_sequences=4 --set test_sequences=16 --set \
                 horizon_sequences=4 --out";
    let out = out.display().to_string();
    flags.split_whitespace().map(String::from).chain([out]).collect()
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
fn a_run_writes_what_it_promises_and_its_report_is_rebuilt_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (out, again) = (folder.path().join("out"), folder.path().join("again"));
    fernn().args(small_run(&out)).assert().success();
    assert_small_run(&records(&out));
    let mut expected = products(&out);
    expected.iter().for_each(|(name, bytes)| assert_readable(name, bytes));
    let report = String::from_utf8(read(out.join("REPORT.md"))).unwrap();
    for needle in ["## Verdicts", "Not run here: velocity", "## Provenance", "commit", "film.png"] {
        assert!(report.contains(needle), "the report lacks {needle}");
    }
    assert!(!report.contains("| **not run** |"), "a claim is judged where its experiment ran");

    // `report` needs nothing but records and pictures.
    let path = out.join("records.csv");
    let flags = ["report", "--records", path.to_str().unwrap(), "--out", again.to_str().unwrap()];
    fernn().args(flags).assert().success();
    assert!(expected.remove(Path::new("records.csv")).is_some());
    assert!(expected.remove(Path::new("pictures.csv")).is_some());
    let of_models = expected.iter().filter(|(name, _)| name.starts_with("weights")).count();
    assert_eq!(of_models, 3, "the best weights of each");
    expected.retain(|name, _| !name.starts_with("weights"));
    assert_same_products(&products(&again), &expected);
}

/// The records of [`small_run`]: every model, measurement and setting.
fn assert_small_run(records: &[Record]) {
    let of = |metric: Metric| records.iter().filter(move |r| r.metric == metric);
    let models: Vec<String> = of(Metric::MSE).map(|r| r.subject.to_string()).collect();
    let baselines = ["last frame", "true motion (oracle)", "mean frame"];
    let all = [&["G-RNN"][..], &baselines, &["FERNN-V1", "FERNN-V2"]].concat();
    assert_eq!(models, all);
    assert_eq!(of(Metric::MSE_BY_HORIZON).count(), all.len() * 42);
    assert_eq!(of(Metric::LOSS).count(), 3 * 2 * 3);
    assert_eq!(of(Metric::SETTINGS).count(), 3, "every unit stores its settings");
    assert_eq!(of(Metric::CHANGED).count(), 3, "and what was changed of them");
    assert_eq!(of(Metric::ORIGIN).count(), 3, "and what ran it");
    let texts = [Metric::SETTINGS, Metric::CHANGED, Metric::ORIGIN];
    let is_text = |r: &Record| r.experiment == PROVENANCE || texts.contains(&r.metric);
    assert!(records.iter().all(|r| is_text(r) != r.value.is_some()));
}

/// That a file is what its name says.
fn assert_readable(name: &Path, bytes: &[u8]) {
    if name == Path::new(".fernn-report") {
        return assert!(bytes.iter().filter(|&&byte| byte == b'\n').count() > 10);
    }
    match name.extension().and_then(|e| e.to_str()) {
        Some("csv") => {
            let rows: Result<Vec<_>, _> = csv::Reader::from_reader(bytes).records().collect();
            assert!(!rows.unwrap().is_empty(), "{name:?}");
        }
        Some("png") => {
            assert!(bytes.starts_with(b"\x89PNG\r\n") && bytes.len() > 5000, "{name:?}")
        }
        Some("gif") => {
            let mut decoder = gif::DecodeOptions::new().read_info(bytes).unwrap();
            assert!(decoder.read_next_frame().unwrap().is_some(), "{name:?}");
        }
        Some("svg") => assert!(bytes.trim_ascii_end().ends_with(b"</svg>"), "{name:?}"),
        Some("html") => {
            assert!(bytes.starts_with(b"<!DOCTYPE html>") && bytes.ends_with(b"</html>\n"))
        }
        Some("md") => {
            let text = std::str::from_utf8(bytes).unwrap();
            assert!(text.contains("|---") || name.starts_with("tables"), "{name:?}");
        }
        Some("safetensors") => assert!(name.starts_with("weights"), "{name:?}"),
        other => panic!("unexpected kind of file {other:?}: {name:?}"),
    }
}

#[test]
fn a_report_has_the_formats_that_are_asked_for_and_tells_verdicts_in_80_columns() {
    let folder = tempfile::tempdir().unwrap();
    let records = concat!(env!("CARGO_MANIFEST_DIR"), "/results/desk/records.csv");
    let report = |name: &str, formats: &[&str]| {
        let out = folder.path().join(name);
        let flags = ["report", "--records", records, "--out", out.to_str().unwrap()];
        let done = fernn().args(flags).args(formats).assert().success().get_output().clone();
        let files = products(&out).into_keys().map(|path| path.display().to_string());
        (files.collect::<Vec<_>>(), String::from_utf8(done.stdout).unwrap())
    };
    let has = |files: &[String], name: &str| files.iter().any(|file| file == name);
    let (files, said) = report("default", &[]);
    for (name, is_there) in [("REPORT.md", true), ("report.html", true), ("report.tex", false)] {
        assert_eq!(has(&files, name), is_there, "{name}");
    }
    for needle in ["Reproduced (", "claims not run (", "report.html", "Look at it: "] {
        assert!(said.contains(needle), "{needle} is not in {said}");
    }
    let verdicts = said.lines().filter(|line| !line.contains(folder.path().to_str().unwrap()));
    verdicts.for_each(|line| assert!(line.chars().count() <= 80, "{line}"));
    let (files, said) = report("tex", &["--format", "tex"]);
    for name in ["report.tex", "figures.tex", "captions.tex", "tables/table1_translation.tex"] {
        assert!(has(&files, name), "{name}");
    }
    assert!(has(&files, "tables/table1_translation.csv") && has(&files, "figures/film.svg"));
    assert!(!has(&files, "REPORT.md") && !has(&files, "report.html"));
    assert!(!said.contains("Look at it"));
    let out = folder.path().join("none");
    let flags = ["report", "--records", records, "--out", out.to_str().unwrap()];
    refused(&[&flags[..], &["--format", "docx"]].concat(), &["docx", "html"]);
}

#[test]
fn threads_change_no_value() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    fernn().args(small_run(&one)).args(["--threads", "1"]).assert().success();
    fernn().args(small_run(&two)).args(["--threads", "2"]).assert().success();
    let measured = |folder: &Path| -> Vec<Record> {
        records(folder).into_iter().filter(|r| r.experiment != PROVENANCE).collect()
    };
    assert_eq!(measured(&two), measured(&one));
    let report = String::from_utf8(read(one.join("REPORT.md"))).unwrap();
    assert!(report.contains("threads: 1"));
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
    std::fs::write(folder.path().join("records.csv"), "of an earlier run\n").unwrap();
    for nothing in ["", ","] {
        refused(&["reproduce", "--only", nothing, "--out", &path], &["experiment `` is unknown"]);
    }
    assert_eq!(read(folder.path().join("records.csv")), b"of an earlier run\n");
    std::fs::remove_file(folder.path().join("records.csv")).unwrap();
    let count = |only| fernn().args(["plan", "--count", "--only", only]).output().unwrap().stdout;
    assert_eq!(count("velocity,velocity"), count("velocity"), "named twice, run once");
    for (flag, values) in [
        ("--seeds", ["0", "1000000000"]),
        ("--steps", ["0", "18446744073709551615"]),
        ("--threads", ["0", "99999"]),
    ] {
        for value in values {
            refused(&["reproduce", flag, value, "--out", &path], &[flag, value]);
        }
    }
    for minutes in ["inf", "NaN", "-1", "1e300", "soon"] {
        let minutes = format!("--minutes={minutes}");
        refused(&["verify", "--thorough", &minutes], &["--minutes"]);
    }
    refused(&["reproduce", "--memory", "0", "--out", &path], &["--memory", "GiB"]);
    refused(&["reproduce", "--memory", "much", "--out", &path], &["--memory", "GiB"]);
    refused(&["report", "--out", &path], &["records.csv"]);
    refused(&["list", "nothing"], &["`nothing`"]);
    refused(&["data", "preview", "--digit", "0", "--out", &path], &["0 pixels", "at least 1"]);
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
