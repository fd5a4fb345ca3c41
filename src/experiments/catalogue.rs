//! The list of experiments.

use super::settings::{Flow, Model, Profile, Settings, Variant};
use crate::flow::Lift;
use crate::models::{Decoder, Feedback};
use crate::ops::Activation;

/// What is measured on a trained model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measurement {
    /// Mean squared error on the test split, over the trained number of predicted frames.
    NextStep,
    /// Mean squared error by horizon, far beyond the trained one.
    Horizon,
    /// Mean squared error at each of the tested velocities.
    Velocities,
    /// Frames of one test sequence, true and predicted.
    Film,
    /// Hidden states while a moving sequence is seen, as they are and moved back along with it.
    HiddenStates,
    /// Equivariance errors of the hidden state by step, trained and untrained.
    Equivariance,
}

/// An experiment of the paper, declared.
#[derive(Clone, Copy, Debug)]
pub struct Experiment {
    /// The name in records and on the command line.
    pub name: &'static str,
    /// One line for people.
    pub title: &'static str,
    /// Profiles that run it when no experiment is named.
    pub profiles: &'static [Profile],
    /// The models compared.
    pub models: fn(Profile) -> Vec<Model>,
    /// What is measured on each.
    pub measurements: &'static [Measurement],
    /// The settings.
    pub settings: fn(Profile) -> Settings,
}

fn table_1_translation(_: Profile) -> Vec<Model> {
    [0, 1, 2].map(|range| Model::plain(Flow::Translation, range)).to_vec()
}

/// None, half and all of the velocities of the data.
fn table_1_rotation(profile: Profile) -> Vec<Model> {
    let all = Settings::rotation(profile).training_range;
    [0, all / 2, all].map(|range| Model::plain(Flow::Rotation, range)).to_vec()
}

/// The settings with the training velocities V_1, and two seeds where time is short.
fn trained_on_v1(settings: Settings, profile: Profile) -> Settings {
    let seeds = if profile == Profile::Quick { 2 } else { settings.seeds };
    Settings { training_range: 1, seeds, ..settings }
}

fn length_study(_: Profile) -> Vec<Model> {
    let plain = Model::plain(Flow::Translation, 2);
    let variants = [
        Variant::Longer(4),
        Variant::Wider(2),
        Variant::Activation(Activation::Tanh),
        Variant::Feedback(Feedback::Clamped),
        Variant::Feedback(Feedback::Silent),
        Variant::Feedback(Feedback::Flowed),
    ];
    let study = |variant| Model { variant: Some(variant), ..plain };
    std::iter::once(plain).chain(variants.map(study)).collect()
}

fn rotation_lifts(profile: Profile) -> Vec<Model> {
    let plain = Model::plain(Flow::Rotation, Settings::rotation(profile).training_range);
    let both = |decoder| [Lift::Trivial, Lift::CoMoving].map(|lift| (lift, decoder));
    let choices = both(Decoder::Plain).into_iter().chain(both(Decoder::Equivariant));
    let model =
        |(lift, decoder)| Model { variant: Some(Variant::Rotating(lift, decoder)), ..plain };
    choices.map(model).collect()
}

/// All experiments, in the order of the paper.
pub const CATALOGUE: &[Experiment] = &[
    Experiment {
        name: "translation",
        title: "Next-step prediction, training speed and length generalization (Table 1)",
        profiles: &Profile::ALL,
        models: table_1_translation,
        measurements: &[
            Measurement::NextStep,
            Measurement::Horizon,
            Measurement::Film,
            Measurement::HiddenStates,
        ],
        settings: Settings::translation,
    },
    Experiment {
        name: "velocity",
        title: "Velocity generalization: trained on V1, tested at each velocity of V2",
        profiles: &Profile::ALL,
        models: table_1_translation,
        measurements: &[Measurement::Velocities],
        settings: |profile| trained_on_v1(Settings::translation(profile), profile),
    },
    Experiment {
        name: "rotation",
        title: "The same for rotations: half of Table 1, training speed, length generalization",
        profiles: &Profile::ALL,
        models: table_1_rotation,
        measurements: &[
            Measurement::NextStep,
            Measurement::Horizon,
            Measurement::Film,
            Measurement::HiddenStates,
        ],
        settings: Settings::rotation,
    },
    Experiment {
        name: "rotation-velocity",
        title: "Velocity generalization of rotations: trained on VR1, tested beyond",
        profiles: &Profile::ALL,
        models: table_1_rotation,
        measurements: &[Measurement::Velocities],
        settings: |profile| {
            let mut settings = trained_on_v1(Settings::rotation(profile), profile);
            if profile == Profile::Quick {
                settings.schedule.steps = 250;
            }
            settings
        },
    },
    Experiment {
        name: "rotation-lifts",
        title: "Rotations in the lab and in the co-moving frame, plain and equivariant decoders",
        profiles: &[Profile::Desk],
        models: rotation_lifts,
        measurements: &[Measurement::NextStep, Measurement::Horizon, Measurement::Equivariance],
        settings: Settings::rotation,
    },
    Experiment {
        name: "length-study",
        title: "What decides length generalization: steps, width, activation, feedback",
        profiles: &[Profile::Desk],
        models: length_study,
        measurements: &[Measurement::NextStep, Measurement::Horizon],
        settings: |profile| Settings {
            seeds: if profile == Profile::Quick { 1 } else { 3 },
            ..Settings::translation(profile)
        },
    },
];

/// The experiment of that name.
pub fn find(name: &str) -> Option<&'static Experiment> {
    CATALOGUE.iter().find(|e| e.name == name)
}
