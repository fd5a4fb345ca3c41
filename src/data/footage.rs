//! Footage: clips of people in motion, recorded or drawn, and how persons are divided into splits.

use super::split::Split;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

/// The six actions of KTH (Schuldt, Laptev & Caputo 2004), in the order of their labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Label 0.
    Walking,
    /// Label 1.
    Jogging,
    /// Label 2.
    Running,
    /// Label 3.
    Boxing,
    /// Label 4.
    Handwaving,
    /// Label 5.
    Handclapping,
}

impl Action {
    /// All of them; the place of each is its label.
    pub const ALL: [Self; 6] = [
        Self::Walking,
        Self::Jogging,
        Self::Running,
        Self::Boxing,
        Self::Handwaving,
        Self::Handclapping,
    ];

    /// The class in 0..6.
    pub fn label(self) -> u32 {
        self as u32
    }

    /// The name that the data set's files have: `walking`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Walking => "walking",
            Self::Jogging => "jogging",
            Self::Running => "running",
            Self::Boxing => "boxing",
            Self::Handwaving => "handwaving",
            Self::Handclapping => "handclapping",
        }
    }

    /// The action of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// Persons of the data set, numbered from 1.
pub const PERSONS: u8 = 25;

/// Scenarios of the data set, numbered from 1: outdoors, with scale change, in other clothes, indoors.
pub const SCENARIOS: u8 = 4;

/// A stretch of footage in which one person does one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clip {
    /// 1 to [`PERSONS`].
    pub person: u8,
    /// What the person does.
    pub action: Action,
    /// 1 to [`SCENARIOS`].
    pub scenario: u8,
    /// Which of the stretches of this person, action and scenario, from 0.
    pub take: usize,
    /// Frames at 25 per second.
    pub length: usize,
}

/// Frames cut from a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Place of the first in the clip, from 0.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// Frames of the clip from one to the next.
    pub step: usize,
}

/// Clips of persons with their frames.
pub trait Footage: Debug + Send + Sync {
    /// Source, counts and digest, for provenance.
    fn description(&self) -> &str;

    /// Whether this is the KTH data set, whose published numbers results may be compared with.
    fn is_kth(&self) -> bool;

    /// (Height, width) of a frame.
    fn extents(&self) -> (usize, usize);

    /// All clips, in a fixed order.
    fn clips(&self) -> &[Clip];

    /// Frames of clip `index` as (count, H, W) grey values in [0, 1]. The window lies within the clip.
    fn window(&self, index: usize, window: Window) -> Vec<f32>;
}

/// How persons are divided into training, validation and test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Division {
    /// The paper's public code: 1–16, 17–20, 21–25.
    #[default]
    PublicCode,
    /// The data set's own: 11–18; 19–21, 23–25, 1 and 4; 22, 2, 3 and 5–10.
    Traditional,
}

impl Division {
    /// The split of a person, 1 to [`PERSONS`].
    pub fn split(self, person: u8) -> Split {
        match (self, person) {
            (Self::PublicCode, ..=16) | (Self::Traditional, 11..=18) => Split::Train,
            (Self::PublicCode, 17..=20) => Split::Validation,
            (Self::Traditional, 1 | 4 | 19..=21 | 23..=25) => Split::Validation,
            (Self::PublicCode | Self::Traditional, _) => Split::Test,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_its_label_and_its_name() {
        for (label, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(action.label() as usize, label);
            assert_eq!(Action::named(action.name()), Some(action));
        }
        assert_eq!(Action::named("Walking"), None);
    }

    #[test]
    fn divisions_have_the_published_persons() {
        let of = |division: Division, split| -> Vec<u8> {
            (1..=PERSONS).filter(|&person| division.split(person) == split).collect()
        };
        let [train, validation, test] = Split::ALL.map(|split| of(Division::PublicCode, split));
        assert_eq!((train.first(), train.last(), train.len()), (Some(&1), Some(&16), 16));
        assert_eq!(
            (validation.as_slice(), test.as_slice()),
            (&[17, 18, 19, 20][..], &[21, 22, 23, 24, 25][..])
        );
        let [train, validation, test] = Split::ALL.map(|split| of(Division::Traditional, split));
        assert_eq!(train, [11, 12, 13, 14, 15, 16, 17, 18]);
        assert_eq!(validation, [1, 4, 19, 20, 21, 23, 24, 25]);
        assert_eq!(test, [2, 3, 5, 6, 7, 8, 9, 10, 22]);
    }
}
