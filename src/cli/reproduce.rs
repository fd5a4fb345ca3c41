//! `fernn reproduce`: runs experiments, writes records, tables, figures and the report.

use super::duration::in_words;
use super::finding::Finding;
use super::flags::{
    AlgorithmFlags, CurveFlags, DataFlags, DeviceFlags, FormatFlags, MemoryFlags, ThreadFlags,
};
use super::plan::print_plan;
use super::provenance;
use super::selection::Selection;
use super::tensorboard::Curves;
use super::verdicts::{print_report_path, print_verdicts};
use super::watch::Progress;
use anyhow::Context;
use clap::Args;
use fernn::Error;
use fernn::experiments::{
    CATALOGUE, Event, Evidence, FolderLock, Request, Session, beside_earlier, provenance,
};
use fernn::report::write_report_as;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What this binary was built from.
const COMMIT: &str = env!("FERNN_COMMIT");

/// Trains the models, measures them, and writes records, tables, figures and a report with a
/// verdict per claim.
///
/// A run that was interrupted continues where it stopped when it is started again with the same
/// flags; a finished one only writes its report again. A model whose loss is no number is reported as failed,
/// the others are run, and the exit code is 1. A folder is used by one run at a time.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn reproduce\n\
    \x20 fernn reproduce --only translation,velocity --seeds 5 --out run\n\
    \x20 fernn reproduce --set schedule.adam.learning_rate=3e-3 --dry-run\n\
    \x20 fernn reproduce --profile paper --data-dir data --out paper")]
pub struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// Output folder [default: results/local/PROFILE]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Start over instead of continuing what the output folder holds of an earlier run of these models
    #[arg(long)]
    fresh: bool,
    /// Only say what would be run and what it would cost, as `fernn plan` does
    #[arg(long)]
    dry_run: bool,
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
    #[command(flatten)]
    format: FormatFlags,
}

/// What a user reads who stops a run.
const STOPPED: &str = "\nstopped; what was run is kept: start the same command again to go on\n";

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let start = Instant::now();
    let request = Request {
        algorithm: arguments.algorithm.algorithm(),
        device: arguments.device.device()?,
        ..arguments.selection.request()?
    };
    let units = arguments.selection.units(&request)?;
    let sources = arguments.data.sources();
    arguments.memory.apply();
    let threads = arguments.threads.apply()?;
    if arguments.dry_run {
        print_plan(&units, &sources, threads)?;
        return Ok(Finding::Fine);
    }
    let default = || PathBuf::from("results/local").join(request.profile.name());
    let out = arguments.out.clone().unwrap_or_else(default);
    let records_path = out.join("records.csv");
    earlier(&records_path, arguments.fresh)?; // what is not ours is refused before anything is written
    let curves = arguments.curves.inside(&out)?;
    let _lock = FolderLock::take(&out)?;
    #[cfg(unix)]
    fernn::process::say_when_stopped(STOPPED);
    let earlier = earlier(&records_path, arguments.fresh)?;
    let progress = Progress::new();
    let observer = |event: Event<'_>| {
        progress.show(event);
        curves.iter().for_each(|curves| curves.show(event));
    };
    let session = Session { out: &out, sources: &sources, commit: COMMIT, observer: &observer };
    if arguments.fresh {
        session.discard(&units)?;
        Curves::discard(&out, &units)?;
    }
    // On a worker of the pool, which then need not be woken for every operation.
    let measured = rayon::scope(|_| session.run(&units))
        .with_context(|| format!("running into {}", out.display()));
    progress.finish();
    let records = provenance(&units, &sources, &machine(&request, threads))?;
    let mut now = Evidence { records, pictures: vec![] };
    now.extend(measured?);
    let evidence = beside_earlier(earlier, now);
    evidence.write(&records_path)?;
    curves.iter().try_for_each(|curves| curves.write_all(&evidence.records))?;
    let formats = arguments.format.formats();
    let form = (&formats[..], arguments.format.width());
    let findings = write_report_as(&evidence, CATALOGUE, form, &out)?;
    print_verdicts(&findings)?;
    outln!("\nTime taken: {}", in_words(start.elapsed()))?;
    print_report_path(&formats, &out)?;
    Ok(if findings.failures.is_empty() { Finding::Fine } else { Finding::CheckFailed })
}

/// What a run's numbers may depend on, or its time, besides settings and data.
fn machine(request: &Request, threads: usize) -> [(&'static str, String); 7] {
    [
        ("command", provenance::command_line()),
        ("commit", COMMIT.to_string()),
        ("CPU", provenance::cpu_name()),
        ("kernels", fernn::ops::instruction_set().to_string()),
        ("device", if request.device.is_cpu() { "CPU" } else { "CUDA" }.to_string()),
        ("algorithm", request.algorithm.name().to_string()),
        ("threads", threads.to_string()),
    ]
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
