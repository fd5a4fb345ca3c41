//! The program: parses the command line, runs a command, and says how it ended.

use super::finding::Finding;
use super::{
    check, compare, data, evaluate, list, plan, predict, report, reproduce, train, verify,
};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Reproduces and verifies "Flow Equivariant Recurrent Neural Networks" (Keller, 2025).
///
/// Results go to standard output and to files, everything else to standard error. Exit codes: 0
/// fine, 1 a check failed, 2 wrong usage or bad input, 3 anything else.
#[derive(Parser)]
#[command(name = "fernn", version, max_term_width = 80)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Reproduce(reproduce::Arguments),
    Report(report::Arguments),
    Plan(plan::Arguments),
    Compare(compare::Arguments),
    Train(train::Arguments),
    Evaluate(evaluate::Arguments),
    Predict(predict::Arguments),
    Verify(verify::Arguments),
    Check(check::Arguments),
    #[command(subcommand)]
    Data(data::Command),
    List(list::Arguments),
}

/// Runs the command line and returns the documented exit code.
pub fn run() -> ExitCode {
    fernn::process::prepare();
    let result = match Cli::parse().command {
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Data(command) => data::run(&command),
        Command::List(arguments) => list::run(&arguments),
    };
    match result {
        Ok(Finding::Fine) => ExitCode::SUCCESS,
        Ok(Finding::CheckFailed) => ExitCode::from(1),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            let is_usage = error.downcast_ref::<fernn::Error>().is_some_and(fernn::Error::is_usage);
            ExitCode::from(if is_usage { 2 } else { 3 })
        }
    }
}

/// Whether whoever read standard output has stopped reading, such as `head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    kind == Some(std::io::ErrorKind::BrokenPipe)
}
