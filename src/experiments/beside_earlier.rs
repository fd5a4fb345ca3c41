//! The records of a folder in which several runs took place.

use super::evidence::Evidence;
use super::experiment::UnitKey;
use super::forecasting::Baseline;
use super::query::Records;
use super::record::{PROVENANCE, Record};
use super::subject::Subject;

/// What a run measured, beside what the folder holds of experiments and models that it was not asked for: of an
/// experiment that it was asked for, models of other programs in the same profile.
///
/// Of a unit that was asked for nothing earlier stays, whether it was run or not. The earlier run's provenance is
/// kept as long as rows of it are.
pub fn beside_earlier(earlier: Evidence, now: Evidence, asked: &[&UnitKey]) -> Evidence {
    let mut all = earlier;
    let ran = Records(&now);
    let stays = |experiment: &str, subject: &Subject, profile: &str| {
        let mut same = asked.iter().filter(|key| key.experiment == experiment).peekable();
        let Some(first) = same.peek() else { return true };
        let is_asked = first.profile != profile || same.any(|key| key.subject == *subject);
        // What a unit measures beside its model, too.
        !is_asked && !Baseline::is_one(subject) && !ran.subjects(experiment).contains(&subject)
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

    fn key(experiment: &str, model: &str) -> UnitKey {
        let (experiment, subject) = (experiment.into(), Subject::new(model));
        UnitKey { experiment, subject, profile: "quick".into(), ..UnitKey::default() }
    }

    #[test]
    fn of_units_that_were_asked_for_and_not_run_nothing_earlier_stays() {
        let row = |model: &str| key("translation", model).record(None, Metric::MSE, 0.5);
        let all = |models: &[&str]| Evidence {
            records: models.iter().map(|model| row(model)).collect(),
            pictures: vec![],
        };
        let earlier = all(&["G-RNN", "last frame", "FERNN-V2", "ConvLSTM"]);
        let asked = ["G-RNN", "FERNN-V2"].map(|model| key("translation", model));
        let together = beside_earlier(earlier, all(&["G-RNN"]), &asked.each_ref());
        let models: Vec<String> = together.records.iter().map(|r| r.subject.to_string()).collect();
        assert_eq!(models, ["ConvLSTM", "G-RNN"]);
    }

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
        let asked = key("translation", "G-RNN");
        let all = beside_earlier(earlier, only(ours), &[&asked]);
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
        let pixels: Vec<f32> = beside_earlier(earlier, now, &[&key("translation", "G-RNN")])
            .pictures
            .iter()
            .map(|p| p.pixels[0])
            .collect();
        assert_eq!(pixels, [2.0, 3.0], "the one that ran again is not there twice");
    }
}
