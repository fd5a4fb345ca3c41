//! Every reader of files on bytes of anybody: they are refused as the file's fault, or taken, and what is taken is
//! put to its next use, which must not panic either. The suite `hostile` and the fuzz targets share these.

use candle_core::{DType, Device, Tensor};
use fernn::Result;
use fernn::cells::{CellChoice, CellKind};
use fernn::data::kth::{Annotation, Ranges};
use fernn::data::{Digits, Division, FILES, Split, parse_images, parse_labels, read_maybe_gzipped};
use fernn::equivariance::{Recording, check_recorded};
use fernn::experiments::{
    CATALOGUE, Changes, Evidence, Failure, Profile, Records, Request, changed_settings,
};
use fernn::flow::{FlowSpace, Lift, Rotation, Translation, VelocitySet};
use fernn::models::{
    Classifier, ClassifierChoice, ClassifierKind, ForecasterChoice, Mode, expanded,
};
use fernn::ops::ConvAlgorithm;
use fernn::parameters::{Draw, Initial, Parameters, Tensors, load, load_f32, load_weights};
use fernn::tensor_file::TensorFile;
use fernn::training::{
    AdamConfig, Alone, Checkpoint, CheckpointFile, Learner, Loss, RunName, Schedule, Trainer,
    Training,
};
use fernn::verification::Baseline;
use std::path::{Path, PathBuf};

/// A reader with what is done next; true where it took the bytes.
pub type Reader = fn(&[u8]) -> bool;

/// All readers by the name of their fuzz target.
pub const READERS: [(&str, Reader); 9] = [
    ("idx_images", idx_images),
    ("idx_labels", idx_labels),
    ("annotation", annotation),
    ("weights", weights),
    ("inputs", inputs),
    ("checkpoint", checkpoint),
    ("records", records),
    ("baseline", baseline),
    ("settings", settings),
];

/// What stands between the records and the pictures beside them, which are one input of the fuzzer.
pub const PICTURES_FOLLOW: u8 = 0;

/// What a reader gave; what it refuses is called the file's fault, in words.
fn taken<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(error.is_usage(), "not called the file's fault: {error:?}");
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().unwrap();
}

/// A file of this thread with some bytes.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.with(|folder| folder.path().join(name));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A safetensors file. Bytes that begin as its header does are given the length before it and as many values behind
/// it as it asks for: chance, which guesses neither, would hardly get beyond them.
fn tensor_file(bytes: &[u8]) -> Vec<u8> {
    const MOST_VALUES: usize = 1 << 16;
    if !bytes.starts_with(b"{") {
        return bytes.to_vec();
    }
    let place = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let (header, values) = bytes.split_at(place);
    let text = String::from_utf8_lossy(header);
    let number = |text: &str| text.split([',', ']']).nth(1)?.trim().parse::<usize>().ok();
    let ends = text.split("\"data_offsets\":[").skip(1).filter_map(number);
    let mut values = values.to_vec();
    values.resize(ends.filter(|&end| end <= MOST_VALUES).max().unwrap_or(0), 0x3d);
    [&(header.len() as u64).to_le_bytes(), header, &values].concat()
}

/// The content of an IDX file, unzipped.
fn idx_content(bytes: &[u8]) -> Option<Vec<u8>> {
    taken(read_maybe_gzipped(&file("some.idx", bytes)))
}

/// An IDX file of images, then the digits of a folder that holds them.
pub fn idx_images(bytes: &[u8]) -> bool {
    let Some(content) = idx_content(bytes) else { return false };
    let Some(((height, width), pixels)) = taken(parse_images(&content, None, Path::new("x")))
    else {
        return false;
    };
    let count = pixels.len() / (height * width);
    assert_eq!(pixels.len(), count * height * width);
    let head = [&[0, 0, 8, 1][..], &(count as u32).to_be_bytes()].concat();
    look_at_digits(&content, &[head, vec![1; count]].concat());
    true
}

/// An IDX file of labels, then the digits of a folder that holds them.
pub fn idx_labels(bytes: &[u8]) -> bool {
    let Some(content) = idx_content(bytes) else { return false };
    let Some(labels) = taken(parse_labels(&content, None, Path::new("x"))) else { return false };
    let extents = [0x0803, labels.len() as u32, 1, 1];
    let head = extents.iter().flat_map(|word: &u32| word.to_be_bytes());
    look_at_digits(&head.chain(labels).collect::<Vec<u8>>(), &content);
    true
}

