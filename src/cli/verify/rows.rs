//! Rows in full, in 60 columns.

use crate::cli::paint::Paint;
use fernn::verification::Row;

/// The lines of a row; headings before the first row, and where the law or its subject changes.
pub fn lines(row: &Row, before: Option<&Row>, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    if before.is_none() {
        lines.push(paint.bold(&columns(["lift", "set", "algorithm", "f32", "f64", "verdict"])));
    }
    let is_same_law = before.is_some_and(|before| before.property == row.property);
    if !is_same_law {
        lines.push(paint.bold(&row.property));
    }
    if !is_same_law || before.is_some_and(|before| subject(before) != subject(row)) {
        lines.push(format!("  {}", subject(row)));
    }
    let (single, double) = (error(row.error_f32), error(row.error_f64));
    let is_control = row.holds && row.expected == "BROKEN";
    let verdict = if is_control { "BROKEN (must)" } else { &row.verdict };
    let line = columns([&row.lift, set(row), &row.algorithm, &single, &double, verdict]);
    match row.holds {
        true => lines.push(line),
        false => {
            lines.push(paint.red(&line));
            lines.push(paint.red(&format!("      expected {}", row.expected)));
        }
    }
    lines
}

/// The cell and the group of a row; a law of the group itself has no cell.
pub fn subject(row: &Row) -> String {
    let cell = if row.cell == "-" { "no cell" } else { &row.cell };
    let group = row.group.split(' ').next().unwrap_or_default();
    format!("{cell} · {group}")
}

fn set(row: &Row) -> &str {
    row.group.split_once(' ').map_or("-", |(_, set)| set)
}

fn error(error: Option<f64>) -> String {
    error.map_or("-".into(), |error| format!("{error:.0e}"))
}

fn columns([lift, set, algorithm, single, double, verdict]: [&str; 6]) -> String {
    format!("    {lift:<9} {set:<6} {algorithm:<9} {single:>5} {double:>5} {verdict}")
}
