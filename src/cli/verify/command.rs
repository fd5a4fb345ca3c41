//! The command: measures, prints, compares, searches.

use super::arguments::Arguments;
use super::figures::{expect_replaceable, write_figures};
use super::print::{print, print_lines};
use super::search::search_for;
use super::selection::selection;
use super::weights::check_weights;
use crate::cli::apart::expect_apart;
use crate::cli::finding::Finding;
use crate::cli::print_report::{Format, print_report};
use crate::cli::progress::bar;
use fernn::equivariance::Key;
use fernn::report::EQUIVARIANCE_ROWS;
use fernn::verification::{
    Baseline, Paint, Row, Selection, Statement, Verified, in_full, run as measure_all, statements,
    suite,
};
use indicatif::ProgressBar;
use std::path::Path;
use std::time::{Duration, Instant};

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    arguments.threads.apply()?;
    if let Some(source) = &arguments.weights {
        let report = check_weights(arguments, source)?;
        print_report(arguments.format, &report, "weights")?;
        return Ok(if report.holds() { Finding::Fine } else { Finding::CheckFailed });
    }
    let kinds = suite()?;
    let selection = selection(arguments, &kinds)?;
    if let (Some(out), Some(baseline)) = (&arguments.out, &arguments.baseline) {
        expect_apart(("--out", &out.join(EQUIVARIANCE_ROWS)), &[("--baseline", baseline)])?;
    }
    if let Some(out) = &arguments.out {
        expect_replaceable(out)?;
    }
    let baseline = arguments.baseline.as_deref().map(|path| baseline(path, &kinds)).transpose()?;
    let statements = statements(&kinds, &selection)?;
    let start = Instant::now();
    let measured = measure(arguments, &statements, &selection)?;
    print(arguments, &measured, start.elapsed())?;
    if let Some(folder) = &arguments.out {
        write_figures(&measured, folder)?;
    }
    let mut is_fine = measured.iter().all(|row| row.holds);
    if let Some(baseline) = baseline {
        let is_asked_for = |row: &Row| selection.asks_for(row, &kinds);
        for worse in baseline.deviations(&measured, is_asked_for) {
            errln!("worse than the baseline: {worse}");
            is_fine = false;
        }
    }
    if arguments.thorough {
        let time = Duration::from_secs_f64(60.0 * arguments.minutes);
        is_fine &= search_for(time, &kinds, &selection)?;
    }
    Ok(if is_fine { Finding::Fine } else { Finding::CheckFailed })
}

/// The baseline of a file, all of whose rows are about something that there is.
fn baseline(path: &Path, kinds: &[Box<dyn Verified>]) -> fernn::Result<Baseline> {
    let baseline = Baseline::read(path)?;
    let all = statements(kinds, &Selection::default())?;
    let keys: Vec<Key> = all.into_iter().map(|statement| statement.key).collect();
    baseline.expect_known(&keys, path)?;
    Ok(baseline)
}

/// Measures; with `--all` people see each row as soon as it is there, else how many there are.
fn measure(
    arguments: &Arguments,
    statements: &[Statement<'_>],
    selection: &Selection,
) -> anyhow::Result<Vec<Row>> {
    let is_shown = arguments.format == Format::Table && arguments.all;
    let bar = match is_shown {
        true => ProgressBar::hidden(),
        false => bar("statements measured: {pos}, {elapsed}"),
    };
    let paint = Paint::of_standard_output();
    let mut printed = Ok(());
    let mut before: Option<Row> = None;
    let measured = measure_all(statements, &selection.dtypes, |row| {
        bar.inc(1);
        if is_shown && printed.is_ok() {
            printed = print_lines(&in_full(row, before.as_ref(), paint));
            before = Some(row.clone());
        }
    });
    bar.finish_and_clear();
    let measured = measured?;
    printed?;
    Ok(measured)
}
