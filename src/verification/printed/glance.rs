//! The result at a glance, in 60 columns: what was not expected, counts by cell and group, a summary.

use super::counts::Counts;
use super::paint::Paint;
use super::rows;
use crate::equivariance::Row;

const SUBJECT: &str = "cell · group";

/// The lines of the whole result: first what is unexpected, in full, then counts for each cell and group.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use fernn::cells::TranslationRnn;
/// use fernn::equivariance::{Options, check};
/// use fernn::flow::Translation;
/// use fernn::verification::{Paint, at_a_glance, in_full};
///
/// # fn main() -> fernn::Result<()> {
/// let kernel = |shape: (usize, usize, usize, usize)| Tensor::randn(0.0, 0.3, shape, &Device::Cpu);
/// let (u, w) = (kernel((4, 1, 3, 3))?, kernel((4, 4, 3, 3))?);
/// let cell = |dtype, velocities| {
///     TranslationRnn::new(Translation, velocities, u.to_dtype(dtype)?, w.to_dtype(dtype)?)
/// };
/// let rows = check(cell, &Options::over(Translation))?.rows("my cell");
/// assert!(at_a_glance(&rows, Paint::NONE).iter().any(|line| line.starts_with("my cell")));
/// assert!(in_full(&rows[0], None, Paint::NONE).iter().any(|line| line.contains("exact")));
/// # Ok(())
/// # }
/// ```
pub fn at_a_glance(measured: &[Row], paint: Paint) -> Vec<String> {
    let mut lines = unexpected(measured, paint);
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.extend(table(measured, paint));
    let Counts { statements, unexpected, .. } = Counts::of(measured);
    let summary = format!("{statements} statements, {unexpected} unexpected");
    lines.push(String::new());
    lines.push(if unexpected > 0 { paint.red(&summary) } else { paint.bold(&summary) });
    lines
}

/// Every row that was not expected, below a heading; no line where there is none.
fn unexpected(measured: &[Row], paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    let mut before = None;
    for row in measured.iter().filter(|row| !row.holds) {
        lines.extend(rows::in_full(row, before, paint));
        before = Some(row);
    }
    if before.is_some() {
        lines.insert(0, paint.red("Unexpected"));
    }
    lines
}

fn table(measured: &[Row], paint: Paint) -> Vec<String> {
    let mut counted: Vec<(String, Counts)> = Vec::new();
    for row in measured {
        let subject = rows::subject(row);
        match counted.iter_mut().find(|(known, _)| *known == subject) {
            Some((_, counts)) => counts.add(row),
            None => counted.push((subject, Counts::of([row]))),
        }
    }
    let widths = counted.iter().map(|(subject, _)| subject.chars().count());
    let width = widths.chain([SUBJECT.chars().count()]).max().unwrap_or_default();
    let mut lines: Vec<String> =
        headings(width).iter().map(|heading| paint.bold(heading)).collect();
    for (subject, counts) in &counted {
        let line = line(subject, width, counts);
        lines.push(if counts.unexpected > 0 { paint.red(&line) } else { line });
    }
    lines.push(paint.bold(&line("all", width, &Counts::of(measured))));
    lines
}

/// Each word ends where its numbers end; side by side they would need 90 columns.
fn headings(width: usize) -> [String; 2] {
    let upper = width + 4;
    [
        format!("{:>upper$}{:>18}{:>11}", "statements", "discretisation", "unexpected"),
        format!("{SUBJECT:<width$}{:>9}{:>9}{:>11}", "exact", "rounding", "must break"),
    ]
}

