//! How claims are judged: a quantity with its interval over seeds, against a threshold.

use super::query::{BySeed, joined};
use crate::statistics::{Interval, bootstrap, mean, ratio_of_means};

/// A claim with the quantity that decides it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Unique, `EXPERIMENT/NAME`; names the stream of its bootstrap.
    pub id: String,
    /// The claim, in words.
    pub words: String,
    /// What the paper reports, in words.
    pub published: &'static str,
    /// The quantity that decides, in words.
    pub quantity: String,
    /// The quantity.
    pub value: Quantity,
    /// What it must be.
    pub threshold: Threshold,
    /// Why that threshold.
    pub why: &'static str,
}

/// A number for a claim, from values by seed.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// mean(above) / mean(below) over the seeds that have both.
    Ratio {
        /// The numerator.
        above: BySeed,
        /// The denominator.
        below: BySeed,
    },
    /// The mean over seeds.
    Mean(BySeed),
}

impl Quantity {
    fn measure(&self, stream: &str) -> Option<Measured> {
        let (interval, seeds) = match self {
            Self::Ratio { above, below } => {
                let pairs: Vec<(f64, f64)> = joined(above, below).into_values().collect();
                (ratio_of_means(&pairs, stream)?, pairs.len())
            }
            Self::Mean(values) => {
                let values: Vec<f64> = values.values().copied().collect();
                (bootstrap(&values, stream, mean)?, values.len())
            }
        };
        Some(Measured { interval, seeds })
    }
}

/// A quantity over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The quantity, with its 95 % interval where there are several seeds.
    pub interval: Interval,
    /// The number of seeds.
    pub seeds: usize,
}

/// Which side of the threshold the claim is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// The quantity is not less.
    AtLeast(f64),
    /// The quantity is not more.
    AtMost(f64),
    /// For counts, which do not vary with the seed.
    Exactly(f64),
}

impl Threshold {
    /// In words, after a quantity.
    fn words(self) -> String {
        match self {
            Self::AtLeast(t) => format!("is at least {t}"),
            Self::AtMost(t) => format!("is at most {t}"),
            Self::Exactly(t) => format!("is {t}"),
        }
    }

    fn decide(self, measured: Option<Measured>) -> Outcome {
        let Some(Measured { interval, .. }) = measured else { return Outcome::NotRun };
        let ends = interval.ends.map_or([interval.estimate; 2], |(low, high)| [low, high]);
        if interval.estimate.is_nan() || ends.iter().any(|end| end.is_nan()) {
            return Outcome::Inconclusive; // a seed that is no number has no side
        }
        let (inside, outside) = match (self, interval.ends) {
            (Self::Exactly(t), _) => (interval.estimate == t, interval.estimate != t),
            // One seed has no spread, and so no interval.
            (_, None) => (false, false),
            (Self::AtLeast(t), Some((low, high))) => (low >= t, high < t),
            (Self::AtMost(t), Some((low, high))) => (high <= t, low > t),
        };
        match (inside, outside) {
            (true, _) => Outcome::Reproduced,
            (_, true) => Outcome::NotReproduced,
            _ => Outcome::Inconclusive,
        }
    }
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The whole interval is on the claim's side of the threshold.
    Reproduced,
    /// The whole interval is on the other side.
    NotReproduced,
    /// The interval contains the threshold, or there is only one seed and so no interval.
    Inconclusive,
    /// The records do not hold what the rule needs.
    NotRun,
}

impl Outcome {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Reproduced => "reproduced",
            Outcome::NotReproduced => "not reproduced",
            Outcome::Inconclusive => "inconclusive",
            Outcome::NotRun => "not run",
        }
    }
}

/// What the records say about a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The claim.
    pub claim: Claim,
    /// Quantity and threshold, in words.
    pub rule: String,
    /// The quantity as measured.
    pub measured: Option<Measured>,
    /// The decision.
    pub outcome: Outcome,
}

