//! The declared experiments: the paper's configuration can be started, training resumes exactly,
//! results do not depend on threads, a loss that is not finite is an error.

use candle_core::Device;
use candle_nn::Optimizer;
use fernn::Error;
use fernn::data::{Sequences, Sources, Split};
use fernn::experiments::paper::{ROTATION_PARAMETERS, TRANSLATION_PARAMETERS};
use fernn::experiments::{CATALOGUE, Profile, Record, Selection, Space, Task, World};
use fernn::flow::Lift;
use fernn::models::{Decoder, Parameters};
use fernn::ops::ConvAlgorithm;
use fernn::training::{Adam, training_step};
use std::path::PathBuf;

fn selection(profile: Profile, only: &str) -> Selection {
    let (only, algorithm, device) = (vec![only.into()], ConvAlgorithm::Auto, Device::Cpu);
    Selection { profile, only, seed: 0, seeds: Some(1), steps: None, algorithm, device }
}

/// A task of the quick profile, cut down until it takes about a second.
fn small_task(model: usize) -> Task {
    small(selection(Profile::Quick, "translation").tasks().unwrap().swap_remove(model))
}

fn small(mut task: Task) -> Task {
    let settings = &mut task.settings;
    (settings.seen, settings.predicted, settings.horizon, settings.batch) = (3, 2, 4, 2);
    (settings.schedule.steps, settings.schedule.interval) = (6, 2);
    (settings.test_sequences, settings.horizon_sequences) = (5, 3);
    settings.validation_sequences = 3;
    task
}

fn run(task: &Task, checkpoint: Option<PathBuf>) -> Result<Vec<Record>, Error> {
    task.run(&Sources::embedded().digits().unwrap(), checkpoint, "fingerprint".into(), &|_, _| ())
}

#[test]
fn the_paper_profile_has_the_published_settings_and_takes_a_step() {
    let tasks = selection(Profile::Paper, "translation").tasks().unwrap();
    assert_eq!(tasks.len(), 3);
    let mut task = tasks[2].clone();
    assert_eq!(task.model.name(), "FERNN-V2");
    let s = &task.settings;
    let Space::Translation(world) = s.space.clone() else { panic!("a space of translations") };
    assert_eq!((world.canvas.size, world.canvas.digit, world.shape.channels), (28, 28, 128));
    assert_eq!((s.seen, s.predicted, s.batch, s.schedule.clip), (10, 10, 128, Some(1.0)));
    assert_eq!((s.schedule.steps, s.schedule.adam.learning_rate), (50 * 422, 1e-3));
    assert_eq!((s.horizon, s.test_sequences, s.seeds), (70, 10_000, 5));
    let parameters = Parameters::draw(&world.parameters().unwrap(), 0, &Device::Cpu).unwrap();
    assert_eq!(parameters.count(), TRANSLATION_PARAMETERS);

    task.settings.batch = 1;
    let digits = Sources::embedded().digits().unwrap();
    let data = world.data(&digits, &task.settings, 0, &Device::Cpu).unwrap();
    let (seen, target) = data.pair(Split::Train, 0..1, 10).unwrap();
    let model = task.forecaster(&world, &parameters.tensors()).unwrap();
    let mut adam = Adam::new(parameters.variables(), task.settings.schedule.adam).unwrap();
    let before = parameters.snapshot().unwrap();
    let step = training_step(&model, &parameters, &mut adam, (&seen, &target), Some(1.0)).unwrap();
    assert!(step.loss > 0.0 && step.loss.is_finite() && step.gradient_norm > 0.0);
    for (name, variable) in parameters.iter() {
        let moved = (variable.as_tensor() - &before[name]).unwrap().abs().unwrap();
        let largest = moved.max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(largest > 1e-4 && largest < 1.1e-3, "{name}: Adam's first step is the rate");
    }
}

#[test]
fn the_paper_profile_of_rotations_has_the_published_settings_and_size() {
    let tasks = selection(Profile::Paper, "rotation").tasks().unwrap();
    let names: Vec<String> = tasks.iter().map(|task| task.model.name()).collect();
    assert_eq!(names, ["G-RNN", "FERNN-VR2", "FERNN-VR4"]);
    let s = &tasks[2].settings;
    let Space::Rotation(world) = &s.space else { panic!("a space of rotations") };
    let shape = world.shape;
    assert_eq!((world.canvas.size, world.canvas.digit, world.step_deg), (28, 28, 10));
    assert_eq!((shape.fields, shape.orientations, shape.filter_size), (32, 36, 3));
    assert_eq!(
        (shape.decoder_layers, shape.decoder, world.lift),
        (4, Decoder::Plain, Lift::Trivial)
    );
    assert_eq!((s.batch, s.schedule.clip, s.schedule.adam.learning_rate), (32, None, 1e-4));
    assert_eq!((s.seen + s.horizon, s.training_range, s.seeds), (80, 4, 5));
    assert_eq!((s.schedule.steps, s.test_sequences), (50 * 1688, 10_000));
    let all = world.parameters().unwrap();
    let count: usize = all.iter().map(|p| p.shape.iter().product::<usize>()).sum();
    assert_eq!(count, ROTATION_PARAMETERS);
    let degrees: Vec<i32> = world.velocities(4).as_slice().iter().map(|v| v.0).collect();
    assert_eq!(degrees, [-40, -30, -20, -10, 0, 10, 20, 30, 40]);
    assert_eq!(world.tested().len(), 11);
}

