//! `fernn evaluate`: what a trained model is worth on test data.

use super::finding::Finding;
use super::flags::{DataFlags, MemoryFlags, ThreadFlags};
use super::print_report::print_csv;
use clap::{Args, ValueEnum};
use fernn::Error;
use fernn::experiments::number::precise;
use fernn::experiments::{
    Changes, Job, Record, Request, Taker, TrainedModel, UnitRun, differences, find,
};
use fernn::ops::ConvAlgorithm;
use fernn::training::Alone;
use std::path::PathBuf;

/// Measures a model that `fernn train` or `reproduce` wrote on test data, as its experiment does.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn evaluate --weights W.safetensors\n\
    \x20 fernn evaluate --weights W.safetensors --set test_sequences=1000 --format csv")]
pub struct Arguments {
    /// The weights, with what they are of beside them
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// A setting in the place of the model's own, such as test_sequences=10000; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The seed of the test sequences [default: that of the training]
    #[arg(long)]
    seed: Option<u64>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    data: DataFlags,
    #[command(flatten)]
    threads: ThreadFlags,
    #[command(flatten)]
    memory: MemoryFlags,
}

/// How the result is printed.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// The records, comma-separated
    Csv,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let model = TrainedModel::load(&arguments.weights)?;
    let (job, changed) = job(arguments, &model)?;
    let sources = arguments.data.sources();
    arguments.memory.apply(1);
    arguments.threads.apply()?;
    let mut key = model.key.clone();
    key.seed = arguments.seed.unwrap_or(key.seed);
    let data = job.data(&sources)?;
    if data != model.data {
        errln!("note: the model was trained on {}; this is {data}", model.data);
    }
    let run = UnitRun {
        key: &key,
        sources: &sources,
        checkpoint: None,
        weights: None,
        ranks: &Alone,
        progress: &|_| (),
    };
    let of_model = job.model().expect("a job that was asked for its model before");
    let evidence = rayon::scope(|_| of_model.evaluate(&run, &model.weights))?;
    match arguments.format {
        Format::Csv => print_csv(&evidence.records)?,
        Format::Table => {
            outln!("{}, {} profile, seed {}", key.title(), key.profile, key.seed)?;
            outln!("data: {data}")?;
            if !changed.is_empty() {
                outln!("settings changed: {}", changed.join(", "))?;
            }
            evidence.records.iter().try_for_each(print_record)?;
        }
    }
    Ok(Finding::Fine)
}

/// The job of the model's settings, with what was changed of them.
fn job(arguments: &Arguments, model: &TrainedModel) -> fernn::Result<(Box<dyn Job>, Vec<String>)> {
    let profile = model.key.profile.clone();
    let request = Request {
        profile: fernn::experiments::Profile::named(&profile)
            .unwrap_or(fernn::experiments::Profile::Quick),
        seed: 0,
        seeds: Some(1),
        steps: None,
        changes: Changes::default(),
        algorithm: ConvAlgorithm::Auto,
        device: candle_core::Device::Cpu,
    };
    let units = find(&model.key.experiment)?.units(&request)?;
    // All models of an experiment are measured alike.
    let like = units.iter().find_map(|unit| unit.job.model()).ok_or_else(|| {
        let problem = "has no models that are measured alone";
        Error::configuration(&model.key.experiment, problem, "see `fernn list`")
    })?;
    let changes = Changes::from_assignments(&arguments.set)?;
    let table: toml::Table = toml::from_str(&model.settings).unwrap_or_default();
    let changed = changes.apply(&model.key.experiment, table)?;
    let settings = toml::to_string(&changed).expect("a table is plain data");
    let experiment = &model.key.experiment;
    changes.expect_taken(&[Taker { experiment, settings: &settings, own: &model.settings }])?;
    Ok((like.with_settings(&settings)?, differences(&settings, &model.settings)))
}

/// A measured value and where it was measured.
fn print_record(record: &Record) -> std::io::Result<()> {
    let mut place = Vec::new();
    place.extend(record.horizon.map(|h| format!("frame {h}")));
    place.extend(record.velocity.map(|v| format!("velocity {v}")));
    place.extend(record.velocities.map(|n| format!("{n} velocities")));
    let value = record.value.map(precise).unwrap_or_default();
    outln!("{:<22} {:<18} {value}", record.metric.name(), place.join(", "))
}
