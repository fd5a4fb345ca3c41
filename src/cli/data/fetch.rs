//! `fernn data fetch`: downloads a data set.

use super::set::Set;
use crate::cli::finding::Finding;
use crate::cli::progress::bar;
use clap::Args;
use fernn::data::{FILES, KTH_FILES, Mirrors, fetch};
use std::path::PathBuf;

/// Downloads MNIST's four files, or KTH's annotation and six zips (1.2 GB); an interrupted download is
/// continued, and a file appears under its own name only after its content was verified.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn data fetch mnist\n\
    \x20 fernn data fetch kth --data-dir data/kth")]
pub struct FetchArguments {
    /// The data set
    #[arg(value_enum, default_value_t = Set::Mnist)]
    set: Set,
    /// Folder to download to [default: data/mnist or data/kth]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Address of a folder with the published files, instead of the known mirrors; may be repeated
    #[arg(long, value_name = "URL")]
    mirror: Vec<String>,
}

pub(super) fn run(arguments: &FetchArguments) -> anyhow::Result<Finding> {
    let (default_folder, default_mirrors) = match arguments.set {
        Set::Mnist => ("data/mnist", Mirrors::default()),
        Set::Kth => ("data/kth", Mirrors::of_kth()),
    };
    let folder = arguments.data_dir.clone().unwrap_or_else(|| default_folder.into());
    let mirrors = match arguments.mirror.is_empty() {
        true => default_mirrors,
        false => Mirrors::of(arguments.mirror.clone()),
    };
    let bar = bar("{msg:30} {bar:20} {bytes}/{total_bytes} left {eta}");
    let progress = |file: &str, so_far, all: Option<u64>| {
        bar.set_message(file.to_string());
        bar.set_length(all.unwrap_or(so_far));
        bar.set_position(so_far);
    };
    let paths = match arguments.set {
        Set::Mnist => fetch(&FILES, &folder, &mirrors, &progress)?,
        Set::Kth => fetch(&KTH_FILES, &folder, &mirrors, &progress)?,
    };
    bar.finish_and_clear();
    for path in paths {
        outln!("{}", path.display())?;
    }
    Ok(Finding::Fine)
}