/// The digits of images and labels, in training and in the test.
fn look_at_digits(images: &[u8], labels: &[u8]) {
    let folder = FOLDER.with(|folder| folder.path().to_path_buf());
    for (which, published) in FILES.iter().enumerate() {
        file(published.name, if which % 2 == 0 { images } else { labels });
    }
    let Some(digits) = taken(Digits::in_folder(&folder)) else { return };
    let (height, width) = digits.extents();
    for split in Split::ALL {
        assert!((0..digits.len(split)).all(|i| digits.pixels(split, i).len() == height * width));
    }
    assert!(digits.note().is_some() && digits.description().starts_with("not MNIST"));
}

/// KTH's annotation, then what it says of videos of some lengths.
pub fn annotation(bytes: &[u8]) -> bool {
    let Some(annotation) = taken(Annotation::parse(bytes, Path::new("x"))) else { return false };
    for entry in annotation.entries() {
        for &stretch in &entry.stretches {
            assert!((1..=1 << 32).contains(&stretch.length()));
            for frames in [0, 1, 360, usize::MAX] {
                for ranges in [Ranges::OneBased, Ranges::ZeroBased] {
                    let place = ranges.place(stretch, frames);
                    assert!(place.is_none_or(|(first, n)| n >= 1 && first + n <= frames));
                }
            }
        }
    }
    let all: usize = annotation.entries().iter().map(|entry| entry.stretches.len()).sum();
    assert_eq!(annotation.counts(Division::PublicCode, 0).iter().sum::<usize>(), all);
    annotation.recorded().next().is_some()
}

/// Weights, then every model that they may be of, on a few frames.
pub fn weights(bytes: &[u8]) -> bool {
    let path = file("weights.safetensors", &tensor_file(bytes));
    let Some(weights) = taken(load_weights(&path, &Device::Cpu)) else { return false };
    let forecasters = CellKind::ALL.map(|kind| forecasts(&weights.tensors, kind, &path));
    let classifiers =
        [ClassifierKind::Flow, ClassifierKind::LearnedShift, ClassifierKind::VideoCnn]
            .map(|kind| classifies(&weights.tensors, kind, &path));
    let turns = turns(&weights.tensors, &path);
    forecasters.into_iter().chain(classifiers).any(|is_one| is_one) || turns
}

/// Frames (1, 3, C, 5, 7) for a model of C input channels, where those are few.
fn frames(channels: usize) -> Option<Tensor> {
    let values = (0..105 * channels).map(|i| (i % 17) as f32 / 17.0).collect();
    let most = 64; // a file may ask for more than the machine has
    (channels <= most)
        .then(|| Tensor::from_vec(values, (1, 3, channels, 5, 7), &Device::Cpu).unwrap())
}

/// Input channels of the kernel of a name.
fn channels(tensors: &Tensors, name: &str) -> usize {
    tensors.get(name).and_then(|kernel| kernel.dims().get(1).copied()).unwrap_or(1)
}

fn forecasts(tensors: &Tensors, kind: CellKind, path: &Path) -> bool {
    let lift = if kind == CellKind::LearnedShift { Lift::Trivial } else { Lift::CoMoving };
    let space = FlowSpace::new(Translation, VelocitySet::square(1), lift);
    let choice = ForecasterChoice { cell: CellChoice::of(kind), ..ForecasterChoice::default() };
    let Some(model) = taken(choice.from_kernels(tensors, space, path)) else { return false };
    let Some(frames) = frames(channels(tensors, "cell.conv_u.weight")) else { return true };
    let forecast = model.forecast(&frames, 2);
    // A decoder may give other channels than the cell reads, which is no fault of the file alone.
    if let Ok(forecast) = forecast {
        assert_eq!(forecast.dims()[..2], [1, 2]);
    }
    true
}

