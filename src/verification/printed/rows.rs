//! Rows in full, in 60 columns.

use super::paint::Paint;
use crate::equivariance::{Key, Row};

/// The lines of a row; headings before the first row, and where the law or its subject changes. An example stands
/// at [`at_a_glance`](super::at_a_glance).
pub fn in_full(row: &Row, before: Option<&Row>, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    if before.is_none() {
        lines.push(paint.bold(&columns(["lift", "set", "algorithm", "f32", "f64", "verdict"])));
    }
    let is_same_law = before.is_some_and(|before| law(before) == law(row));
    if !is_same_law {
        lines.push(paint.bold(&law(row)));
    }
    if !is_same_law || before.is_some_and(|before| subject(before) != subject(row)) {
        lines.push(format!("  {}", subject(row)));
    }
    let (single, double) = (error(row.error_f32), error(row.error_f64));
    let is_control = row.holds && row.expected == "BROKEN";
    let verdict = if is_control { "BROKEN (must)" } else { &row.verdict };
    let line = columns([&row.lift, &row.velocities, &row.algorithm, &single, &double, verdict]);
    match row.holds {
        true => lines.push(line),
        false => {
            lines.push(paint.red(&line));
            lines.push(paint.red(&format!("      expected {}", row.expected)));
        }
    }
    lines
}

/// The law, and the flow if it is one alone.
fn law(row: &Row) -> String {
    match row.flow.as_str() {
        Key::NONE => row.property.clone(),
        flow => format!("{} by {flow}", row.property),
    }
}

/// The cell and the group of a row; a law of the group itself has no cell.
pub(super) fn subject(row: &Row) -> String {
    let cell = if row.cell == Key::NONE { "no cell" } else { &row.cell };
    format!("{cell} · {}", row.group)
}

fn error(error: Option<f64>) -> String {
    error.map_or("-".into(), |error| format!("{error:.0e}"))
}

fn columns([lift, set, algorithm, single, double, verdict]: [&str; 6]) -> String {
    format!("    {lift:<9} {set:<6} {algorithm:<9} {single:>5} {double:>5} {verdict}")
}
