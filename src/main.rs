//! The `fernn` binary: parse, validate, run, report.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
