//! What a check found, on standard output in each format.

use clap::ValueEnum;
use fernn::equivariance::Report;
use serde::Serialize;
use std::io::Write;

/// How the result is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// Comma-separated values
    Csv,
    /// A list of objects
    Json,
}

/// Prints rows as comma-separated values.
pub fn print_csv<R: Serialize>(rows: impl IntoIterator<Item = R>) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.into_iter().try_for_each(|row| writer.serialize(row))?;
    // As a whole, so that a reader who goes away is known by the error of standard output.
    let mut output = std::io::stdout();
    output.write_all(&writer.into_inner()?)?;
    Ok(output.flush()?)
}

/// Prints what a check of `subject` found.
pub fn print_report(format: Format, report: &Report, subject: &str) -> anyhow::Result<()> {
    match format {
        Format::Table => outln!("{report}")?,
        Format::Csv => print_csv(report.rows(subject))?,
        Format::Json => outln!("{}", serde_json::to_string_pretty(&report.rows(subject))?)?,
    }
    Ok(())
}