impl Claim {
    /// Judges the claim.
    pub fn judge(self) -> Verdict {
        let measured = self.value.measure(&self.id);
        let rule = format!("{} {}", self.quantity, self.threshold.words());
        Verdict { rule, measured, outcome: self.threshold.decide(measured), claim: self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(value: Quantity, threshold: Threshold) -> Claim {
        Claim {
            id: "test/claim".into(),
            words: String::new(),
            published: "",
            quantity: "the ratio".into(),
            value,
            threshold,
            why: "",
        }
    }

    fn by_seed(values: &[(u64, f64)]) -> BySeed {
        values.iter().copied().collect()
    }

    fn outcome(above: &[(u64, f64)], below: &[(u64, f64)]) -> Outcome {
        let value = Quantity::Ratio { above: by_seed(above), below: by_seed(below) };
        claim(value, Threshold::AtLeast(4.0)).judge().outcome
    }

    const ONES: [(u64, f64); 3] = [(0, 1.0), (1, 1.0), (2, 1.0)];

    #[test]
    fn verdicts_follow_from_the_interval() {
        assert_eq!(outcome(&[(0, 8.0), (1, 8.1), (2, 8.2)], &ONES), Outcome::Reproduced);
        assert_eq!(outcome(&[(0, 3.0), (1, 3.1), (2, 3.2)], &ONES), Outcome::NotReproduced);
        assert_eq!(outcome(&[(0, 3.0), (1, 4.0), (2, 9.0)], &ONES), Outcome::Inconclusive);
        assert_eq!(outcome(&[(0, 8.0)], &ONES), Outcome::Inconclusive, "one seed has no interval");
        assert_eq!(outcome(&[], &ONES), Outcome::NotRun);
    }

    #[test]
    fn an_interval_that_ends_at_the_threshold_is_on_the_claims_side() {
        assert_eq!(outcome(&[(0, 4.0), (1, 4.0)], &ONES), Outcome::Reproduced);
        let at_most = |t| {
            let value = Quantity::Mean(by_seed(&[(0, 2.0), (1, 2.0)]));
            claim(value, Threshold::AtMost(t)).judge().outcome
        };
        assert_eq!(at_most(2.0), Outcome::Reproduced);
        assert_eq!(at_most(1.9), Outcome::NotReproduced);
        // An interval that touches the threshold from the other side contains it.
        assert_eq!(outcome(&[(0, 3.9), (1, 4.0)], &ONES), Outcome::Inconclusive);
        let touching = Quantity::Mean(by_seed(&[(0, 2.0), (1, 2.1)]));
        let verdict = claim(touching, Threshold::AtMost(2.0)).judge();
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
    }

    #[test]
    fn a_factor_is_never_taken_across_seeds() {
        // Seed 0 is missing above: by place, 6/2 and 8/2 would pair seeds 1 with 0 and 2 with 1.
        let (above, below) = ([(1, 6.0), (2, 0.4)], [(0, 2.0), (1, 2.0), (2, 2.0)]);
        let value = Quantity::Ratio { above: by_seed(&above), below: by_seed(&below) };
        let verdict = claim(value, Threshold::AtLeast(1.0)).judge();
        let measured = verdict.measured.expect("two seeds have both");
        assert_eq!((measured.seeds, measured.interval.estimate), (2, 3.2 / 2.0));
        assert_eq!(measured.interval.ends, Some((0.2, 3.0)), "the seeds' own ratios");
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
    }

    #[test]
    fn a_diverged_model_is_never_reproduced() {
        let nines = [(0, 8.0), (1, 8.0), (2, 8.0)];
        let diverged = [(0, 1.0), (1, 1.0), (2, f64::INFINITY)];
        assert_eq!(outcome(&nines, &diverged), Outcome::Inconclusive);
        let nan = [(0, f64::NAN), (1, f64::NAN), (2, f64::NAN)];
        assert_eq!(outcome(&nines, &nan), Outcome::Inconclusive);
        // Nor where one seed is no number, of either sign and in either place.
        for (seed, nan) in [(0, f64::NAN), (1, -f64::NAN), (2, f64::NAN)] {
            let mut one = [(0, 1.0), (1, 1.0), (2, 1.0)];
            one[seed].1 = nan;
            assert_eq!(outcome(&nines, &one), Outcome::Inconclusive);
            assert_eq!(outcome(&one, &nines), Outcome::Inconclusive);
        }
    }
}
