//! The list of experiments.

use super::settings::{Model, Profile, TranslationSettings, Variant};
use crate::models::Feedback;
use crate::ops::Activation;

/// What is measured on a trained model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measurement {
    /// Mean squared error on the test split, over the trained number of predicted frames.
    NextStep,
    /// Mean squared error by horizon, far beyond the trained one.
    Horizon,
    /// Mean squared error at each velocity of {−2..2}².
    Velocities,
    /// Frames of one test sequence, true and predicted.
    Film,
    /// Hidden states while a moving sequence is seen, as they are and moved back along with it.
    HiddenStates,
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
    pub models: &'static [Model],
    /// What is measured on each.
    pub measurements: &'static [Measurement],
    /// Velocities of the training data, {−N..N}².
    pub training_range: u32,
    /// Seeds of the quick profile, where time is short.
    pub quick_seeds: u64,
}

impl Experiment {
    /// The settings of a profile.
    pub fn settings(&self, profile: Profile) -> TranslationSettings {
        let settings = TranslationSettings::for_profile(profile);
        let seeds = if profile == Profile::Quick { self.quick_seeds } else { settings.seeds };
        TranslationSettings { training_range: self.training_range, seeds, ..settings }
    }
}

const TABLE_1: [Model; 3] = [Model::plain(0), Model::plain(1), Model::plain(2)];

const fn study(variant: Variant) -> Model {
    Model { velocity_range: 2, variant: Some(variant) }
}

/// All experiments, in the order of the paper.
pub const CATALOGUE: &[Experiment] = &[
    Experiment {
        name: "translation",
        title: "Next-step prediction, training speed and length generalization (Table 1)",
        profiles: &Profile::ALL,
        models: &TABLE_1,
        measurements: &[
            Measurement::NextStep,
            Measurement::Horizon,
            Measurement::Film,
            Measurement::HiddenStates,
        ],
        training_range: 2,
        quick_seeds: 3,
    },
    Experiment {
        name: "velocity",
        title: "Velocity generalization: trained on V1, tested at each velocity of V2",
        profiles: &Profile::ALL,
        models: &TABLE_1,
        measurements: &[Measurement::Velocities],
        training_range: 1,
        quick_seeds: 2,
    },
    Experiment {
        name: "length-study",
        title: "What decides length generalization: steps, width, activation, feedback",
        profiles: &[Profile::Desk],
        models: &[
            Model::plain(2),
            study(Variant::Longer(4)),
            study(Variant::Wider(2)),
            study(Variant::Activation(Activation::Tanh)),
            study(Variant::Feedback(Feedback::Clamped)),
            study(Variant::Feedback(Feedback::Silent)),
            study(Variant::Feedback(Feedback::Flowed)),
        ],
        measurements: &[Measurement::NextStep, Measurement::Horizon],
        training_range: 2,
        quick_seeds: 1,
    },
];

/// The experiment of that name.
pub fn find(name: &str) -> Option<&'static Experiment> {
    CATALOGUE.iter().find(|e| e.name == name)
}
