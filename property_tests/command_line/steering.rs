//! Settings that are changed, single models, plans, and runs compared.

use super::{fernn, read, records};
use fernn::experiments::{Evidence, Metric, Record, Subject};
use fernn::parameters::{Tensors, load_f32};
use std::path::Path;

/// Seconds of training, enough that weights matter.
const SMALL: [&str; 12] = [
    "--set",
    "schedule.interval=5",
    "--set",
    "validation_sequences=4",
    "--set",
    "test_sequences=9",
    "--set",
    "horizon_sequences=3",
    "--steps",
    "10",
    "--seed",
    "5",
];

fn printed(arguments: &[&str]) -> String {
    let output = fernn().args(arguments).assert().success().get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = fernn().args(arguments).assert().code(2).get_output().clone();
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn of(records: &[Record], model: &str, metric: &Metric) -> Vec<Record> {
    let is_it = |r: &&Record| r.subject == Subject::new(model) && r.metric == *metric;
    records.iter().filter(is_it).cloned().collect()
}

#[test]
fn a_model_that_is_trained_and_evaluated_alone_is_that_of_a_whole_run() {
    let folder = tempfile::tempdir().unwrap();
    for (experiment, model) in [("translation", "FERNN-V1"), ("rotation", "FERNN-VR1")] {
        let out = folder.path().join(experiment);
        let reproduce = ["reproduce", "--only", experiment, "--seeds", "1", "--out", text(&out)];
        fernn().args(reproduce).args(SMALL).assert().success();
        let weights = folder.path().join("w.safetensors");
        let train = ["train", experiment, "--model", model, "--out", text(&weights)];
        fernn().args(train).args(SMALL).assert().success();
        let name = format!("{experiment}-{}-seed5.safetensors", model.to_lowercase());
        assert_eq!(read(weights.clone()), read(out.join("weights").join(name)), "the same weights");
        let csv = printed(&["evaluate", "--weights", text(&weights), "--format", "csv"]);
        let path = folder.path().join("evaluated.csv");
        std::fs::write(&path, csv).unwrap();
        let evaluated = Evidence::read(&path).unwrap().records;
        let whole = records(&out);
        for metric in [Metric::MSE, Metric::MSE_BY_HORIZON] {
            let (alone, within) = (of(&evaluated, model, &metric), of(&whole, model, &metric));
            assert!(!alone.is_empty());
            assert_eq!(alone, within, "{experiment} {metric}");
        }
        let longer = ["--set", "test_sequences=17", "--format", "csv"];
        let csv = printed(&[&["evaluate", "--weights", text(&weights)][..], &longer].concat());
        std::fs::write(&path, csv).unwrap();
        let other = of(&Evidence::read(&path).unwrap().records, model, &Metric::MSE);
        assert_ne!(other[0].value, of(&evaluated, model, &Metric::MSE)[0].value, "other sequences");
    }
}

#[test]
fn weights_that_were_trained_here_are_those_that_predict_and_verify_read() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("w.safetensors");
    let train = ["train", "rotation", "--model", "fernn-vr1", "--out", text(&weights)];
    let few = ["--set", "world.orientations=8", "--set", "world.step_deg=45"];
    fernn().args(train).args(few).args(SMALL).assert().success();
    let device = candle_core::Device::Cpu;
    let input = folder.path().join("x.safetensors");
    let frames = candle_core::Tensor::rand(0f32, 1.0, (1, 3, 1, 28, 28), &device).unwrap();
    candle_core::safetensors::save(&[("input_seq", frames)].into(), &input).unwrap();
    let output = folder.path().join("y.safetensors");
    let task = ["--task", "rotation", "--weights", text(&weights), "--orientations", "8"];
    let predict = ["predict", "--steps", "2", "--input", text(&input), "--output", text(&output)];
    fernn().args(predict).args(task).arg("--velocities=-45,0,45").assert().success();
    let outputs: Tensors = load_f32(&output, &device).unwrap();
    assert_eq!(outputs["outputs"].dims(), [1, 2, 1, 28, 28]);
    // A plain decoder does not turn with its input: what is checked is told, and found so.
    let checked = fernn().arg("verify").args(task).arg("--velocities=-45,0,45").assert().code(1);
    let said = String::from_utf8(checked.get_output().stdout.clone()).unwrap();
    assert!(said.contains("begins at: forecast"), "{said}");
}

#[test]
fn a_flipped_byte_of_trained_weights_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("w.safetensors");
    let train = ["train", "translation", "--model", "G-RNN", "--out", text(&weights)];
    fernn().args(train).args(SMALL).assert().success();
    let mut bytes = read(weights.clone());
    let last = bytes.len() - 5;
    bytes[last] ^= 4;
    std::fs::write(&weights, bytes).unwrap();
    let said = refused(&["evaluate", "--weights", text(&weights)]);
    assert!(said.contains("damaged"), "{said}");
    let said = refused(&["verify", "--task", "translation", "--weights", text(&weights)]);
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn what_was_changed_is_told_in_records_and_captions() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let config = folder.path().join("c.toml");
    std::fs::write(&config, "[translation.schedule.adam]\nlearning_rate = 0.004\n").unwrap();
    let reproduce = ["reproduce", "--only", "translation", "--seeds", "1", "--out", text(&out)];
    fernn().args(reproduce).args(SMALL).args(["--config", text(&config)]).assert().success();
    let records = records(&out);
    for model in ["G-RNN", "FERNN-V1", "FERNN-V2"] {
        let changed = of(&records, model, &Metric::CHANGED);
        let note = &changed[0].note;
        for change in [
            "schedule.steps 10 (was 500)",
            "schedule.adam.learning_rate 0.004 (was 0.002)",
            "test_sequences 9 (was 256)",
        ] {
            assert!(note.contains(change), "{note}");
        }
        let settings: toml::Table =
            toml::from_str(&of(&records, model, &Metric::SETTINGS)[0].note).unwrap();
        assert_eq!(settings["schedule"]["adam"]["learning_rate"].as_float(), Some(0.004));
    }
    let report = String::from_utf8(read(out.join("REPORT.md"))).unwrap();
    let told = report.matches("schedule.adam.learning_rate 0.004 (was 0.002)").count();
    assert!(told >= 4, "every table says so: {told}");
    let list = printed(&["list", "translation", "--config", text(&config)]);
    assert_eq!(list.matches("learning_rate = 0.004").count(), 3, "{list}");
}

