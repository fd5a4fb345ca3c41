//! Runs beside each other, runs that are stopped, units that fail.

use super::{fernn, read, records, small_run};
use fernn::experiments::Metric;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A run that nobody waits for, once its folder is taken.
fn long_run(out: &Path) -> Child {
    let process = Command::new(env!("CARGO_BIN_EXE_fernn"))
        .args(small_run(out))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (owner, start) = (out.join("runs/in-use"), Instant::now());
    let ours = process.id().to_string();
    let is_ours = |text: String| text.split_whitespace().next() == Some(&ours);
    while !is_ours(std::fs::read_to_string(&owner).unwrap_or_default()) {
        assert!(start.elapsed() < Duration::from_secs(60), "the run does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    process
}

/// Sends a signal, and returns the exit code and what was said.
fn stop(process: Child, signal: &str) -> (Option<i32>, String) {
    let id = process.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    let output = process.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[cfg(unix)]
#[test]
fn a_folder_is_used_by_one_run_which_says_how_to_go_on_when_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let process = long_run(&out);
        let refusal = fernn().args(small_run(&out)).assert().code(2).get_output().clone();
        let refusal = String::from_utf8(refusal.stderr).unwrap();
        let owner = format!("in use by process {}", process.id());
        assert!(refusal.contains(&owner) && refusal.contains("--out"), "{refusal}");
        // Once with a model half trained.
        let is_half_trained = || {
            let runs = std::fs::read_dir(out.join("runs")).unwrap().flatten();
            let mut names = runs.filter_map(|entry| entry.file_name().into_string().ok());
            names.any(|name| name.ends_with(".safetensors"))
        };
        let start = Instant::now();
        while signal == "-TERM" && !is_half_trained() {
            assert!(start.elapsed() < Duration::from_secs(60), "no checkpoint is written");
            std::thread::sleep(Duration::from_millis(5));
        }
        let (ended, told) = stop(process, signal);
        assert_eq!(ended, Some(code), "{told}");
        assert!(told.contains("start the same command again"), "{told}");
    }
    fernn().args(small_run(&out)).assert().success();
    let whole = folder.path().join("whole");
    fernn().args(small_run(&whole)).assert().success();
    let (ours, theirs) = (out.join("records.csv"), whole.join("records.csv"));
    let values = |path| {
        let text = String::from_utf8(read(path)).unwrap();
        let rows = text.lines().filter(|row| !row.starts_with("provenance"));
        rows.map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(values(ours), values(theirs));
}

#[cfg(unix)]
#[test]
fn units_and_models_that_are_stopped_say_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let [out, weights] = ["out", "w.safetensors"].map(|name| folder.path().join(name));
    let [out, file] = [&out, &weights].map(|path| path.to_str().unwrap());
    let unit = ["run-unit", "5", "--only", "translation", "--out", out];
    let train = ["train", "translation", "--model", "FERNN-V2", "--out", file];
    for (command, lock) in [(&unit[..], None), (&train[..], Some("w.safetensors.in-use"))] {
        for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
            let process = Command::new(env!("CARGO_BIN_EXE_fernn"))
                .args(command)
                .args(["--steps", "100000", "--set", "schedule.interval=100000"])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // As soon as it has its lock it says what to do.
            let start = Instant::now();
            let own = process.id().to_string();
            let runs = || std::fs::read_dir(folder.path().join("out/runs")).into_iter().flatten();
            let locks = || match lock {
                Some(name) => vec![folder.path().join(name)],
                None => runs().flatten().map(|entry| entry.path()).collect(),
            };
            let is_own = |path: &std::path::PathBuf| {
                let text = std::fs::read_to_string(path).unwrap_or_default();
                text.split_whitespace().next() == Some(own.as_str())
            };
            while !locks().iter().any(is_own) {
                assert!(start.elapsed() < Duration::from_secs(60), "it does not begin");
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(200));
            if lock.is_some() {
                let refusal = fernn().args(command).assert().code(2).get_output().clone();
                let refusal = String::from_utf8(refusal.stderr).unwrap();
                assert!(refusal.contains("being run by process"), "{refusal}");
            }
            let (ended, told) = stop(process, signal);
            assert_eq!(ended, Some(code), "{told}");
            assert!(told.contains("start the same command again"), "{told}");
        }
    }
}