fn turns(tensors: &Tensors, path: &Path) -> bool {
    let Some(tensors) = taken(expanded(tensors.clone(), 4)) else { return false };
    let group = Rotation::new(4).unwrap();
    let space = FlowSpace::new(group, VelocitySet::trivial(), Lift::Trivial);
    let choice = ForecasterChoice::default();
    let Some(model) = taken(choice.from_kernels(&tensors, space, path)) else { return false };
    let Some(frames) = frames(channels(&tensors, "filters.conv_u")) else { return true };
    let _ = model.forecast(&frames, 2);
    true
}

fn classifies(tensors: &Tensors, kind: ClassifierKind, path: &Path) -> bool {
    let choice = ClassifierChoice { kind, ..ClassifierChoice::default() };
    let built = choice.classifier(tensors, &VelocitySet::square(1), path);
    let Some(model) = taken(built) else { return false };
    let Some(clips) = frames(channels(tensors, "encoder.0.weight")) else { return true };
    let _ = model.logits(&clips, &mut Mode::Evaluation);
    true
}

/// Inputs: frames for a model, or stages that another framework recorded.
pub fn inputs(bytes: &[u8]) -> bool {
    let path = file("inputs.safetensors", &tensor_file(bytes));
    let frames = taken(load_f32(&path, &Device::Cpu)).is_some_and(|tensors| is_forecast(&tensors));
    let Some(tensors) = taken(load(&path, &Device::Cpu)) else { return false };
    let recorded = [Lift::Trivial, Lift::CoMoving].map(|lift| {
        let recording = taken(Recording::read(&tensors, &Translation, lift, &path));
        recording.is_some_and(|recording| {
            taken(check_recorded(&Translation, &[recording]))
                .is_some_and(|report| report.to_string().len() > 1)
        })
    });
    frames || recorded.contains(&true)
}

/// What a small model makes of `input_seq`, where it is a sequence of the right channels.
fn is_forecast(tensors: &Tensors) -> bool {
    let Some(input) = tensors.get("input_seq") else { return false };
    // As `predict` asks for; see cli/predict/tensors.rs.
    if input.rank() != 5 || input.elem_count() == 0 || input.dims()[2] != 1 {
        return false;
    }
    let kernel = |name: &str, shape: [usize; 4]| Initial::convolution(name, shape);
    let all = [
        kernel("cell.conv_u.weight", [2, 1, 3, 3]),
        kernel("cell.conv_h.weight", [2, 2, 3, 3]),
        kernel("decoder_conv.0.weight", [1, 2, 3, 3]),
    ];
    let drawn = Parameters::draw(&all, 1, &Device::Cpu).unwrap().detached();
    let space = FlowSpace::new(Translation, VelocitySet::square(1), Lift::CoMoving);
    let model = ForecasterChoice::default().from_kernels(&drawn, space, Path::new("x")).unwrap();
    model.forecast(input, 1).is_ok_and(|forecast| forecast.dims()[1] == 1)
}

/// Learns a number: the smallest training that has a checkpoint.
struct Number;

impl Learner for Number {
    type Batch = f64;

    fn initial(&self) -> Result<Vec<Initial>> {
        Ok(vec![Initial::trained("x", &[1], Draw::Constant(0.0))])
    }

    fn loss(&self, tensors: &Tensors, batch: &f64) -> Result<Loss> {
        Ok((&tensors["x"] - *batch)?.sqr()?.sum_all()?.into())
    }

    fn score(&self, tensors: &Tensors, batches: &[f64]) -> Result<f64> {
        let loss = self.loss(tensors, &batches[0])?.value.to_dtype(DType::F64)?;
        Ok(loss.to_scalar::<f64>()?)
    }

    fn samples(&self, _: &f64) -> usize {
        1
    }
}

/// Trains a number to four steps from a checkpoint, or from the beginning where there is none.
pub fn trained(path: &Path) -> Result<Training> {
    Trainer {
        name: RunName::default(),
        learner: &Number,
        parameters: &Parameters::draw(&Number.initial()?, 0, &Device::Cpu)?,
        schedule: Schedule {
            steps: 4,
            interval: 2,
            clip: Some(1.0),
            parts: 1,
            adam: AdamConfig::default(),
        },
        batch: &|_, _| Ok(1.0),
        validation: &|_| Ok(vec![1.0].into()),
        checkpoint: Some(CheckpointFile { path: path.into(), ..CheckpointFile::default() }),
        ranks: &Alone,
        progress: &|_| (),
    }
    .run()
}

