//! The subcommands.

use super::{check, fetch, preview};
use crate::cli::finding::Finding;
use clap::Subcommand;

/// Fetches, checks and shows data.
#[derive(Subcommand)]
pub enum Command {
    Fetch(fetch::FetchArguments),
    Check(check::CheckArguments),
    Preview(preview::Arguments),
}

pub fn run(command: &Command) -> anyhow::Result<Finding> {
    match command {
        Command::Fetch(arguments) => fetch::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Preview(arguments) => preview::run(arguments),
    }
}
