//! The only file of this suite that knows how experiments are declared, run and reported.

use super::setup::{self, Case, Flow, Weights};
use candle_core::{DType, Device};
use fernn::data::{Canvas, Digits, Sources, Split};
use fernn::experiments::forecasting::{
    Baseline, Evaluation, ForecastJob, RotationWorld, Settings, TranslationWorld, World, units,
};
use fernn::experiments::{
    CATALOGUE, Changes, DeviceKind, Evidence, Metric, Origin, PROVENANCE, Picture, Profile, Record,
    Request, Session, Subject, Unit, UnitKey,
};
use fernn::flow::{AnyVelocity, DegreesPerFrame, Lift, PixelsPerFrame};
use fernn::models::Decoder;
use fernn::ops::ConvAlgorithm;
use fernn::parameters::Parameters;
use fernn::report::{Format, write_report};
use fernn::statistics::steps_to_reach;
use fernn::training::{Alone, clip_gradient_norm};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

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
pub fn run(case: Case, digits: &Arc<Digits>, out: &Path) -> Vec<Ran> {
    let observer = |_: fernn::experiments::Event<'_>| ();
    let sources = &Sources::of(digits.clone());
    let origin = &Origin::here("values", &Device::Cpu);
    let session = Session { out, sources, origin, jobs: 1, ranks: &Alone, observer: &observer };
    let run = |unit: &Unit| {
        let evidence = session.run(std::slice::from_ref(unit)).unwrap();
        let path = session.files(unit).unwrap().checkpoint();
        Ran {
            rows: rows(&evidence),
            best: weights(&path, "best/"),
            last: weights(&path, "weights/"),
        }
    };
    case_units(case).iter().map(run).collect()
}

fn request() -> Request {
    let (seed, seeds) = (setup::SEEDS[0], Some(setup::SEEDS.len() as u64));
    let (algorithm, device) = (ConvAlgorithm::Auto, Device::Cpu);
    Request {
        profile: Profile::Quick,
        seed,
        seeds,
        steps: None,
        changes: Changes::default(),
        algorithm,
        device,
    }
}

fn evaluations(case: Case) -> &'static [Evaluation] {
    use Evaluation::*;
    match case.measures {
        setup::Measures::Prediction => &[Prediction, Horizon, Film, HiddenStates],
        setup::Measures::Velocities => &[Velocities],
        setup::Measures::Equivariance => &[Prediction, Horizon, Equivariance],
    }
}

/// The units of a case, one per seed.
fn case_units(case: Case) -> Vec<Unit> {
    match case.flow {
        Flow::Translation => units_of(case, translating(case)),
        Flow::Rotation => units_of(case, rotating(case)),
    }
}

fn units_of<W: World>(case: Case, settings: Settings<W>) -> Vec<Unit> {
    let model = (subject(case.model), settings);
    units(case.experiment, &request(), 2, vec![model], evaluations(case))
}

fn translating(case: Case) -> Settings<TranslationWorld> {
    let mut settings = cut_down(Settings::translation(Profile::Quick), case);
    settings.world.canvas = CANVAS;
    settings.shape.channels = setup::CHANNELS;
    settings
}

fn rotating(case: Case) -> Settings<RotationWorld> {
    let mut settings = cut_down(Settings::rotation(Profile::Quick), case);
    let world = &mut settings.world;
    (world.canvas, world.step_deg) = (CANVAS, setup::STEP_DEG);
    (world.tested_range, world.orientations) = (setup::TESTED_STEPS as u32, setup::ORIENTATIONS);
    world.lift = if case.is_co_moving { Lift::CoMoving } else { Lift::Trivial };
    settings.shape.channels = setup::FIELDS;
    if case.has_group_decoder {
        settings.shape.decoder = Decoder::Equivariant;
    }
    settings
}

const CANVAS: Canvas = Canvas { size: setup::SIZE, digit: setup::DIGIT };

fn cut_down<W>(settings: Settings<W>, case: Case) -> Settings<W> {
    let mut settings = settings.with_velocities(case.range as u32);
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
    settings.shape.decoder_layers = setup::DECODER_LAYERS;
    settings
}