/// A checkpoint, then the training that goes on from it; and the same with a digest that is right.
pub fn checkpoint(bytes: &[u8]) -> bool {
    let bytes = &tensor_file(bytes);
    let path = file("checkpoint", bytes);
    let is_one = taken(Checkpoint::load(&path)).flatten().is_some();
    let goes_on = is_one && resumes(&path);
    let sealed = sealed(bytes).is_some_and(|content| {
        content.save(&path).unwrap();
        let read = taken(Checkpoint::load(&path)).flatten();
        assert_eq!(read.is_some(), !content.text.is_empty());
        resumes(&path)
    });
    goes_on || sealed
}

fn resumes(path: &Path) -> bool {
    match trained(path) {
        Ok(_) => true,
        Err(fernn::Error::NonFinite { .. }) => false, // its values are no numbers, and that is said
        Err(error) => taken::<()>(Err(error)).is_some(),
    }
}

/// The tensors and the text of a file whatever its digest, which no chance finds.
fn sealed(bytes: &[u8]) -> Option<TensorFile> {
    let (_, header) = safetensors::SafeTensors::read_metadata(bytes).ok()?;
    let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).ok()?;
    let entry = header.metadata().as_ref()?.values().next()?.clone();
    let text = entry.split_once('\n').map_or(entry.as_str(), |(_, text)| text).to_string();
    Some(TensorFile { tensors: tensors.into_iter().collect(), text })
}

/// Records and the pictures behind [`PICTURES_FOLLOW`], then all that is asked of them.
pub fn records(bytes: &[u8]) -> bool {
    evidence(bytes).is_some_and(|evidence| is_told(Records(&evidence)))
}

/// The evidence of both files.
pub fn evidence(bytes: &[u8]) -> Option<Evidence> {
    let mut parts = bytes.splitn(2, |&byte| byte == PICTURES_FOLLOW);
    let path = file("records.csv", parts.next().unwrap_or_default());
    let pictures = file("pictures.csv", b"");
    match parts.next() {
        Some(bytes) => std::fs::write(pictures, bytes).unwrap(),
        None => std::fs::remove_file(pictures).unwrap(),
    }
    taken(Evidence::read(&path))
}

/// Everything that a report says of the records, but for the drawing.
fn is_told(records: Records<'_>) -> bool {
    let mut told = true;
    for experiment in CATALOGUE {
        let name = experiment.name();
        let exhibits = taken(experiment.exhibits(records));
        told &= exhibits.is_some_and(|all| all.iter().all(|exhibit| !exhibit.name.is_empty()));
        let claims = taken(experiment.claims(records));
        told &= claims.is_some();
        claims.into_iter().flatten().for_each(|claim| drop(claim.judge()));
        told &= taken(experiment.remarks(records)).is_some();
        Failure::all(records, name);
        changed_settings(records, name);
        fernn::experiments::laws_table(records, name);
    }
    told
}

/// A baseline, then what is worse than it where nothing is measured any more.
pub fn baseline(bytes: &[u8]) -> bool {
    let path = file("baseline.csv", bytes);
    let Some(baseline) = taken(Baseline::read(&path)) else { return false };
    let again = file("again.csv", b"");
    baseline.clone().write(&again).unwrap();
    taken(Baseline::read(&again)).expect("what was written is read");
    let deviations = baseline.deviations(&[], |_| true);
    assert!(!deviations.is_empty());
    deviations.iter().all(|deviation| !deviation.statement.to_string().contains('\u{0}'))
}

/// A request for a unit of each model on the CPU.
pub fn request(changes: Changes) -> Request {
    Request {
        profile: Profile::Quick,
        seed: 0,
        seeds: Some(1),
        steps: None,
        changes,
        algorithm: ConvAlgorithm::Auto,
        device: Device::Cpu,
    }
}

/// Settings as `--config` reads them, then the units that they come to.
pub fn settings(bytes: &[u8]) -> bool {
    let path = file("settings.toml", bytes);
    let Some(changes) = taken(Changes::from_file(&path)) else { return false };
    let request = request(changes);
    CATALOGUE.iter().fold(true, |all, experiment| {
        let units = taken(experiment.units(&request));
        all & units.is_some_and(|units| units.iter().all(|unit| unit.steps > 0))
    })
}
