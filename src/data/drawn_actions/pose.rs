//! Poses: the angles of a body's limbs in the course of the six actions.
//!
//! The cycles repeat when the phase grows by 1: a stride of two steps, a punch of each arm, a wave, a
//! clap.

use super::person::Manner;
use crate::data::Action;
use std::f64::consts::TAU;

/// Where a limb points, in degrees; both 0 is straight down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Direction {
    /// Forwards.
    pub swing_deg: f64,
    /// Outwards.
    pub spread_deg: f64,
}

/// An arm or a leg.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chain {
    /// Upper arm or thigh.
    pub upper: Direction,
    /// Forearm or shank.
    pub lower: Direction,
}

/// A body at a moment; of each pair the right side comes first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pose {
    /// Of the torso, forwards.
    pub lean_deg: f64,
    /// Of the shoulders about the spine: the right one forwards.
    pub twist_deg: f64,
    /// Height of the lower foot above the ground, in shares of the body's height.
    pub flight: f64,
    pub arms: [Chain; 2],
    pub legs: [Chain; 2],
}

/// The motion of an action: of the legs, or of the arms of somebody who stands.
pub(super) enum Motion {
    Gait(Gait),
    Gesture(Gesture),
}

/// A way of going.
pub(super) struct Gait {
    /// Strides per second.
    pub cadence: f64,
    /// Amplitude of the thighs.
    pub hip_deg: f64,
    /// How far forwards of the vertical the thighs swing about.
    hip_lead_deg: f64,
    /// Bend of a knee that carries.
    knee_deg: f64,
    /// How much more a knee bends while its leg swings forwards.
    knee_swing_deg: f64,
    /// Amplitude of the upper arms.
    arm_deg: f64,
    elbow_deg: f64,
    lean_deg: f64,
    /// Height of the flight in shares of the body's height.
    flight: f64,
}

const WALKING: Gait = Gait {
    cadence: 0.95,
    hip_deg: 25.0,
    hip_lead_deg: 2.0,
    knee_deg: 4.0,
    knee_swing_deg: 52.0,
    arm_deg: 24.0,
    elbow_deg: 18.0,
    lean_deg: 2.0,
    flight: 0.0,
};

const JOGGING: Gait = Gait {
    cadence: 1.3,
    hip_deg: 29.0,
    hip_lead_deg: 7.0,
    knee_deg: 16.0,
    knee_swing_deg: 68.0,
    arm_deg: 26.0,
    elbow_deg: 72.0,
    lean_deg: 5.0,
    flight: 0.03,
};

const RUNNING: Gait = Gait {
    cadence: 1.42,
    hip_deg: 37.0,
    hip_lead_deg: 12.0,
    knee_deg: 20.0,
    knee_swing_deg: 92.0,
    arm_deg: 40.0,
    elbow_deg: 88.0,
    lean_deg: 10.0,
    flight: 0.05,
};

/// Where in a cycle, before the middle of its swing, a leg's knee is bent most.
const KNEE_LEAD: f64 = 0.08;

/// Outward angle of arms that swing beside the body.
const ARM_SPREAD_DEG: f64 = 6.0;

/// Amplitude of the shoulders' turn in a gait, against the hips.
const GAIT_TWIST_DEG: f64 = 10.0;

impl Gait {
    fn pose(&self, phase: f64, manner: &Manner, amplitude: f64) -> Pose {
        let sides = [phase, phase + 0.5];
        let extent = (TAU * phase).sin().powi(2);
        // Airborne around the moment when the legs are furthest apart.
        let flight = self.flight * manner.bounce * ((extent - 0.4) / 0.6).max(0.0);
        Pose {
            lean_deg: self.lean_deg + manner.lean_deg,
            twist_deg: -GAIT_TWIST_DEG * amplitude * (TAU * phase).sin(),
            flight,
            // The arm swings with the other side's leg.
            arms: sides.map(|phase| self.arm(phase + 0.5, manner, amplitude)),
            legs: sides.map(|phase| self.leg(phase, manner, amplitude)),
        }
    }

