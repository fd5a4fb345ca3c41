//! The only file of this suite that knows how experiments are declared, run and reported.

use super::setup::{self, Case, Flow, Weights};
use candle_core::{DType, Device};
use fernn::data::{Canvas, Digits};
use fernn::experiments::{Profile, Record, Selection, Session, Settings, Space, Task};
use fernn::ops::ConvAlgorithm;
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
