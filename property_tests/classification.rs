//! The numbers of the experiments on Moving KTH: every record of a small unit computed again from its best
//! weights, clip by clip; and the claims on records made by hand.

mod common;

use candle_core::Tensor;
use common::values;
use fernn::data::{Action, Look, MovingCamera, Ranges, Sources, Split};
use fernn::experiments::classification::{ClassificationJob, Evaluation, Settings};
use fernn::experiments::{
    Evidence, Job, Metric, Outcome, Profile, Record, Records, Subject, UnitKey, UnitRun, find,
};
use fernn::flow::{PixelsPerFrame, VelocitySet};
use fernn::models::{AnyClassifier, Classifier, Mode};
use fernn::parameters::Tensors;
use fernn::training::{Alone, Checkpoint, CheckpointFile};

const EVALUATIONS: &[Evaluation] = &[
    Evaluation::Classification,
    Evaluation::Velocities,
    Evaluation::Ranges,
    Evaluation::Redrawing,
    Evaluation::Invariance,
];

const SEED: u64 = 3;

/// Some steps of a FERNN on small frames, enough that what it takes clips for depends on the clips.
fn job() -> ClassificationJob {
    let mut settings = Settings::of(Profile::Quick).flow(1).1;
    (settings.size, settings.batch, settings.cut.frames) = (12, 6, 4);
    (settings.test_clips, settings.validation_clips) = (60, 41);
    (settings.velocity_clips, settings.redraws, settings.training_range) = (7, 2, 1);
    (settings.schedule.steps, settings.schedule.interval) = (120, 40);
    settings.schedule.adam.learning_rate = 5e-3;
    ClassificationJob {
        settings,
        evaluations: EVALUATIONS,
        has_baselines: false,
        device: candle_core::Device::Cpu,
    }
}

/// What the unit measured, and the model of its best weights.
fn run(job: &ClassificationJob) -> (Vec<Record>, AnyClassifier) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    let key = UnitKey { experiment: "kth".into(), seed: SEED, ..UnitKey::default() };
    let evidence = job
        .run(&UnitRun {
            key: &key,
            sources: &Sources::embedded(),
            checkpoint: Some(CheckpointFile { path: path.clone(), ..CheckpointFile::default() }),
            weights: None,
            ranks: &Alone,
            progress: &|_| (),
        })
        .unwrap();
    let checkpoint = Checkpoint::load(&path).unwrap().unwrap();
    let best: Tensors = checkpoint
        .tensors
        .into_iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix("best/")?.to_string(), tensor)))
        .collect();
    (evidence.records, job.classifier(&best).unwrap())
}

/// The logits of one clip, off everything else.
fn logits(
    model: &AnyClassifier,
    clips: &MovingCamera,
    split: Split,
    clip: usize,
    look: Look,
) -> Vec<f64> {
    let (tensor, _) = clips.batch(split, &[clip], look).unwrap();
    values(&model.logits(&tensor, &mut Mode::Evaluation).unwrap())
}

/// The class of the largest logit.
fn class(logits: &[f64]) -> usize {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap()
}

/// `count` places spread over a split.
fn spread(clips: &MovingCamera, split: Split, count: usize) -> Vec<usize> {
    let all = clips.len(split);
    (0..count).map(|i| i * all / count).collect()
}

fn accuracy(
    model: &AnyClassifier,
    clips: &MovingCamera,
    split: Split,
    count: usize,
    look: Look,
) -> f64 {
    let places = spread(clips, split, count);
    let is_right = |&clip: &usize| {
        class(&logits(model, clips, split, clip, look))
            == clips.action(split, clip).label() as usize
    };
    places.iter().filter(|clip| is_right(clip)).count() as f64 / count as f64
}

