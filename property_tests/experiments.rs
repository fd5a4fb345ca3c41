//! The declared experiments: the paper's configuration can be started, training resumes exactly,
//! results do not depend on threads, a loss that is not finite is an error.

#[path = "experiments/processes.rs"]
mod processes;
#[path = "experiments/threads.rs"]
mod threads;
#[path = "experiments/together.rs"]
mod together;

use candle_core::Device;
use candle_nn::Optimizer;
use fernn::Error;
use fernn::data::{Sequences, Sources, Split};
use fernn::experiments::forecasting::{
    Baseline, Evaluation, ForecastJob, Model, RotationWorld, Settings, TranslationWorld, World,
    units,
};
use fernn::experiments::{
    CATALOGUE, Changes, Evidence, Metric, Profile, Request, Subject, Timings, Unit, UnitRun, find,
    paper,
};
use fernn::flow::{CarryOrder, Lift};
use fernn::models::{Decoder, ForecastLearner};
use fernn::ops::ConvAlgorithm;
use fernn::parameters::{Parameters, Tensors};
use fernn::training::{Adam, Alone, CheckpointFile, training_step};
use std::path::PathBuf;

fn request(profile: Profile) -> Request {
    let (algorithm, device) = (ConvAlgorithm::Auto, Device::Cpu);
    Request {
        profile,
        seed: 0,
        seeds: Some(1),
        steps: None,
        changes: Changes::default(),
        algorithm,
        device,
    }
}

/// Settings cut down until they take about a second.
fn small<W>(mut settings: Settings<W>) -> Settings<W> {
    (settings.seen, settings.predicted, settings.horizon, settings.batch) = (3, 2, 4, 2);
    (settings.schedule.steps, settings.schedule.interval) = (6, 2);
    (settings.test_sequences, settings.horizon_sequences) = (5, 3);
    (settings.validation_sequences, settings.velocity_sequences) = (3, 1);
    settings
}

/// A unit of the settings with every evaluation.
fn unit<W: World>(settings: Settings<W>) -> Unit {
    const ALL: &[Evaluation] = &[
        Evaluation::Prediction,
        Evaluation::Horizon,
        Evaluation::Velocities,
        Evaluation::Film,
        Evaluation::HiddenStates,
        Evaluation::Equivariance,
    ];
    let model: Model<W> = (W::subject(settings.velocity_range), settings);
    units("a test", &request(Profile::Quick), 1, vec![model], ALL).swap_remove(0)
}

fn translating(range: u32) -> Settings<TranslationWorld> {
    small(Settings::translation(Profile::Quick)).with_velocities(range)
}

fn rotating(range: u32) -> Settings<RotationWorld> {
    small(Settings::rotation(Profile::Quick)).with_velocities(range)
}

fn run_as(unit: &Unit, checkpoint: Option<PathBuf>, fingerprint: &str) -> Result<Evidence, Error> {
    unit.job.run(&UnitRun {
        key: &unit.key,
        sources: &Sources::embedded(),
        checkpoint: checkpoint.map(|path| CheckpointFile {
            path,
            fingerprint: fingerprint.into(),
            origin: "a test".into(),
        }),
        weights: None,
        ranks: &Alone,
        progress: &|_| (),
    })
}

fn run(unit: &Unit, checkpoint: Option<PathBuf>) -> Result<Evidence, Error> {
    run_as(unit, checkpoint, "fingerprint")
}

/// The settings of a unit, read back from their text.
fn settings_of<W: World>(unit: &Unit) -> Settings<W> {
    toml::from_str(&unit.settings).unwrap()
}

fn paper_units(name: &str) -> Vec<Unit> {
    find(name).unwrap().units(&request(Profile::Paper)).unwrap()
}