    fn leg(&self, phase: f64, manner: &Manner, amplitude: f64) -> Chain {
        let swing = manner.stride * amplitude * (TAU * phase).sin();
        let thigh = self.hip_lead_deg + self.hip_deg * swing;
        let bend = raised_cosine(phase + KNEE_LEAD).powi(2);
        let knee = self.knee_deg + self.knee_swing_deg * manner.knee_lift * amplitude * bend;
        Chain::in_step(thigh, thigh - knee, 0.0)
    }

    fn arm(&self, phase: f64, manner: &Manner, amplitude: f64) -> Chain {
        let swing = manner.arm_swing * amplitude * (TAU * phase).sin();
        let elbow = self.elbow_deg + manner.elbow_deg;
        let upper = self.arm_deg * swing - elbow / 8.0;
        // A forearm that comes forwards bends further.
        Chain::in_step(upper, upper + elbow * (1.0 + 0.2 * swing), ARM_SPREAD_DEG)
    }
}

/// A cycle of both arms between two postures.
pub(super) struct Gesture {
    /// Cycles per second.
    pub cadence: f64,
    /// The posture that the width of the gesture moves.
    from: Chain,
    to: Chain,
    /// Power of the raised cosine that blends the two: the larger, the shorter `to` is held.
    haste: i32,
    /// The left arm's phase against the right one's.
    lag: f64,
    /// Turn of the shoulders towards the arm that is at `to`.
    twist_deg: f64,
    lean_deg: f64,
    /// Height of bobbing in shares of the body's height.
    bob: f64,
    legs: [Chain; 2],
}

const fn direction(swing_deg: f64, spread_deg: f64) -> Direction {
    Direction { swing_deg, spread_deg }
}

const fn chain(upper: Direction, lower: Direction) -> Chain {
    Chain { upper, lower }
}

/// A leg that stands, a foot outwards.
const STANDING: Chain = chain(direction(2.0, 7.0), direction(-2.0, 5.0));

/// Fists at the chin, then thrust forwards in turns.
const BOXING: Gesture = Gesture {
    cadence: 1.05,
    from: chain(direction(14.0, 14.0), direction(138.0, -6.0)),
    to: chain(direction(84.0, 4.0), direction(90.0, -8.0)),
    haste: 2,
    lag: 0.5,
    twist_deg: 24.0,
    lean_deg: 5.0,
    bob: 0.012,
    legs: [
        chain(direction(-20.0, 5.0), direction(-32.0, 4.0)),
        chain(direction(24.0, 5.0), direction(4.0, 4.0)),
    ],
};

/// Stretched arms from beside the shoulders to above the head.
const HANDWAVING: Gesture = Gesture {
    cadence: 0.85,
    from: chain(direction(10.0, 62.0), direction(12.0, 78.0)),
    to: chain(direction(8.0, 152.0), direction(10.0, 176.0)),
    haste: 1,
    lag: 0.0,
    twist_deg: 0.0,
    lean_deg: 0.0,
    bob: 0.006,
    legs: [STANDING; 2],
};

/// Arms held out, then palms together in front of the chest.
const HANDCLAPPING: Gesture = Gesture {
    cadence: 1.2,
    from: chain(direction(32.0, 54.0), direction(76.0, 56.0)),
    to: chain(direction(46.0, 10.0), direction(88.0, -32.0)),
    haste: 1,
    lag: 0.0,
    twist_deg: 0.0,
    lean_deg: 1.0,
    bob: 0.004,
    legs: [STANDING; 2],
};

impl Gesture {
    fn pose(&self, phase: f64, manner: &Manner, amplitude: f64) -> Pose {
        let blends = [phase, phase + self.lag].map(|phase| raised_cosine(phase).powi(self.haste));
        let width = manner.breadth * amplitude;
        Pose {
            lean_deg: self.lean_deg + manner.lean_deg / 2.0,
            twist_deg: self.twist_deg * (blends[0] - blends[1]),
            flight: self.bob * manner.bounce * raised_cosine(2.0 * phase),
            arms: blends.map(|blend| self.to.towards(self.from, width * (1.0 - blend))),
            legs: self.legs,
        }
    }
}

