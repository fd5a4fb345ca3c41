//! Numbers as text.

use crate::statistics::Estimate;

/// A number with two or three digits, in powers of ten where it is small.
pub fn short(value: f64) -> String {
    match value.abs() {
        v if v.is_nan() => "NaN".into(),
        0.0 => "0".into(),
        f64::INFINITY => format!("{}∞", if value < 0.0 { "−" } else { "" }),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_not_called_infinite() {
        let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, 0.0123, 54.0, 1.5e-4];
        assert_eq!(values.map(short), ["NaN", "∞", "−∞", "0", "0.012", "54", "1.5e-4"]);
    }
}
