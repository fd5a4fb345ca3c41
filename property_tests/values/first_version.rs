//! Records as the first version wrote them mean today what they meant then.

use fernn::experiments::forecasting::{RotationWorld, Settings, TranslationWorld};
use fernn::experiments::{Evidence, Metric, Records, Subject};
use fernn::flow::{CarryOrder, Lift};

const HEADER: &str = "experiment,model,seed,profile,split,metric,velocities,step,horizon,\
                      velocity_x,velocity_y,velocity_deg,pixel_x,pixel_y,value,note\n";

/// The settings of an experiment's first model; what they begin and what they end with.
fn settings(experiment: &str, space: &str) -> String {
    let text = format!(
        "activation = \"\"relu\"\"\npooling = \"\"max\"\"\nfeedback = \"\"output\"\"\n\
         algorithm = \"\"auto\"\"\nseen = 6\npredicted = 5\nbatch = 4\ntraining_range = 2\n\
         validation_sequences = 32\ntest_sequences = 256\nhorizon = 42\nhorizon_sequences = 33\n\
         velocity_sequences = 16\nseeds = 3\n[schedule]\nsteps = 500\ninterval = 50\nclip = 1.0\n\
         [schedule.adam]\nlearning_rate = 0.002\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-8\n{space}"
    );
    format!("provenance,,,,,settings of {experiment},,,,,,,,,,\"{text}\"\n")
}

const TRANSLATION: &str = "[space.translation.canvas]\nsize = 14\ndigit = 7\n\
                           [space.translation.shape]\ninputs = 1\nchannels = 16\noutputs = 1\n\
                           decoder_layers = 4\n";

const ROTATION: &str = "[space.rotation]\nstep_deg = 45\ntested_range = 3\nlift = \"\"trivial\"\"\n\
                        [space.rotation.canvas]\nsize = 28\ndigit = 28\n\
                        [space.rotation.shape]\ninputs = 1\nfields = 2\norientations = 8\n\
                        filter_size = 3\noutputs = 1\ndecoder_layers = 4\n";

fn read(rows: &[String]) -> Evidence {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.csv");
    std::fs::write(&path, HEADER.to_string() + &rows.concat()).unwrap();
    Evidence::read(&path).unwrap()
}

/// A test error of a model.
fn row(experiment: &str, model: &str, seed: u64, value: f64) -> String {
    format!("{experiment},{model},{seed},quick,test,mse,,,,,,,,,{value},\n")
}

#[test]
fn settings_become_those_of_every_model_that_they_were_true_of() {
    let evidence = read(&[
        settings("translation", TRANSLATION),
        row("translation", "G-RNN", 0, 0.25),
        row("translation", "FERNN-V2", 0, 0.125),
        row("translation", "FERNN-V2", 1, 0.5),
        row("translation", "FERNN-V1 tanh", 0, 1.5),
    ]);
    let of = |model: &str, variant: &str| -> Option<Settings<TranslationWorld>> {
        let subject = Subject::new(model).with_variant(variant);
        Records(&evidence).settings_of("translation", &subject).unwrap()
    };
    let (none, all) = (of("G-RNN", "").unwrap(), of("FERNN-V2", "").unwrap());
    assert_eq!((none.velocity_range, all.velocity_range), (0, 2));
    // The first version computed translations in the co-moving frame.
    assert_eq!(all.world.lift, Lift::CoMoving);
    assert_eq!((all.world.canvas.size, all.world.canvas.digit), (14, 7));
    assert_eq!((all.seen, all.predicted, all.batch, all.training_range), (6, 5, 4, 2));
    assert_eq!((all.test_sequences, all.validation_sequences), (256, 32));
    assert_eq!((all.horizon, all.horizon_sequences, all.velocity_sequences), (42, 33, 16));
    assert_eq!((all.schedule.steps, all.schedule.clip, all.shape.channels), (500, Some(1.0), 16));
    assert_eq!(none.with_velocities(2), all, "models differ in velocities alone");
    // What departs from the first model was trained with other settings, which nobody wrote down.
    assert_eq!(of("FERNN-V1", "tanh"), None);
    let settings = evidence.records.iter().filter(|r| r.metric == Metric::SETTINGS);
    let units: Vec<_> = settings.map(|r| (r.subject.model.as_str(), r.seed)).collect();
    assert_eq!(units, [("G-RNN", Some(0)), ("FERNN-V2", Some(0)), ("FERNN-V2", Some(1))]);
    let errors = evidence.records.iter().filter(|r| r.metric == Metric::MSE);
    let errors: Vec<f64> = errors.filter_map(|r| r.value).collect();
    assert_eq!(errors, [0.25, 0.125, 0.5, 1.5], "no value changes");
}

#[test]
fn what_stood_at_the_top_before_there_were_rotations_is_of_translations() {
    let settings = |space: &str| -> Settings<TranslationWorld> {
        let rows = [settings("translation", space), row("translation", "FERNN-V1", 0, 0.25)];
        let evidence = read(&rows);
        let subject = Subject::new("FERNN-V1");
        Records(&evidence).settings_of("translation", &subject).unwrap().unwrap()
    };
    let oldest = TRANSLATION.replace("space.translation.", "");
    assert_eq!(settings(&oldest), settings(TRANSLATION));
}

#[test]
fn rotations_were_convolved_first() {
    let rows = [settings("rotation", ROTATION), row("rotation", "FERNN-VR2", 0, 0.25)];
    let evidence = read(&rows);
    let settings: Settings<RotationWorld> =
        Records(&evidence).settings("rotation").unwrap().unwrap();
    let world = &settings.world;
    assert_eq!((world.lift, world.order), (Lift::Trivial, CarryOrder::ConvolveFirst));
    assert_eq!((world.step_deg, world.tested_range), (45, 3));
    assert_eq!((world.orientations, world.filter_size), (8, 3));
    assert_eq!((settings.velocity_range, settings.shape.channels), (2, 2));
    let lab = read(&[row("rotation-lifts", "FERNN-VR2 lab group-decoder", 0, 0.25)]);
    assert_eq!(lab.records[0].subject.variant, "lab convolve-first group-decoder");
}

#[test]
fn settings_that_could_be_of_either_run_stay_as_they_were() {
    let (small, large) = (TRANSLATION, TRANSLATION.replace("channels = 16", "channels = 32"));
    let evidence = read(&[
        settings("translation", small),
        settings("translation", &large),
        row("translation", "G-RNN", 0, 0.25),
        settings("velocity", small),
    ]);
    assert!(evidence.records.iter().all(|r| r.metric != Metric::SETTINGS));
    let kept = |experiment: &str| Records(&evidence).notes(&format!("settings of {experiment}"));
    assert_eq!((kept("translation").len(), kept("velocity").len()), (2, 1));
}
