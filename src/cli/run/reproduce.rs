//! `fernn reproduce`: runs experiments, writes records, tables, figures and the report.

use super::asked::UnitFlags;
use super::plan::print_plan;
use super::results::Results;
use crate::cli::duration::in_words;
use crate::cli::finding::Finding;
use crate::cli::flags::{CurveFlags, FormatFlags};
use crate::cli::stopping::say_when_stopped;
use crate::cli::tensorboard::Curves;
use crate::cli::watch::Audience;
use anyhow::Context;
use clap::Args;
use fernn::experiments::{Event, Evidence, Lock, Metric, Origin, Record, UnitKey};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

/// Trains the models, measures them, and writes records, tables, figures and a report with a
/// verdict per claim.
///
/// A run that was interrupted continues where it stopped when it is started again with the same
/// flags; a finished one only writes its report again. Models with other settings or data are run beside
/// what the folder holds. A model whose loss is no number is reported as failed,
/// the others are run, and the exit code is 1. A folder is used by one run at a time.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn reproduce\n\
    \x20 fernn reproduce --only translation,velocity --seeds 5 --out run\n\
    \x20 fernn reproduce --set schedule.adam.learning_rate=3e-3 --dry-run\n\
    \x20 fernn reproduce --profile paper --data-dir data --jobs 4 --out paper")]
pub struct Arguments {
    #[command(flatten)]
    units: UnitFlags,
    /// Output folder [default: results/local/PROFILE]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Start over instead of continuing what the output folder holds of an earlier run of these models
    #[arg(long)]
    fresh: bool,
    /// Models trained side by side, which share threads and memory; results do not depend on it [default: as many as
    /// there are threads, but no more than 4, and 1 in the profile paper]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Only say what would be run and what it would cost, as `fernn plan` does
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    curves: CurveFlags,
    #[command(flatten)]
    format: FormatFlags,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let start = Instant::now();
    let asked = arguments.units.asked_side_by_side(arguments.jobs.map(usize::from))?;
    if arguments.dry_run {
        print_plan(&asked)?;
        return Ok(Finding::Fine);
    }
    let out = arguments.units.out(arguments.out.as_ref());
    Results::of(&out)?; // what is not ours is refused before anything is written
    let curves = arguments.curves.inside(&out)?;
    let _lock = Lock::take(&out)?;
    say_when_stopped();
    let results = Results::of(&out)?;
    let audience = Audience::new(curves);
    let kept = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| {
        if let Event::Unit { unit, is_finished: true, .. } = event {
            kept.lock().expect("nothing panics while it is held").push(unit.key.clone());
        }
        audience.tell(event);
    };
    let session = asked.session(&out, &observer);
    if arguments.fresh {
        session.discard(&asked.units)?;
        Curves::discard(&out, &asked.units)?;
    }
    // On a worker of the pool, which then need not be woken for every operation.
    let measured = rayon::scope(|_| session.run(&asked.units))
        .with_context(|| format!("running into {}", out.display()));
    let curves = audience.leave();
    let measured = measured?;
    let kept = kept.into_inner().expect("nothing panicked");
    say_what_others_ran(&measured, &kept, &asked.origin);
    let written = results.write(&asked, measured)?;
    curves.iter().try_for_each(|curves| curves.write_all(&written.evidence.records))?;
    written.report(&arguments.format, &format!("Time taken: {}", in_words(start.elapsed())))
}

/// A word on units that are kept as another program or machine left them; or a build of other sources of the same
/// commit may have.
fn say_what_others_ran(measured: &Evidence, kept: &[UnitKey], here: &Origin) {
    let is_clean = !here.commit.contains("-dirty") && here.commit != "unknown";
    let here = here.to_string();
    let is_other = |r: &&Record| {
        let is_kept = |key: &UnitKey| {
            let key = (&key.experiment, &key.subject, Some(key.seed));
            key == (&r.experiment, &r.subject, r.seed)
        };
        r.metric == Metric::ORIGIN && (r.note != here || !is_clean) && kept.iter().any(is_kept)
    };
    let others: Vec<&Record> = measured.records.iter().filter(is_other).collect();
    if let Some(first) = others.first() {
        let units: HashSet<_> =
            others.iter().map(|r| (&r.experiment, r.subject.to_string(), r.seed)).collect();
        let (count, origin) = (units.len(), &first.note);
        errln!(
            "note: {count} units are kept as they were run before ({origin}); --fresh runs them again"
        );
    }
}