impl Chain {
    /// A limb that swings at one outward angle.
    fn in_step(upper_deg: f64, lower_deg: f64, spread_deg: f64) -> Self {
        chain(direction(upper_deg, spread_deg), direction(lower_deg, spread_deg))
    }

    /// A share of the way to another posture.
    fn towards(self, other: Self, share: f64) -> Self {
        let between = |a: f64, b: f64| a + share * (b - a);
        let blend = |a: Direction, b: Direction| Direction {
            swing_deg: between(a.swing_deg, b.swing_deg),
            spread_deg: between(a.spread_deg, b.spread_deg),
        };
        Self { upper: blend(self.upper, other.upper), lower: blend(self.lower, other.lower) }
    }
}

/// 1 at whole phases, 0 half-way between.
fn raised_cosine(phase: f64) -> f64 {
    0.5 + 0.5 * (TAU * phase).cos()
}

impl Motion {
    /// The motion of an action.
    pub(super) const fn of(action: Action) -> Self {
        match action {
            Action::Walking => Self::Gait(WALKING),
            Action::Jogging => Self::Gait(JOGGING),
            Action::Running => Self::Gait(RUNNING),
            Action::Boxing => Self::Gesture(BOXING),
            Action::Handwaving => Self::Gesture(HANDWAVING),
            Action::Handclapping => Self::Gesture(HANDCLAPPING),
        }
    }

    /// Cycles per second.
    pub(super) fn cadence(&self) -> f64 {
        match self {
            Self::Gait(gait) => gait.cadence,
            Self::Gesture(gesture) => gesture.cadence,
        }
    }

    /// The body at a phase, with the clip's factor of all amplitudes.
    pub(super) fn pose(&self, phase: f64, manner: &Manner, amplitude: f64) -> Pose {
        match self {
            Self::Gait(gait) => gait.pose(phase, manner, amplitude),
            Self::Gesture(gesture) => gesture.pose(phase, manner, amplitude),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::person::Person;
    use super::*;

    /// Every angle of a pose, and its flight.
    fn numbers(pose: Pose) -> Vec<f64> {
        let chains = pose.arms.into_iter().chain(pose.legs);
        let angles = chains.flat_map(|Chain { upper, lower }| {
            [upper.swing_deg, upper.spread_deg, lower.swing_deg, lower.spread_deg]
        });
        angles.chain([pose.lean_deg, pose.twist_deg, pose.flight]).collect()
    }

    #[test]
    fn poses_repeat_after_a_cycle_and_not_before() {
        let manner = Person::new(0, 1).manner;
        for motion in Action::ALL.map(Motion::of) {
            let at = |phase: f64| numbers(motion.pose(phase, &manner, 1.0));
            let apart = |a: Vec<f64>, b: Vec<f64>| {
                a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
            };
            for phase in [0.0, 0.13, 0.37, 0.71] {
                assert!(apart(at(phase), at(phase + 1.0)) < 1e-9);
                assert!(apart(at(phase), at(phase + 0.31)) > 5.0, "degrees of some joint");
            }
        }
    }

    #[test]
    fn half_a_stride_exchanges_the_sides() {
        let manner = Person::new(0, 2).manner;
        for motion in [Action::Walking, Action::Jogging, Action::Running].map(Motion::of) {
            let (now, later) = (motion.pose(0.1, &manner, 1.0), motion.pose(0.6, &manner, 1.0));
            for (now, later) in [(now.arms, later.arms), (now.legs, later.legs)] {
                let turn = |chain: Chain| [chain.upper.swing_deg, chain.lower.swing_deg];
                for (a, b) in turn(now[0]).into_iter().zip(turn(later[1])) {
                    assert!((a - b).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn only_joggers_and_runners_fly() {
        let manner = Person::new(0, 3).manner;
        let flight = |action| Motion::of(action).pose(0.25, &manner, 1.0).flight;
        assert_eq!(flight(Action::Walking), 0.0);
        assert!(0.0 < flight(Action::Jogging) && flight(Action::Jogging) < flight(Action::Running));
    }
}
