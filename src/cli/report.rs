//! `fernn report`: rebuilds tables, figures and the report from records alone.

use super::Finding;
use super::reproduce::print_verdicts;
use clap::Args;
use fernn::Error;
use fernn::experiments::read_records;
use fernn::report::write_report;
use std::path::PathBuf;

/// Rebuilds tables, figures and REPORT.md from a records.csv alone, byte for byte.
#[derive(Args)]
pub struct Arguments {
    /// The records to read [default: records.csv in the output folder]
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// Output folder
    #[arg(long, value_name = "FOLDER", default_value = "results/local/quick")]
    out: PathBuf,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let path = arguments.records.clone().unwrap_or_else(|| arguments.out.join("records.csv"));
    let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
    let verdicts = write_report(&read_records(&bytes, &path)?, &arguments.out)?;
    print_verdicts(&verdicts)?;
    Ok(Finding::Fine)
}
