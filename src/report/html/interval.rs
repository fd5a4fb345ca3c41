//! A measured interval, drawn against its threshold.

use super::element::element;
use crate::experiments::number::short;
use crate::experiments::{Threshold, Verdict};

const WIDTH: f64 = 260.0;
const HEIGHT: f64 = 50.0;
/// Room at both ends.
const MARGIN: f64 = 10.0;
/// Upper and lower edge of the band in which the claim holds.
const BAND: (f64, f64) = (15.0, 34.0);
/// Between two labels of the axis.
const LABEL_GAP: f64 = 34.0;

/// A horizontal axis: logarithmic for factors, linear where zero or a negative number is shown.
struct Axis {
    is_logarithmic: bool,
    /// Heights at both ends.
    low: f64,
    high: f64,
}

impl Axis {
    /// The axis that shows some values, with a margin beyond the outermost.
    fn around(values: &[f64]) -> Self {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let is_logarithmic = finite().all(|v| v > 0.0);
        let mut axis = Self { is_logarithmic, low: 0.0, high: 0.0 };
        let low = finite().map(|v| axis.height(v)).fold(f64::INFINITY, f64::min);
        let high = finite().map(|v| axis.height(v)).fold(f64::NEG_INFINITY, f64::max);
        // Equal values get an axis too: a factor of two to either side, or a quarter of the value.
        let least = if is_logarithmic { 0.6 } else { (low.abs().max(high.abs()) / 2.0).max(1e-3) };
        let margin = (0.16 * (high - low)).max((least - (high - low)) / 2.0);
        (axis.low, axis.high) = (low - margin, high + margin);
        axis
    }

    fn height(&self, value: f64) -> f64 {
        if self.is_logarithmic { value.log10() } else { value }
    }

    /// The place of a value; those beyond the axis are at its end.
    fn place(&self, value: f64) -> f64 {
        let part = (self.height(value) - self.low) / (self.high - self.low);
        MARGIN + part.clamp(0.0, 1.0) * (WIDTH - 2.0 * MARGIN)
    }

    /// Round numbers on the axis, few enough to be read.
    fn ticks(&self) -> Vec<f64> {
        let all: Vec<f64> = if self.is_logarithmic {
            let powers = (self.low.floor() as i32)..=(self.high.ceil() as i32);
            let wide = self.high - self.low > 1.5;
            let mantissas: &[f64] = if wide { &[1.0] } else { &[1.0, 2.0, 5.0] };
            let at = |power| mantissas.iter().map(move |m| m * 10f64.powi(power));
            powers.flat_map(at).collect()
        } else {
            let power = 10f64.powf(((self.high - self.low) / 2.0).log10().floor());
            let first = (self.low / power).ceil() as i64;
            let last = (self.high / power).floor() as i64;
            (first..=last).map(|i| i as f64 * power).collect()
        };
        let is_inside = |v: &f64| (self.low..=self.high).contains(&self.height(*v));
        let mut kept: Vec<f64> = Vec::new();
        for tick in all.into_iter().filter(is_inside) {
            if kept.last().is_none_or(|&last| self.place(tick) - self.place(last) >= LABEL_GAP) {
                kept.push(tick);
            }
        }
        kept
    }
}

