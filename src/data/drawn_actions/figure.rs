//! Figures: a posed body as capsules, the far ones first.

use super::person::{Build, Outfit};
use super::pose::{Chain, Direction, Pose};
use super::raster::Capsule;

/// Where a body stands in the scene, and how it is turned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stance {
    /// Scene coordinate of the hips.
    pub x: f64,
    /// Scene coordinate of the ground.
    pub ground: f64,
    /// Height of the body in heights of the frame.
    pub height: f64,
    /// 0 faces right, 90 the viewer, 180 left.
    pub yaw_deg: f64,
}

/// Forwards, to the body's left and up, in shares of the body's height from the ground below the hips.
type Joint = [f64; 3];

// Radii of a body of girth 1, in shares of its height.
const ARM: f64 = 0.033;
const FOREARM: f64 = 0.030;
const THIGH: f64 = 0.045;
const SHANK: f64 = 0.034;
const FOOT: f64 = 0.024;
const TORSO: f64 = 0.062;
const BAG: f64 = 0.065;

/// From the spine to a hip joint.
const HIP: f64 = 0.048;
/// Length of a foot in front of the ankle.
const FOOT_LENGTH: f64 = 0.07;
/// Share of the shoulders' width that the torso fills.
const CHEST: f64 = 0.6;
/// Where a bag begins and ends, in shares of the torso.
const BAG_SPAN: [f64; 2] = [0.3, 0.8];
/// From the shoulders to the middle of the head.
const NECK: f64 = 0.112;
/// Right side first, as in a pose; the body's left counts positive.
const SIDES: [f64; 2] = [-1.0, 1.0];

/// The limbs of a body that wears something against a background of grey `backdrop`, in the order in
/// which they are to be drawn.
pub(super) fn limbs(
    build: &Build,
    outfit: &Outfit,
    pose: &Pose,
    stance: Stance,
    backdrop: f64,
) -> Vec<Capsule> {
    let skeleton = Skeleton::new(build, pose);
    let mut sketch = Sketch { stance, backdrop, girth: build.girth, limbs: Vec::with_capacity(16) };
    sketch.legs(&skeleton, outfit);
    sketch.trunk(&skeleton, build, outfit);
    for [shoulder, elbow, hand] in skeleton.arms {
        sketch.limb(shoulder, elbow, ARM, outfit.arms);
        sketch.limb(elbow, hand, FOREARM, outfit.arms);
    }
    sketch.limbs.sort_by(|a, b| a.0.total_cmp(&b.0));
    sketch.limbs.into_iter().map(|(_, capsule)| capsule).collect()
}

/// The joints of a posed body.
struct Skeleton {
    /// Hip, knee, ankle and tip of the foot of each side.
    legs: [[Joint; 4]; 2],
    /// Shoulder, elbow and hand of each side.
    arms: [[Joint; 3]; 2],
    head: Joint,
    /// Between the hips.
    pelvis: Joint,
    /// Unit vector from the hips to the shoulders.
    spine: Joint,
}

impl Skeleton {
    fn new(build: &Build, pose: &Pose) -> Self {
        let drop = |leg: &Chain| {
            let vertical = |direction| -unit(direction, 1.0)[2];
            build.thigh * vertical(leg.upper) + build.shank * vertical(leg.lower)
        };
        // The lower foot stands, but for a flight.
        let height = pose.legs.iter().map(drop).fold(0.0, f64::max) + FOOT + pose.flight;
        let pelvis = [0.0, 0.0, height];
        let lean = pose.lean_deg.to_radians();
        let spine = [lean.sin(), 0.0, lean.cos()];
        let neck = moved(pelvis, spine, build.torso);
        let legs = std::array::from_fn(|side| {
            let Chain { upper, lower } = pose.legs[side];
            let hip = [0.0, SIDES[side] * HIP, height];
            let knee = moved(hip, unit(upper, SIDES[side]), build.thigh);
            let ankle = moved(knee, unit(lower, SIDES[side]), build.shank);
            let sole = Direction { swing_deg: lower.swing_deg + 90.0, ..lower };
            [hip, knee, ankle, moved(ankle, unit(sole, SIDES[side]), FOOT_LENGTH)]
        });
        let (forwards, sideways) = pose.twist_deg.to_radians().sin_cos();
        let arms = std::array::from_fn(|side| {
            let Chain { upper, lower } = pose.arms[side];
            let across = [-SIDES[side] * forwards, SIDES[side] * sideways, 0.0];
            let shoulder = moved(neck, across, build.shoulder);
            let elbow = moved(shoulder, unit(upper, SIDES[side]), build.upper_arm);
            [shoulder, elbow, moved(elbow, unit(lower, SIDES[side]), build.forearm)]
        });
        Self { legs, arms, head: moved(neck, spine, NECK), pelvis, spine }
    }
}

