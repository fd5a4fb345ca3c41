//! The list of experiments.

use super::cell_study::CellStudy;
use super::cost;
use super::experiment::Experiment;
use super::kth::MovingActions;
use super::kth_velocity::UnseenCameraVelocities;
use super::length_study::LengthStudy;
use super::nearest::nearest;
use super::own_video::OwnVideo;
use super::profile::Profile;
use super::rotation::RotatingDigits;
use super::rotation_lifts::RotationLifts;
use super::rotation_velocity::UnseenAngularVelocities;
use super::translation::TranslatingDigits;
use super::velocity::UnseenVelocities;
use crate::error::{Error, Result};

/// All experiments, in the order of the paper.
pub const CATALOGUE: &[&dyn Experiment] = &[
    &TranslatingDigits,
    &UnseenVelocities,
    &RotatingDigits,
    &UnseenAngularVelocities,
    &RotationLifts,
    &MovingActions,
    &UnseenCameraVelocities,
    &LengthStudy,
    &CellStudy,
    &OwnVideo,
    &cost::TRANSLATION,
    &cost::ROTATION,
];

/// How alike a name must be to one that there is to be taken for a slip (Jaro and Winkler, from 0 to 1).
const LEAST_LIKENESS: f64 = 0.8;

/// The experiment of that name.
///
/// # Errors
/// [`Error::Configuration`] listing the names there are.
pub fn find(name: &str) -> Result<&'static dyn Experiment> {
    CATALOGUE.iter().copied().find(|e| e.name() == name).ok_or_else(|| {
        let known: Vec<&str> = CATALOGUE.iter().map(|e| e.name()).collect();
        let meant = nearest(name, known.iter().copied(), LEAST_LIKENESS);
        let meant = meant.map_or(String::new(), |other| format!("did you mean `{other}`? "));
        let remedy = format!("{meant}choose from {}", known.join(", "));
        Error::configuration("the experiment", format!("`{name}` is unknown"), remedy)
    })
}

/// The experiments that a profile runs when none is named.
pub fn of_profile(profile: Profile) -> Vec<&'static dyn Experiment> {
    CATALOGUE.iter().copied().filter(|e| e.profiles().contains(&profile)).collect()
}
