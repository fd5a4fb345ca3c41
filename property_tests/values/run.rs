//! The only file of this suite that knows how experiments are declared, run and reported.

use super::setup::{self, Case, Flow, Weights};
use candle_core::{DType, Device};
use fernn::data::{Canvas, Digits};
use fernn::experiments::claims::judge;
use fernn::experiments::{
    PROVENANCE, Profile, Record, Selection, Session, Settings, Space, Task, steps_to_reach,
};
use fernn::models::Parameters;
use fernn::ops::ConvAlgorithm;
use fernn::report::write_report;
use fernn::training::clip_gradient_norm;
use std::collections::BTreeMap;
use std::path::Path;

/// A measured value: everything that says which, and the value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pub experiment: String,
    pub model: String,
    pub seed: u64,
    pub split: String,
    pub metric: String,
    pub step: Option<u64>,
    pub horizon: Option<u32>,
    /// (vx, vy), or degrees alone, or nothing.
    pub velocity: Vec<i32>,
    /// (x, y).
    pub pixel: Option<(u32, u32)>,
    pub value: f64,
}

/// What a run left behind.
pub struct Ran {
    pub rows: Vec<Row>,
    pub best: Weights,
    pub last: Weights,
}

/// Runs a case under every seed, into a folder.
pub fn run(case: Case, digits: &Digits, out: &Path) -> Vec<Ran> {
    let observer = |_: fernn::experiments::Event<'_>| ();
    let session = Session { out, digits, commit: "values", observer: &observer };
    let run = |task: &Task| {
        let rows = session.run(std::slice::from_ref(task)).unwrap().iter().map(row).collect();
        let path = out.join("runs").join(format!("{}.safetensors", task.slug()));
        Ran { rows, best: weights(&path, "best/"), last: weights(&path, "weights/") }
    };
    tasks(case).iter().map(run).collect()
}

/// The tasks of a case, one per seed.
fn tasks(case: Case) -> Vec<Task> {
    let selection = Selection {
        profile: Profile::Quick,
        only: vec![case.experiment.into()],
        seed: setup::SEEDS[0],
        seeds: Some(setup::SEEDS.len() as u64),
        steps: None,
        algorithm: ConvAlgorithm::Auto,
        device: Device::Cpu,
    };
    let mut tasks = selection.tasks().unwrap();
    // The quick profile's rotation models have the range 2; the small run's velocities go to 1.
    tasks.retain(|task| task.model.name() == case.model.replace("VR1", "VR2"));
    for task in &mut tasks {
        task.model.velocity_range = case.range as u32;
        cut_down(&mut task.settings, case);
    }
    tasks
}

fn cut_down(settings: &mut Settings, case: Case) {
    let canvas = Canvas { size: setup::SIZE, digit: setup::DIGIT };
    (settings.seen, settings.predicted) = (setup::SEEN, setup::PREDICTED);
    (settings.horizon, settings.batch) = (setup::HORIZON, setup::BATCH);
    settings.training_range = case.trained_range as u32;
    settings.validation_sequences = setup::VALIDATION_SEQUENCES;
    settings.test_sequences = setup::TEST_SEQUENCES;
    settings.horizon_sequences = setup::HORIZON_SEQUENCES;
    settings.velocity_sequences = setup::VELOCITY_SEQUENCES;
    (settings.schedule.steps, settings.schedule.interval) = (setup::STEPS, setup::INTERVAL);
    settings.schedule.clip = case.clip;
    settings.schedule.adam.learning_rate = case.rate;
    match &mut settings.space {
        Space::Translation(space) => {
            (space.canvas, space.shape.channels) = (canvas, setup::CHANNELS);
            space.shape.decoder_layers = setup::DECODER_LAYERS;
        }
        Space::Rotation(space) => {
            (space.canvas, space.step_deg) = (canvas, setup::STEP_DEG);
            space.tested_range = setup::TESTED_STEPS as u32;
            (space.shape.fields, space.shape.orientations) = (setup::FIELDS, setup::ORIENTATIONS);
            space.shape.decoder_layers = setup::DECODER_LAYERS;
        }
    }
    assert_eq!(matches!(settings.space, Space::Rotation(_)), case.flow == Flow::Rotation);
}

fn row(record: &Record) -> Row {
    let degrees = record.velocity_deg.map(|v| vec![v]);
    let pixels = || Some(vec![record.velocity_x?, record.velocity_y?]);
    Row {
        experiment: record.experiment.clone(),
        model: record.model.clone(),
        seed: record.seed.unwrap(),
        split: record.split.clone(),
        metric: record.metric.clone(),
        step: record.step,
        horizon: record.horizon,
        velocity: degrees.or_else(pixels).unwrap_or_default(),
        pixel: record.pixel_x.zip(record.pixel_y),
        value: record.value.unwrap(),
    }
}

