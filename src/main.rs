//! The `fernn` binary: parse, validate, run, report.

mod cli;

use fernn::process::Memory;
use std::process::ExitCode;

#[global_allocator]
static MEMORY: Memory = Memory;

fn main() -> ExitCode {
    cli::run()
}