#[test]
fn every_number_of_a_unit_is_that_of_its_best_weights() {
    let job = job();
    let (records, model) = run(&job);
    let clips = job.clips(&Sources::embedded(), SEED).unwrap();
    let of = |metric: &Metric| -> Vec<&Record> {
        records.iter().filter(|r| r.metric == *metric && r.split == Some(Split::Test)).collect()
    };
    let value = |r: &Record| r.value.unwrap();
    let test =
        |clips: &MovingCamera, count, look| accuracy(&model, clips, Split::Test, count, look);

    let [record] = of(&Metric::ACCURACY)[..] else { panic!("one accuracy") };
    assert_eq!(value(record), test(&clips, 60, Look::Fixed));

    let mut counted = 0.0;
    for truth in Action::ALL {
        for taken in Action::ALL {
            let [record] = of(&Metric::taken_for(truth.name(), taken.name()))[..] else {
                panic!("one count")
            };
            let places = spread(&clips, Split::Test, 60);
            let is_it = |&&clip: &&usize| {
                let logits = logits(&model, &clips, Split::Test, clip, Look::Fixed);
                clips.action(Split::Test, clip) == truth && class(&logits) == taken.label() as usize
            };
            assert_eq!(value(record), places.iter().filter(is_it).count() as f64);
            counted += value(record);
        }
    }
    assert_eq!(counted, 60.0);

    let by_velocity = of(&Metric::ACCURACY_BY_VELOCITY);
    assert_eq!(by_velocity.len(), 25);
    for record in by_velocity {
        let velocity = record.velocity.unwrap().pixels().unwrap();
        let clips = clips.with_velocities(&[velocity]);
        assert_eq!(value(record), test(&clips, 7, Look::Fixed), "{velocity:?}");
    }

    // The paper's encoder is padded with zeros.
    let laws = |metric| records.iter().find(|r| r.metric == metric).expect("a check");
    assert_eq!(laws(Metric::LAWS_CHECKED).value, Some(16.0));
    assert!(laws(Metric::LAWS_BROKEN).value >= Some(14.0));
    assert_eq!(laws(Metric::LAWS_BROKEN).note, "from the encoder's layer 1 on");

    let differ = |rows: &[&Record]| rows.iter().any(|r| r.value != rows[0].value);
    let by_range = of(&Metric::ACCURACY_BY_RANGE);
    assert!(differ(&by_range), "velocities make no difference");
    assert_eq!(by_range.iter().map(|r| r.velocities.unwrap()).collect::<Vec<_>>(), [1, 9, 25]);
    for (range, record) in by_range.into_iter().enumerate() {
        let clips = clips.with_velocities(VelocitySet::square(range as u32).as_slice());
        assert_eq!(value(record), test(&clips, 60, Look::Fixed));
    }

    let redrawn = of(&Metric::ACCURACY_REDRAWN);
    assert!(redrawn.iter().any(|r| r.value != record.value), "windows make no difference");
    assert_eq!(redrawn.iter().map(|r| r.horizon.unwrap()).collect::<Vec<_>>(), [1, 2]);
    for (draw, record) in redrawn.into_iter().enumerate() {
        assert_eq!(value(record), test(&clips, 60, Look::Evaluation(draw as u64)));
    }

    let [breach] = of(&Metric::INVARIANCE_BREACH)[..] else { panic!("one breach") };
    let all = |velocity| -> Vec<f64> {
        let clips = clips.with_velocities(&[velocity]);
        let places = spread(&clips, Split::Test, 7);
        places.iter().flat_map(|&c| logits(&model, &clips, Split::Test, c, Look::Fixed)).collect()
    };
    let (still, moving) = (all(PixelsPerFrame::new(0, 0)), all(PixelsPerFrame::new(1, 1)));
    let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
    let difference: Vec<f64> = moving.iter().zip(&still).map(|(a, b)| a - b).collect();
    let mean = |class: usize| still.iter().skip(class).step_by(6).sum::<f64>() / 7.0;
    let own: Vec<f64> = still.iter().enumerate().map(|(i, v)| v - mean(i % 6)).collect();
    let expected = norm(&difference) / norm(&own);
    assert!((value(breach) / expected - 1.0).abs() < 1e-5, "batches change logits by rounding");
    assert!(expected > 1e-4, "the encoder sees the border");
}