/// What is timed twice differs by noise.
#[test]
fn models_that_compute_the_same_are_timed_once() {
    let mut timings = Timings::default();
    let mut seconds = |settings: Settings<TranslationWorld>| {
        let unit = unit(settings);
        let job = unit.job.model().expect("a unit of a model");
        job.expected_cost(&Sources::embedded(), &mut timings).unwrap().seconds
    };
    let of_steps = |steps| {
        let mut settings = translating(1);
        (settings.schedule.steps, settings.schedule.interval) = (steps, steps);
        settings
    };
    let [first, second, third] = [6, 12, 18].map(|steps| seconds(of_steps(steps)));
    assert!(first > 0.0 && second > first, "{first} {second}");
    let differ = (third - second) - (second - first);
    assert!(differ.abs() < 1e-9 * third, "{first} {second} {third}");
    let other_data = Settings { training_range: 1, ..of_steps(6) };
    assert_eq!(seconds(other_data), first);
    let mut wider = of_steps(6);
    wider.shape.channels *= 2;
    for another in [of_steps(6).with_velocities(2), wider] {
        assert_ne!(seconds(another), first);
    }
}

#[test]
fn the_paper_profile_has_the_published_settings_and_takes_a_step() {
    let all = paper_units("translation");
    let names: Vec<String> = all.iter().map(|unit| unit.key.subject.to_string()).collect();
    assert_eq!(names, ["G-RNN", "FERNN-V1", "FERNN-V2"]);
    let mut settings: Settings<TranslationWorld> = settings_of(&all[2]);
    let s = &settings;
    let canvas = s.world.canvas;
    assert_eq!((canvas.size, canvas.digit, s.shape.channels), (28, 28, 128));
    assert_eq!((s.seen, s.predicted, s.batch, s.schedule.clip), (10, 10, 128, Some(1.0)));
    assert_eq!((s.schedule.steps, s.schedule.adam.learning_rate), (50 * 422, 1e-3));
    assert_eq!((s.horizon, s.test_sequences, s.velocity_range), (70, 10_000, 2));
    let own = find("translation").unwrap();
    let own = own.units(&Request { seeds: None, ..request(Profile::Paper) }).unwrap();
    assert_eq!(own.len(), 3 * 5, "five seeds");

    settings.batch = 1;
    let (evaluations, device) = (&[][..], Device::Cpu);
    let job =
        ForecastJob { settings, evaluations, shows_frames: false, has_baselines: false, device };
    let build = |tensors: &Tensors| job.forecaster(tensors);
    let learner = ForecastLearner { initial: job.parameters().unwrap(), build: &build };
    let parameters = Parameters::draw(&learner.initial, 0, &Device::Cpu).unwrap();
    assert_eq!(parameters.count(), paper::TRANSLATION.parameters);
    let data = job.sequences(&Sources::embedded(), 0).unwrap();
    let batch = data.pair(Split::Train, 0..1, 10).unwrap();
    let mut adam = Adam::new(parameters.variables(), job.settings.schedule.adam).unwrap();
    let before = parameters.snapshot().unwrap();
    let step = training_step(&learner, &parameters, &mut adam, &batch, Some(1.0)).unwrap();
    assert!(step.loss > 0.0 && step.loss.is_finite() && step.gradient_norm > 0.0);
    for (name, variable) in parameters.iter() {
        let moved = (variable.as_tensor() - &before[name]).unwrap().abs().unwrap();
        let largest = moved.max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(largest > 1e-4 && largest < 1.1e-3, "{name}: Adam's first step is the rate");
    }
}