/// The interval of a verdict against its threshold; `None` where nothing was measured, or no number.
pub(super) fn drawn(verdict: &Verdict, threshold: &str) -> Option<String> {
    let measured = verdict.measured?.interval;
    let (low, high) = measured.ends.unwrap_or((measured.estimate, measured.estimate));
    if [low, measured.estimate, high].iter().any(|v| v.is_nan()) {
        return None;
    }
    let limit = match verdict.claim.threshold {
        Threshold::AtLeast(t) | Threshold::AtMost(t) | Threshold::Exactly(t) => t,
    };
    let axis = Axis::around(&[low, measured.estimate, high, limit]);
    let at = axis.place(limit);
    let (from, to) = match verdict.claim.threshold {
        Threshold::AtLeast(_) => (at, WIDTH - MARGIN),
        Threshold::AtMost(_) => (MARGIN, at),
        Threshold::Exactly(_) => (at - 2.0, at + 2.0),
    };
    let (top, bottom) = BAND;
    let middle = (top + bottom) / 2.0;
    let mut inside = rectangle("side", (from, top), (to, bottom));
    inside += &line("axis", (MARGIN, bottom), (WIDTH - MARGIN, bottom));
    for tick in axis.ticks() {
        let x = axis.place(tick);
        inside += &line("axis", (x, bottom), (x, bottom + 3.0));
        inside += &label("tick", (x, HEIGHT - 3.0), &tick_label(tick));
    }
    inside += &line("threshold", (at, top - 3.0), (at, bottom));
    inside += &label("limit", (at, top - 5.0), threshold);
    let (left, right) = (axis.place(low), axis.place(high));
    inside += &rectangle("interval", (left, middle - 3.0), (right.max(left + 1.0), middle + 3.0));
    inside += &element("circle")
        .with("class", "estimate")
        .with("cx", &rounded(axis.place(measured.estimate)))
        .with("cy", &rounded(middle))
        .with("r", "4.5")
        .around("");
    let svg = element("svg")
        .with("class", "drawn")
        .with("viewBox", &format!("0 0 {WIDTH} {HEIGHT}"))
        .with("role", "img")
        .with("aria-label", &in_words(verdict, threshold, axis.is_logarithmic));
    Some(svg.around(&inside))
}

/// What the drawing shows, for those who do not see it.
fn in_words(verdict: &Verdict, threshold: &str, is_logarithmic: bool) -> String {
    let Some(measured) = verdict.measured.map(|m| m.interval) else { return String::new() };
    let interval = match measured.ends {
        Some((low, high)) => format!(", 95 % interval {} to {}", short(low), short(high)),
        None => ", no interval".into(),
    };
    let axis = if is_logarithmic { "logarithmic" } else { "linear" };
    let estimate = short(measured.estimate);
    format!("Measured {estimate}{interval}; threshold {threshold}; {axis} axis")
}

fn tick_label(tick: f64) -> String {
    match tick.abs() {
        0.0 => "0".into(),
        v if (0.001..10_000.0).contains(&v) => format!("{}", (tick * 1e6).round() / 1e6),
        _ => format!("{tick:.0e}"),
    }
}

fn rounded(value: f64) -> String {
    format!("{}", (value * 10.0).round() / 10.0)
}

fn line(class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> String {
    let places = [("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)];
    let line = element("line").with("class", class);
    places.iter().fold(line, |line, (name, v)| line.with(name, &rounded(*v))).around("")
}

fn rectangle(class: &str, (left, top): (f64, f64), (right, bottom): (f64, f64)) -> String {
    let sides = [("x", left), ("y", top), ("width", right - left), ("height", bottom - top)];
    let rectangle = element("rect").with("class", class);
    sides.iter().fold(rectangle, |one, (name, v)| one.with(name, &rounded(*v))).around("")
}

/// Text in the middle over or under a place.
fn label(class: &str, (x, y): (f64, f64), text: &str) -> String {
    let place = element("text").with("class", class).with("x", &rounded(x)).with("y", &rounded(y));
    place.with("text-anchor", "middle").saying(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_have_a_logarithmic_axis_and_differences_a_linear_one() {
        let factors = Axis::around(&[6.5, 1.1e3, 2.5e3, 2.0]);
        assert!(factors.is_logarithmic);
        assert_eq!(factors.ticks(), [1.0, 10.0, 100.0, 1000.0]);
        // Equal ratios are equally far apart.
        let [a, b, c] = [10.0, 100.0, 1000.0].map(|v| factors.place(v));
        assert!((b - a - (c - b)).abs() < 1e-9 && b > a);
        let differences = Axis::around(&[-0.038, -0.02, -0.0021, 0.0]);
        assert!(!differences.is_logarithmic && differences.ticks().contains(&0.0));
    }

    #[test]
    fn everything_is_on_the_axis() {
        for values in [[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [2.0, f64::INFINITY, 3.0, 1.0]] {
            let axis = Axis::around(&values);
            assert!(!axis.ticks().is_empty(), "{values:?}");
            for value in values {
                let place = axis.place(value);
                assert!((MARGIN..=WIDTH - MARGIN).contains(&place), "{value} at {place}");
            }
        }
    }
}
