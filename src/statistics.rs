//! Estimates and their intervals; pure functions, seeded by name.

use crate::rng::Stream;

/// An estimate over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1); `None` for a single value.
    pub std: Option<f64>,
    /// Number of values.
    pub count: usize,
}

/// Mean and sample standard deviation; `None` for no values.
pub fn estimate(values: &[f64]) -> Option<Estimate> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = mean(values);
    let std = (values.len() > 1)
        .then(|| (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt());
    Some(Estimate { mean, std, count: values.len() })
}

/// The arithmetic mean; NaN for no values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A statistic with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The statistic of the values themselves.
    pub estimate: f64,
    /// Lower and upper end; `None` for a single unit, which has no spread.
    pub ends: Option<(f64, f64)>,
}

/// Percentile bootstrap over units (seeds): 10,000 resamples from the stream of `purpose`.
///
/// With few units the interval is coarse: three seeds give at most ten distinct resamples, and it
/// ends at the extreme seeds. One unit has no interval. `None` for no units.
pub fn bootstrap<T: Copy>(
    units: &[T],
    purpose: &str,
    statistic: impl Fn(&[T]) -> f64,
) -> Option<Interval> {
    const RESAMPLES: usize = 10_000;
    if units.is_empty() {
        return None;
    }
    let estimate = statistic(units);
    if units.len() == 1 {
        return Some(Interval { estimate, ends: None });
    }
    let mut stream = Stream::new(0, &format!("bootstrap/{purpose}"), 0);
    let mut values: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let resample: Vec<T> = units.iter().map(|_| units[stream.below(units.len())]).collect();
            statistic(&resample)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let at = |quantile: f64| values[((RESAMPLES - 1) as f64 * quantile).round() as usize];
    Some(Interval { estimate, ends: Some((at(0.025), at(0.975))) })
}

/// The 95 % interval of mean(a) / mean(b) over paired values (the same seeds).
pub fn ratio_of_means(pairs: &[(f64, f64)], purpose: &str) -> Option<Interval> {
    bootstrap(pairs, purpose, |pairs| {
        let (above, below): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        mean(&above) / mean(&below)
    })
}

/// The first step of a curve (step, loss) at which the loss is at most `level`.
pub fn steps_to_reach(curve: &[(u64, f64)], level: f64) -> Option<u64> {
    curve.iter().find(|(_, loss)| *loss <= level).map(|(step, _)| *step)
}

/// The share of all pairs in which a value of `better` lies below one of `worse`; ties count half.
pub fn probability_of_improvement(better: &[f64], worse: &[f64]) -> f64 {
    let score = |b: &f64, w: &f64| match b.total_cmp(w) {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 0.0,
    };
    let wins: f64 = better.iter().flat_map(|b| worse.iter().map(move |w| score(b, w))).sum();
    wins / (better.len() * worse.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_agree_with_values_worked_out_by_hand() {
        // (1, 2, 6): mean 3, squares 4 + 1 + 9 = 14, over 2 is 7.
        let e = estimate(&[1.0, 2.0, 6.0]).expect("values");
        assert_eq!((e.mean, e.count), (3.0, 3));
        assert!((e.std.expect("three values") - 7f64.sqrt()).abs() < 1e-15);
        assert_eq!(estimate(&[4.0]).expect("a value").std, None);
        assert_eq!(estimate(&[]), None);
    }

    #[test]
    fn intervals_are_seeded_and_hold_their_estimate() {
        let pairs = [(4.0, 1.0), (5.0, 1.0), (9.0, 2.0)];
        let interval = ratio_of_means(&pairs, "test").expect("pairs");
        assert_eq!(Some(interval), ratio_of_means(&pairs, "test"));
        assert_eq!(interval.estimate, 4.5);
        let (low, high) = interval.ends.expect("several pairs");
        assert!((4.0..4.5).contains(&low) && high > 4.5);
        let constant = bootstrap(&[2.0; 4], "test", mean).expect("values");
        assert_eq!(constant.ends, Some((2.0, 2.0)));
        let single = bootstrap(&[2.0], "test", mean).expect("a value");
        assert_eq!((single.estimate, single.ends), (2.0, None), "one unit has no spread");
    }

    #[test]
    fn improvement_counts_pairs() {
        assert_eq!(probability_of_improvement(&[1.0, 2.0], &[2.0, 3.0]), 3.5 / 4.0);
    }
}