#[test]
fn every_profile_declares_runnable_tasks() {
    for profile in Profile::ALL {
        for experiment in CATALOGUE {
            let tasks = selection(profile, experiment.name).tasks().unwrap();
            assert_eq!(tasks.len(), (experiment.models)(profile).len());
            let names: std::collections::BTreeSet<_> = tasks.iter().map(Task::slug).collect();
            assert_eq!(names.len(), tasks.len(), "file names are distinct");
        }
    }
}

#[test]
fn records_are_the_same_for_any_number_of_threads() {
    let task = small_task(1);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&task, None)).unwrap()
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(5));
    assert!(one.iter().filter(|r| r.metric == "mse_by_horizon").count() == 4);
}

/// Every measurement of the rotation experiments, on both lifts and both decoders.
#[test]
fn rotation_tasks_run_and_do_not_depend_on_threads() {
    for experiment in ["rotation", "rotation-velocity", "rotation-lifts"] {
        for mut task in selection(Profile::Quick, experiment).tasks().unwrap() {
            task = small(task);
            task.settings.schedule.steps = 2;
            task.settings.velocity_sequences = 1;
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| run(&task, None)).unwrap()
            };
            let records = on(1);
            assert_eq!(records, on(3), "{}", task.title());
            assert!(records.iter().all(|r| r.value.is_some_and(f64::is_finite)));
            let count = |metric: &str| records.iter().filter(|r| r.metric == metric).count();
            match experiment {
                "rotation" => assert_eq!(count("mse_by_horizon"), 4),
                "rotation-velocity" => assert_eq!(count("mse_by_velocity"), 7),
                _ => assert_eq!(
                    (count("equivariance_trained"), count("equivariance_untrained")),
                    (5, 5)
                ),
            }
        }
    }
}

#[test]
fn a_rotation_training_cut_at_a_checkpoint_ends_with_the_same_records() {
    let folder = tempfile::tempdir().unwrap();
    let task = small(selection(Profile::Quick, "rotation").tasks().unwrap().swap_remove(1));
    let checkpoint = folder.path().join("c.safetensors");
    let mut first_half = task.clone();
    first_half.settings.schedule.steps = 4;
    run(&first_half, Some(checkpoint.clone())).unwrap();
    assert_eq!(run(&task, Some(checkpoint)).unwrap(), run(&task, None).unwrap());
}

#[test]
fn a_training_cut_at_any_checkpoint_ends_with_the_same_records() {
    let folder = tempfile::tempdir().unwrap();
    let task = small_task(2);
    let whole = run(&task, None).unwrap();
    for cut in [2, 4] {
        let checkpoint = folder.path().join(format!("{cut}.safetensors"));
        let mut first_half = task.clone();
        first_half.settings.schedule.steps = cut;
        run(&first_half, Some(checkpoint.clone())).unwrap();
        assert!(checkpoint.exists());
        assert_eq!(run(&task, Some(checkpoint)).unwrap(), whole, "cut after {cut} steps");
    }
}

#[test]
fn the_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    let task = small_task(0);
    run(&task, Some(path.clone())).unwrap();
    let digits = Sources::embedded().digits().unwrap();
    let other = task.run(&digits, Some(path.clone()), "another".into(), &|_, _| ());
    assert!(matches!(other, Err(Error::Format { .. })));
    std::fs::write(&path, b"damaged").unwrap();
    assert!(matches!(run(&task, Some(path)), Err(Error::Format { .. })));
}

#[test]
fn a_loss_that_is_not_finite_names_experiment_model_seed_and_step() {
    let mut task = small_task(0);
    task.settings.schedule.adam.learning_rate = 1e30;
    match run(&task, None) {
        Err(Error::NonFinite { experiment, model, seed, step, .. }) => {
            assert_eq!((experiment.as_str(), model.as_str(), seed), ("translation", "G-RNN", 0));
            assert!((1..=6).contains(&step));
        }
        other => panic!("expected a non-finite loss, got {:?}", other.map(|r| r.len())),
    }
}
