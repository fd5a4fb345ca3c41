//! `fernn report`: rebuilds tables, figures and the report from records alone.

use super::finding::Finding;
use super::flags::FormatFlags;
use super::verdicts::{print_report_path, print_verdicts, say_if_changed};
use clap::Args;
use fernn::experiments::{CATALOGUE, Evidence};
use fernn::report::write_report_as;
use std::path::{Path, PathBuf};

/// Rebuilds tables, figures and the report from records.csv, and pictures.csv beside it, byte for byte.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn report --records results/quick/records.csv --out again\n\
    \x20 fernn report --out results/local/quick --format tex,pdf --width neurips")]
pub struct Arguments {
    /// The records to read [default: records.csv in the output folder]
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// Output folder
    #[arg(long, value_name = "FOLDER", default_value = "results/local/quick")]
    out: PathBuf,
    #[command(flatten)]
    format: FormatFlags,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let path = arguments.records.clone().unwrap_or_else(|| arguments.out.join("records.csv"));
    let (formats, out) = (arguments.format.formats(), &arguments.out);
    let evidence = Evidence::read(&path)?;
    say_if_changed(&evidence, path.parent().unwrap_or(Path::new("")))?;
    let form = (&formats[..], arguments.format.width());
    print_verdicts(&write_report_as(&evidence, CATALOGUE, form, out)?)?;
    print_report_path(&formats, out)?;
    Ok(Finding::Fine)
}
