//! The command: measures, prints, compares, searches.

use super::arguments::Arguments;
use super::figures::write_figures;
use super::print::{print, print_lines};
use super::rows::lines;
use super::search::search_for;
use super::selection::{is_selected, selection};
use super::weights::check_weights;
use crate::cli::finding::Finding;
use crate::cli::paint::Paint;
use crate::cli::print_report::{Format, print_report};
use crate::cli::progress::bar;
use fernn::Error;
use fernn::verification::{Baseline, Row, Selection, rows};
use indicatif::ProgressBar;
use std::time::{Duration, Instant};

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    arguments.threads.apply()?;
    if let Some(source) = &arguments.weights {
        let report = check_weights(arguments, source)?;
        print_report(arguments.format, &report, "weights")?;
        return Ok(if report.holds() { Finding::Fine } else { Finding::CheckFailed });
    }
    let selection = selection(arguments)?;
    let baseline = arguments.baseline.as_deref().map(Baseline::read).transpose()?;
    let start = Instant::now();
    // On a worker of the pool, which then need not be woken for every operation.
    let measured = rayon::scope(|_| measure(arguments, &selection))?;
    if measured.is_empty() {
        return Err(Error::configuration(
            "the selection",
            "leaves nothing to measure",
            "leave --cell or --flow out",
        )
        .into());
    }
    print(arguments, &measured, start.elapsed())?;
    if let Some(folder) = &arguments.out {
        write_figures(&measured, folder)?;
    }
    let mut is_fine = measured.iter().all(|row| row.holds);
    if let Some(baseline) = baseline {
        let is_asked_for = |row: &Row| is_selected(row, &selection);
        for worse in baseline.deviations(&measured, is_asked_for) {
            eprintln!("worse than the baseline: {} {}", worse.statement, worse.change);
            is_fine = false;
        }
    }
    if arguments.thorough {
        is_fine &=
            search_for(Duration::from_secs_f64(60.0 * arguments.minutes.max(0.0)), &selection)?;
    }
    Ok(if is_fine { Finding::Fine } else { Finding::CheckFailed })
}

/// Measures; with `--all` people see each row as soon as it is there, else how many there are.
fn measure(arguments: &Arguments, selection: &Selection) -> anyhow::Result<Vec<Row>> {
    let is_shown = arguments.format == Format::Table && arguments.all;
    let bar = match is_shown {
        true => ProgressBar::hidden(),
        false => bar("statements measured: {pos}, {elapsed}"),
    };
    let paint = Paint::of_standard_output();
    let mut printed = Ok(());
    let mut before: Option<Row> = None;
    let measured = rows(selection, |row| {
        bar.inc(1);
        if is_shown && printed.is_ok() {
            printed = print_lines(&lines(row, before.as_ref(), paint));
            before = Some(row.clone());
        }
    });
    bar.finish_and_clear();
    let measured = measured?;
    printed?;
    Ok(measured)
}
