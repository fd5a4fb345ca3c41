//! `fernn train`: one model, into one file.

use super::finding::Finding;
use super::flags::{AlgorithmFlags, CurveFlags, DataFlags, DeviceFlags, MemoryFlags, ThreadFlags};
use super::provenance::COMMIT;
use super::selection::SettingsFlags;
use super::stopping::say_when_stopped;
use super::watch::Audience;
use clap::Args;
use fernn::Error;
use fernn::atomic_file::remove_if_there;
use fernn::experiments::number::precise;
use fernn::experiments::{
    Event, Lock, Metric, ModelJob, Origin, Record, Request, TrainedModel, Unit, UnitRun, find, plan,
};
use fernn::training::{Alone, CheckpointFile};
use std::path::{Path, PathBuf};

/// Trains one model of an experiment and writes its best weights, under the names that `fernn predict`
/// reads, with its settings beside them for `fernn evaluate`.
///
/// A training that was interrupted continues where it stopped when it is started again with the same
/// flags: until it ends, its checkpoint (FILE.checkpoint) and the number of its process (FILE.in-use) lie beside
/// the weights.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn train translation --model FERNN-V2 --out W.safetensors\n\
    \x20 fernn train kth --model G-RNN --steps 100 --out W.safetensors")]
pub struct Arguments {
    /// The experiment whose settings and data are used; `fernn list` names them
    #[arg(value_name = "EXPERIMENT")]
    experiment: String,
    /// The model, such as FERNN-V2 or "FERNN-V1 gru"; `fernn list` names those of each experiment
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// Where the weights are written
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    data: DataFlags,
    #[command(flatten)]
    algorithm: AlgorithmFlags,
    #[command(flatten)]
    device: DeviceFlags,
    #[command(flatten)]
    threads: ThreadFlags,
    #[command(flatten)]
    memory: MemoryFlags,
    #[command(flatten)]
    curves: CurveFlags,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let request = Request {
        algorithm: arguments.algorithm.algorithm(),
        device: arguments.device.device()?,
        ..arguments.settings.request()?
    };
    let unit = unit(&arguments.experiment, &arguments.model, &request)?;
    let job = model_job(&unit)?;
    expect_replaceable(&arguments.out)?;
    let checkpoint = beside(&arguments.out, "checkpoint")?;
    let in_use = beside(&arguments.out, "in-use")?;
    let sources = arguments.data.sources();
    arguments.memory.apply(1);
    arguments.threads.apply()?;
    let lock = Lock::of_training(&in_use, &arguments.out)?;
    say_when_stopped();
    let curves = arguments.curves.inside(arguments.out.parent().unwrap_or(Path::new("")))?;
    let audience = Audience::new(curves);
    let origin = Origin::here(COMMIT, &request.device);
    let run = UnitRun {
        key: &unit.key,
        sources: &sources,
        checkpoint: Some(CheckpointFile {
            path: checkpoint.clone(),
            fingerprint: unit.digest(&sources, &origin)?,
            origin: origin.to_string(),
        }),
        weights: None,
        ranks: &Alone,
        progress: &|told| audience.tell(Event::Training { unit: &unit, told }),
    };
    audience.tell(Event::Total(unit.work));
    audience.tell(Event::Unit { number: 1, of: 1, unit: &unit, is_finished: false });
    let trained = rayon::scope(|_| job.train(&run));
    let curves = audience.leave();
    let (records, weights) = trained?;
    let (key, settings, data) = (unit.key.clone(), unit.settings.clone(), unit.job.data(&sources)?);
    TrainedModel { key, settings, data, weights }.save(&arguments.out)?;
    curves.iter().try_for_each(|curves| curves.write_all(&records))?;
    [&checkpoint, &in_use].into_iter().try_for_each(|path| remove_if_there(path))?;
    drop(lock);
    print_training(&unit, &records)?;
    outln!("Weights: {}", arguments.out.display())?;
    Ok(Finding::Fine)
}

/// Refuses a file that is there and no trained model.
fn expect_replaceable(out: &Path) -> fernn::Result<()> {
    if !out.is_file() || TrainedModel::is_in(out) {
        return Ok(());
    }
    let problem = format!("would replace {}, which is no trained model", out.display());
    Err(Error::configuration("--out", problem, "name another file"))
}

/// What a training came to, in a line.
fn print_training(unit: &Unit, records: &[Record]) -> std::io::Result<()> {
    let value = |metric: &Metric| {
        let record = records.iter().find(|record| record.metric == *metric);
        record.and_then(|record| record.value)
    };
    let best = value(&Metric::BEST_STEP);
    let at_best = records.iter().find(|record| {
        record.step == best.map(|step| step as u64)
            && record.split == Some(fernn::data::Split::Validation)
    });
    let score = at_best.and_then(|record| record.value).map(precise).unwrap_or_default();
    outln!(
        "{}: {:.0} parameters, best at step {:.0} with {} {score} on validation data",
        unit.key.title(),
        value(&Metric::PARAMETERS).unwrap_or_default(),
        best.unwrap_or_default(),
        at_best.map_or("", |record| record.metric.name()),
    )
}

/// The unit of an experiment's model.
fn unit(experiment: &str, model: &str, request: &Request) -> fernn::Result<Unit> {
    let units = plan(&[find(experiment)?], request)?;
    let names: Vec<String> = units.iter().map(|unit| unit.key.subject.to_string()).collect();
    let is_it = |unit: &Unit| unit.key.subject.to_string().eq_ignore_ascii_case(model);
    units.into_iter().find(is_it).ok_or_else(|| {
        let problem = format!("`{model}` is none of {experiment}'s");
        Error::configuration("--model", problem, format!("choose from {}", names.join(", ")))
    })
}

/// The unit's job as one of a model.
fn model_job(unit: &Unit) -> fernn::Result<&dyn ModelJob> {
    unit.job.model().ok_or_else(|| {
        let problem = "has no model that is trained alone";
        Error::configuration(&unit.key.experiment, problem, "see `fernn list`")
    })
}

/// Where what belongs to a training lies.
fn beside(out: &Path, kind: &str) -> fernn::Result<PathBuf> {
    let Some(name) = out.file_name().filter(|_| !out.is_dir()) else {
        let problem = format!("{} is no name of a file", out.display());
        return Err(Error::configuration("--out", problem, "give one that ends with .safetensors"));
    };
    let mut name = name.to_os_string();
    name.push(format!(".{kind}"));
    Ok(out.with_file_name(name))
}
