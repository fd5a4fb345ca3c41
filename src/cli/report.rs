//! `fernn report`: rebuilds tables, figures and the report from records alone.

use super::finding::Finding;
use super::flags::PrintFlags;
use super::verdicts::print_verdicts;
use clap::Args;
use fernn::experiments::{CATALOGUE, Evidence};
use fernn::report::write_report_as;
use std::path::PathBuf;

/// Rebuilds tables, figures and REPORT.md from records.csv, and pictures.csv beside it, byte for byte.
#[derive(Args)]
pub struct Arguments {
    /// The records to read [default: records.csv in the output folder]
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// Output folder
    #[arg(long, value_name = "FOLDER", default_value = "results/local/quick")]
    out: PathBuf,
    #[command(flatten)]
    print: PrintFlags,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let path = arguments.records.clone().unwrap_or_else(|| arguments.out.join("records.csv"));
    let (evidence, print) = (Evidence::read(&path)?, arguments.print.print());
    let verdicts = write_report_as(&evidence, CATALOGUE, &arguments.out, &print)?;
    print_verdicts(&verdicts)?;
    Ok(Finding::Fine)
}
