//! The command line: one file per command.

/// `println!` whose failure is an error of the command: a reader that goes away is no reason to panic.
macro_rules! outln {
    ($($argument:tt)*) => {{
        use std::io::Write;
        writeln!(std::io::stdout(), $($argument)*)
    }};
}

mod data;
mod list;
mod predict;
mod progress;
mod report;
mod reproduce;
mod verdicts;
mod verify;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
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
    Predict(predict::Arguments),
    Verify(verify::Arguments),
    #[command(subcommand)]
    Data(data::Command),
    List(list::Arguments),
}

/// What a command found, where it ran to its end.
enum Finding {
    Fine,
    CheckFailed,
}

/// Runs the command line and returns the documented exit code.
pub fn run() -> ExitCode {
    fernn::process::prepare();
    let result = match Cli::parse().command {
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
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

/// Where digits come from, as a flag of several commands.
#[derive(clap::Args)]
struct DataFlags {
    /// Folder with MNIST's four IDX files, .gz or not [default: the digits inside the program]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

impl DataFlags {
    /// The sources, which are read when they are first needed.
    fn sources(&self) -> fernn::data::Sources {
        fernn::data::Sources::new(self.data_dir.clone()).noting(|note| eprintln!("note: {note}"))
    }
}

/// How convolutions are computed, as a flag of several commands.
#[derive(clap::Args)]
struct AlgorithmFlags {
    /// How convolutions are computed
    #[arg(long, value_enum, default_value_t = Algorithm::Auto)]
    algorithm: Algorithm,
}

/// The algorithms as values of a flag.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Algorithm {
    /// Winograd where it pays, else direct
    Auto,
    /// Sums over taps and channels: translations commute with it bit for bit
    Direct,
    /// F(4×4, 3×3) wherever it fits: faster, and static translations commute to rounding
    Winograd,
}

impl AlgorithmFlags {
    fn algorithm(&self) -> fernn::ops::ConvAlgorithm {
        match self.algorithm {
            Algorithm::Auto => fernn::ops::ConvAlgorithm::Auto,
            Algorithm::Direct => fernn::ops::ConvAlgorithm::Direct,
            Algorithm::Winograd => fernn::ops::ConvAlgorithm::Winograd,
        }
    }
}

/// Where tensors live, as a flag of several commands.
#[derive(clap::Args)]
struct DeviceFlags {
    /// Where to compute; cuda needs a build with `--features cuda`
    #[arg(long, value_enum, default_value_t = DeviceName::Cpu)]
    device: DeviceName,
}

/// The devices as values of a flag.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DeviceName {
    /// This crate's own kernels
    Cpu,
    /// The first GPU, with candle's operations
    Cuda,
}

impl DeviceFlags {
    fn device(&self) -> fernn::Result<candle_core::Device> {
        match self.device {
            DeviceName::Cpu => Ok(candle_core::Device::Cpu),
            DeviceName::Cuda => candle_core::Device::new_cuda(0).map_err(|e| {
                let reason = e.to_string();
                let first = reason.lines().next().unwrap_or_default();
                fernn::Error::configuration(
                    "--device cuda",
                    format!("is not there ({first})"),
                    "build with `--features cuda` on a machine with a GPU, or leave the flag out",
                )
            }),
        }
    }
}

/// The number of threads, as a flag of several commands.
#[derive(clap::Args)]
struct ThreadFlags {
    /// Threads to compute with; results do not depend on it [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<std::num::NonZeroUsize>,
}

impl ThreadFlags {
    /// Sets the number of threads for the whole process and returns it.
    fn apply(&self) -> anyhow::Result<usize> {
        if let Some(threads) = self.threads {
            rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global()?;
        }
        Ok(rayon::current_num_threads())
    }
}

/// The command line without the program's path and without where results go.
fn command_line() -> String {
    let mut words = vec!["fernn".to_string()];
    let mut arguments = std::env::args().skip(1);
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--out" | "--data-dir" => {
                arguments.next();
            }
            "--fresh" => {}
            w if w.starts_with("--out=") || w.starts_with("--data-dir=") => {}
            _ => words.push(word),
        }
    }
    words.join(" ")
}

/// The CPU's name, where the system tells it.
fn cpu_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    model.unwrap_or(std::env::consts::ARCH).to_string()
}
