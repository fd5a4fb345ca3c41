//! What a check found, on standard output in each format.

use clap::ValueEnum;
use fernn::equivariance::Report;
use fernn::verification::Paint;
use serde::Serialize;
use std::io::Write;

/// How the result is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// Comma-separated values
    Csv,
    /// A list of objects
    Json,
}

/// Prints rows as comma-separated values.
pub fn print_csv<R: Serialize>(rows: impl IntoIterator<Item = R>) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.into_iter().try_for_each(|row| writer.serialize(row))?;
    // As a whole, so that a reader who goes away is known by the error of standard output.
    let mut output = std::io::stdout();
    output.write_all(&writer.into_inner()?)?;
    Ok(output.flush()?)
}

/// Prints what a check of `subject` found.
pub fn print_report(format: Format, report: &Report, subject: &str) -> anyhow::Result<()> {
    match format {
        Format::Table => {
            let paint = Paint::of_standard_output();
            painted(report, |line| paint.red(line)).iter().try_for_each(|line| outln!("{line}"))?
        }
        Format::Csv => print_csv(report.rows(subject))?,
        Format::Json => outln!("{}", serde_json::to_string_pretty(&report.rows(subject))?)?,
    }
    Ok(())
}

/// The lines of a report, each law that does not hold in red: they stand first, what belongs to them indented.
fn painted(report: &Report, red: impl Fn(&str) -> String) -> Vec<String> {
    let mut wrong = report.lines.iter().filter(|line| !line.holds()).count();
    let paint = |line: &str| match wrong {
        1.. if !line.starts_with(' ') => {
            wrong -= 1;
            red(line)
        }
        _ => line.to_string(),
    };
    report.to_string().lines().map(paint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};
    use fernn::equivariance::{Options, check};
    use fernn::flow::{VelocitySet, ZeroPaddedTranslation};

    #[test]
    fn laws_that_do_not_hold_are_red_and_nothing_else_is() -> fernn::Result<()> {
        let kernel = |shape: (usize, usize, usize, usize)| {
            Tensor::ones(shape, candle_core::DType::F64, &Device::Cpu)
        };
        let (u, w) = (kernel((2, 1, 3, 3))?, (kernel((2, 2, 3, 3))? * 0.05)?);
        let cell = |dtype, velocities: VelocitySet<_>| {
            let (u, w) = (u.to_dtype(dtype)?, w.to_dtype(dtype)?);
            fernn::cells::FlowRnn::new(ZeroPaddedTranslation, velocities, u, w)
        };
        let report = check(cell, &Options::over(ZeroPaddedTranslation))?;
        let lines = painted(&report, |line| format!("red {line}"));
        let red: Vec<&String> = lines.iter().filter(|line| line.starts_with("red ")).collect();
        assert_eq!(red.len(), report.lines.iter().filter(|line| !line.holds()).count());
        assert!(!red.is_empty() && red.iter().all(|line| line.contains("BROKEN")), "{red:?}");
        let plain: Vec<&str> = lines.iter().map(|line| line.trim_start_matches("red ")).collect();
        assert_eq!(plain.join("\n"), report.to_string());
        Ok(())
    }
}