/// The unit vector of a direction, outwards to one side.
fn unit(direction: Direction, side: f64) -> Joint {
    let (swing, down) = direction.swing_deg.to_radians().sin_cos();
    let (spread, plane) = direction.spread_deg.to_radians().sin_cos();
    [swing * plane, side * spread, -down * plane]
}

/// A point a length along a unit vector from another.
fn moved(from: Joint, along: Joint, length: f64) -> Joint {
    std::array::from_fn(|axis| from[axis] + length * along[axis])
}

/// Capsules, each with how near it is to the viewer.
struct Sketch {
    stance: Stance,
    backdrop: f64,
    girth: f64,
    limbs: Vec<(f64, Capsule)>,
}

impl Sketch {
    fn legs(&mut self, skeleton: &Skeleton, outfit: &Outfit) {
        for [hip, knee, ankle, toe] in skeleton.legs {
            self.limb(hip, knee, THIGH, outfit.legs);
            self.limb(knee, ankle, SHANK, outfit.legs);
            self.limb(ankle, toe, FOOT, outfit.legs);
            if outfit.coat > 0.0 {
                let hem =
                    std::array::from_fn(|axis| hip[axis] + outfit.coat * (knee[axis] - hip[axis]));
                self.limb(hip, hem, TORSO * outfit.width, outfit.torso);
            }
        }
    }

    fn trunk(&mut self, skeleton: &Skeleton, build: &Build, outfit: &Outfit) {
        let radius = TORSO * outfit.width;
        for (leg, arm) in skeleton.legs.iter().zip(&skeleton.arms) {
            // The round end lies below and inside of the shoulder.
            let [forwards, left, up] = moved(arm[0], skeleton.spine, -TORSO);
            self.limb(leg[0], [forwards, CHEST * left, up], radius, outfit.torso);
        }
        if let Some(grey) = outfit.bag {
            let [forwards, _, up] = skeleton.spine;
            let behind = moved(skeleton.pelvis, [-up, 0.0, forwards], radius + BAG / 2.0);
            let [low, high] =
                BAG_SPAN.map(|share| moved(behind, skeleton.spine, share * build.torso));
            self.limb(low, high, BAG, grey);
        }
        let (girth, head) = (self.girth, skeleton.head);
        self.limb(head, head, build.head / girth, outfit.head);
    }

    /// Adds a limb of a body of girth 1.
    fn limb(&mut self, from: Joint, to: Joint, radius: f64, contrast: f64) {
        let Stance { x, ground, height, yaw_deg } = self.stance;
        let (towards, right) = yaw_deg.to_radians().sin_cos();
        let place = |[forwards, left, up]: Joint| {
            [x + height * (forwards * right + left * towards), ground - height * up]
        };
        let nearness = |[forwards, left, _]: Joint| forwards * towards - left * right;
        let capsule = Capsule {
            from: place(from),
            to: place(to),
            radius: height * self.girth * radius,
            grey: grey(self.backdrop, contrast),
            opacity: 1.0,
        };
        self.limbs.push((nearness(from) + nearness(to), capsule));
    }
}

