//! `fernn reproduce`: runs experiments, writes records, tables, figures and the report.

use super::finding::Finding;
use super::flags::{AlgorithmFlags, DataFlags, DeviceFlags, MemoryFlags, PrintFlags, ThreadFlags};
use super::progress::Progress;
use super::provenance;
use super::verdicts::print_verdicts;
use anyhow::Context;
use clap::{Args, ValueEnum};
use fernn::Error;
use fernn::experiments::{
    CATALOGUE, Event, Evidence, Profile, Request, Session, Unit, beside_earlier, find, of_profile,
    provenance,
};
use fernn::report::write_report_as;
use std::path::{Path, PathBuf};

/// Trains the models, measures them, and writes records, tables, figures and a report with a
/// verdict per claim.
///
/// A run that was interrupted continues where it stopped when it is started again with the same
/// flags; a finished one only writes its report again.
#[derive(Args)]
pub struct Arguments {
    /// How much to run
    #[arg(long, value_enum, default_value_t = Scale::Quick)]
    profile: Scale,
    /// Only these experiments, separated by commas; `fernn list` names them [default: all of the
    /// profile]
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Number of seeds [default: the profile's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Optimiser steps [default: the profile's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    steps: Option<u64>,
    /// Output folder [default: results/local/PROFILE]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Start over instead of continuing what the output folder holds of an earlier run of these models
    #[arg(long)]
    fresh: bool,
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
    print: PrintFlags,
}

/// The profiles as values of a flag.
#[derive(Clone, Copy, ValueEnum)]
pub enum Scale {
    /// Minutes on two cores: a small torus, embedded digits
    Quick,
    /// Hours on two cores: longer training, more test sequences
    Desk,
    /// The paper's own hyper-parameters: days on many cores
    Paper,
}

impl From<Scale> for Profile {
    fn from(scale: Scale) -> Self {
        match scale {
            Scale::Quick => Profile::Quick,
            Scale::Desk => Profile::Desk,
            Scale::Paper => Profile::Paper,
        }
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let request = Request {
        profile: arguments.profile.into(),
        seed: arguments.seed,
        seeds: arguments.seeds,
        steps: arguments.steps,
        algorithm: arguments.algorithm.algorithm(),
        device: arguments.device.device()?,
    };
    let units = units(arguments, &request)?;
    let sources = arguments.data.sources();
    arguments.memory.apply();
    let threads = arguments.threads.apply()?;
    let default = || PathBuf::from("results/local").join(request.profile.name());
    let out = arguments.out.clone().unwrap_or_else(default);
    let records_path = out.join("records.csv");
    let earlier = earlier(&records_path, arguments.fresh)?;
    let progress = Progress::new();
    let observer = |event: Event<'_>| progress.show(event);
    let commit = env!("FERNN_COMMIT");
    let session = Session { out: &out, sources: &sources, commit, observer: &observer };
    if arguments.fresh {
        session.discard(&units)?;
    }
    // On a worker of the pool, which then need not be woken for every operation.
    let measured = rayon::scope(|_| session.run(&units))
        .with_context(|| format!("running into {}", out.display()));
    progress.finish();
    let machine = [
        ("command", provenance::command_line()),
        ("commit", commit.to_string()),
        ("CPU", provenance::cpu_name()),
        ("kernels", fernn::ops::instruction_set().to_string()),
        ("device", if request.device.is_cpu() { "CPU" } else { "CUDA" }.to_string()),
        ("algorithm", request.algorithm.name().to_string()),
        ("threads", threads.to_string()),
    ];
    let records = provenance(&units, &sources, &machine)?;
    let mut now = Evidence { records, pictures: vec![] };
    now.extend(measured?);
    let evidence = beside_earlier(earlier, now);
    evidence.write(&records_path)?;
    let verdicts = write_report_as(&evidence, CATALOGUE, &out, &arguments.print.print())?;
    print_verdicts(&verdicts)?;
    outln!("\nReport: {}", out.join("REPORT.md").display())?;
    Ok(Finding::Fine)
}

/// The units of the experiments asked for.
fn units(arguments: &Arguments, request: &Request) -> fernn::Result<Vec<Unit>> {
    if arguments.seed.checked_add(arguments.seeds.unwrap_or(u64::from(u16::MAX))).is_none() {
        let problem = format!("{} is too large", arguments.seed);
        return Err(Error::configuration("--seed", problem, "count from a smaller one"));
    }
    let experiments = match arguments.only.is_empty() {
        true => of_profile(request.profile),
        false => {
            let mut names: Vec<&String> = Vec::new();
            arguments.only.iter().for_each(|name| {
                if !names.contains(&name) {
                    names.push(name);
                }
            });
            names.into_iter().map(|name| find(name)).collect::<fernn::Result<_>>()?
        }
    };
    let mut units = Vec::new();
    for experiment in experiments {
        let of_it = experiment.units(request)?;
        if of_it.is_empty() {
            return Err(Error::configuration(
                format!("--only {}", experiment.name()),
                "has nothing to train",
                format!("see its title: {}", experiment.title()),
            ));
        }
        units.extend(of_it);
    }
    Ok(units)
}

/// What the folder holds already; a file that is no records is never replaced unasked.
fn earlier(path: &Path, fresh: bool) -> fernn::Result<Evidence> {
    match Evidence::read(path) {
        Ok(evidence) => Ok(evidence),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(Evidence::default())
        }
        Err(Error::Format { .. }) if fresh => Ok(Evidence::default()),
        Err(Error::Format { path, line, problem }) => {
            let problem = format!("{problem}; choose another --out, or pass --fresh to replace it");
            Err(Error::Format { path, line, problem })
        }
        Err(other) => Err(other),
    }
}
