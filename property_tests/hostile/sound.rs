//! Small sound files of every format, made by the crate where it writes the format.

use crate::readers;
use candle_core::{DType, Device, Tensor};
use fernn::cells::Fields;
use fernn::data::Split;
use fernn::equivariance::Key;
use fernn::experiments::{CATALOGUE, Changes, Evidence, Metric, Picture, Record, Unit};
use fernn::flow::VelocitySet;
use fernn::flow::{DegreesPerFrame, PixelsPerFrame};
use fernn::models::{
    ClassifierChoice, ClassifierKind, ClassifierShape, Decoder, ForecasterChoice, ForecasterShape,
};
use fernn::ops::SteerableBasis;
use fernn::parameters::{Initial, Parameters, Tensors};
use fernn::verification::{Baseline, Row};
use std::io::Write;
use std::path::Path;

/// The sound files of a reader.
pub fn files(reader: &str) -> Vec<Vec<u8>> {
    match reader {
        "idx_images" => both_ways(idx(0x0803, &[12, 3, 5])),
        "idx_labels" => both_ways(idx(0x0801, &[12])),
        "annotation" => vec![ANNOTATION.into()],
        "weights" => [
            forecaster(),
            turning(),
            classifier(ClassifierKind::Flow),
            classifier(ClassifierKind::LearnedShift),
            classifier(ClassifierKind::VideoCnn),
        ]
        .map(|tensors| safetensors(&tensors))
        .into(),
        "inputs" => vec![safetensors(&frames()), safetensors(&recorded())],
        "checkpoint" => vec![checkpoint()],
        "records" => records(),
        "baseline" => vec![baseline()],
        "settings" => settings(),
        other => panic!("no sound file for {other}"),
    }
}

/// Where damage and fuzzing begin: sound files, and the headers of tensors, which [`readers`] put values behind.
pub fn starts(reader: &str) -> Vec<Vec<u8>> {
    let mut all = files(reader);
    if ["weights", "inputs", "checkpoint"].contains(&reader) {
        all.extend(all.iter().map(|bytes| header(bytes)).collect::<Vec<_>>());
    }
    all
}

/// The header of a safetensors file.
fn header(bytes: &[u8]) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8..8 + length].trim_ascii_end().to_vec()
}

