//! Performances: what is drawn for a clip, and the moments that follow from it.

use super::figure::{Stance, limbs};
use super::person::Person;
use super::pose::{Gait, Motion};
use super::raster::{Raster, SCENE_WIDTH};
use super::scene::{Scene, expose};
use crate::data::Action;
use crate::rng::Stream;

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
        let now = |[first, last]: [f64; 2]| first + share * (last - first);
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

/// Places, length and yaw of somebody who stays: a boxer from the side, others from the front.
fn standing(action: Action, faces_left: bool, stream: &mut Stream) -> ([f64; 2], usize, f64) {
    let x = SCENE_WIDTH * stream.uniform_in(0.38, 0.62);
    let length = 60 + stream.below(61);
    let yaw_deg = match (action, faces_left) {
        (Action::Boxing, false) => stream.uniform_in(-15.0, 35.0),
        (Action::Boxing, true) => stream.uniform_in(145.0, 195.0),
        _ => stream.uniform_in(70.0, 110.0),
    };
    ([x; 2], length, yaw_deg)
}
