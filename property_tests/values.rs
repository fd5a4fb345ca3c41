//! One frozen small run of both flows, every record of which is computed a second time in plain code:
//! data, splits, filters, recurrence, training, choice of weights, and every measurement. Beside it what
//! is made of records, against values derived by hand.

#[path = "values/cells.rs"]
mod cells;
#[path = "values/choices.rs"]
mod choices;
#[path = "values/expected.rs"]
mod expected;
#[path = "values/first_version.rs"]
mod first_version;
#[path = "values/moving_digits.rs"]
mod moving_digits;
#[path = "values/network.rs"]
mod network;
#[path = "values/predict.rs"]
mod predict;
#[path = "values/report.rs"]
mod report;
#[path = "values/run.rs"]
mod run;
#[path = "values/setup.rs"]
mod setup;
#[path = "values/statistics.rs"]
mod statistics;
#[path = "values/tape.rs"]
mod tape;
#[path = "values/training.rs"]
mod training;

use expected::{Expected, FORWARD, Plain};
use fernn::data::Digits;
use moving_digits::MovingDigits;
use run::{Ran, Row};
use setup::{CASES, Case, Flow, SEEDS, SEEN, STEPS, Weights, velocities};
use std::sync::{Arc, LazyLock};
use training::{Training, loss_and_gradient, train, validation_loss};

static DIGITS: LazyLock<Arc<Digits>> = LazyLock::new(|| Arc::new(Digits::embedded().unwrap()));

/// How far losses may drift apart while f64 here and f32 there take the same steps, relative to the loss:
/// each step's roundings (3.7e-6) grow by the Lipschitz constant of a step, which is large where Adam
/// divides by small moments. The largest seen is 3e-4; faults of a training move losses by per cents.
const TRAINING: f64 = 1e-3;
/// The same of weights, as a 2-norm. The largest seen is 3e-5.
const WEIGHTS: f64 = 2e-4;
/// What counts as other weights.
const DIFFERENT: f64 = 5e-3;

/// A case under one seed: what ran, and the same in plain code.
struct Both<'a> {
    plain: Plain<'a>,
    ran: Ran,
    training: Training,
}

fn both(case: Case) -> Vec<Both<'static>> {
    let folder = tempfile::tempdir().unwrap();
    let ran = run::run(case, &DIGITS, folder.path());
    assert_eq!(ran.len(), SEEDS.len());
    let under = |(ran, seed): (Ran, u64)| {
        let trained_on = velocities(case.flow, case.trained_range);
        let data = MovingDigits::new(&DIGITS, case.flow, seed, trained_on);
        let training = train(case, seed, &data);
        let plain = Plain { case, seed, data, is_first_seed: seed == SEEDS[0] };
        Both { plain, ran, training }
    };
    ran.into_iter().zip(SEEDS).map(under).collect()
}

/// Everything that says which value a row holds.
fn key(row: &Row) -> String {
    format!("{:?}", Row { value: 0.0, ..row.clone() })
}

/// Asserts that the rows are those expected, in any order: none is missing, and none is more.
fn assert_rows(mut got: Vec<Row>, mut expected: Vec<Expected>) {
    got.sort_by_cached_key(key);
    expected.sort_by_cached_key(|expected| key(&expected.row));
    for (got, Expected { row, tolerance }) in got.iter().zip(&expected) {
        assert_eq!(key(got), key(row));
        let is_near = (got.value - row.value).abs() <= *tolerance;
        assert!(is_near, "{} instead of {} ± {tolerance}: {row:?}", got.value, row.value);
    }
    assert_eq!(got.len(), expected.len());
}

/// Every record, the weights kept, and what must differ lest the comparison be vacuous.
///
/// Returns whether under some seed the best weights are not the last.
fn check(case: Case) -> bool {
    let both = both(case);
    for b in &both {
        let (laws, rows): (Vec<Row>, Vec<Row>) =
            b.ran.rows.iter().cloned().partition(|row| row.metric.starts_with("laws_"));
        assert_laws(case, &laws);
        assert_rows(rows, b.plain.rows(&b.ran, &b.training, TRAINING));
        assert!(distance(&b.ran.last, &b.training.last) < WEIGHTS);
        assert!(distance(&b.ran.best, &b.training.best) < WEIGHTS);
        check_choice(b);
    }
    let [one, other] = both.as_slice() else { panic!("two seeds") };
    assert!(distance(&one.ran.best, &other.ran.best) > DIFFERENT);
    let first = |b: &Both<'_>, split: &str| b.plain.data.frames(split, 0, 1);
    for split in ["train", "validation", "test"] {
        assert_ne!(first(one, split), first(other, split), "the seeds share their data");
    }
    assert_ne!(first(one, "validation"), first(one, "test"));
    both.iter().any(|b| b.training.best_step < STEPS)
}