#[test]
fn the_best_step_is_chosen_by_accuracy_on_the_validation_split() {
    let job = job();
    let (records, model) = run(&job);
    let clips = job.clips(&Sources::embedded(), SEED).unwrap();
    let curve: Vec<(u64, f64)> = records
        .iter()
        .filter(|r| r.metric == Metric::ACCURACY && r.split == Some(Split::Validation))
        .map(|r| (r.step.unwrap(), r.value.unwrap()))
        .collect();
    assert_eq!(curve.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [40, 80, 120]);
    let best =
        curve.iter().fold(curve[0], |best, point| if point.1 > best.1 { *point } else { best });
    assert!(curve.iter().any(|point| point.1 < best.1), "all steps are as good");
    let step = records.iter().find(|r| r.metric == Metric::BEST_STEP).unwrap();
    assert_eq!(step.value, Some(best.0 as f64));
    assert_eq!(accuracy(&model, &clips, Split::Validation, 41, Look::Fixed), best.1);
    let losses: Vec<f64> = records
        .iter()
        .filter(|r| r.metric == Metric::LOSS)
        .map(|r| {
            assert_eq!(r.split, Some(Split::Train));
            r.value.unwrap()
        })
        .collect();
    assert!(losses.len() == 3 && losses.iter().all(|loss| (0.5..4.0).contains(loss)), "{losses:?}");
    let parameters = records.iter().find(|r| r.metric == Metric::PARAMETERS).unwrap();
    assert_eq!(parameters.value, Some(4002.0), "as counted by hand for C = 16 with 4, 8 and 16");
    let is_kth = records.iter().find(|r| r.metric == Metric::IS_KTH).unwrap();
    assert_eq!(is_kth.value, Some(0.0), "drawn actions are not KTH");
}

#[test]
fn the_first_loss_is_the_cross_entropy_of_the_first_batch() {
    let mut job = job();
    (job.settings.schedule.steps, job.settings.schedule.interval) = (1, 1);
    let (records, _) = run(&job);
    let loss = records.iter().find(|r| r.metric == Metric::LOSS).unwrap().value.unwrap();
    let clips = job.clips(&Sources::embedded(), SEED).unwrap();
    let initial = job.settings.model.parameters(&job.settings.shape, &job.velocities());
    let drawn = fernn::parameters::Parameters::draw(&initial, SEED, &job.device).unwrap();
    let model = job.classifier(&drawn.detached()).unwrap();
    let (batch, labels) = clips.training_batch(0, job.settings.batch).unwrap();
    let logits: Tensor = model.logits(&batch, &mut Mode::training()).unwrap();
    let entropy = |(row, label): (&[f64], u32)| {
        row.iter().map(|v| v.exp()).sum::<f64>().ln() - row[label as usize]
    };
    let labels = labels.to_vec1::<u32>().unwrap();
    let all = values(&logits);
    let expected =
        all.chunks(6).zip(labels.clone()).map(entropy).sum::<f64>() / labels.len() as f64;
    assert!((loss - expected).abs() < 1e-5, "{loss} {expected}");
}

/// A record of a model under a seed.
fn row(experiment: &str, model: (&str, &str), seed: u64, metric: Metric, value: f64) -> Record {
    Record {
        experiment: experiment.into(),
        subject: Subject::new(model.0).with_variant(model.1),
        seed: Some(seed),
        profile: "desk".into(),
        split: Some(Split::Test),
        metric,
        value: Some(value),
        ..Record::default()
    }
}

