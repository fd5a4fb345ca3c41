//! `fernn run-unit`: one of the units of a run, by its number.

use super::asked::{Asked, UnitFlags};
use super::processes::Processes;
use crate::cli::finding::Finding;
use crate::cli::flags::CurveFlags;
use crate::cli::stopping::say_when_stopped;
use crate::cli::watch::Audience;
use anyhow::Context;
use clap::Args;
use fernn::Error;
use fernn::experiments::{Event, Lock, Metric, Session, Unit};
use fernn::training::Ranks;
use std::path::PathBuf;

/// Trains and measures one of the units that `fernn plan` lists with the same flags, into an output folder that
/// many processes and machines may share; `fernn collect` makes records and a report of it.
///
/// A unit that is finished is left alone, one that was interrupted goes on from its checkpoint, and
/// none is run by two processes at a time. The exit code is 1 when its loss is no number.
/// Processes that mpirun starts together share its training, where the program was built with --features mpi.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn run-unit 3 --profile paper --data-dir data --out paper\n\
    \x20 seq $(fernn plan --count) | xargs -P 4 -I N fernn run-unit N --threads 2")]
pub struct Arguments {
    /// The unit's number, from 1
    #[arg(value_name = "NUMBER")]
    number: usize,
    #[command(flatten)]
    units: UnitFlags,
    /// Output folder [default: results/local/PROFILE]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    curves: CurveFlags,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let processes = Processes::join()?;
    let result = match processes.ranks().rank() {
        0 => lead(arguments, processes.ranks()),
        _ => follow(arguments, processes.ranks()),
    };
    if let Err(error) = &result {
        processes.abort(error);
    }
    result
}

/// Runs the unit, with others or alone.
fn lead(arguments: &Arguments, ranks: &dyn Ranks) -> anyhow::Result<Finding> {
    let asked = arguments.units.asked()?;
    let (count, unit) = (asked.units.len(), arguments.unit(&asked)?);
    let out = arguments.out();
    let curves = arguments.curves.inside(&out)?;
    let _lock = Lock::share(&out)?;
    say_when_stopped();
    let audience = Audience::new(curves);
    let observer = |event: Event<'_>| audience.tell(event);
    let session = Session { ranks, ..asked.session(&out, &observer) };
    let measured = rayon::scope(|_| session.run(unit))
        .with_context(|| format!("running into {}", out.display()));
    let curves = audience.leave();
    let measured = measured?;
    curves.iter().try_for_each(|curves| curves.write_all(&measured.records))?;
    let has_failed = measured.records.iter().any(|record| record.metric == Metric::FAILED);
    let state = if has_failed { "failed" } else { "finished" };
    outln!("unit {} of {count}, {}: {state}", arguments.number, unit[0].key.title())?;
    Ok(if has_failed { Finding::CheckFailed } else { Finding::Fine })
}

/// Shares the training of the unit that the first process runs.
fn follow(arguments: &Arguments, ranks: &dyn Ranks) -> anyhow::Result<Finding> {
    let (asked, out) = (arguments.units.asked()?, arguments.out());
    let session = Session { ranks, ..asked.session(&out, &|_| ()) };
    rayon::scope(|_| session.follow(arguments.unit(&asked)?))?;
    Ok(Finding::Fine)
}

impl Arguments {
    /// The unit of the number.
    fn unit<'a>(&self, asked: &'a Asked) -> fernn::Result<&'a [Unit]> {
        let count = asked.units.len();
        let unit = self.number.checked_sub(1).and_then(|place| asked.units.get(place..=place));
        unit.ok_or_else(|| {
            let problem = format!("{} is not among them", self.number);
            Error::configuration("NUMBER", problem, format!("there are units 1 to {count}"))
        })
    }

    fn out(&self) -> PathBuf {
        self.units.out(self.out.as_ref())
    }
}