#[test]
fn a_training_leaves_its_weights_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("new/w.safetensors");
    let flags = "train translation --model G-RNN --steps 2 --set schedule.interval=1 \
                 --set validation_sequences=2 --out";
    for _ in ["into a folder that is not there", "once more"] {
        fernn().args(flags.split_whitespace()).arg(&weights).assert().success();
        let left = std::fs::read_dir(folder.path().join("new")).unwrap().flatten();
        let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
        assert_eq!(left, ["w.safetensors"]);
    }
}

#[test]
fn two_runs_with_other_settings_started_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let start = |rate: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fernn"));
        command.args(small_run(&out)).args(["--set", rate]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let rates = ["schedule.adam.learning_rate=0.001", "schedule.adam.learning_rate=0.003"];
    let first = start(rates[0]);
    std::thread::sleep(Duration::from_millis(100));
    let processes = [first, start(rates[1])];
    let ended = processes.map(|process| process.wait_with_output().unwrap());
    let codes = ended.each_ref().map(|output| output.status.code());
    assert!([[Some(0), Some(2)], [Some(2), Some(0)]].contains(&codes), "{codes:?}");
    let refused = usize::from(codes[1] == Some(2));
    let said = String::from_utf8_lossy(&ended[refused].stderr);
    assert!(said.contains("in use by process") && said.contains("--out"), "{said}");
    // What the one measured is there, and the other one goes beside it.
    let settings = || {
        let rows = records(&out).into_iter().filter(|r| r.metric == Metric::CHANGED);
        rows.map(|r| r.note).collect::<Vec<_>>()
    };
    let has = |rate: usize| move |note: &String| note.contains(&rates[rate].replace('=', " "));
    assert!(settings().len() == 3 && settings().iter().all(has(1 - refused)), "{:?}", settings());
    fernn().args(small_run(&out)).args(["--set", rates[refused]]).assert().success();
    assert!(settings().len() == 3 && settings().iter().all(has(refused)), "{:?}", settings());
    let runs = std::fs::read_dir(out.join("runs")).unwrap().flatten();
    let is_part = |name: &str| name.ends_with(".csv") && !name.contains("pictures");
    let parts = runs.filter(|entry| is_part(entry.file_name().to_str().unwrap())).count();
    assert_eq!(parts, 6, "three models twice");
}

#[test]
fn a_unit_that_diverges_is_reported_and_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let run = |rate: &str, code: i32| {
        let flags = "reproduce --only translation,velocity --seeds 2 --steps 6 --set schedule.interval=3 \
                     --set validation_sequences=4 --set velocity_sequences=2 --set test_sequences=4 \
                     --set horizon_sequences=2 --fresh --set";
        let rate = format!("translation.schedule.adam.learning_rate={rate}");
        let arguments = flags.split_whitespace().chain([rate.as_str(), "--out"]);
        let output = fernn().args(arguments).arg(folder.path()).assert().code(code);
        String::from_utf8(output.get_output().stdout.clone()).unwrap()
    };
    let told = run("1000", 1);
    assert!(told.contains("Failed units (6)"), "{told}");
    let all = records(folder.path());
    let failed: Vec<_> = all.iter().filter(|r| r.metric == Metric::FAILED).collect();
    assert_eq!(failed.len(), 6, "three models and two seeds");
    assert!(failed.iter().all(|r| r.experiment == "translation" && r.value.is_none()));
    assert!(failed[0].note.contains("lower the learning rate"), "{}", failed[0].note);
    let measured = all.iter().filter(|r| r.metric == Metric::MSE_BY_VELOCITY);
    assert!(measured.clone().count() > 0 && measured.clone().all(|r| r.experiment == "velocity"));
    let report = String::from_utf8(read(folder.path().join("REPORT.md"))).unwrap();
    assert!(report.contains("Units that failed") && report.contains("G-RNN, seed 1"), "{report}");

    // Trained soundly into the same folder, nothing of the failure is left.
    let told = run("0.001", 0);
    assert!(!told.contains("Failed"), "{told}");
    assert!(records(folder.path()).iter().all(|r| r.metric != Metric::FAILED));
}
