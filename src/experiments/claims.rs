//! The paper's claims, and the rules that turn records into verdicts.

use super::measurement::steps_to_reach;
use super::query::{Records, paired};
use super::record::Record;
use crate::statistics::{Interval, bootstrap, mean, ratio_of_means};

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

/// A claim with its rule, and what the records say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The claim, in words.
    pub claim: &'static str,
    /// What the paper reports.
    pub published: &'static str,
    /// The quantity that decides, and the threshold.
    pub rule: String,
    /// Why that threshold.
    pub why: &'static str,
    /// The quantity with its 95 % interval over seeds, and the number of seeds.
    pub measured: Option<(Interval, usize)>,
    /// The decision.
    pub outcome: Outcome,
}

/// Which side of the threshold the claim is on.
#[derive(Clone, Copy)]
enum Threshold {
    AtLeast(f64),
    AtMost(f64),
    /// For counts, which do not vary with the seed.
    Exactly(f64),
}

impl Threshold {
    fn decide(self, measured: Option<(Interval, usize)>) -> Outcome {
        let Some((interval, seeds)) = measured else { return Outcome::NotRun };
        let (inside, outside) = match self {
            Threshold::Exactly(t) => (interval.estimate == t, interval.estimate != t),
            // One seed has no spread, and so no interval.
            _ if seeds < 2 => (false, false),
            Threshold::AtLeast(t) => (interval.low >= t, interval.high < t),
            Threshold::AtMost(t) => (interval.high <= t, interval.low > t),
        };
        match (inside, outside) {
            (true, _) => Outcome::Reproduced,
            (_, true) => Outcome::NotReproduced,
            _ => Outcome::Inconclusive,
        }
    }
}

/// Judges every claim about Flowing MNIST (translation).
pub fn judge(records: &[Record]) -> Vec<Verdict> {
    let records = Records(records);
    vec![
        lower_error(records),
        between(records),
        faster(records),
        holds_length(records),
        beats_at_length(records),
        unseen_velocities(records),
        beats_at_unseen(records),
        same_parameters(records),
    ]
}

