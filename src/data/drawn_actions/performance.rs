//! Performances: what is drawn for a clip, and the moments that follow from it.

use super::figure::{Stance, limbs};
use super::person::Person;
use super::pose::{Gait, Motion};
use super::raster::{Raster, SCENE_WIDTH};
use super::scene::{Scene, expose};
use crate::data::Action;
use crate::rng::Stream;
use std::ops::RangeInclusive;

/// KTH's rate.
const FRAMES_PER_SECOND: f64 = 25.0;
/// No clip is shorter.
pub(super) const SHORTEST: usize = 32;
/// The scenario in which the person's size changes.
const SCALE_CHANGE: u8 = 2;
/// The scenario in which other clothes are worn.
const OTHER_CLOTHES: u8 = 3;

/// One clip of a person: a function of (seed, clip), and of the person.
#[derive(Clone, Debug)]
pub(super) struct Performance {
    action: Action,
    /// 0 or 1, of the person's outfits.
    outfit: usize,
    scene: Scene,
    /// Of frame 0.
    phase: f64,
    /// Cycles per second.
    cadence: f64,
    /// Factor of all amplitudes.
    amplitude: f64,
    path: Path,
    yaw_deg: f64,
    /// Frames.
    pub length: usize,
}

/// Where a person is in the course of a clip.
#[derive(Clone, Copy, Debug)]
struct Path {
    /// Scene coordinates of the hips in the first and the last frame.
    x: [f64; 2],
    /// Scene coordinate of the ground where the size is 1.
    ground: f64,
    /// Factor of the person's size in the first and the last frame.
    size: [f64; 2],
}

/// How far outside the frame a crossing begins and ends, in heights of the frame.
const MARGIN: f64 = 0.14;

impl Performance {
    /// Draws a clip of a person.
    pub(super) fn drawn(
        person: &Person,
        action: Action,
        scenario: u8,
        stream: &mut Stream,
    ) -> Self {
        let motion = Motion::of(action);
        let tempo = person.manner.tempo[action.label() as usize];
        let cadence = motion.cadence() * tempo * stream.uniform_in(0.92, 1.08);
        let amplitude = stream.uniform_in(0.9, 1.1);
        let size = sizes(scenario, stream);
        let faces_left = stream.uniform() < 0.5;
        let (x, length, yaw_deg) = match motion {
            Motion::Gait(gait) => {
                let speed = cadence * stride(&gait, person, amplitude * size[0].midpoint(size[1]));
                crossing(speed, size, faces_left, stream)
            }
            Motion::Gesture(_) => standing(action, faces_left, stream),
        };
        Self {
            action,
            outfit: usize::from(scenario == OTHER_CLOTHES),
            scene: Scene::drawn(scenario, stream),
            phase: stream.uniform(),
            cadence,
            amplitude,
            path: Path { x, ground: stream.uniform_in(0.84, 0.93), size },
            yaw_deg,
            length,
        }
    }

    /// Draws frame `place` without the camera's noise.
    fn paint(&self, person: &Person, place: usize, raster: &mut Raster<'_>) {
        let phase = self.phase + self.cadence * place as f64 / FRAMES_PER_SECOND;
        let pose = Motion::of(self.action).pose(phase, &person.manner, self.amplitude);
        let stance = self.stance(person, place);
        let at = [stance.x, stance.ground];
        self.scene.paint(raster);
        self.scene.shadows(at, stance.height).iter().for_each(|shadow| raster.draw(shadow));
        let outfit = &person.outfits[self.outfit];
        limbs(&person.build, outfit, &pose, stance, self.scene.level)
            .iter()
            .for_each(|limb| raster.draw(limb));
    }

    /// Films frame `place`; `stream` is that frame's own.
    pub(super) fn film(
        &self,
        person: &Person,
        place: usize,
        stream: &mut Stream,
        (pixels, extents): (&mut [f32], (usize, usize)),
    ) {
        self.paint(person, place, &mut Raster::new(pixels, extents));
        expose(pixels, stream);
    }

    fn stance(&self, person: &Person, place: usize) -> Stance {
        let Path { x, ground, size } = self.path;
        let share = place as f64 / (self.length - 1) as f64;
        let now = |[first, last]: [f64; 2]| (1.0 - share) * first + share * last;
        let size = now(size);
        Stance {
            x: now(x),
            // The camera looks at, and zooms about, the middle of the frame.
            ground: 0.5 + size * (ground - 0.5),
            height: size * person.build.height,
            yaw_deg: self.yaw_deg,
        }
    }
}

/// Sizes at the first and the last frame.
fn sizes(scenario: u8, stream: &mut Stream) -> [f64; 2] {
    if scenario != SCALE_CHANGE {
        return [stream.uniform_in(0.92, 1.08); 2];
    }
    let (small, large) = (stream.uniform_in(0.68, 0.85), stream.uniform_in(1.0, 1.2));
    if stream.uniform() < 0.5 { [small, large] } else { [large, small] }
}

/// Length of a stride in heights of the frame, for amplitudes of a factor.
fn stride(gait: &Gait, person: &Person, factor: f64) -> f64 {
    let build = &person.build;
    let leg = build.height * (build.thigh + build.shank);
    let swing = (gait.hip_deg * person.manner.stride).to_radians();
    // Two steps, each as far as two legs span.
    4.0 * leg * swing.sin() * factor
}

