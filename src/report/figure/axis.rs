//! Axes: heights of values, where they are marked, and with which numbers.

use crate::experiments::exhibit::{Point, Scale};

/// An axis of a chart: its scale, and the heights of its ends.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    pub scale: Scale,
    pub low: f64,
    pub high: f64,
}

/// Where zero lies below the lowest power of ten, in powers of ten of an axis as long as this one.
const BREAK: f64 = 0.09;

impl Axis {
    /// A vertical axis for values from `low` to `high`.
    pub fn upright(scale: Scale, (low, high): (f64, f64)) -> Self {
        let (low, high) = match scale {
            Scale::Logarithmic => {
                let margin = 0.05 * (high / low).log10() + 0.03;
                (low.log10() - margin, high.log10() + margin)
            }
            Scale::LogarithmicOrZero(lowest) => {
                let (bottom, top) = (lowest.log10(), high.log10() + 0.3);
                (bottom - BREAK * (top - bottom), top)
            }
            Scale::Linear => (0.0, 1.06 * high),
        };
        Self { scale, low, high: if high > low { high } else { low + 1.0 } }
    }

    /// A horizontal axis for places from `low` to `high`.
    pub fn level(scale: Scale, (low, high): (f64, f64)) -> Self {
        match scale {
            Scale::Linear => Self { scale, low, high: if high > low { high } else { low + 1.0 } },
            _ => Self::upright(scale, (low, high)),
        }
    }

    /// The height of a value.
    pub fn height(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Logarithmic => value.log10(),
            Scale::LogarithmicOrZero(_) if value == 0.0 => self.zero(),
            Scale::LogarithmicOrZero(lowest) => value.max(lowest).log10(),
            Scale::Linear => value,
        }
    }

    /// The height of zero below a break of the axis.
    fn zero(&self) -> f64 {
        self.low + 0.02 * (self.high - self.low)
    }

    /// Where the axis is broken, between zero and the lowest power of ten.
    pub fn break_height(&self) -> Option<f64> {
        match self.scale {
            Scale::LogarithmicOrZero(lowest) => Some((self.zero() + lowest.log10()) / 2.0),
            _ => None,
        }
    }

    /// The part of its length below a height, from 0 to 1.
    pub fn part(&self, height: f64) -> f64 {
        (height - self.low) / (self.high - self.low)
    }

    /// Values that are marked, `room` of them at most, with their numbers.
    pub fn ticks(&self, room: usize) -> Vec<(f64, String)> {
        let room = room.max(2);
        let values = match self.scale {
            Scale::Logarithmic => powers((self.low, self.high), room),
            Scale::LogarithmicOrZero(lowest) => {
                let above = powers((lowest.log10(), self.high), room - 1);
                std::iter::once(0.0).chain(above).collect()
            }
            Scale::Linear => evenly((self.low, self.high), room),
        };
        let is_plain = self.scale == Scale::Linear || self.high - self.low < POWERS_ALONE;
        values.into_iter().map(|v| (v, if is_plain { plain(v) } else { power(v) })).collect()
    }

    /// Heights of values between those marked, in short lines without numbers.
    pub fn small_ticks(&self) -> Vec<f64> {
        if self.scale != Scale::Logarithmic || self.high - self.low > 5.0 {
            return Vec::new();
        }
        let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
        let of = |power: i32| (1..10).map(move |m| f64::from(m).log10() + f64::from(power));
        let within = |height: &f64| (self.low..=self.high).contains(height);
        (first..=last).flat_map(of).filter(within).collect()
    }
}

/// Over fewer powers of ten 2 and 5 times them are marked as well, in plain numbers.
const POWERS_ALONE: f64 = 2.4;

