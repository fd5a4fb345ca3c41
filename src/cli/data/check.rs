//! `fernn data check`: whether data are what was published.

use super::check_kth::check_kth;
use super::check_mnist::{check_embedded, check_mnist};
use super::set::Set;
use crate::cli::finding::Finding;
use crate::cli::flags::DataFlags;
use clap::Args;
use fernn::data::{FILES, Sources};
use std::path::Path;

/// Compares a folder's data with what was published; exit code 1 when something differs. Of KTH's
/// videos no digests are known: they must be there and decode, and the counts of their clips are shown.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn data check\n\
    \x20 fernn data check kth --data-dir data")]
pub struct CheckArguments {
    /// The data set [default: those that are in the folder]
    #[arg(value_enum)]
    set: Option<Set>,
    #[command(flatten)]
    data: DataFlags,
}

pub(super) fn run(arguments: &CheckArguments) -> anyhow::Result<Finding> {
    let sources = arguments.data.sources();
    let mut is_fine = true;
    for set in sets(arguments.set, &sources) {
        is_fine &= match (set, sources.digits_folder()) {
            (Set::Mnist, None) => check_embedded()?,
            (Set::Mnist, Some(folder)) => check_mnist(&folder, &sources)?,
            (Set::Kth, _) => check_kth(&sources)?,
        };
    }
    Ok(if is_fine { Finding::Fine } else { Finding::CheckFailed })
}

/// What is asked for, or what is there; MNIST where nothing is, so that its files are named as missing.
fn sets(asked: Option<Set>, sources: &Sources) -> Vec<Set> {
    let has_kth = sources.footage_folder().is_some();
    let has_digits = |folder: &Path| FILES.iter().any(|file| file.find(folder).is_ok());
    let has_mnist = sources.digits_folder().is_none_or(|folder| has_digits(&folder));
    match (asked, has_mnist, has_kth) {
        (Some(set), _, _) => vec![set],
        (None, true, true) => vec![Set::Mnist, Set::Kth],
        (None, false, true) => vec![Set::Kth],
        (None, _, false) => vec![Set::Mnist],
    }
}
