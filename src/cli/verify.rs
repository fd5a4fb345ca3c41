//! `fernn verify`: measures the equivariance of the crate's cells.

use super::Finding;
use candle_core::{DType, Device, Tensor};
use clap::{Args, ValueEnum};
use fernn::cells::TranslationRnn;
use fernn::equivariance::{EquivarianceError, read_out_error, state_error, static_error};
use fernn::flow::{PixelsPerFrame, Translation, VelocitySet};
use fernn::ops::ConvAlgorithm;
use fernn::rng::Stream;

/// Measures flow equivariance of the translation cells on random weights and inputs, in f32 and
/// f64, beside controls that must break it; exit code 1 when a property does not hold.
#[derive(Args)]
pub struct Arguments {
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Seed of weights and inputs
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// Comma-separated values
    Csv,
    /// A list of objects
    Json,
}

/// One property of one cell.
#[derive(serde::Serialize)]
struct Row {
    property: &'static str,
    cell: String,
    lift: &'static str,
    group: &'static str,
    algorithm: &'static str,
    expected: &'static str,
    verdict: &'static str,
    error_f32: f64,
    error_f64: f64,
}

impl Row {
    fn is_as_expected(&self) -> bool {
        self.expected == self.verdict || (self.expected == "rounding" && self.verdict == "exact")
    }
}

const HEIGHT: usize = 5;
const WIDTH: usize = 7;

/// A property: cell and frames to error.
type Measure = fn(&TranslationRnn, &Tensor, PixelsPerFrame) -> fernn::Result<EquivarianceError>;

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let rows = measure_all(arguments.seed)?;
    match arguments.format {
        Format::Table => print_table(&rows)?,
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(std::io::stdout());
            rows.iter().try_for_each(|row| writer.serialize(row))?;
            writer.flush()?;
        }
        Format::Json => outln!("{}", serde_json::to_string_pretty(&rows)?)?,
    }
    Ok(if rows.iter().all(Row::is_as_expected) { Finding::Fine } else { Finding::CheckFailed })
}

fn measure_all(seed: u64) -> anyhow::Result<Vec<Row>> {
    let sets = [
        ("G-RNN", VelocitySet::trivial()),
        ("FERNN-V1", VelocitySet::square(1)),
        ("FERNN-V2", VelocitySet::square(2)),
        ("FERNN-closed", VelocitySet::torus(HEIGHT, WIDTH)),
    ];
    let mut rows = Vec::new();
    let algorithms = [ConvAlgorithm::Direct, ConvAlgorithm::Winograd];
    for ((cell, set), algorithm) in sets.iter().flat_map(|set| algorithms.map(|a| (set, a))) {
        let (is_trivial, is_closed) = (set.len() == 1, set.is_closed() && set.len() > 1);
        let mut row = |property, measure: Measure, expected| -> anyhow::Result<()> {
            let case = Case { seed, cell, set, algorithm };
            rows.push(measure_one(&case, property, measure, expected)?);
            Ok(())
        };
        // Winograd's tiles lie still: what moves across them is rounded in other places.
        let is_direct = algorithm == ConvAlgorithm::Direct;
        let static_expected = if is_direct { "exact" } else { "rounding" };
        row("static equivariance", static_error, static_expected)?;
        if !is_trivial {
            row("state flow equivariance", state_error, "exact")?;
        }
        if is_trivial || is_closed {
            let expected = if is_closed { "exact" } else { "BROKEN" };
            row("read-out flow equivariance", read_out_error, expected)?;
        }
    }
    Ok(rows)
}

/// A random cell.
struct Case<'a> {
    seed: u64,
    cell: &'a str,
    set: &'a VelocitySet<PixelsPerFrame>,
    algorithm: ConvAlgorithm,
}

fn measure_one(
    case: &Case<'_>,
    property: &'static str,
    measure: Measure,
    expected: &'static str,
) -> anyhow::Result<Row> {
    let flows = [(1, 0), (0, 1), (-1, 1)].map(|(x, y)| PixelsPerFrame::new(x, y));
    let error = |dtype| -> anyhow::Result<f64> {
        let (cell, frames) = random_case(case, dtype)?;
        let mut worst = 0.0;
        for flow in flows {
            let error = measure(&cell, &frames, flow)?.max();
            worst = if error <= worst { worst } else { error };
        }
        Ok(worst)
    };
    let (error_f32, error_f64) = (error(DType::F32)?, error(DType::F64)?);
    let verdict = match (error_f32, error_f64) {
        (0.0, 0.0) => "exact",
        // Sums of some hundred terms of size 1 in either precision.
        (single, double) if single < 1e-4 && double < 1e-12 => "rounding",
        _ => "BROKEN",
    };
    let (lift, group, algorithm) = ("trivial", "translation", case.algorithm.name());
    let cell = case.cell.to_string();
    Ok(Row { property, cell, lift, group, algorithm, expected, verdict, error_f32, error_f64 })
}

/// A cell with random kernels over 8 channels, and 6 random frames of 2 channels.
fn random_case(case: &Case<'_>, dtype: DType) -> anyhow::Result<(TranslationRnn, Tensor)> {
    let mut stream = Stream::new(case.seed, "verify", 0);
    let mut tensor = |shape: &[usize], scale: f64| {
        let values: Vec<f64> =
            (0..shape.iter().product()).map(|_| scale * stream.normal()).collect();
        Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)
    };
    let frames = tensor(&[2, 6, 2, HEIGHT, WIDTH], 1.0)?;
    let (input, recurrent) = (tensor(&[8, 2, 3, 3], 0.3)?, tensor(&[8, 8, 3, 3], 0.12)?);
    let cell = TranslationRnn::new(Translation, case.set.clone(), input, recurrent)?;
    Ok((cell.with_algorithm(case.algorithm), frames))
}

fn print_table(rows: &[Row]) -> std::io::Result<()> {
    outln!("{:<26} {:<12} {:<8} {:>5} {:>5}  verdict", "property", "cell", "kernel", "f32", "f64")?;
    for row in rows {
        let remark = match (row.is_as_expected(), row.expected) {
            (true, "BROKEN") => " (must be)",
            (true, _) => "",
            (false, _) => " <- unexpected",
        };
        outln!(
            "{:<26} {:<12} {:<8} {:>5.0e} {:>5.0e}  {}{remark}",
            row.property,
            row.cell,
            row.algorithm,
            row.error_f32,
            row.error_f64,
            row.verdict
        )?;
    }
    Ok(())
}