fn weights(path: &Path, prefix: &str) -> Weights {
    let tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let plain = |(name, tensor): (&String, &candle_core::Tensor)| {
        let values = tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        Some((name.strip_prefix(prefix)?.to_string(), values))
    };
    tensors.iter().filter_map(plain).collect()
}

fn record(row: &Row) -> Record {
    let at = |place: usize| row.velocity.get(place).copied();
    let is_angle = row.velocity.len() == 1;
    Record {
        experiment: row.experiment.clone(),
        model: row.model.clone(),
        seed: Some(row.seed),
        split: row.split.clone(),
        metric: row.metric.clone(),
        step: row.step,
        horizon: row.horizon,
        velocity_x: at(0).filter(|_| !is_angle),
        velocity_y: at(1),
        velocity_deg: at(0).filter(|_| is_angle),
        value: Some(row.value),
        ..Record::default()
    }
}

/// Rows as records, after what is noted of the run: (name, text).
fn records(rows: &[Row], notes: &[(&str, &str)]) -> Vec<Record> {
    let note = |&(metric, note): &(&str, &str)| Record {
        experiment: PROVENANCE.into(),
        metric: metric.into(),
        note: note.into(),
        ..Record::default()
    };
    notes.iter().map(note).chain(rows.iter().map(record)).collect()
}

/// The cells of every table of the report of some rows, header first, by the table's name.
pub fn tables(rows: &[Row], notes: &[(&str, &str)]) -> BTreeMap<String, Vec<Vec<String>>> {
    let out = tempfile::tempdir().unwrap();
    write_report(&records(rows, notes), out.path()).unwrap();
    let mut tables = BTreeMap::new();
    for entry in std::fs::read_dir(out.path().join("tables")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(&path).unwrap();
            let cells = |row: csv::StringRecord| row.iter().map(String::from).collect();
            let rows = reader.records().map(|row| cells(row.unwrap())).collect();
            tables.insert(path.file_stem().unwrap().to_str().unwrap().to_string(), rows);
        }
    }
    tables
}

/// A verdict on some rows.
#[derive(Debug)]
pub struct Judged {
    pub claim: String,
    pub outcome: &'static str,
    pub estimate: Option<f64>,
}

pub fn verdicts(rows: &[Row], notes: &[(&str, &str)]) -> Vec<Judged> {
    let judged = judge(&records(rows, notes)).into_iter().map(|v| Judged {
        claim: v.claim,
        outcome: v.outcome.name(),
        estimate: v.measured.map(|(interval, _)| interval.estimate),
    });
    judged.collect()
}

/// The first step of a curve at which a level is reached.
pub fn reached(curve: &[(u64, f64)], level: f64) -> Option<u64> {
    steps_to_reach(curve, level)
}

/// The norm of two parameters' gradients, and what clipping makes of them.
pub fn clipped(gradients: [f32; 2], limit: Option<f64>) -> (f64, [f32; 2]) {
    let zero = || candle_core::Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
    let parameters = Parameters::from_tensors(["a", "b"].map(|n| (n.to_string(), zero()))).unwrap();
    let variables = parameters.variables();
    // The gradient of Σ g·x is g.
    let terms =
        variables.iter().zip(gradients).map(|(x, g)| (x.as_tensor() * f64::from(g)).unwrap());
    let loss = terms.reduce(|a, b| (a + b).unwrap()).unwrap().sum_all().unwrap();
    let mut store = loss.backward().unwrap();
    let norm = clip_gradient_norm(&parameters, &mut store, limit).unwrap();
    let value = |i: usize| store.get(&variables[i]).unwrap().to_vec1::<f32>().unwrap()[0];
    (norm, [value(0), value(1)])
}

/// The fingerprints of a case's first run, and of runs that differ from it in one thing each.
pub fn fingerprints(case: Case, digits: &Digits, other: &Digits) -> Vec<(&'static str, String)> {
    let task = tasks(case).swap_remove(0);
    let of = |change: &dyn Fn(&mut Task)| {
        let mut task = task.clone();
        change(&mut task);
        task.fingerprint(digits, "values")
    };
    vec![
        ("nothing", task.fingerprint(digits, "values")),
        ("data", task.fingerprint(other, "values")),
        ("commit", task.fingerprint(digits, "another")),
        ("seed", of(&|t| t.seed += 1)),
        ("which seed is shown", of(&|t| t.is_first_seed = false)),
        ("profile", of(&|t| t.profile = Profile::Desk)),
        ("model", of(&|t| t.model.velocity_range += 1)),
        ("steps", of(&|t| t.settings.schedule.steps += 1)),
        ("rate", of(&|t| t.settings.schedule.adam.learning_rate *= 2.0)),
        ("clipping", of(&|t| t.settings.schedule.clip = None)),
        ("training velocities", of(&|t| t.settings.training_range += 1)),
        ("test sequences", of(&|t| t.settings.test_sequences += 1)),
    ]
}