/// The laws of a trained model are those of the theory: all hold, but that of a decoder over rotations that is no
/// group convolution.
fn assert_laws(case: Case, rows: &[Row]) {
    let value = |metric: &str| rows.iter().find(|row| row.metric == metric).unwrap().value;
    let is_equivariant = case.flow == Flow::Translation || case.has_group_decoder;
    assert_eq!(rows.len(), 3);
    assert_eq!(value("laws_vacuous"), 0.0);
    assert!(value("laws_checked") >= 6.0);
    assert_eq!(value("laws_broken") == 0.0, is_equivariant, "{case:?}: {rows:?}");
}

/// The weights kept as best have the lowest validation loss of all, those kept as last the last one.
fn check_choice(b: &Both<'_>) {
    let recorded: Vec<&Row> = b.ran.rows.iter().filter(|r| r.split == "validation").collect();
    let at = |step| recorded.iter().find(|r| r.step == Some(step)).unwrap().value;
    let is_near = |loss: f64, recorded: f64| (loss - recorded).abs() <= 2.0 * FORWARD * recorded;
    let best = validation_loss(b.plain.case, &b.ran.best, &b.plain.data);
    assert!(is_near(best, at(b.training.best_step)));
    assert!(is_near(validation_loss(b.plain.case, &b.ran.last, &b.plain.data), at(STEPS)));
    for point in b.training.curve.iter().filter(|point| point.step != b.training.best_step) {
        assert!(at(point.step) > best * (1.0 + 2.0 * TRAINING), "too close to tell: {point:?}");
    }
}

/// ‖a − b‖ / ‖b‖ over all weights.
fn distance(a: &Weights, b: &Weights) -> f64 {
    assert!(a.keys().eq(b.keys()));
    let norm = |values: Vec<f64>| values.iter().map(|v| v * v).sum::<f64>().sqrt();
    let pairs = a.values().flatten().zip(b.values().flatten());
    norm(pairs.map(|(a, b)| a - b).collect()) / norm(b.values().flatten().copied().collect())
}

#[test]
fn the_translation_experiment_of_the_g_rnn_has_the_values_of_plain_code() {
    assert!(check(CASES[0]), "the last weights are the best");
}

#[test]
fn the_translation_experiment_of_the_fernn_has_the_values_of_plain_code() {
    assert!(check(CASES[1]), "the last weights are the best");
}

#[test]
fn velocity_generalization_has_the_values_of_plain_code() {
    assert!(check(CASES[2]), "the last weights are the best");
}

#[test]
fn the_rotation_experiment_has_the_values_of_plain_code() {
    assert!(check(CASES[3]), "the last weights are the best");
}

#[test]
fn velocity_generalization_of_rotations_has_the_values_of_plain_code() {
    assert!(check(CASES[4]), "the last weights are the best");
}

#[test]
fn the_lab_frame_of_rotations_has_the_values_of_plain_code() {
    assert!(check(CASES[5]), "the last weights are the best");
}

#[test]
fn the_co_moving_frame_and_the_equivariant_decoder_have_the_values_of_plain_code() {
    // Here the validation loss falls to the end.
    check(CASES[6]);
}

/// The plain gradient, which the plain training rests on, against central differences.
#[test]
fn the_plain_gradient_is_that_of_finite_differences() {
    const STEP: f64 = 1e-6;
    for case in [CASES[1], CASES[5], CASES[6]] {
        let trained_on = velocities(case.flow, case.trained_range);
        let data = MovingDigits::new(&DIGITS, case.flow, 1, trained_on);
        // One predicted frame: later ones depend on it in ways that the gradient leaves out.
        let batch = [data.frames("train", 0, SEEN + 1)];
        let weights = case.first_weights(1);
        let (_, gradient) = loss_and_gradient(case, &weights, &batch);
        for (name, slopes) in &gradient {
            let place = slopes.len() / 3;
            let moved = |by: f64| {
                let mut moved = weights.clone();
                moved.get_mut(name).unwrap()[place] += by;
                loss_and_gradient(case, &moved, &batch).0
            };
            let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            // The difference's own error is of the order STEP, relative to the curvature.
            let bound = 1e-5 * slopes.iter().fold(0.0, |max: f64, s| max.max(s.abs()));
            assert!((slope - slopes[place]).abs() < bound && bound > 0.0, "{name}: {slope}");
        }
    }
}
