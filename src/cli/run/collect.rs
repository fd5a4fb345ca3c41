//! `fernn collect`: what units were run into one or several folders, as records and a report.

use super::asked::UnitFlags;
use super::results::Results;
use crate::cli::finding::Finding;
use crate::cli::flags::FormatFlags;
use clap::Args;
use fernn::Error;
use fernn::experiments::{Lock, collect};
use std::path::{Path, PathBuf};

/// Puts together the units that `fernn run-unit` or `reproduce` ran with the same flags, in one folder or
/// several, and writes records, tables, figures and the report.
///
/// Units that are finished nowhere are named, and the exit code is 1. Two folders that have other values for the
/// same unit are refused.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn collect --profile paper --only translation --data-dir data --out paper\n\
    \x20 fernn collect --seeds 4 --out all machine-a machine-b")]
pub struct Arguments {
    #[command(flatten)]
    units: UnitFlags,
    /// Output folder, whose own units are among them [default: results/local/PROFILE]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Output folders of other machines
    #[arg(value_name = "FOLDERS")]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    format: FormatFlags,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let asked = arguments.units.asked_to_collect()?;
    let out = arguments.units.out(arguments.out.as_ref());
    let out_alone = [out.clone()];
    let sources = if arguments.folders.is_empty() { &out_alone[..] } else { &arguments.folders };
    if let Some(folder) = sources.iter().find(|folder| !folder.join("runs").is_dir()) {
        let what = format!("the folder {}", folder.display());
        let remedy = "name the --out of a run";
        return Err(Error::configuration(what, "holds no units", remedy).into());
    }
    Results::of(&out)?;
    let _lock = Lock::take(&out)?;
    let results = Results::of(&out)?;
    let folders: Vec<&Path> = arguments.folders.iter().map(PathBuf::as_path).collect();
    let collected = collect(&asked.session(&out, &|_| ()), &asked.units, &folders)?;
    let (count, missing) = (asked.units.len(), collected.missing);
    for (number, unit) in &missing {
        errln!("not run: unit {number}, {}", unit.key.title());
    }
    if missing.len() == count {
        let problem = "holds none of the units";
        let remedy = "pass the flags that they were run with";
        return Err(Error::configuration("--out", problem, remedy).into());
    }
    let written = results.write(&asked, collected.evidence)?;
    let remark = match missing.len() {
        0 => format!("{count} units"),
        gaps => format!("{} of {count} units; {gaps} are not run", count - gaps),
    };
    let finding = written.report(&arguments.format, &remark)?;
    Ok(if missing.is_empty() { finding } else { Finding::CheckFailed })
}
