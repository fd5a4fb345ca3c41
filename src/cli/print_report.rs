//! What a check found, on standard output in each format.

use clap::ValueEnum;
use fernn::equivariance::{Line, Report};
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
            outln!("{}", painted(report, |law| paint.red(law)))?
        }
        Format::Csv => print_csv(report.rows(subject))?,
        Format::Json => outln!("{}", serde_json::to_string_pretty(&report.rows(subject))?)?,
    }
    Ok(())
}

/// A report, each law that does not hold in red.
fn painted(report: &Report, red: impl Fn(&str) -> String) -> String {
    let paint = |line: &Line| {
        let text = line.to_string();
        let (law, below) = text.split_at(text.find('\n').unwrap_or(text.len()));
        let law = if line.holds() { law.to_string() } else { red(law) };
        law + below + "\n"
    };
    report.in_order().into_iter().map(paint).collect::<String>() + &report.summary()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fernn::equivariance::{Diagnosis, Law, Verdict};

    #[test]
    fn laws_that_do_not_hold_are_red_and_nothing_else_is() {
        let line = |stage: &str, verdict| Line {
            law: Law::Still,
            stage: stage.into(),
            velocities: String::new(),
            expected: Diagnosis::Exact,
            verdict,
            single: Some(1.0),
            double: None,
            order: None,
            worst: None,
            motions: vec![],
        };
        let held = line("state", Verdict::Measured(Diagnosis::Exact));
        let vacuous = line("read-out", Verdict::Vacuous("it is the same everywhere".into()));
        let report = Report { group: "g".into(), lines: vec![held, vacuous] };
        let text = painted(&report, |law| format!("<{law}>"));
        let red: Vec<&str> = text.lines().filter(|line| line.starts_with('<')).collect();
        assert!(red.len() == 1 && red[0].contains("read-out") && red[0].ends_with('>'), "{text}");
        assert_eq!(text.replace(['<', '>'], ""), report.to_string());
    }
}
