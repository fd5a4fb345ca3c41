//! `fernn reproduce`: runs experiments, writes records, tables, figures and the report.

use super::progress::Progress;
use super::{AlgorithmFlags, DataFlags, DeviceFlags, Finding, ThreadFlags};
use anyhow::Context;
use clap::{Args, ValueEnum};
use fernn::atomic_file::write_atomically;
use fernn::experiments::claims::Verdict;
use fernn::experiments::{Profile, Selection, Session, provenance, write_records};
use fernn::report::write_report;
use std::path::PathBuf;

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
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// Optimiser steps [default: the profile's]
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Output folder [default: results/local/PROFILE]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Discard what the output folder holds of an earlier run instead of continuing it
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
    let profile: Profile = arguments.profile.into();
    let selection = Selection {
        profile,
        only: arguments.only.clone(),
        seed: arguments.seed,
        seeds: arguments.seeds,
        steps: arguments.steps,
        algorithm: arguments.algorithm.algorithm(),
        device: arguments.device.device()?,
    };
    let tasks = selection.tasks()?;
    let digits = arguments.data.sources().digits()?;
    let threads = arguments.threads.apply()?;
    let default = || PathBuf::from("results/local").join(profile.name());
    let out = arguments.out.clone().unwrap_or_else(default);
    let records_path = out.join("records.csv");
    if arguments.fresh {
        discard(&out.join("runs"))?;
    }
    let commit = env!("FERNN_COMMIT");
    let progress = Progress::new();
    let observer = |event: fernn::experiments::Event<'_>| progress.show(event);
    let session = Session { out: &out, digits: &digits, commit, observer: &observer };
    // On a worker of the pool, which then need not be woken for every operation.
    let measured = rayon::scope(|_| session.run(&tasks))
        .with_context(|| format!("running into {}", out.display()));
    progress.finish();
    let machine = [
        ("command", super::command_line()),
        ("commit", commit.to_string()),
        ("CPU", super::cpu_name()),
        ("kernels", fernn::ops::instruction_set().to_string()),
        ("device", if selection.device.is_cpu() { "CPU" } else { "CUDA" }.to_string()),
        ("algorithm", selection.algorithm.name().to_string()),
        ("threads", threads.to_string()),
    ];
    let mut records = provenance(&selection, &tasks, &digits, &machine);
    records.extend(measured?);
    write_atomically(&records_path, &write_records(&records))?;
    let verdicts = write_report(&records, &out)?;
    print_verdicts(&verdicts)?;
    outln!("\nReport: {}", out.join("REPORT.md").display())?;
    Ok(Finding::Fine)
}

/// Removes the folder of parts and checkpoints, and nothing else.
fn discard(runs: &std::path::Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(runs) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| runs.display().to_string())
        }
        _ => Ok(()),
    }
}

/// A verdict per claim on standard output, in 80 columns.
pub fn print_verdicts(verdicts: &[Verdict]) -> std::io::Result<()> {
    for v in verdicts {
        let mut lines = wrapped(&v.claim, 64);
        lines.extend(wrapped(&format!("rule: {}", v.rule), 64));
        if let Some((i, n)) = v.measured {
            let seeds = if n == 1 { "1 seed".to_string() } else { format!("{n} seeds") };
            let (estimate, low, high) = (i.estimate, i.low, i.high);
            lines.push(format!("measured: {estimate:.3} [{low:.3}, {high:.3}], {seeds}"));
        }
        for (i, line) in lines.iter().enumerate() {
            outln!("{:<15} {line}", if i == 0 { v.outcome.name() } else { "" })?;
        }
    }
    Ok(())
}

/// Breaks a text between words into lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_string());
        }
    }
    lines
}
