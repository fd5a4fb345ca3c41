//! Flags of `fernn verify`.

use crate::cli::flags::{AlgorithmFlags, ThreadFlags};
use crate::cli::model::{ModelFlags, Task};
use crate::cli::print_report::Format;
use clap::{Args, ValueEnum};
use fernn::flow::{AnyVelocity, Velocity};
use fernn::verification::suite;
use std::path::PathBuf;

/// Measures every statement of the theory on random cells, in f32 and f64, beside controls that
/// must break them; exit code 1 when one does not hold.
///
/// Prints what was not expected, each with its errors, then counts of verdicts by cell and group.
///
/// `exact` means the same bits, `rounding` at most 4096 units in the last place in either
/// precision, `discretisation` an error that f64 does not lower but that interpolation on the grid
/// explains, `BROKEN` anything else.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn verify\n\
    \x20 fernn verify --cell gru --flow translation --all\n\
    \x20 fernn verify --weights W.safetensors --task translation --velocity-range 2")]
pub struct Arguments {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Prints every statement with its errors instead of counts; csv and json always hold them all
    #[arg(long)]
    pub all: bool,
    /// Only this cell; may be given several times [default: all]. With --weights the one cell that they
    /// belong to, as `predict` names it [default: simple]
    #[arg(long, value_name = "CELL")]
    pub cell: Vec<String>,
    /// Only this flow: `translation`, `rotation`, or one velocity such as 1,-1 in pixels per frame or
    /// 90deg in degrees per frame, a multiple of 45
    #[arg(long, value_name = "FLOW", value_parser = flow, allow_hyphen_values = true)]
    pub flow: Option<Flows>,
    /// Seed of weights and inputs
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Precisions; one alone cannot tell rounding from a breach of the same size
    #[arg(long, value_enum, default_value_t = Precision::Both)]
    pub dtype: Precision,
    /// Also fails on whatever is worse than in this file, written with `--format csv`
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Also writes equivariance.csv, a baseline for later, and figures to this folder
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Searches random cases for counterexamples as well, and shrinks what it finds
    #[arg(long)]
    pub thorough: bool,
    /// How long `--thorough` searches
    #[arg(
        long,
        value_name = "MINUTES",
        default_value_t = 60.0,
        requires = "thorough",
        value_parser = minutes
    )]
    pub minutes: f64,
    /// Checks a trained model instead, by every law that applies to it: its weights, as `predict` reads
    /// them
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["all", "flow", "seed", "dtype", "baseline", "out", "thorough"]
    )]
    pub weights: Option<PathBuf>,
    /// With --weights: what the model was trained for
    #[arg(long, value_enum, requires = "weights")]
    pub task: Option<Task>,
    #[command(flatten)]
    pub model: ModelFlags,
    #[command(flatten)]
    pub algorithm: AlgorithmFlags,
    #[command(flatten)]
    pub threads: ThreadFlags,
}

/// Precisions to measure in.
#[derive(Clone, Copy, ValueEnum)]
pub enum Precision {
    F32,
    F64,
    Both,
}

/// Flows to measure with.
#[derive(Clone, Copy)]
pub enum Flows {
    Translations,
    Rotations,
    Single(AnyVelocity),
}

fn flow(text: &str) -> Result<Flows, String> {
    let still = || Err("a flow that stands still proves nothing; take another".into());
    match text {
        "translation" => return Ok(Flows::Translations),
        "rotation" => return Ok(Flows::Rotations),
        _ => {}
    }
    match text.parse() {
        Ok(AnyVelocity::Rotation(v)) if v == Velocity::ZERO => still(),
        Ok(flow @ AnyVelocity::Rotation(v)) => {
            let kinds = suite().map_err(|error| error.to_string())?;
            match v.0.abs() <= 360 && kinds.iter().any(|kind| kind.has(flow)) {
                true => Ok(Flows::Single(flow)),
                false => Err("give a multiple of 45deg, at most a whole turn".into()),
            }
        }
        Ok(AnyVelocity::Translation(v)) if v == Velocity::ZERO => still(),
        Ok(flow @ AnyVelocity::Translation(v)) if v.x.abs() <= 1000 && v.y.abs() <= 1000 => {
            Ok(Flows::Single(flow))
        }
        _ => Err("give `translation`, `rotation` or a velocity such as 1,-1 or 90deg".into()),
    }
}

/// Minutes up to a week.
fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.parse().map_err(|_| "give a number of minutes, such as 10 or 0.5")?;
    match (0.0..=7.0 * 24.0 * 60.0).contains(&minutes) {
        true => Ok(minutes),
        false => Err("give a number of minutes from 0 to 10080, a week".into()),
    }
}