#[test]
fn the_paper_profile_of_rotations_has_the_published_settings_and_size() {
    let all = paper_units("rotation");
    let names: Vec<String> = all.iter().map(|unit| unit.key.subject.to_string()).collect();
    assert_eq!(names, ["G-RNN", "FERNN-VR2", "FERNN-VR4"]);
    let settings: Settings<RotationWorld> = settings_of(&all[2]);
    let (s, world) = (&settings, &settings.world);
    assert_eq!((world.canvas.size, world.canvas.digit, world.step_deg), (28, 28, 10));
    assert_eq!((s.shape.channels, world.orientations, world.filter_size), (32, 36, 3));
    assert_eq!((s.shape.decoder_layers, s.shape.decoder), (4, Decoder::Plain));
    // The public code turns a state before it convolves it.
    assert_eq!((world.lift, world.order), (Lift::Trivial, CarryOrder::CarryFirst));
    assert_eq!((s.batch, s.schedule.clip, s.schedule.adam.learning_rate), (32, None, 1e-4));
    assert_eq!((s.seen + s.horizon, s.training_range), (80, 4));
    assert_eq!((s.schedule.steps, s.test_sequences), (50 * 1688, 10_000));
    let degrees: Vec<i32> = world.velocities(4).as_slice().iter().map(|v| v.0).collect();
    assert_eq!(degrees, [-40, -30, -20, -10, 0, 10, 20, 30, 40]);
    assert_eq!(world.tested().len(), 11);
    let (evaluations, device) = (&[][..], Device::Cpu);
    let job =
        ForecastJob { settings, evaluations, shows_frames: false, has_baselines: false, device };
    let all = job.parameters().unwrap();
    let count: usize = all.iter().map(|p| p.shape.iter().product::<usize>()).sum();
    assert_eq!(count, paper::ROTATION.parameters);
}

#[test]
fn every_profile_declares_runnable_units_with_file_names_of_their_own() {
    for profile in Profile::ALL {
        for experiment in CATALOGUE {
            let units = experiment.units(&request(profile)).unwrap();
            let names: std::collections::BTreeSet<_> =
                units.iter().map(|unit| unit.key.slug()).collect();
            assert_eq!(names.len(), units.len(), "{}", experiment.name());
            assert!(units.iter().all(|unit| unit.work > 0 && unit.steps > 0));
            let is_trained = !experiment.profiles().is_empty();
            // Video of one's own is trained where it is asked for by name.
            let is_trained = is_trained || experiment.name() == "video";
            assert_eq!(!units.is_empty(), is_trained, "{}", experiment.name());
        }
    }
}

#[test]
fn settings_come_back_from_their_text_with_every_departure() {
    let units = find("length-study").unwrap().units(&request(Profile::Quick)).unwrap();
    let of = |variant: &str| -> Settings<TranslationWorld> {
        let subject = Subject::new("FERNN-V2").with_variant(variant);
        settings_of(units.iter().find(|unit| unit.key.subject == subject).unwrap())
    };
    let plain = of("");
    assert_eq!(plain, Settings::translation(Profile::Quick));
    assert_eq!(of("4x-steps").schedule.steps, 4 * plain.schedule.steps);
    assert_eq!(of("2x-channels").shape.channels, 2 * plain.shape.channels);
    assert_ne!(of("tanh").model.cell, plain.model.cell);
    assert_ne!(of("no-feedback").model.feedback, of("clamped-feedback").model.feedback);
}

#[test]
fn records_are_the_same_for_any_number_of_threads() {
    let unit = unit(translating(1));
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&unit, None)).unwrap()
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(5));
    // Of the model and of three baselines.
    let count = |metric| one.records.iter().filter(|r| r.metric == metric).count();
    assert_eq!((count(Metric::MSE_BY_HORIZON), count(Metric::MSE_BY_VELOCITY)), (4 * 4, 4 * 25));
    assert!(!one.pictures.is_empty());
}

/// Every evaluation of the rotation experiments, on both lifts, orders and decoders.
#[test]
fn rotation_units_run_and_do_not_depend_on_threads() {
    let all = find("rotation-lifts").unwrap().units(&request(Profile::Quick)).unwrap();
    assert_eq!(all.len(), 5);
    for one in all {
        let mut settings = small(settings_of::<RotationWorld>(&one));
        settings.schedule.steps = 2;
        let unit = unit(settings);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(&unit, None)).unwrap()
        };
        let evidence = on(1);
        assert_eq!(evidence, on(3), "{}", one.key.title());
        assert!(evidence.records.iter().all(|r| r.value.is_some_and(f64::is_finite)));
        let count = |metric| evidence.records.iter().filter(|r| r.metric == metric).count();
        assert_eq!((count(Metric::MSE_BY_HORIZON), count(Metric::MSE_BY_VELOCITY)), (4 * 4, 4 * 7));
        // The state after the first frame has not moved yet, but it is compared.
        assert_eq!(count(Metric::EQUIVARIANCE_TRAINED), 5);
        assert_eq!(count(Metric::EQUIVARIANCE_UNTRAINED), 5);
    }
}