fn written(write: impl FnOnce(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    write(&path);
    std::fs::read(path).unwrap()
}

fn idx(magic: u32, extents: &[u32]) -> Vec<u8> {
    let words = [magic].into_iter().chain(extents.iter().copied());
    let items: u32 = extents.iter().product();
    words.flat_map(u32::to_be_bytes).chain((0..items).map(|i| (i % 10) as u8)).collect()
}

/// As it is, and zipped.
fn both_ways(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(&bytes).unwrap();
    vec![zip.finish().unwrap(), bytes]
}

const ANNOTATION: &str = "person01_boxing_d1\t\tframes\t1-95, 96-185, 186-245\r\n\
    person13_handclapping_d3\t*missing*\r\n\r\nperson22_running_d4 frames 1-20,90-110, 1-7\n";

fn safetensors(tensors: &Tensors) -> Vec<u8> {
    safetensors::serialize(tensors, None).unwrap()
}

fn drawn(all: &[Initial]) -> Tensors {
    Parameters::draw(all, 5, &Device::Cpu).unwrap().detached()
}

const SHAPE: ForecasterShape = ForecasterShape {
    inputs: 1,
    channels: 2,
    outputs: 1,
    decoder_layers: 1,
    decoder: Decoder::Plain,
};

fn forecaster() -> Tensors {
    let velocities = VelocitySet::<PixelsPerFrame>::square(1);
    drawn(&ForecasterChoice::default().parameters(&SHAPE, &Fields::Plain, &velocities))
}

/// Coefficients of steerable filters, which are expanded.
fn turning() -> Tensors {
    let fields = Fields::Steerable(SteerableBasis::new(4, 3).unwrap());
    let velocities = VelocitySet::<DegreesPerFrame>::trivial();
    drawn(&ForecasterChoice::default().parameters(&SHAPE, &fields, &velocities))
}

fn classifier(kind: ClassifierKind) -> Tensors {
    let choice = ClassifierChoice { kind, ..ClassifierChoice::default() };
    let shape = ClassifierShape { inputs: 1, widths: [1, 2, 2], classes: 3 };
    drawn(&choice.parameters(&shape, &VelocitySet::square(1)))
}

fn values(shape: &[usize]) -> Tensor {
    let count = shape.iter().product::<usize>();
    let values: Vec<f32> = (0..count).map(|i| (i % 13) as f32 * 0.1).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn frames() -> Tensors {
    Tensors::from([("input_seq".to_string(), values(&[1, 3, 1, 3, 5]))])
}

/// What another framework records: frames, states and numbers, as they are and moved.
fn recorded() -> Tensors {
    let stages =
        [("input", vec![1, 2, 1, 3, 5]), ("state", vec![9, 1, 2, 1, 3, 5]), ("logits", vec![1, 3])];
    let of = |before: &str| {
        stages.clone().map(|(stage, shape)| (format!("{before}.{stage}"), values(&shape)))
    };
    let square = VelocitySet::<PixelsPerFrame>::square(1);
    let velocities: Vec<f64> =
        square.as_slice().iter().flat_map(|v| [f64::from(v.x), f64::from(v.y)]).collect();
    let velocities = Tensor::from_vec(velocities, (9, 2), &Device::Cpu).unwrap();
    let all = of("reference").into_iter().chain(of("flow.1,0")).chain(of("still.0,-1"));
    all.chain([("velocities".to_string(), velocities.to_dtype(DType::F32).unwrap())]).collect()
}

fn checkpoint() -> Vec<u8> {
    written(|path| drop(readers::trained(path).unwrap()))
}

fn baseline() -> Vec<u8> {
    let row = |cell: &str, error: Option<f64>| {
        let key = Key { property: "flow, still".into(), cell: cell.into(), ..Key::default() };
        let Key { property, flow, cell, lift, group, velocities, algorithm } = key;
        let verdict = if error.is_some() { "rounding" } else { "BROKEN" };
        Row {
            property,
            flow,
            cell,
            lift,
            group,
            velocities,
            algorithm,
            expected: verdict.into(),
            verdict: verdict.into(),
            error_f32: error,
            error_f64: error.map(|e| e * 1e-9),
            margin: error.map(|_| 8.0),
            holds: true,
        }
    };
    let rows = vec![row("simple", Some(1e-7)), row("G-RNN \"plain\"", None)];
    written(|path| Baseline::of(rows).write(path).unwrap())
}

/// The settings of each experiment's first unit, as they are printed.
fn settings() -> Vec<Vec<u8>> {
    let request = readers::request(Changes::default());
    let units = CATALOGUE
        .iter()
        .flat_map(|experiment| experiment.units(&request).unwrap().into_iter().take(1));
    let mut all: Vec<Vec<u8>> = units.map(|unit| unit.settings.into_bytes()).collect();
    all.push(
        b"batch = 3\n[kth]\nlayers = 2\n[translation.schedule]\nsteps = 9\nadam.beta1 = 0.5\n"
            .into(),
    );
    all
}

/// Records as each experiment has them, with a picture of each kind beside them.
fn records() -> Vec<Vec<u8>> {
    let request = readers::request(Changes::default());
    let of = |units: Vec<Unit>| {
        let units: Vec<Unit> = units.into_iter().take(3).collect();
        let records = units.iter().flat_map(measured).collect();
        let pictures = units.iter().take(1).flat_map(pictures).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.csv");
        Evidence { records, pictures }.write(&path).unwrap();
        let pictures = std::fs::read(folder.path().join("pictures.csv")).unwrap_or_default();
        [std::fs::read(&path).unwrap(), vec![readers::PICTURES_FOLLOW], pictures].concat()
    };
    CATALOGUE
        .iter()
        .map(|experiment| experiment.units(&request).unwrap())
        .filter(|units| !units.is_empty())
        .map(of)
        .collect()
}

/// A row of everything that is measured of a unit, whatever its experiment asks for.
fn measured(unit: &Unit) -> Vec<Record> {
    let test = |metric: Metric, value: f64| unit.key.record(Some(Split::Test), metric, value);
    let settings = Record {
        value: None,
        note: unit.settings.clone(),
        ..unit.key.record(None, Metric::SETTINGS, 0.0)
    };
    let mut all = vec![
        settings,
        unit.key.record(None, Metric::PARAMETERS, 9564.0),
        unit.key.record(Some(Split::Validation), Metric::BEST_STEP, 20.0),
        unit.key.record(None, Metric::LAWS_CHECKED, 12.0),
        unit.key.record(None, Metric::LAWS_BROKEN, 1.0),
        unit.key.record(None, Metric::IS_KTH, 0.0),
        test(Metric::MSE, 0.02),
        test(Metric::ACCURACY, 0.75),
        test(Metric::INVARIANCE_BREACH, 0.5),
        test(Metric::taken_for("boxing", "walking"), 3.0),
        test(Metric::taken_for("boxing", "boxing"), 5.0),
    ];
    for step in [10, 20] {
        let at = |metric| Record {
            step: Some(step),
            ..unit.key.record(Some(Split::Validation), metric, 0.5)
        };
        all.extend([at(Metric::LOSS), at(Metric::ACCURACY)]);
    }
    for horizon in 1..4 {
        let at =
            |metric| Record { horizon: Some(horizon), ..test(metric, 0.1 / f64::from(horizon)) };
        all.extend([
            at(Metric::MSE_BY_HORIZON),
            at(Metric::EQUIVARIANCE_UNTRAINED),
            at(Metric::EQUIVARIANCE_TRAINED),
            at(Metric::ACCURACY_REDRAWN),
        ]);
    }
    for velocity in [PixelsPerFrame::new(0, -1).into(), DegreesPerFrame(90).into()] {
        let at = |metric| Record { velocity: Some(velocity), ..test(metric, 0.25) };
        all.extend([at(Metric::MSE_BY_VELOCITY), at(Metric::ACCURACY_BY_VELOCITY)]);
    }
    all.push(Record { velocities: Some(2), ..test(Metric::ACCURACY_BY_RANGE, 0.5) });
    all
}

/// Two frames of every kind of picture.
fn pictures(unit: &Unit) -> Vec<Picture> {
    let kinds = [
        Metric::FILM_TRUTH,
        Metric::FILM_PREDICTION,
        Metric::HIDDEN_INPUT,
        Metric::HIDDEN_LAB,
        Metric::HIDDEN_STABILISED,
    ];
    let both = kinds.iter().flat_map(|kind| [(kind, 0), (kind, 1)]);
    both.map(|(kind, horizon)| Picture {
        width: 3,
        pixels: vec![0.0, 0.5, 1.0, -0.25, 1e-9, 0.75],
        ..unit.key.picture(Split::Test, kind.clone(), horizon)
    })
    .collect()
}
