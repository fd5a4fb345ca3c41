//! Numbers as text.

use crate::statistics::Estimate;

/// A number with two or three digits, in powers of ten where it is small.
pub fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        v if !v.is_finite() => "∞".into(),
        v if (0.01..1000.0).contains(&v) => {
            let digits = (1 - v.log10().floor() as i32).max(0) as usize;
            format!("{value:.digits$}")
        }
        _ => format!("{value:.1e}"),
    }
}

/// Mean and standard deviation as cells; empty where there is none.
pub fn mean_and_std(estimate: Option<Estimate>) -> [String; 2] {
    match estimate {
        None => [String::new(), String::new()],
        Some(e) => [precise(e.mean), e.std.map(precise).unwrap_or_default()],
    }
}

/// Four significant digits.
pub fn precise(value: f64) -> String {
    if value.is_finite() { format!("{value:.3e}") } else { value.to_string() }
}

/// Cells of text.
pub fn strings(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| cell.to_string()).collect()
}
