//! Accuracies that nothing is learned for.

use super::evaluation::{Evaluation, TESTED_RANGES, velocities_of};
use super::settings::Settings;
use crate::data::{Action, MovingCamera, Split};
use crate::experiments::experiment::UnitKey;
use crate::experiments::metric::Metric;
use crate::experiments::record::Record;
use crate::experiments::subject::Subject;

/// Guessing, as it is called in records.
pub(super) const CHANCE: &str = "chance";
/// Calling every clip what most training clips are.
pub(super) const MOST_FREQUENT: &str = "most frequent class";

/// The accuracy of guessing, and of calling every clip what most training clips are, for what an evaluation
/// measures of models.
pub(super) fn baseline_records(
    evaluation: Evaluation,
    (key, settings): (&UnitKey, &Settings),
    clips: &MovingCamera,
) -> Vec<Record> {
    let record = |(name, value): &(&str, f64), metric: Metric| {
        let key = UnitKey { subject: Subject::new(*name), ..key.clone() };
        key.record(Some(Split::Test), metric, *value)
    };
    let all = [
        (CHANCE, 1.0 / settings.shape.classes as f64),
        (MOST_FREQUENT, most_frequent(clips, settings.test_clips)),
    ];
    match evaluation {
        Evaluation::Classification => {
            all.iter().map(|baseline| record(baseline, Metric::ACCURACY)).collect()
        }
        Evaluation::Ranges => {
            let at = |baseline| {
                TESTED_RANGES.map(|range| Record {
                    velocities: Some(velocities_of(range)),
                    ..record(baseline, Metric::ACCURACY_BY_RANGE)
                })
            };
            all.iter().flat_map(at).collect()
        }
        _ => vec![],
    }
}

/// The share of `count` test clips whose class is the most frequent one of the training clips; of equally
/// frequent ones the first.
fn most_frequent(clips: &MovingCamera, count: u64) -> f64 {
    let labels = |split: Split, clips_of: Vec<usize>| -> Vec<u32> {
        clips_of.into_iter().map(|clip| clips.action(split, clip).label()).collect()
    };
    let training = labels(Split::Train, (0..clips.len(Split::Train)).collect());
    let frequency = |label: u32| training.iter().filter(|&&other| other == label).count();
    let most = Action::ALL
        .map(Action::label)
        .into_iter()
        .rev()
        .max_by_key(|&label| frequency(label))
        .expect("there are classes");
    let tested = labels(Split::Test, clips.evenly_spaced(Split::Test, count));
    tested.iter().filter(|&&label| label == most).count() as f64 / tested.len() as f64
}
