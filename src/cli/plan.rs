//! `fernn plan`: what a run would do and cost.

use super::duration::in_words;
use super::finding::Finding;
use super::flags::{AlgorithmFlags, DataFlags, MemoryFlags, ThreadFlags};
use super::progress::bar;
use super::selection::Selection;
use super::wrapping::wrapped;
use clap::Args;
use fernn::data::Sources;
use fernn::experiments::{ExpectedCost, Request, Unit};
use std::time::{Duration, Instant};

/// Lists the units of a run and what each will cost, from a training step of each model that is timed here;
/// trains nothing and writes nothing.
///
/// Time counts training and evaluation with the threads of this machine; the checks of the laws at the end
/// of each unit come on top, about a second each. Run it when nothing else is running.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn plan\n\
    \x20 fernn plan --profile paper --only translation --seeds 5")]
pub struct Arguments {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    data: DataFlags,
    #[command(flatten)]
    algorithm: AlgorithmFlags,
    #[command(flatten)]
    threads: ThreadFlags,
    #[command(flatten)]
    memory: MemoryFlags,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let algorithm = arguments.algorithm.algorithm();
    let request = Request { algorithm, ..arguments.selection.request()? };
    let units = arguments.selection.units(&request)?;
    arguments.memory.apply();
    let threads = arguments.threads.apply()?;
    print_plan(&units, &arguments.data.sources(), threads)?;
    Ok(Finding::Fine)
}

/// The seeds of a model, and what one of them costs.
struct Model<'a> {
    first: &'a Unit,
    seeds: u32,
    cost: Option<ExpectedCost>,
}

/// Prints what units cost, by experiment and model.
pub fn print_plan(units: &[Unit], sources: &Sources, threads: usize) -> anyhow::Result<()> {
    let start = Instant::now();
    let models = rayon::scope(|_| timed(units, sources))?;
    let calibration = start.elapsed();
    outln!("{:<18} {:<24} {:>5} {:>7} {:>11} {:>8}", "", "", "", "", "time", "memory")?;
    outln!(
        "{:<18} {:<24} {:>5} {:>7} {:>11} {:>8}",
        "experiment",
        "model",
        "seeds",
        "steps",
        "a seed",
        "at least"
    )?;
    let mut total = ExpectedCost::default();
    for Model { first, seeds, cost } in &models {
        let (time, memory) = match cost {
            None => ("unknown".into(), "unknown".into()),
            Some(cost) => {
                total.seconds += cost.seconds * f64::from(*seeds);
                total.memory = total.memory.max(cost.memory);
                total.disk += cost.disk * *seeds as usize;
                (in_words(seconds(cost.seconds)), in_bytes(cost.memory))
            }
        };
        let (experiment, subject) = (&first.key.experiment, first.key.subject.to_string());
        outln!(
            "{experiment:<18} {subject:<24} {seeds:>5} {:>7} {time:>11} {memory:>8}",
            first.steps
        )?;
    }
    let core_hours = total.seconds * threads as f64 / 3600.0;
    let count = units.len();
    let time = in_words(seconds(total.seconds));
    outln!("\n{count} units: {time} on {threads} threads ({core_hours:.2} core-hours)")?;
    let (memory, disk) = (in_bytes(total.memory), in_bytes(total.disk));
    outln!("{memory} of memory at least, {disk} of checkpoints")?;
    outln!("Timed in {}, a step of each model", in_words(calibration))?;
    print_data_and_changes(units, sources)
}

/// What is read, and what of the settings is not the profile's.
fn print_data_and_changes(units: &[Unit], sources: &Sources) -> anyhow::Result<()> {
    let mut told: Vec<String> = Vec::new();
    for unit in units {
        let data = format!("Data: {}", unit.job.data(sources)?);
        let changed = format!("Settings changed: {}", unit.changed);
        for line in [Some(data), (!unit.changed.is_empty()).then_some(changed)] {
            if let Some(line) = line.filter(|line| !told.contains(line)) {
                wrapped(&line, 78).iter().try_for_each(|line| outln!("{line}"))?;
                told.push(line);
            }
        }
    }
    Ok(())
}

/// Times a unit of each model.
fn timed<'a>(units: &'a [Unit], sources: &Sources) -> fernn::Result<Vec<Model<'a>>> {
    let mut models: Vec<Model<'a>> = Vec::new();
    let bar = bar("timing {wide_msg} {pos}/{len}");
    bar.set_length(units.len() as u64);
    bar.enable_steady_tick(Duration::from_millis(200));
    for unit in units {
        bar.inc(1);
        bar.set_message(format!("{} {}", unit.key.experiment, unit.key.subject));
        let is_it = |model: &&mut Model<'_>| {
            let key = &model.first.key;
            key.experiment == unit.key.experiment && key.subject == unit.key.subject
        };
        match models.iter_mut().find(is_it) {
            Some(model) => model.seeds += 1,
            None => {
                let cost = unit.job.model().map(|job| job.expected_cost(sources)).transpose()?;
                models.push(Model { first: unit, seeds: 1, cost });
            }
        }
    }
    bar.finish_and_clear();
    Ok(models)
}

/// A number of seconds as a duration; the longest where there is no such.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// Bytes in the unit that suits them.
fn in_bytes(bytes: usize) -> String {
    match bytes as f64 {
        b if b < 1e6 => format!("{:.0} kB", b / 1e3),
        b if b < 1e9 => format!("{:.0} MB", b / 1e6),
        b => format!("{:.1} GB", b / 1e9),
    }
}
