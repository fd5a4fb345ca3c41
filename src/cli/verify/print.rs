//! The result on standard output, in each format.

use super::arguments::Arguments;
use crate::cli::print_report::{Format, print_csv};
use crate::cli::wrapping::wrapped;
use fernn::verification::{Counts, Paint, Row, at_a_glance};
use std::time::Duration;

/// Prints what was measured; with `--all` people have seen the rows already, and only counts are left.
pub fn print(arguments: &Arguments, measured: &[Row], time: Duration) -> anyhow::Result<()> {
    let sentence = Counts::of(measured).sentence();
    let seconds = time.as_secs_f64();
    match arguments.format {
        Format::Table => {
            errln!("measured in {seconds:.0} s");
            let lines = match arguments.all {
                true => [vec![String::new()], wrapped(&sentence, 60)].concat(),
                false => at_a_glance(measured, Paint::of_standard_output()),
            };
            print_lines(&lines)?;
        }
        Format::Csv => {
            print_csv(measured)?;
            errln!("{sentence}, {seconds:.0} s");
        }
        Format::Json => {
            outln!("{}", serde_json::to_string_pretty(measured)?)?;
            errln!("{sentence}, {seconds:.0} s");
        }
    }
    Ok(())
}

/// Prints lines.
pub fn print_lines(lines: &[String]) -> std::io::Result<()> {
    lines.iter().try_for_each(|line| outln!("{line}"))
}