/// Powers of ten between two heights, or 1, 2 and 5 times them where there are few.
fn powers((low, high): (f64, f64), room: usize) -> Vec<f64> {
    let is_between = |value: &f64| (low - 1e-9..=high + 1e-9).contains(&value.log10());
    let (first, last) = (low.floor() as i32, high.ceil() as i32);
    if high - low < POWERS_ALONE {
        let of = |power: i32| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(power));
        let fine: Vec<f64> = (first..=last).flat_map(of).filter(is_between).collect();
        return if fine.len() >= 2 { fine } else { vec![10f64.powf(low), 10f64.powf(high)] };
    }
    let step = (1..).find(|step| (high - low) / f64::from(*step) <= room as f64).unwrap_or(1);
    let all = (first..=last).filter(|power| power.rem_euclid(step) == 0);
    all.map(|power| 10f64.powi(power)).filter(is_between).collect()
}

/// Round numbers at equal distances.
fn evenly((low, high): (f64, f64), room: usize) -> Vec<f64> {
    let power = 10f64.powf(((high - low) / room as f64).log10().floor());
    let fits = |step: &f64| (high - low) / step <= room as f64;
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(fits);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step - 1e-9).ceil() as i64;
    let all = (first..).map(|i| i as f64 * step);
    all.take_while(|tick| *tick <= high + 1e-9 * step).collect()
}

/// A number free of the rounding of its power of ten.
fn plain(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        0.0009..100_000.0 => format!("{}", (value * 1e6).round() / 1e6).replace('-', "−"),
        _ => power(value),
    }
}

/// A number as a multiple of a power of ten.
fn power(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let exponent = value.log10().floor() as i32;
    let exponent = if value / 10f64.powi(exponent) > 9.999 { exponent + 1 } else { exponent };
    let mantissa = (value / 10f64.powi(exponent)).round() as i32;
    let raised: String = exponent.to_string().chars().map(superscript).collect();
    if mantissa == 1 { format!("10{raised}") } else { format!("{mantissa}·10{raised}") }
}

fn superscript(digit: char) -> char {
    match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_u32(0x2070 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
    }
}

/// The leading points that an axis can show.
pub fn drawable(scale: Scale, points: &[Point]) -> Vec<Point> {
    let fits =
        move |v: f64| v.is_finite() && (v > 0.0 || (v == 0.0 && scale != Scale::Logarithmic));
    let all = points.iter().copied();
    all.take_while(move |p| fits(p.mean) && fits(p.low) && fits(p.high)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, room: usize) -> Vec<String> {
        axis.ticks(room).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn many_powers_of_ten_are_raised_and_few_are_plain() {
        let wide = Axis::upright(Scale::Logarithmic, (1e-3, 1e2));
        assert_eq!(labels(wide, 6), ["10⁻³", "10⁻²", "10⁻¹", "10⁰", "10¹", "10²"]);
        let narrow = Axis::upright(Scale::Logarithmic, (0.02, 0.1));
        assert_eq!(labels(narrow, 6), ["0.02", "0.05", "0.1"]);
        let zero = Axis::upright(Scale::LogarithmicOrZero(1e-16), (0.0, 1.0));
        assert_eq!(labels(zero, 5), ["0", "10⁻¹⁵", "10⁻¹⁰", "10⁻⁵", "10⁰"]);
    }

    #[test]
    fn linear_axes_have_round_numbers_within_them() {
        let axis = Axis::upright(Scale::Linear, (0.0, 0.73));
        assert_eq!(labels(axis, 5), ["0", "0.2", "0.4", "0.6"]);
        assert_eq!(labels(Axis::level(Scale::Linear, (-135.0, 135.0)), 4), ["−100", "0", "100"]);
    }

    #[test]
    fn zero_lies_below_a_break() {
        let axis = Axis::upright(Scale::LogarithmicOrZero(1e-16), (0.0, 1.0));
        let heights = [axis.height(0.0), axis.break_height().unwrap(), axis.height(1e-16)];
        assert!(heights.is_sorted() && heights[0] > axis.low);
    }
}
