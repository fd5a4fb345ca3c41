//! What a check found, on standard output in each format.

use clap::ValueEnum;
use fernn::equivariance::{Report, Row};

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
pub fn print_csv(rows: &[Row]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(std::io::stdout());
    rows.iter().try_for_each(|row| writer.serialize(row))?;
    Ok(writer.flush()?)
}

/// Prints what a check of `subject` found.
pub fn print_report(format: Format, report: &Report, subject: &str) -> anyhow::Result<()> {
    match format {
        Format::Table => outln!("{report}")?,
        Format::Csv => print_csv(&report.rows(subject))?,
        Format::Json => outln!("{}", serde_json::to_string_pretty(&report.rows(subject))?)?,
    }
    Ok(())
}
