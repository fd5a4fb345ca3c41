//! `fernn compare`: two runs side by side.

use super::finding::Finding;
use super::wrapping::wrapped;
use clap::Args;
use fernn::experiments::number::short;
use fernn::experiments::{
    CATALOGUE, Comparison, Evidence, Outcome, Records, RunComparison, SettingsDifference, Verdict,
    each_once,
};
use fernn::statistics::Interval;
use std::path::{Path, PathBuf};

/// Compares two runs: settings that differ, what was measured with its intervals, and verdicts that
/// changed.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn compare results/quick results/local/quick\n\
    \x20 fernn compare before/records.csv after/records.csv --fail-on-change")]
pub struct Arguments {
    /// The first run: its output folder, or its records
    #[arg(value_name = "RUN_A")]
    first: PathBuf,
    /// The second run
    #[arg(value_name = "RUN_B")]
    second: PathBuf,
    /// Exit with code 1 when a verdict changed, or is missing in one of the runs
    #[arg(long)]
    fail_on_change: bool,
    /// Show measurements that are the same to the bit too
    #[arg(long)]
    all: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let [first, second] = [&arguments.first, &arguments.second].map(|path| evidence(path));
    let (first, second) = (first?, second?);
    let comparison = RunComparison::of(Records(&first), Records(&second), CATALOGUE)?;
    print_settings(&comparison)?;
    print_measurements(&comparison, arguments.all)?;
    print_verdicts(&comparison)?;
    let has_changed = comparison.changed().next().is_some();
    Ok(match arguments.fail_on_change && has_changed {
        true => Finding::CheckFailed,
        false => Finding::Fine,
    })
}

fn evidence(path: &Path) -> fernn::Result<Evidence> {
    let records = path.join("records.csv");
    Evidence::read(if path.is_dir() { &records } else { path })
}

/// Each text of differences once, with the models that it is of.
fn print_settings(comparison: &RunComparison) -> std::io::Result<()> {
    let name = |d: &SettingsDifference| format!("{} {}", d.experiment, d.subject);
    let texts = each_once(comparison.settings.iter().map(|d| (&d.lines, name(d))));
    if texts.is_empty() {
        return outln!("Settings: the same for every model of both runs");
    }
    outln!("Settings of the second run (and of the first):")?;
    for (lines, names) in texts {
        wrapped(&names.join(", "), 76).iter().try_for_each(|line| outln!("  {line}"))?;
        lines.iter().try_for_each(|line| outln!("    {line}"))?;
    }
    Ok(())
}

fn print_measurements(comparison: &RunComparison, all: bool) -> std::io::Result<()> {
    let (same, others): (Vec<&Comparison>, Vec<&Comparison>) =
        comparison.measurements.iter().partition(|measured| measured.is_same);
    outln!("\nMeasured: {} the same to the bit, {} not", same.len(), others.len())?;
    let shown: Vec<&Comparison> = if all { [same, others].concat() } else { others };
    let mut model = String::new();
    for measured in shown {
        let name = format!("{} {}", measured.experiment, measured.subject);
        if name != model {
            outln!("  {name}")?;
            model = name;
        }
        let [a, b] = measured.values.map(in_words);
        let ratio = measured.ratio.map(|ratio| format!("  × {}", in_words(Some(ratio))));
        outln!("    {:<21} {a} → {b}{}", measured.metric.name(), ratio.unwrap_or_default())?;
    }
    Ok(())
}

/// A number with its interval.
fn in_words(interval: Option<Interval>) -> String {
    let Some(Interval { estimate, ends }) = interval else { return "not measured".into() };
    let ends = ends.map(|(low, high)| format!(" [{}, {}]", short(low), short(high)));
    format!("{}{}", short(estimate), ends.unwrap_or_default())
}

fn print_verdicts(comparison: &RunComparison) -> std::io::Result<()> {
    let changed: Vec<_> = comparison.changed().collect();
    let same = comparison.verdicts.len() - changed.len();
    outln!("\nVerdicts: {same} the same, {} changed", changed.len())?;
    let outcome = |verdict: &Option<Verdict>| {
        verdict.as_ref().map_or(Outcome::NotRun, |verdict| verdict.outcome).name()
    };
    for (a, b) in changed {
        let claim = a.as_ref().or(b.as_ref()).map(|verdict| verdict.claim.words.as_str());
        wrapped(claim.unwrap_or_default(), 76).iter().try_for_each(|line| outln!("  {line}"))?;
        outln!("    {} → {}", outcome(a), outcome(b))?;
    }
    Ok(())
}