fn subject(model: &str) -> Subject {
    match model.split_once(' ') {
        Some((model, variant)) => Subject::new(model).with_variant(variant),
        None => Subject::new(model),
    }
}

/// Everything measured, pixels of pictures last.
fn rows(evidence: &Evidence) -> Vec<Row> {
    // Baselines, and errors of returning velocities apart, have laws of their own in `experiments`.
    let others =
        [Metric::SETTINGS, Metric::ORIGIN, Metric::MSE_REPEATING, Metric::MSE_NOT_REPEATING];
    let is_measured = |r: &&Record| {
        let is_other = others.contains(&r.metric) || Baseline::is_one(&r.subject);
        r.experiment != PROVENANCE && !is_other
    };
    evidence
        .records
        .iter()
        .filter(is_measured)
        .map(row)
        .chain(evidence.pictures.iter().flat_map(pixels))
        .collect()
}

fn row(record: &Record) -> Row {
    let velocity = match record.velocity {
        None => vec![],
        Some(AnyVelocity::Translation(v)) => vec![v.x, v.y],
        Some(AnyVelocity::Rotation(v)) => vec![v.0],
    };
    Row {
        experiment: record.experiment.clone(),
        model: record.subject.to_string(),
        seed: record.seed.unwrap(),
        split: record.split.map(|split| split.name().to_string()).unwrap_or_default(),
        metric: record.metric.to_string(),
        step: record.step,
        horizon: record.horizon,
        velocity,
        pixel: None,
        value: record.value.unwrap(),
    }
}

fn pixels(picture: &Picture) -> Vec<Row> {
    let pixel = |(i, value): (usize, &f32)| Row {
        experiment: picture.experiment.clone(),
        model: picture.subject.to_string(),
        seed: picture.seed,
        split: picture.split.unwrap().name().to_string(),
        metric: picture.metric.to_string(),
        step: None,
        horizon: Some(picture.horizon),
        velocity: vec![],
        pixel: Some(((i % picture.width) as u32, (i / picture.width) as u32)),
        value: f64::from(*value),
    };
    picture.pixels.iter().enumerate().map(pixel).collect()
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
    let velocity = match row.velocity.as_slice() {
        [] => None,
        &[degrees] => Some(DegreesPerFrame(degrees).into()),
        other => Some(PixelsPerFrame::new(other[0], other[1]).into()),
    };
    Record {
        experiment: row.experiment.clone(),
        subject: subject(&row.model),
        seed: Some(row.seed),
        split: Split::ALL.into_iter().find(|split| split.name() == row.split),
        metric: Metric::named(row.metric.clone()),
        step: row.step,
        horizon: row.horizon,
        velocity,
        value: Some(row.value),
        ..Record::default()
    }
}

/// The settings of an experiment with what a note says of them.
fn settings_text(experiment: &str, note: &str) -> String {
    let note: toml::Table = note.parse().unwrap();
    let number = |key: &str| note.get(key).and_then(|v| v.as_integer());
    if !experiment.starts_with("rotation") {
        let mut settings = Settings::translation(Profile::Paper);
        settings.predicted = number("predicted").map_or(settings.predicted, |n| n as usize);
        settings.training_range = number("training_range").map_or(2, |n| n as u32);
        return toml::to_string(&settings).unwrap();
    }
    let mut settings = Settings::rotation(Profile::Paper);
    settings.predicted = number("predicted").map_or(settings.predicted, |n| n as usize);
    settings.training_range = number("training_range").map_or(4, |n| n as u32);
    settings.world.step_deg = number("step_deg").map_or(10, |n| n as i32);
    toml::to_string(&settings).unwrap()
}