/// Cuts a training after some steps, and lets it go on from its checkpoint.
fn assert_resumes<W: World>(settings: Settings<W>, cuts: &[u64]) {
    let folder = tempfile::tempdir().unwrap();
    let whole = unit(settings.clone());
    let kept = folder.path().join("whole.safetensors");
    let expected = run(&whole, Some(kept)).unwrap();
    for cut in cuts {
        let checkpoint = folder.path().join(format!("{cut}.safetensors"));
        let mut first = settings.clone();
        first.schedule.steps = *cut;
        run(&unit(first), Some(checkpoint.clone())).unwrap();
        assert!(checkpoint.exists());
        assert_eq!(run(&whole, Some(checkpoint)).unwrap(), expected, "cut after {cut} steps");
    }
}

#[test]
fn a_training_cut_at_any_checkpoint_ends_with_the_same_records() {
    assert_resumes(translating(2), &[2, 4]);
    assert_resumes(rotating(1), &[4]);
}

#[test]
fn the_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    let unit = unit(translating(1));
    run(&unit, Some(path.clone())).unwrap();
    let other = run_as(&unit, Some(path.clone()), "another");
    assert!(matches!(other, Err(Error::Format { .. })));
    std::fs::write(&path, b"damaged").unwrap();
    assert!(matches!(run(&unit, Some(path)), Err(Error::Format { .. })));
}

#[test]
fn a_loss_that_is_not_finite_names_experiment_model_seed_and_step() {
    let mut settings = translating(0);
    settings.schedule.adam.learning_rate = 1e30;
    match run(&unit(settings), None) {
        Err(Error::NonFinite { experiment, model, seed, step, .. }) => {
            assert_eq!((experiment.as_str(), model.as_str(), seed), ("a test", "G-RNN", 0));
            assert!((1..=6).contains(&step));
        }
        other => panic!("expected a non-finite loss, got {:?}", other.map(|e| e.records.len())),
    }
}

/// The values of a baseline in what a job measured.
fn of_baseline(evidence: &Evidence, baseline: Baseline, metric: &Metric) -> Vec<f64> {
    let rows = evidence.records.iter();
    let own = rows.filter(|r| r.subject == baseline.subject() && r.metric == *metric);
    own.map(|r| r.value.expect("a measured value")).collect()
}

fn with_baselines<W: World>(settings: Settings<W>) -> Evidence {
    let evaluations = &[Evaluation::Prediction, Evaluation::Horizon, Evaluation::Velocities];
    let model = (Subject::g_rnn(), settings.with_velocities(0));
    let units = units("some", &request(Profile::Quick), 1, vec![model], evaluations);
    run(&units[0], None).unwrap()
}

