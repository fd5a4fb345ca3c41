//! The persons: how they are built, how they move and what they wear.

use crate::data::Action;
use crate::rng::Stream;

/// One of the persons; everything about them is drawn from (seed, person).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Person {
    pub build: Build,
    pub manner: Manner,
    /// What they wear outdoors and indoors, and the other clothes of scenario 3.
    pub outfits: [Outfit; 2],
}

/// Proportions in shares of the body's height, but for the height itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Build {
    /// In heights of the frame.
    pub height: f64,
    pub thigh: f64,
    pub shank: f64,
    /// From the hips to the shoulders.
    pub torso: f64,
    pub upper_arm: f64,
    /// With the hand.
    pub forearm: f64,
    /// From the spine to a shoulder.
    pub shoulder: f64,
    /// Radius of the head.
    pub head: f64,
    /// What all radii of limbs and torso are multiplied by.
    pub girth: f64,
}

/// How a person moves, against the actions' common motion.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Manner {
    /// Factor of the cadence, for each action.
    pub tempo: [f64; 6],
    /// Factor of the swing of the hips.
    pub stride: f64,
    /// Factor of the swing of the arms in a gait.
    pub arm_swing: f64,
    /// Factor of the width of gestures.
    pub breadth: f64,
    /// Factor of the bend of the swinging knee.
    pub knee_lift: f64,
    /// Factor of the flight and of bobbing.
    pub bounce: f64,
    /// More lean than the action has.
    pub lean_deg: f64,
    /// More bend of the elbows than a gait has.
    pub elbow_deg: f64,
}

/// What a person wears: grey values as differences from the background's.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outfit {
    pub head: f64,
    pub torso: f64,
    pub arms: f64,
    pub legs: f64,
    /// Factor of the torso's width: more than 1 for a coat.
    pub width: f64,
    /// Shares of the thighs that a coat covers.
    pub coat: f64,
    /// The grey of a bag on the back.
    pub bag: Option<f64>,
}

impl Person {
    /// Person 1 to 25 under a seed.
    pub(super) fn new(seed: u64, person: u8) -> Self {
        let mut stream = Stream::new(seed, "drawn-actions/person", u64::from(person));
        Self {
            build: Build::drawn(&mut stream),
            manner: Manner::drawn(&mut stream),
            outfits: [Outfit::plain(&mut stream), Outfit::other(&mut stream)],
        }
    }
}

impl Build {
    fn drawn(stream: &mut Stream) -> Self {
        let mut about = |mean: f64, share: f64| mean * stream.uniform_in(1.0 - share, 1.0 + share);
        Self {
            height: about(0.64, 0.08),
            thigh: about(0.25, 0.05),
            shank: about(0.25, 0.05),
            torso: about(0.30, 0.05),
            upper_arm: about(0.17, 0.07),
            forearm: about(0.22, 0.07),
            shoulder: about(0.105, 0.12),
            head: about(0.066, 0.10),
            girth: about(1.05, 0.18),
        }
    }
}

impl Manner {
    fn drawn(stream: &mut Stream) -> Self {
        let tempo = Action::ALL.map(|_| stream.uniform_in(0.84, 1.16));
        Self {
            tempo,
            stride: stream.uniform_in(0.87, 1.13),
            arm_swing: stream.uniform_in(0.6, 1.35),
            breadth: stream.uniform_in(0.78, 1.15),
            knee_lift: stream.uniform_in(0.82, 1.18),
            bounce: stream.uniform_in(0.5, 1.5),
            lean_deg: stream.uniform_in(-3.0, 4.0),
            elbow_deg: stream.uniform_in(-15.0, 15.0),
        }
    }
}

/// The share of persons whose torso is lighter than the background.
const LIGHT_TORSOS: f64 = 0.2;

impl Outfit {
    fn plain(stream: &mut Stream) -> Self {
        let torso = if stream.uniform() < LIGHT_TORSOS {
            stream.uniform_in(0.18, 0.28)
        } else {
            stream.uniform_in(-0.6, -0.25)
        };
        let skin = stream.uniform_in(-0.45, -0.25);
        let has_short_sleeves = stream.uniform() < 0.4;
        Self {
            head: skin - stream.uniform_in(0.0, 0.15),
            torso,
            arms: if has_short_sleeves { skin } else { torso },
            legs: stream.uniform_in(-0.6, -0.25),
            width: 1.0,
            coat: 0.0,
            bag: None,
        }
    }

    /// A coat, half of the time with a bag.
    fn other(stream: &mut Stream) -> Self {
        let plain = Self::plain(stream);
        let torso = stream.uniform_in(-0.6, -0.25);
        let has_bag = stream.uniform() < 0.5;
        Self {
            torso,
            arms: torso + stream.uniform_in(-0.05, 0.08),
            width: stream.uniform_in(1.15, 1.4),
            coat: stream.uniform_in(0.2, 0.7),
            bag: has_bag.then(|| stream.uniform_in(-0.6, -0.1)),
            ..plain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_are_functions_of_seed_and_number() {
        assert_eq!(Person::new(3, 7), Person::new(3, 7));
        assert_ne!(Person::new(3, 7), Person::new(3, 8));
        assert_ne!(Person::new(3, 7), Person::new(4, 7));
    }

    #[test]
    fn what_is_worn_differs_from_the_background() {
        for person in (1..=25).map(|person| Person::new(0, person)) {
            for Outfit { head, torso, arms, legs, .. } in person.outfits {
                assert!([head, torso, arms, legs].iter().all(|grey| grey.abs() >= 0.17));
            }
        }
    }
}
