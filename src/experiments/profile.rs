//! How much is run.

use serde::{Deserialize, Serialize};

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A first look and CI: minutes on two cores, a small torus, embedded digits.
    Quick,
    /// Longer training and more test sequences: days on two cores.
    Desk,
    /// The paper's own hyper-parameters: a GPU or a cluster.
    Paper,
}

impl Profile {
    /// All profiles, smallest first.
    pub const ALL: [Profile; 3] = [Profile::Quick, Profile::Desk, Profile::Paper];

    /// Seeds of an experiment that takes long, where none are asked for.
    pub(super) fn few_seeds(self) -> u64 {
        match self {
            Profile::Quick => 2,
            Profile::Desk => 3,
            Profile::Paper => 5,
        }
    }

    /// The profile of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// `quick`, `desk` or `paper`.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Quick => "quick",
            Profile::Desk => "desk",
            Profile::Paper => "paper",
        }
    }
}