/// Rows as evidence, with what is noted of the run: (name, text).
fn evidence(rows: &[Row], notes: &[(&str, &str)]) -> Evidence {
    let mut records: Vec<Record> = rows.iter().map(record).collect();
    for (name, text) in notes {
        match name.strip_prefix("settings of ") {
            Some(experiment) => {
                let of_it = records.iter().find(|r| r.experiment == experiment);
                let Some(of_it) = of_it.cloned() else { continue };
                let (metric, note) = (Metric::SETTINGS, settings_text(experiment, text));
                let settings = Record { metric, note, value: None, ..of_it };
                records.insert(0, settings);
            }
            None => records.iter_mut().for_each(|r| r.profile = text.to_string()),
        }
    }
    Evidence { records, pictures: vec![] }
}

/// The cells of every table of the report of some rows, header first, by the table's name.
pub fn tables(rows: &[Row], notes: &[(&str, &str)]) -> BTreeMap<String, Vec<Vec<String>>> {
    let out = tempfile::tempdir().unwrap();
    write_report(&evidence(rows, notes), CATALOGUE, &Format::DEFAULT, out.path()).unwrap();
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
    let out = tempfile::tempdir().unwrap();
    // An experiment is judged where it ran; a row of no meaning says that it did.
    let mut evidence = evidence(rows, notes);
    for experiment in ["translation", "velocity", "rotation", "rotation-velocity"] {
        let key = UnitKey { experiment: experiment.into(), ..UnitKey::default() };
        evidence.records.push(key.record(None, Metric::named("ran"), 0.0));
    }
    let judged = write_report(&evidence, CATALOGUE, &Format::DEFAULT, out.path())
        .unwrap()
        .verdicts
        .into_iter();
    let judged = judged.map(|v| Judged {
        claim: v.claim.words,
        outcome: v.outcome.name(),
        estimate: v.measured.map(|m| m.interval.estimate),
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

/// The digests of a case's first unit, and of units that differ from it in one thing each.
pub fn digests(
    case: Case,
    digits: &Arc<Digits>,
    other: &Arc<Digits>,
) -> Vec<(&'static str, String)> {
    let here = Origin::here("values", &Device::Cpu);
    let on = |digits: &Arc<Digits>, origin: &Origin, unit: &Unit| {
        unit.digest(&Sources::of(digits.clone()), origin).unwrap()
    };
    let of = |digits: &Arc<Digits>, unit: &Unit| on(digits, &here, unit);
    let unit = |change: &dyn Fn(&mut Settings<TranslationWorld>)| {
        let mut settings = translating(case);
        change(&mut settings);
        units_of(case, settings).swap_remove(0)
    };
    let changed = |change: &dyn Fn(&mut Settings<TranslationWorld>)| of(digits, &unit(change));
    let keyed = |change: &dyn Fn(&mut UnitKey)| {
        let mut unit = unit(&|_| ());
        change(&mut unit.key);
        of(digits, &unit)
    };
    let second_seed = &units_of(case, translating(case))[1];
    let first_as_second = {
        let job = ForecastJob {
            settings: translating(case),
            evaluations: evaluations(case),
            shows_frames: false,
            has_baselines: false,
            device: Device::Cpu,
        };
        let plain = unit(&|_| ());
        of(digits, &Unit { shows_frames: second_seed.shows_frames, job: Box::new(job), ..plain })
    };
    let plain = unit(&|_| ());
    // Who ran it, and on how many threads, changes no unit.
    let other_commit = Origin { commit: "another".into(), threads: 64, ..here.clone() };
    assert_eq!(on(digits, &other_commit, &plain), of(digits, &plain));
    vec![
        ("nothing", of(digits, &plain)),
        ("data", of(other, &plain)),
        ("device", on(digits, &Origin { device: DeviceKind::Cuda, ..here.clone() }, &plain)),
        ("seed", keyed(&|key| key.seed += 1)),
        ("which seed is shown", first_as_second),
        ("profile", keyed(&|key| key.profile = "desk".into())),
        ("model", changed(&|s| s.velocity_range += 1)),
        ("steps", changed(&|s| s.schedule.steps += 1)),
        ("rate", changed(&|s| s.schedule.adam.learning_rate *= 2.0)),
        ("clipping", changed(&|s| s.schedule.clip = None)),
        ("training velocities", changed(&|s| s.training_range += 1)),
        ("test sequences", changed(&|s| s.test_sequences += 1)),
    ]
}