/// What contrasts with a backdrop: what would have to be lighter than white is as much darker instead,
/// since light clothes cannot be seen in a light room.
fn grey(backdrop: f64, contrast: f64) -> f64 {
    let grey = backdrop + contrast;
    if grey > 1.0 { backdrop - contrast } else { grey.max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::super::person::Person;
    use super::super::pose::Motion;
    use super::*;
    use crate::data::Action;

    const STANCE: Stance = Stance { x: 0.5, ground: 0.9, height: 0.6, yaw_deg: 90.0 };

    /// A person in an action, at a phase.
    fn posed(action: Action, phase: f64) -> (Person, Pose) {
        let person = Person::new(0, 1);
        let pose = Motion::of(action).pose(phase, &person.manner, 1.0);
        (person, pose)
    }

    fn drawn(person: &Person, pose: &Pose, stance: Stance) -> Vec<Capsule> {
        limbs(&person.build, &person.outfits[0], pose, stance, 0.6)
    }

    #[test]
    fn who_turns_about_and_exchanges_sides_is_mirrored() {
        for (action, phase) in [(Action::Walking, 0.2), (Action::Running, 0.7)] {
            let (person, pose) = posed(action, phase);
            let Pose { arms: [a, b], legs: [c, d], twist_deg, .. } = pose;
            let other = Pose { arms: [b, a], legs: [d, c], twist_deg: -twist_deg, ..pose };
            let right = drawn(&person, &pose, Stance { yaw_deg: 25.0, ..STANCE });
            let left = drawn(&person, &other, Stance { yaw_deg: 180.0 - 25.0, ..STANCE });
            assert_eq!(right.len(), left.len());
            for (a, b) in right.iter().zip(&left) {
                assert!((a.from[0] + b.from[0] - 2.0 * STANCE.x).abs() < 1e-9);
                assert!((a.to[0] + b.to[0] - 2.0 * STANCE.x).abs() < 1e-9);
                assert!((a.to[1] - b.to[1]).abs() < 1e-9 && a.grey == b.grey);
            }
            assert!(right.iter().any(|limb| (limb.to[0] - STANCE.x).abs() > 0.05));
        }
    }

    #[test]
    fn the_arm_that_is_far_is_behind_the_torso_and_the_near_one_before_it() {
        let (mut person, pose) = posed(Action::Handclapping, 0.5);
        person.outfits[0].arms = -0.37;
        let right = drawn(&person, &pose, Stance { yaw_deg: 0.0, ..STANCE });
        let is_arm = |limb: &Capsule| (limb.grey - (0.6 - 0.37)).abs() < 1e-12;
        // Arms held out to the sides: both limbs of the far one come first, of the near one last.
        let places: Vec<usize> = (0..right.len()).filter(|&i| is_arm(&right[i])).collect();
        let last = right.len() - 1;
        assert_eq!(places, [0, 1, last - 1, last]);
    }

    #[test]
    fn a_body_stands_on_the_ground_and_is_as_tall_as_it_is_said_to_be() {
        for action in [Action::Walking, Action::Boxing, Action::Handclapping] {
            let (person, pose) = posed(action, 0.5);
            let figure = drawn(&person, &pose, STANCE);
            let ends = || figure.iter().flat_map(|c| [(c.from[1], c.radius), (c.to[1], c.radius)]);
            let lowest = ends().map(|(y, radius)| y + radius).fold(f64::MIN, f64::max);
            let highest = ends().map(|(y, radius)| y - radius).fold(f64::MAX, f64::min);
            // A foot may point down, and bobbing lifts it.
            assert!((lowest - STANCE.ground).abs() < 0.05 * STANCE.height, "{action:?}");
            let height = (STANCE.ground - highest) / STANCE.height;
            assert!((0.85..1.1).contains(&height), "{action:?}: {height}");
        }
    }

    #[test]
    fn hands_meet_to_clap_rise_to_wave_and_thrust_to_box() {
        let hands = |action, phase| {
            let (person, pose) = posed(action, phase);
            let skeleton = Skeleton::new(&person.build, &pose);
            (skeleton.arms.map(|arm| arm[2]), skeleton.head)
        };
        let apart = |phase| {
            let ([right, left], _) = hands(Action::Handclapping, phase);
            left[1] - right[1]
        };
        assert!(apart(0.0).abs() < 0.1 && apart(0.5) > 0.4);
        let above = |phase| {
            let (hands, head) = hands(Action::Handwaving, phase);
            hands.map(|hand| hand[2] - head[2])
        };
        assert!(above(0.0).iter().all(|&z| z > 0.1) && above(0.5).iter().all(|&z| z < 0.0));
        let ([right, left], _) = hands(Action::Boxing, 0.0);
        assert!(right[0] > left[0] + 0.15);
        let ([right, left], _) = hands(Action::Boxing, 0.5);
        assert!(left[0] > right[0] + 0.15);
    }

    #[test]
    fn clothes_contrast_with_dark_and_light_backdrops() {
        for backdrop in [0.58, 0.72, 0.86] {
            for contrast in [-0.6, -0.25, 0.2, 0.28] {
                let grey = grey(backdrop, contrast);
                assert!((0.0..=1.0).contains(&grey) && (grey - backdrop).abs() > 0.19);
            }
        }
    }
}