#[test]
fn claims_compare_accuracies_seed_by_seed() {
    let table = [
        ("3D-CNN", [0.5, 0.5]),
        ("G-RNN", [0.6, 0.7]),
        ("G-RNN+", [0.625, 0.75]),
        ("FERNN-V1", [0.65, 0.725]),
        ("FERNN-V2", [0.75, 0.8]),
    ];
    let mut records = Vec::new();
    for (model, accuracies) in table {
        for (seed, accuracy) in (0..).zip(accuracies) {
            records.push(row("kth", (model, ""), seed, Metric::ACCURACY, accuracy));
            let parameters = if model == "G-RNN+" { 12.0 } else { 10.0 };
            records.push(row("kth", (model, ""), seed, Metric::PARAMETERS, parameters));
        }
        // What another variant or split has is no test accuracy of the model.
        records.push(row("kth", (model, "circular"), 0, Metric::ACCURACY, 0.01));
        let validation = Some(Split::Validation);
        records.push(Record {
            split: validation,
            step: Some(5),
            ..row("kth", (model, ""), 0, Metric::ACCURACY, 0.02)
        });
    }
    let evidence = Evidence { records, pictures: vec![] };
    let claims = find("kth").unwrap().claims(Records(&evidence)).unwrap();
    let verdicts: Vec<_> = claims.into_iter().map(|claim| claim.judge()).collect();
    let measured = |id: &str| {
        let verdict = verdicts.iter().find(|v| v.claim.id == id).unwrap();
        assert_eq!(verdict.claim.published, "published for KTH only");
        assert_eq!(verdict.outcome, Outcome::Reproduced, "{id}");
        verdict.measured.unwrap().interval.estimate
    };
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    close(measured("kth/flow-leads"), (0.15 + 0.1) / 2.0);
    close(measured("kth/between"), (0.05 + 0.025) / 2.0); // the smaller step of each seed
    close(measured("kth/known-shifts-lead"), (0.125 + 0.05) / 2.0);
    close(measured("kth/3d-cnn-trails"), (0.1 + 0.2) / 2.0);
    close(measured("kth/parameters"), 1.0);
}

#[test]
fn what_motion_costs_is_measured_from_rest_to_the_fastest_clips() {
    let mut records = Vec::new();
    for (model, accuracies) in [("G-RNN", [0.75, 0.5, 0.25]), ("FERNN-V2", [0.7, 0.65, 0.6])] {
        for (velocities, accuracy) in [1, 9, 25].into_iter().zip(accuracies) {
            for seed in 0..2 {
                for (variant, shift) in [("trained on V0", 0.0), ("trained on V1", 0.125)] {
                    let metric = Metric::ACCURACY_BY_RANGE;
                    let value = accuracy + shift * f64::from(velocities) / 25.0;
                    let record = row("kth-velocity", (model, variant), seed, metric, value);
                    records.push(Record { velocities: Some(velocities), ..record });
                }
            }
        }
    }
    records.push(row("kth-velocity", ("G-RNN", "trained on V0"), 0, Metric::IS_KTH, 1.0));
    let evidence = Evidence { records, pictures: vec![] };
    let claims = find("kth-velocity").unwrap().claims(Records(&evidence)).unwrap();
    let [claim] = <[_; 1]>::try_from(claims).unwrap();
    assert_ne!(claim.published, "published for KTH only");
    let measured = claim.judge().measured.unwrap();
    // 0.5 is lost by the one and 0.1 by the other, which leads by 0.35 in the end.
    assert!((measured.interval.estimate - 0.35).abs() < 1e-12);
}

#[test]
fn published_numbers_stand_beside_those_of_kth_only() {
    for is_kth in [0.0, 1.0] {
        let records = vec![
            row("kth", ("G-RNN", ""), 0, Metric::ACCURACY, 0.5),
            Record {
                note: "drawn actions (a stand-in for KTH)".into(),
                ..row("kth", ("G-RNN", ""), 0, Metric::IS_KTH, is_kth)
            },
        ];
        let evidence = Evidence { records, pictures: vec![] };
        let exhibits = find("kth").unwrap().exhibits(Records(&evidence)).unwrap();
        let table = exhibits.iter().find(|exhibit| exhibit.name == "table2_kth").unwrap();
        assert_eq!(table.caption.contains("stand-in"), is_kth == 0.0);
        let fernn::experiments::exhibit::Body::Table(table) = &table.body else { panic!() };
        assert_eq!(table.rows[0][7], if is_kth == 1.0 { "0.665" } else { "" });
        let remarks = find("kth").unwrap().remarks(Records(&evidence)).unwrap();
        assert_eq!(remarks.len(), usize::from(is_kth == 0.0));
    }
}

#[test]
fn sources_without_a_folder_give_drawn_actions() {
    let footage = Sources::embedded().clips((16, 16), Ranges::default()).unwrap();
    assert!(!footage.is_kth() && footage.description().starts_with("drawn actions"));
}