fn verdict(
    (claim, published, why): (&'static str, &'static str, &'static str),
    quantity: &str,
    threshold: Threshold,
    measured: Option<(Interval, usize)>,
) -> Verdict {
    let rule = match threshold {
        Threshold::AtLeast(t) => format!("{quantity} is at least {t}"),
        Threshold::AtMost(t) => format!("{quantity} is at most {t}"),
        Threshold::Exactly(t) => format!("{quantity} is {t}"),
    };
    Verdict { claim, published, rule, why, measured, outcome: threshold.decide(measured) }
}

/// mean(a) / mean(b) over paired seeds.
fn ratio(a: &[(u64, f64)], b: &[(u64, f64)], purpose: &str) -> Option<(Interval, usize)> {
    let pairs = paired(a, b);
    Some((ratio_of_means(&pairs, purpose)?, pairs.len()))
}

fn test_mse(records: Records<'_>, model: &str) -> Vec<(u64, f64)> {
    records.by_seed("translation", model, "mse", |r| r.split == "test")
}

fn lower_error(records: Records<'_>) -> Verdict {
    let at_scale = records.note("profile") == Some("paper");
    let (threshold, why) = if at_scale {
        (27.0, "half of the published factor, at the published scale")
    } else {
        (4.0, "far beyond the spread of seeds; the published factor needs the published training")
    };
    verdict(
        ("FERNN-V2 predicts with far lower error than the G-RNN", "54 times lower", why),
        "test MSE of the G-RNN over that of FERNN-V2",
        Threshold::AtLeast(threshold),
        ratio(&test_mse(records, "G-RNN"), &test_mse(records, "FERNN-V2"), "lower-error"),
    )
}

fn between(records: Records<'_>) -> Verdict {
    let [g, v1, v2] = ["G-RNN", "FERNN-V1", "FERNN-V2"].map(|model| test_mse(records, model));
    // The smaller of the two steps down, per seed, so that one number says both.
    let steps: Vec<f64> = paired(&g, &v1)
        .into_iter()
        .zip(paired(&v1, &v2))
        .map(|((g, v1), (_, v2))| (g / v1).min(v1 / v2))
        .collect();
    verdict(
        (
            "More of the data's velocities in V give lower error: V1 lies between",
            "8.1e-3, 5.3e-4, 1.5e-4",
            "1 is equality",
        ),
        "the smaller of the factors G-RNN/V1 and V1/V2 of the test MSE",
        Threshold::AtLeast(1.0),
        bootstrap(&steps, "between", mean).map(|interval| (interval, steps.len())),
    )
}

fn faster(records: Records<'_>) -> Verdict {
    let shares: Vec<f64> = records
        .seeds("translation")
        .into_iter()
        .filter_map(|seed| {
            let baseline = records.validation_curve("translation", "G-RNN", seed);
            let level = baseline.iter().map(|(_, loss)| *loss).reduce(f64::min)?;
            let needed = steps_to_reach(&baseline, level)? as f64;
            let fernn = records.validation_curve("translation", "FERNN-V2", seed);
            // Never reached counts as the whole training.
            let reached = steps_to_reach(&fernn, level).or(fernn.last().map(|(step, _)| *step))?;
            Some(reached as f64 / needed)
        })
        .collect();
    verdict(
        (
            "FERNN learns faster",
            "a figure of validation loss by epoch",
            "half is more than the evaluation interval and the noise of a curve",
        ),
        "steps FERNN-V2 needs for the G-RNN's best validation loss, over the G-RNN's own,",
        Threshold::AtMost(0.5),
        bootstrap(&shares, "faster", mean).map(|interval| (interval, shares.len())),
    )
}

fn at_horizon(records: Records<'_>, model: &str, times: u64) -> Vec<(u64, f64)> {
    let trained = records.setting("translation", "predicted").unwrap_or(0);
    let wanted = Some((trained * times) as u32);
    records.by_seed("translation", model, "mse_by_horizon", |r| r.horizon == wanted)
}

fn holds_length(records: Records<'_>) -> Verdict {
    let (near, far) = (at_horizon(records, "FERNN-V2", 1), at_horizon(records, "FERNN-V2", 7));
    verdict(
        (
            "FERNN-V2 holds its error far beyond the trained length",
            "a figure to 70 predicted frames",
            "twice the error is the least that a reader would call growth on the figure's log axis",
        ),
        "FERNN-V2's test MSE at 7 times the trained horizon over that at the trained one",
        Threshold::AtMost(2.0),
        ratio(&far, &near, "holds-length"),
    )
}

fn beats_at_length(records: Records<'_>) -> Verdict {
    let (baseline, fernn) = (at_horizon(records, "G-RNN", 7), at_horizon(records, "FERNN-V2", 7));
    verdict(
        (
            "At 7 times the trained length FERNN-V2 predicts better than the G-RNN",
            "the G-RNN diverges, FERNN does not",
            "1 is equality",
        ),
        "test MSE at 7 times the trained horizon, G-RNN over FERNN-V2,",
        Threshold::AtLeast(1.0),
        ratio(&baseline, &fernn, "beats-at-length"),
    )
}

/// Mean MSE of a model trained on V1 over the velocities inside, or outside, V1.
fn over_velocities(records: Records<'_>, model: &str, is_seen: bool) -> Vec<(u64, f64)> {
    let inside = |v: Option<i32>| v.is_some_and(|v| v.abs() <= 1);
    records.mean_by_seed("velocity", model, "mse_by_velocity", |r| {
        (inside(r.velocity_x) && inside(r.velocity_y)) == is_seen
    })
}

fn unseen_velocities(records: Records<'_>) -> Verdict {
    let seen = over_velocities(records, "FERNN-V2", true);
    let unseen = over_velocities(records, "FERNN-V2", false);
    verdict(
        (
            "FERNN-V2 predicts velocities never seen in training almost as well as seen ones",
            "a heat map over {-2..2}²",
            "`almost as well` leaves room for less than a doubling",
        ),
        "FERNN-V2's test MSE, trained on V1, over the 16 unseen velocities over that on the 9 seen",
        Threshold::AtMost(2.0),
        ratio(&unseen, &seen, "unseen"),
    )
}

fn beats_at_unseen(records: Records<'_>) -> Verdict {
    let contrast = |model| {
        let pairs =
            paired(&over_velocities(records, model, false), &over_velocities(records, model, true));
        pairs.into_iter().map(|(unseen, seen)| unseen / seen).collect::<Vec<f64>>()
    };
    let pairs: Vec<f64> =
        contrast("G-RNN").iter().zip(contrast("FERNN-V2")).map(|(g, v2)| g / v2).collect();
    verdict(
        (
            "Unseen velocities cost the G-RNN more than FERNN-V2",
            "a heat map over {-2..2}²",
            "1 is equality",
        ),
        "the factor unseen/seen of the G-RNN over that of FERNN-V2",
        Threshold::AtLeast(1.0),
        bootstrap(&pairs, "beats-at-unseen", mean).map(|interval| (interval, pairs.len())),
    )
}

fn same_parameters(records: Records<'_>) -> Verdict {
    let count = |model| records.by_seed("translation", model, "parameters", |_| true);
    verdict(
        (
            "FERNN has as many parameters as the G-RNN",
            "the same number, 739,584",
            "velocities share every weight",
        ),
        "parameters of FERNN-V2 over those of the G-RNN",
        Threshold::Exactly(1.0),
        ratio(&count("FERNN-V2"), &count("G-RNN"), "parameters"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mse(model: &str, seed: u64, value: f64) -> Record {
        Record {
            experiment: "translation".into(),
            model: model.into(),
            seed: Some(seed),
            split: "test".into(),
            metric: "mse".into(),
            value: Some(value),
            ..Record::default()
        }
    }

    fn outcomes(g: [f64; 3], v2: [f64; 3]) -> Outcome {
        let rows: Vec<Record> = (0..3)
            .flat_map(|s| [mse("G-RNN", s, g[s as usize]), mse("FERNN-V2", s, v2[s as usize])])
            .collect();
        judge(&rows)[0].outcome
    }

    #[test]
    fn verdicts_follow_from_the_interval() {
        assert_eq!(outcomes([8.0, 8.1, 8.2], [1.0; 3]), Outcome::Reproduced);
        assert_eq!(outcomes([3.0, 3.1, 3.2], [1.0; 3]), Outcome::NotReproduced);
        assert_eq!(outcomes([3.0, 4.0, 9.0], [1.0; 3]), Outcome::Inconclusive);
        let one = [mse("G-RNN", 0, 8.0), mse("FERNN-V2", 0, 1.0)];
        assert_eq!(judge(&one)[0].outcome, Outcome::Inconclusive, "one seed has no interval");
        assert!(judge(&[]).iter().all(|v| v.outcome == Outcome::NotRun));
    }

    #[test]
    fn a_diverged_model_is_never_reproduced() {
        assert_eq!(outcomes([8.0; 3], [1.0, 1.0, f64::INFINITY]), Outcome::Inconclusive);
        let nan = outcomes([8.0; 3], [f64::NAN; 3]);
        assert_ne!(nan, Outcome::Reproduced);
    }
}