fn line(subject: &str, width: usize, counts: &Counts) -> String {
    let Counts { statements, exact, rounding, discretisation, broken, unexpected } = counts;
    format!(
        "{subject:<width$}{statements:>4}{exact:>5}{rounding:>9}{discretisation:>4}{broken:>7}\
         {unexpected:>4}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verification::{Property, Velocities, suite};

    fn row(cell: &str, (group, set): (&str, &str), verdict: &str, holds: bool) -> Row {
        Row {
            property: "read-out flow equivariance".into(),
            flow: "-".into(),
            cell: cell.into(),
            lift: "co-moving".into(),
            group: group.into(),
            velocities: set.into(),
            algorithm: "winograd".into(),
            expected: if holds { verdict } else { "rounding" }.into(),
            verdict: verdict.into(),
            error_f32: Some(3e-1),
            error_f64: Some(2e-15),
            margin: None,
            holds,
        }
    }

    fn measured() -> Vec<Row> {
        vec![
            row("rnn", ("translation", "V1"), "exact", true),
            row("rnn", ("translation", "closed"), "rounding", true),
            row("gru", ("translation", "V1"), "BROKEN", true),
            row("gru", ("translation", "V2"), "BROKEN", false),
            row("rnn", ("rotation-8", "V1"), "discretisation", true),
            row("-", ("rotation-8", "-"), "exact", true),
            row("rnn", ("translation", "V2"), "exact", true),
        ]
    }

    #[test]
    fn what_was_not_expected_comes_first_and_in_full() {
        let lines = at_a_glance(&measured(), Paint::NONE);
        assert_eq!(
            lines[..6],
            [
                "Unexpected",
                "    lift      set    algorithm   f32   f64 verdict",
                "read-out flow equivariance",
                "  gru · translation",
                "    co-moving V2     winograd   3e-1 2e-15 BROKEN",
                "      expected rounding",
            ]
        );
        assert_eq!(lines[6], "");
        assert_eq!(lines.last().unwrap(), "7 statements, 1 unexpected");
    }

    #[test]
    fn where_all_is_as_expected_the_table_is_first() {
        let mut measured = measured();
        measured.retain(|row| row.holds);
        let lines = at_a_glance(&measured, Paint::NONE);
        assert_eq!(lines[..2], headings("no cell · rotation-8".chars().count()));
        assert_eq!(lines.last().unwrap(), "6 statements, 0 unexpected");
    }

    #[test]
    fn each_cell_and_group_has_a_line_of_counts_and_all_are_added_up() {
        let table = table(&measured(), Paint::NONE);
        let numbers = |line: &String| -> Vec<usize> {
            line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
        };
        let expected = [
            ("rnn · translation", [3, 2, 1, 0, 0, 0]),
            ("gru · translation", [2, 0, 0, 0, 1, 1]),
            ("rnn · rotation-8", [1, 0, 0, 1, 0, 0]),
            ("no cell · rotation-8", [1, 1, 0, 0, 0, 0]),
            ("all", [7, 3, 1, 1, 1, 1]),
        ];
        assert_eq!(table.len(), 2 + expected.len());
        for (line, (subject, counts)) in table[2..].iter().zip(expected) {
            assert!(line.starts_with(subject), "{line}");
            assert_eq!(numbers(line), counts, "{line}");
            assert_eq!(counts[1..].iter().sum::<usize>(), counts[0]);
        }
    }

    /// A row for every combination of names in the suite, none of them expected.
    fn every_name() -> Vec<Row> {
        let mut named = Vec::new();
        for property in Property::ALL {
            for kind in suite().expect("the groups exist") {
                for set in [Velocities::Truncated(2), Velocities::Closed] {
                    let place = (kind.group(), set.to_string());
                    let mut row = row(kind.cell(), (&place.0, &place.1), "discretisation", false);
                    (row.property, row.flow) = (property.name().into(), "-1,2".into());
                    row.expected = "discretisation".into();
                    (row.error_f32, row.error_f64) = (Some(1.3e-16), Some(f64::INFINITY));
                    named.push(row);
                }
            }
        }
        named
    }

    #[test]
    fn no_line_is_longer_than_60_columns() {
        let named = every_name();
        let lines = at_a_glance(&named, Paint::NONE);
        assert!(lines.len() > 2 * named.len());
        for line in lines {
            assert!(line.chars().count() <= 60, "{line}");
        }
    }
}