#[test]
fn what_list_prints_is_a_configuration_that_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let printed_settings = printed(&["list", "kth", "--profile", "desk"]);
    let of_one = printed_settings.split("# ").find(|text| text.starts_with("FERNN-V2\n")).unwrap();
    let config = folder.path().join("c.toml");
    std::fs::write(&config, of_one.split_once('\n').unwrap().1).unwrap();
    let with = ["list", "kth", "--profile", "desk", "--config", text(&config)];
    assert_eq!(printed(&with), printed_settings);
}

#[test]
fn settings_that_cannot_be_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for (change, said) in [
        ("scheule.steps=3", "`schedule.steps`"),
        ("translation.schedule.stps=3", "`translation.schedule.steps`"),
        ("schedule.steps=many", "many"),
        ("schedule.steps=0", "schedule.steps"),
        ("schedule.adam.learning_rate=-1", "learning_rate"),
        ("schedule.adam.learning_rate=nan", "learning_rate"),
        ("model.feedback=loud", "loud"),
        ("batch=0", "batch"),
        ("world.canvas.size=9", "canvas"),
        ("velocity_range=1", "changes nothing"),
        ("shape.channels=1000000000", "shape.channels"),
        ("kth.size=9", "kth.size"),
        ("batch", "KEY=VALUE"),
    ] {
        let flags = ["reproduce", "--only", "translation", "--set", change, "--out", text(&out)];
        let error = refused(&flags);
        assert!(error.contains(said), "{change}: {error}");
        assert!(!out.exists(), "{change}");
    }
    let config = folder.path().join("c.toml");
    std::fs::write(&config, "batch = 4\nseen 3\n").unwrap();
    let error = refused(&["list", "translation", "--config", text(&config)]);
    assert!(error.contains("c.toml, line 2"), "{error}");
    std::fs::write(&config, "batch = 4\nsean = 3\n").unwrap();
    let error = refused(&["list", "translation", "--config", text(&config)]);
    assert!(error.contains("c.toml") && error.contains("`seen`"), "{error}");
    let error = refused(&["train", "translation", "--model", "FERNN-V9", "--out", "w.safetensors"]);
    assert!(error.contains("FERNN-V2"), "{error}");
}

#[test]
fn a_plan_says_what_would_run_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let flags = ["--only", "translation", "--steps", "7"];
    let reproduce = [&["reproduce", "--dry-run", "--out", text(&out)][..], &flags].concat();
    for plan in [printed(&[&["plan"][..], &flags].concat()), printed(&reproduce)] {
        assert!(plan.contains("9 units") && plan.contains("core-hours"), "{plan}");
        assert!(plan.contains("schedule.steps 7 (was 500)"), "{plan}");
        assert!(plan.lines().all(|line| line.chars().count() <= 80), "{plan}");
    }
    assert!(!out.exists());
}

/// A file of records with the test errors of two models under two seeds.
fn run(folder: &Path, name: &str, errors: [[f64; 2]; 2]) -> String {
    let mut all = Vec::new();
    for (model, errors) in ["G-RNN", "FERNN-V2"].iter().zip(errors) {
        for (seed, error) in errors.iter().enumerate() {
            all.push(Record {
                experiment: "translation".into(),
                subject: Subject::new(*model),
                seed: Some(seed as u64),
                profile: "quick".into(),
                split: Some(fernn::data::Split::Test),
                metric: Metric::MSE,
                value: Some(*error),
                ..Record::default()
            });
        }
    }
    let path = folder.join(format!("{name}.csv"));
    Evidence { records: all, pictures: vec![] }.write(&path).unwrap();
    path.display().to_string()
}

#[test]
fn runs_are_compared_by_seed_and_a_changed_verdict_fails() {
    let folder = tempfile::tempdir().unwrap();
    let good = run(folder.path(), "good", [[8.0, 9.0], [1.0, 1.5]]);
    let worse = run(folder.path(), "worse", [[8.0, 9.0], [2.0, 6.0]]);
    let bad = run(folder.path(), "bad", [[8.0, 9.0], [4.0, 4.5]]);
    let same = printed(&["compare", &good, &good, "--fail-on-change"]);
    assert!(same.contains("2 the same to the bit, 0 not"), "{same}");
    assert!(same.contains("0 changed"), "{same}");
    let said = printed(&["compare", &good, &worse]);
    // (2 + 6) / (1 + 1.5), between the seeds' own 2 and 4.
    assert!(said.contains("1.2 [1.0, 1.5] → 4.0 [2.0, 6.0]  × 3.2 [2.0, 4.0]"), "{said}");
    assert!(said.contains("reproduced → inconclusive"), "{said}");
    let output = fernn().args(["compare", &good, &bad, "--fail-on-change"]).assert().code(1);
    let said = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert!(said.contains("reproduced → not reproduced"), "{said}");
    let error = refused(&["compare", &good, "nowhere.csv"]);
    assert!(error.contains("nowhere.csv"), "{error}");
}
