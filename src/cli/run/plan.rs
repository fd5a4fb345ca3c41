//! `fernn plan`: what a run would do and cost.

use super::asked::{Asked, UnitFlags};
use crate::cli::duration::in_words;
use crate::cli::finding::Finding;
use crate::cli::print_report::print_csv;
use crate::cli::progress::bar;
use crate::cli::wrapping::wrapped;
use clap::Args;
use fernn::data::Sources;
use fernn::experiments::{ExpectedCost, Timings, Unit};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Lists the units of a run and what each will cost, from training steps of each model that are timed here;
/// trains nothing and writes nothing.
///
/// Time counts training and evaluation with the threads of this machine; the checks of the laws at the end
/// of each unit come on top, about a second each. Run it when nothing else is running.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn plan\n\
    \x20 fernn plan --profile paper --only translation --seeds 5\n\
    \x20 fernn plan --profile paper --csv > units.csv")]
pub struct Arguments {
    #[command(flatten)]
    units: UnitFlags,
    /// Only print how many units there are, at once
    #[arg(long, conflicts_with = "csv")]
    count: bool,
    /// Print a row for every unit, as CSV: its number, experiment, model, seed, steps, core-hours, bytes of memory
    /// and of checkpoint
    #[arg(long)]
    csv: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let asked = arguments.units.asked()?;
    if arguments.count {
        outln!("{}", asked.units.len())?;
    } else if arguments.csv {
        print_rows(&asked)?;
    } else {
        print_plan(&asked)?;
    }
    Ok(Finding::Fine)
}

/// A unit in the list for programs; what is not known of its cost is empty.
#[derive(Serialize)]
struct Row {
    unit: usize,
    experiment: String,
    model: String,
    seed: u64,
    steps: u64,
    core_hours: Option<f64>,
    memory_bytes: Option<usize>,
    checkpoint_bytes: Option<usize>,
}

/// Prints a row for every unit.
fn print_rows(asked: &Asked) -> anyhow::Result<()> {
    let models = rayon::scope(|_| timed(&asked.units, &asked.sources))?;
    let row = |(number, unit): (usize, &Unit)| {
        let is_it = |model: &&Model<'_>| model.has(unit);
        let cost = models.iter().find(is_it).and_then(|model| model.cost);
        Row {
            unit: number,
            experiment: unit.key.experiment.clone(),
            model: unit.key.subject.to_string(),
            seed: unit.key.seed,
            steps: unit.steps,
            core_hours: cost.map(|cost| cost.seconds * asked.origin.threads as f64 / 3600.0),
            memory_bytes: cost.map(|cost| cost.memory),
            checkpoint_bytes: cost.map(|cost| cost.disk),
        }
    };
    print_csv((1..).zip(&asked.units).map(row))
}

/// The seeds of a model, and what one of them costs.
struct Model<'a> {
    first: &'a Unit,
    /// Its number, from 1; those of the other seeds follow.
    number: usize,
    seeds: usize,
    cost: Option<ExpectedCost>,
}

impl Model<'_> {
    /// Whether a unit is one of its seeds.
    fn has(&self, unit: &Unit) -> bool {
        let (ours, other) = (&self.first.key, &unit.key);
        ours.experiment == other.experiment && ours.subject == other.subject
    }

    /// The numbers of its units.
    fn numbers(&self) -> String {
        match self.seeds {
            1 => self.number.to_string(),
            seeds => format!("{}-{}", self.number, self.number + seeds - 1),
        }
    }
}

/// Prints what units cost, by experiment and model.
pub fn print_plan(asked: &Asked) -> anyhow::Result<()> {
    let Asked { units, sources, origin, .. } = asked;
    let threads = origin.threads;
    let start = Instant::now();
    let models = rayon::scope(|_| timed(units, sources))?;
    let calibration = start.elapsed();
    let row = |[experiment, model, units, steps, time, memory]: [&str; 6]| {
        outln!("{experiment:<17} {model:<22} {units:>7} {steps:>7} {time:>11} {memory:>8}")
    };
    row(["", "", "", "", "time", "memory"])?;
    row(["experiment", "model", "units", "steps", "a unit", "at least"])?;
    let mut total = ExpectedCost::default();
    for model in &models {
        let Model { first, seeds, cost, .. } = model;
        let (time, memory) = match cost {
            None => ("unknown".into(), "unknown".into()),
            Some(cost) => {
                total.seconds += cost.seconds * *seeds as f64;
                total.memory = total.memory.max(cost.memory);
                total.disk += cost.disk * seeds;
                (in_words(seconds(cost.seconds)), in_bytes(cost.memory))
            }
        };
        let (experiment, subject) = (&first.key.experiment, first.key.subject.to_string());
        let (numbers, steps) = (model.numbers(), first.steps.to_string());
        row([experiment, &subject, &numbers, &steps, &time, &memory])?;
    }
    let core_hours = total.seconds * threads as f64 / 3600.0;
    let count = units.len();
    let time = in_words(seconds(total.seconds));
    outln!("\n{count} units: {time} on {threads} threads ({core_hours:.2} core-hours)")?;
    let (memory, disk) = (in_bytes(total.memory), in_bytes(total.disk));
    outln!("{memory} of memory at least, {disk} of checkpoints")?;
    outln!("Timed in {}, steps of each model on two batches", in_words(calibration))?;
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

/// Times a unit of each model, once the data of all are seen to be there: timing takes minutes.
fn timed<'a>(units: &'a [Unit], sources: &Sources) -> fernn::Result<Vec<Model<'a>>> {
    for unit in units {
        unit.job.data(sources)?;
    }
    let (mut models, mut timings) = (Vec::<Model<'a>>::new(), Timings::default());
    let bar = bar("timing {wide_msg} {pos}/{len}");
    bar.set_length(units.len() as u64);
    bar.enable_steady_tick(Duration::from_millis(200));
    for (number, unit) in (1..).zip(units) {
        bar.inc(1);
        bar.set_message(format!("{} {}", unit.key.experiment, unit.key.subject));
        match models.iter_mut().find(|model| model.has(unit)) {
            Some(model) => model.seeds += 1,
            None => {
                let job = unit.job.model();
                let cost = job.map(|job| job.expected_cost(sources, &mut timings)).transpose()?;
                models.push(Model { first: unit, number, seeds: 1, cost });
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
