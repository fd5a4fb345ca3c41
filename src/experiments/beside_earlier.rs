//! The records of a folder in which several runs took place.

use super::evidence::Evidence;
use super::query::Records;
use super::record::{PROVENANCE, Record};
use super::subject::Subject;

/// What a run measured, beside what the folder holds of experiments and models that it did not run:
/// of an experiment that ran, models of other programs in the same profile.
///
/// The earlier run's provenance is kept as long as rows of it are.
pub fn beside_earlier(earlier: Evidence, now: Evidence) -> Evidence {
    let mut all = earlier;
    let ran = Records(&now);
    let stays = |experiment: &str, subject: &Subject, profile: &str| match ran.profile(experiment) {
        None => true,
        Some(now) => now == profile && !ran.subjects(experiment).contains(&subject),
    };
    all.records
        .retain(|r| r.experiment == PROVENANCE || stays(&r.experiment, &r.subject, &r.profile));
    all.pictures.retain(|p| stays(&p.experiment, &p.subject, &p.profile));
    if all.records.iter().all(|r| r.experiment == PROVENANCE) {
        all.records.clear();
    }
    let is_new = |r: &Record| r.experiment != PROVENANCE || !all.records.contains(r);
    let new: Vec<Record> = now.records.into_iter().filter(is_new).collect();
    all.extend(Evidence { records: new, pictures: now.pictures });
    all
}

#[cfg(test)]
mod tests {
    use super::super::metric::Metric;
    use super::super::picture::Picture;
    use super::*;

    #[test]
    fn a_run_replaces_its_own_models_and_no_other() {
        let row = |experiment: &str, model: &str, profile: &str, value: f64| Record {
            experiment: experiment.into(),
            subject: Subject::new(model),
            profile: profile.into(),
            seed: Some(0),
            metric: Metric::MSE,
            value: Some(value),
            ..Record::default()
        };
        let only = |records: Vec<Record>| Evidence { records, pictures: vec![] };
        let earlier = only(vec![
            Record::provenance("commit", "a"),
            row("translation", "G-RNN", "quick", 1.0),
            row("translation", "ConvLSTM", "quick", 2.0),
            row("translation", "of another profile", "desk", 3.0),
            row("rotation", "G-RNN", "desk", 4.0),
        ]);
        let ours = vec![
            Record::provenance("commit", "a"),
            Record::provenance("commit", "b"),
            row("translation", "G-RNN", "quick", 5.0),
        ];
        let all = beside_earlier(earlier, only(ours));
        let value = |r: &Record| r.value.map_or_else(|| r.note.clone(), |v| v.to_string());
        let kept: Vec<String> = all.records.iter().map(value).collect();
        assert_eq!(kept, ["a", "2", "4", "b", "5"]);
    }

    #[test]
    fn pictures_are_those_of_the_run_beside_others_of_what_it_did_not_run() {
        let picture = |experiment: &str, value: f32| Picture {
            experiment: experiment.into(),
            subject: Subject::new("G-RNN"),
            seed: 0,
            profile: "quick".into(),
            split: None,
            metric: Metric::MSE,
            horizon: 0,
            width: 1,
            pixels: vec![value],
        };
        let now_ran = Record {
            experiment: "translation".into(),
            subject: Subject::new("G-RNN"),
            profile: "quick".into(),
            ..Record::default()
        };
        let earlier = Evidence {
            records: vec![],
            pictures: vec![picture("translation", 1.0), picture("rotation", 2.0)],
        };
        let now = Evidence { records: vec![now_ran], pictures: vec![picture("translation", 3.0)] };
        let pixels: Vec<f32> =
            beside_earlier(earlier, now).pictures.iter().map(|p| p.pixels[0]).collect();
        assert_eq!(pixels, [2.0, 3.0], "the one that ran again is not there twice");
    }
}
