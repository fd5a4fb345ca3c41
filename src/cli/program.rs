//! The program: parses the command line, runs a command, and says how it ended.

use super::finding::{Finding, exit_code};
use super::run::{collect, plan, reproduce, run_unit};
use super::{
    check, compare, completions, data, evaluate, list, man, predict, report, train, verify,
};
use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// Reproduces and verifies "Flow Equivariant Recurrent Neural Networks" (Keller, 2025).
///
/// Results go to standard output and to files, everything else to standard error. Exit codes: 0
/// fine, 1 a check failed, a unit diverged or is missing, 2 wrong usage or bad input, 3 anything else.
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
    RunUnit(run_unit::Arguments),
    Collect(collect::Arguments),
    Compare(compare::Arguments),
    Train(train::Arguments),
    Evaluate(evaluate::Arguments),
    Predict(predict::Arguments),
    Verify(verify::Arguments),
    Check(check::Arguments),
    #[command(subcommand)]
    Data(data::Command),
    List(list::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Runs the command line and returns the documented exit code.
pub fn run() -> ExitCode {
    // SAFETY: the first thing that `main` does, so that no other thread runs.
    unsafe { fernn::process::prepare() };
    let result = match Cli::parse().command {
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::RunUnit(arguments) => run_unit::run(&arguments),
        Command::Collect(arguments) => collect::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Train(arguments) => train::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Data(command) => data::run(&command),
        Command::List(arguments) => list::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, Cli::command()),
        Command::Man(arguments) => man::run(&arguments, Cli::command()),
    };
    match result {
        Ok(Finding::Fine) => ExitCode::SUCCESS,
        Ok(Finding::CheckFailed) => ExitCode::from(1),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            errln!("error: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}

/// Whether whoever read standard output has stopped reading, such as `head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    kind == Some(std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All commands that do something, and those below them.
    fn commands(of: &clap::Command) -> Vec<clap::Command> {
        let mut found: Vec<clap::Command> = of.get_subcommands().flat_map(commands).collect();
        if found.is_empty() {
            found.push(of.clone());
        }
        found
    }

    #[test]
    fn every_help_has_examples_that_the_program_takes() {
        for command in commands(&Cli::command()) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.lines().filter(|line| line.contains("fernn ")).collect();
            assert!(!examples.is_empty(), "{} has none", command.get_name());
            let text = help.replace("\\\n", " ");
            for line in text.lines().filter(|line| line.starts_with("  fernn ")) {
                let words = line.split_whitespace().take_while(|word| !["|", ">"].contains(word));
                if let Err(refusal) = Cli::try_parse_from(words) {
                    panic!("{line}\n{refusal}");
                }
            }
            assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        }
    }
}
