//! What a record measures, by name.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The name of a measured quantity. The crate's own are constants; experiments of other crates may have
/// others.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metric(Cow<'static, str>);

impl Metric {
    /// Scalars that are trained.
    pub const PARAMETERS: Self = Self::constant("parameters");
    /// The optimiser step of the best validation score.
    pub const BEST_STEP: Self = Self::constant("best_step");
    /// Training or validation loss after an optimiser step, by split.
    pub const LOSS: Self = Self::constant("loss");
    /// Mean squared error over all predicted frames.
    pub const MSE: Self = Self::constant("mse");
    /// Mean squared error of one predicted frame, by horizon.
    pub const MSE_BY_HORIZON: Self = Self::constant("mse_by_horizon");
    /// Mean squared error over all predicted frames, by velocity of the test sequences.
    pub const MSE_BY_VELOCITY: Self = Self::constant("mse_by_velocity");
    /// Mean squared error over all predicted frames of sequences whose digits return within them.
    pub const MSE_REPEATING: Self = Self::constant("mse_repeating");
    /// The same of sequences whose digits do not.
    pub const MSE_NOT_REPEATING: Self = Self::constant("mse_not_repeating");
    /// The share of clips whose class was found; of the validation split after an optimiser step.
    pub const ACCURACY: Self = Self::constant("accuracy");
    /// The same of test clips, by velocity of the camera.
    pub const ACCURACY_BY_VELOCITY: Self = Self::constant("accuracy_by_velocity");
    /// The same with velocities drawn from a set, by the number of velocities in it.
    pub const ACCURACY_BY_RANGE: Self = Self::constant("accuracy_by_range");
    /// The same with windows drawn anew, by draw, counted from 1.
    pub const ACCURACY_REDRAWN: Self = Self::constant("accuracy_redrawn");
    /// How far logits change when the camera moves, relative to how they differ between resting clips (2-norm).
    pub const INVARIANCE_BREACH: Self = Self::constant("invariance_breach");
    /// 1 where the clips are those of KTH, whose published numbers can be compared, else 0; what they are
    /// is in the note.
    pub const IS_KTH: Self = Self::constant("is_kth");
    /// Equivariance error of the hidden state (2-norm) by frame, before training.
    pub const EQUIVARIANCE_UNTRAINED: Self = Self::constant("equivariance_untrained");
    /// The same after training.
    pub const EQUIVARIANCE_TRAINED: Self = Self::constant("equivariance_trained");
    /// Laws of equivariance, with their controls, that the trained model was checked by; no value, and the
    /// error in the note, where the check failed.
    pub const LAWS_CHECKED: Self = Self::constant("laws_checked");
    /// Those of them that do not hold; where that begins is in the note.
    pub const LAWS_BROKEN: Self = Self::constant("laws_broken");
    /// Those of them that could only be measured in a way that proves nothing; the first is in the note.
    pub const LAWS_VACUOUS: Self = Self::constant("laws_vacuous");
    /// Seconds of a training step.
    pub const SECONDS: Self = Self::constant("seconds");
    /// Peak resident memory in MB.
    pub const PEAK_MB: Self = Self::constant("peak_mb");
    /// Speed in 10⁹ operations of the direct convolution per second.
    pub const GIGAFLOPS: Self = Self::constant("gigaflops");
    /// The settings of a unit as TOML, in the note.
    pub const SETTINGS: Self = Self::constant("settings");
    /// What of a unit's settings is not the profile's, in the note.
    pub const CHANGED: Self = Self::constant("changed_settings");
    /// Why a unit came to no end, in the note; no value.
    pub const FAILED: Self = Self::constant("failed");
    /// The program and the machine that a unit ran on, in the note.
    pub const ORIGIN: Self = Self::constant("origin");
    /// A picture: a true frame.
    pub const FILM_TRUTH: Self = Self::constant("film_truth");
    /// A picture: a predicted frame.
    pub const FILM_PREDICTION: Self = Self::constant("film_prediction");
    /// A picture: a frame seen while hidden states are shown.
    pub const HIDDEN_INPUT: Self = Self::constant("hidden_input");
    /// A picture: a channel of the hidden state in the lab frame.
    pub const HIDDEN_LAB: Self = Self::constant("hidden_lab");
    /// A picture: the same moved back along with the input.
    pub const HIDDEN_STABILISED: Self = Self::constant("hidden_stabilised");

    const fn constant(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// How many clips of class `truth` were taken for class `taken`.
    pub fn taken_for(truth: &str, taken: &str) -> Self {
        Self::named(format!("{truth}_taken_for_{taken}"))
    }

    /// A quantity of another crate's.
    pub fn named(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The name in records.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