#[test]
fn baselines_over_translations_are_what_their_names_say() {
    let settings = Settings { training_range: 2, ..translating(0) };
    let evidence = with_baselines(settings.clone());
    let all = [Metric::MSE, Metric::MSE_BY_HORIZON, Metric::MSE_BY_VELOCITY];
    for metric in &all {
        let oracle = of_baseline(&evidence, Baseline::TrueMotion, metric);
        assert!(!oracle.is_empty() && oracle.iter().all(|mse| *mse == 0.0), "{metric}: {oracle:?}");
        for baseline in [Baseline::LastFrame, Baseline::MeanFrame] {
            let errors = of_baseline(&evidence, baseline, metric);
            assert_eq!(errors.len(), oracle.len(), "{metric}");
            assert!(errors.iter().any(|mse| *mse > 1e-3), "{metric}: {errors:?}");
        }
    }
    // Of 25 velocities one stands still, and there alone the last frame stays the true one.
    let by_velocity = of_baseline(&evidence, Baseline::LastFrame, &Metric::MSE_BY_VELOCITY);
    assert_eq!(by_velocity.iter().filter(|mse| **mse == 0.0).count(), 1);
    assert_eq!(by_velocity[12], 0.0, "in the middle of the square");
    // The mean frame against its own definition, by hand.
    let model = (Subject::g_rnn(), settings.clone());
    let job = &units("some", &request(Profile::Quick), 1, vec![model], &[])[0];
    let digits = Sources::embedded().digits().unwrap();
    let velocities = settings.world.velocities(2);
    let frames = settings.seen + settings.predicted;
    let data = fernn::data::TranslatingMnist::new(
        digits,
        settings.world.canvas,
        frames,
        velocities.as_slice(),
        job.key.seed,
    )
    .unwrap();
    let pixels = settings.world.canvas.size.pow(2);
    let mut average = vec![0f64; pixels];
    for index in 0..256 {
        for (place, value) in data.sample(Split::Train, index).iter().enumerate() {
            average[place % pixels] += f64::from(*value) / (256 * frames) as f64;
        }
    }
    let mut sum = 0.0;
    for index in 0..settings.test_sequences {
        let sample = data.sample(Split::Test, index);
        for (place, value) in sample[settings.seen * pixels..].iter().enumerate() {
            sum += (f64::from(*value) - average[place % pixels]).powi(2);
        }
    }
    let expected = sum / (settings.test_sequences as usize * settings.predicted * pixels) as f64;
    let measured = of_baseline(&evidence, Baseline::MeanFrame, &Metric::MSE)[0];
    assert!((measured / expected - 1.0).abs() < 1e-5, "{measured} {expected}");
}

#[test]
fn over_rotations_the_oracle_pays_for_interpolation_alone() {
    let evidence = with_baselines(Settings { training_range: 2, ..rotating(0) });
    let mse = |baseline| of_baseline(&evidence, baseline, &Metric::MSE)[0];
    let (oracle, last) = (mse(Baseline::TrueMotion), mse(Baseline::LastFrame));
    assert!(oracle > 0.0 && oracle < 0.2 * last, "{oracle} {last}");
}

#[test]
fn no_velocity_of_the_small_profiles_returns_within_a_sequence() {
    for profile in [Profile::Quick, Profile::Desk] {
        assert_eq!(Settings::translation(profile).repeating(), []);
        assert_eq!(Settings::rotation(profile).repeating(), []);
        assert!(Settings::translation(profile).remark_on_repeating().is_none());
    }
    // The paper's torus of 28 pixels and 20 frames: both components even, and one not zero.
    let paper = Settings::translation(Profile::Paper);
    let repeating = paper.repeating();
    assert_eq!(repeating.len(), 8);
    assert!(repeating.iter().all(|v| v.x % 2 == 0 && v.y % 2 == 0));
    let degrees: Vec<i32> =
        Settings::rotation(Profile::Paper).repeating().iter().map(|v| v.0).collect();
    assert_eq!(degrees, [-40, -30, -20, 20, 30, 40]);
    assert!(paper.remark_on_repeating().unwrap().starts_with("8 of the 25 velocities"));
}

#[test]
fn errors_over_returning_velocities_are_measured_apart() {
    // On 14 pixels (2, 0) returns after 7 of 9 frames, (1, 0) after 14.
    let mut settings = Settings { training_range: 2, ..translating(0) };
    settings.world.canvas.size = 14;
    (settings.seen, settings.predicted) = (5, 4);
    assert_eq!(settings.repeating().len(), 8);
    let evidence = with_baselines(settings.clone());
    let of = |metric: &Metric| {
        let rows = evidence.records.iter().filter(|r| r.subject == Subject::g_rnn());
        rows.filter(|r| r.metric == *metric).count()
    };
    assert_eq!((of(&Metric::MSE_REPEATING), of(&Metric::MSE_NOT_REPEATING)), (1, 1));
    let last = |metric| of_baseline(&evidence, Baseline::LastFrame, &metric)[0];
    assert_ne!(last(Metric::MSE_REPEATING), last(Metric::MSE_NOT_REPEATING));
    settings.world.canvas.size = 15;
    let evidence = with_baselines(settings);
    assert!(evidence.records.iter().all(|r| r.metric != Metric::MSE_REPEATING));
}