/// Places, length and yaw of somebody who crosses the scene; who grows also comes nearer.
fn crossing(
    speed: f64,
    size: [f64; 2],
    faces_left: bool,
    stream: &mut Stream,
) -> ([f64; 2], usize, f64) {
    let (left, right) = (-MARGIN, SCENE_WIDTH + MARGIN);
    let length = ((right - left) / speed * FRAMES_PER_SECOND).round() as usize;
    // Degrees towards the viewer for a growth of 1.
    let towards_deg = 45.0 * (size[1] - size[0]) + stream.uniform_in(-8.0, 8.0);
    let (x, yaw_deg) = if faces_left {
        ([right, left], 180.0 - towards_deg)
    } else {
        ([left, right], towards_deg)
    };
    (x, length.max(SHORTEST), yaw_deg)
}

/// Frames of a clip of somebody who stays.
const GESTURE_FRAMES: RangeInclusive<usize> = 60..=120;

/// Places, length and yaw of somebody who stays: a boxer from the side, others from the front.
fn standing(action: Action, faces_left: bool, stream: &mut Stream) -> ([f64; 2], usize, f64) {
    let x = SCENE_WIDTH * stream.uniform_in(0.38, 0.62);
    let length = GESTURE_FRAMES.start() + stream.below(GESTURE_FRAMES.count());
    let yaw_deg = match (action, faces_left) {
        (Action::Boxing, false) => stream.uniform_in(-15.0, 35.0),
        (Action::Boxing, true) => stream.uniform_in(145.0, 195.0),
        _ => stream.uniform_in(70.0, 110.0),
    };
    ([x; 2], length, yaw_deg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn performance(action: Action, scenario: u8, index: u64) -> (Person, Performance) {
        let person = Person::new(0, 1 + (index % 25) as u8);
        let mut stream = Stream::new(0, "performance tests", index);
        let performance = Performance::drawn(&person, action, scenario, &mut stream);
        (person, performance)
    }

    #[test]
    fn crossings_lead_from_side_to_side_and_face_where_they_go() {
        let mut lefts = 0;
        for index in 0..50 {
            let (person, walk) = performance(Action::Walking, 1, index);
            let [first, last] = [0, walk.length - 1].map(|place| walk.stance(&person, place));
            let (left, right) = (-MARGIN, SCENE_WIDTH + MARGIN);
            let goes_left = first.x > last.x;
            assert_eq!([first.x, last.x], if goes_left { [right, left] } else { [left, right] });
            assert_eq!(first.yaw_deg.to_radians().cos() < 0.0, goes_left);
            lefts += usize::from(goes_left);
            assert!((45..=130).contains(&walk.length), "{}", walk.length);
        }
        assert!((10..=40).contains(&lefts), "{lefts} of 50");
    }

    #[test]
    fn only_the_second_scenario_changes_the_size() {
        for (index, scenario) in (0..40).zip((1..=4).cycle()) {
            let (person, wave) = performance(Action::Handwaving, scenario, index);
            let [first, last] =
                [0, wave.length - 1].map(|place| wave.stance(&person, place).height);
            assert_eq!(
                scenario == SCALE_CHANGE,
                (first / last - 1.0).abs() > 0.1,
                "{first} {last}"
            );
        }
    }

    #[test]
    fn runners_are_faster_than_walkers_on_the_whole_and_joggers_are_between() {
        let frames = |action| (0..100).map(move |index| performance(action, 1, index).1.length);
        let mean = |action| frames(action).sum::<usize>() as f64 / 100.0;
        let (walking, jogging, running) =
            (mean(Action::Walking), mean(Action::Jogging), mean(Action::Running));
        assert!(walking > 1.3 * jogging && jogging > 1.15 * running);
        // Speed alone does not tell them apart.
        assert!(frames(Action::Walking).min() < frames(Action::Jogging).max());
        assert!(frames(Action::Jogging).min() < frames(Action::Running).max());
    }

    #[test]
    fn bodies_move_and_two_actions_of_a_person_differ_even_without_noise() {
        const EXTENTS: (usize, usize) = (43, 41);
        const PIXELS: usize = EXTENTS.0 * EXTENTS.1;
        let frame = |action, scenario, index, later: usize| {
            let (person, performance) = performance(action, scenario, index);
            let mut pixels = [0.0; PIXELS];
            let place = performance.length / 2 + later;
            performance.paint(&person, place, &mut Raster::new(&mut pixels, EXTENTS));
            pixels
        };
        // A light sleeve before a light wall changes some ten pixels by 0.1 to 0.2.
        let differ = |a: [f32; PIXELS], b: [f32; PIXELS]| {
            a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f32>() > 0.8
        };
        for (index, scenario) in (0..24).zip((1..=4).cycle()) {
            for (action, next) in Action::ALL.into_iter().zip(Action::ALL.into_iter().skip(1)) {
                let now = frame(action, scenario, index, 0);
                let later = [3, 6, 9].map(|later| frame(action, scenario, index, later));
                assert!(later.iter().any(|&later| differ(now, later)), "{action:?} {index}");
                assert!(differ(now, frame(next, scenario, index, 0)), "{action:?} {index}");
            }
        }
    }
}
