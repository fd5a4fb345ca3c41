//! The drawn actions as footage.

use super::performance::Performance;
use super::person::Person;
use crate::data::{Action, Clip, Footage, PERSONS, SCENARIOS, Window};
use crate::digest::Digest;
use crate::rng::Stream;

/// Stretches of each person, action and scenario, as many as KTH's annotation has for most.
const TAKES: usize = 4;

/// From one clip to the next of those that stand for all: a person and five stretches further, so that
/// every action and scenario comes up.
const SAMPLED: usize = 101;

/// Drawn persons who do KTH's six actions in KTH's four scenarios: a stand-in for the data set, and no
/// substitute: results on it are not to be compared with published ones.
///
/// 25 persons, each built, clothed and moving in their own way, with 4 takes of every action and
/// scenario: 2400 clips at 25 frames per second, of scenes of 4:3 squashed to the frame. Walkers,
/// joggers and runners cross the scene; others stay. A frame is a pure function of (seed, clip,
/// place in the clip).
///
/// ```
/// use fernn::data::{DrawnActions, Footage, Window};
/// let footage = DrawnActions::new((16, 16), 0);
/// assert_eq!(footage.clips().len(), 2400);
/// let frames = footage.window(7, Window { first: 3, count: 2, step: 5 });
/// assert_eq!(frames.len(), 2 * 16 * 16);
/// ```
#[derive(Clone, Debug)]
pub struct DrawnActions {
    extents: (usize, usize),
    seed: u64,
    persons: Vec<Person>,
    clips: Vec<Clip>,
    /// One for each clip.
    performances: Vec<Performance>,
    description: String,
}

impl DrawnActions {
    /// Persons and clips of a seed, as frames of (height, width) pixels. Below about 12 of either
    /// nobody can be recognised.
    pub fn new(extents: (usize, usize), seed: u64) -> Self {
        let persons: Vec<Person> = (1..=PERSONS).map(|person| Person::new(seed, person)).collect();
        let (mut clips, mut performances) = (Vec::new(), Vec::new());
        for (person, look) in (1..=PERSONS).zip(&persons) {
            for (action, scenario, take) in stretches() {
                let index = clips.len() as u64;
                let mut stream = Stream::new(seed, "drawn-actions/clip", index);
                let performance = Performance::drawn(look, action, scenario, &mut stream);
                let length = performance.length;
                clips.push(Clip { person, action, scenario, take, length });
                performances.push(performance);
            }
        }
        let mut drawn =
            Self { extents, seed, persons, clips, performances, description: String::new() };
        drawn.description = format!(
            "drawn actions (a stand-in for KTH), {PERSONS} persons, {} clips, seed {seed}, digest {}",
            drawn.clips.len(),
            drawn.digest()
        );
        drawn
    }

    /// Films frame `place` of a clip; every pixel (H, W) is overwritten.
    fn film(&self, index: usize, place: usize, pixels: &mut [f32], extents: (usize, usize)) {
        let person = &self.persons[usize::from(self.clips[index].person) - 1];
        let mut noise = Stream::new(self.seed, "drawn-actions/frame", frame_number(index, place));
        self.performances[index].film(person, place, &mut noise, (pixels, extents));
    }

    /// 16 digits that change with what is drawn: of the middle frames of some clips at 16×16 pixels, in
    /// steps of 1/255, whatever the extents.
    fn digest(&self) -> String {
        const EXTENTS: (usize, usize) = (16, 16);
        let mut digest = Digest::new();
        for (index, clip) in self.clips.iter().enumerate().step_by(SAMPLED) {
            let mut pixels = [0.0; EXTENTS.0 * EXTENTS.1];
            self.film(index, clip.length / 2, &mut pixels, EXTENTS);
            digest.update(pixels.map(|value| (value * 255.0).round() as u8));
        }
        digest.hex()[..16].to_string()
    }
}

/// What every person does, in the order of the clips.
fn stretches() -> impl Iterator<Item = (Action, u8, usize)> {
    Action::ALL.into_iter().flat_map(|action| {
        (1..=SCENARIOS)
            .flat_map(move |scenario| (0..TAKES).map(move |take| (action, scenario, take)))
    })
}

/// The number of a frame's own stream.
fn frame_number(index: usize, place: usize) -> u64 {
    ((index as u64) << 32) | place as u64
}

impl Footage for DrawnActions {
    fn description(&self) -> &str {
        &self.description
    }

    fn is_kth(&self) -> bool {
        false
    }

    fn extents(&self) -> (usize, usize) {
        self.extents
    }

    fn clips(&self) -> &[Clip] {
        &self.clips
    }

    fn window(&self, index: usize, window: Window) -> Vec<f32> {
        let pixels = self.extents.0 * self.extents.1;
        let mut frames = vec![0.0; window.count * pixels];
        for (t, frame) in frames.chunks_exact_mut(pixels.max(1)).enumerate() {
            self.film(index, window.first + t * window.step, frame, self.extents);
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Division, Split};
    use rayon::prelude::*;
    use std::collections::BTreeSet;

    // Primes, so that no exchanged axis passes.
    const EXTENTS: (usize, usize) = (43, 41);
    const PIXELS: usize = EXTENTS.0 * EXTENTS.1;

    fn footage() -> DrawnActions {
        DrawnActions::new(EXTENTS, 0)
    }

    fn whole(footage: &DrawnActions, index: usize) -> Vec<f32> {
        let count = footage.clips()[index].length;
        footage.window(index, Window { first: 0, count, step: 1 })
    }

    /// Clips of every action and of every scenario, by different persons.
    fn some(footage: &DrawnActions) -> Vec<usize> {
        (0..footage.clips().len()).step_by(SAMPLED).collect()
    }

    #[test]
    fn clips_are_those_of_25_persons_and_divided_by_person() {
        let footage = footage();
        assert_eq!(footage.clips().len(), 25 * 6 * 4 * TAKES);
        assert!(footage.clips().iter().all(|clip| clip.length >= 32));
        let places = |split| {
            let is_of = |clip: &&Clip| Division::default().split(clip.person) == split;
            footage.clips().iter().filter(is_of).count()
        };
        assert_eq!(Split::ALL.map(places), [1536, 384, 480]);
        let mut seen: Vec<_> =
            footage.clips().iter().map(|c| (c.person, c.action, c.scenario, c.take)).collect();
        seen.dedup();
        assert!(seen.is_sorted() && seen.len() == 2400);
        assert!(!footage.is_kth() && footage.description().starts_with("drawn actions"));
    }

    #[test]
    fn the_clips_that_stand_for_all_are_of_every_action_and_scenario() {
        let footage = footage();
        let clips = some(&footage).into_iter().map(|index| footage.clips()[index]);
        let mut actions = BTreeSet::new();
        let mut scenarios = BTreeSet::new();
        for clip in clips {
            actions.insert(clip.action);
            scenarios.insert(clip.scenario);
        }
        assert_eq!((actions.len(), scenarios.len()), (6, 4));
    }

    #[test]
    fn a_window_is_cut_from_the_clip_on_any_thread() {
        let footage = footage();
        let windows: Vec<Vec<f32>> = some(&footage)
            .into_par_iter()
            .map(|index| footage.window(index, Window { first: 3, count: 4, step: 2 }))
            .collect();
        for (index, window) in some(&footage).into_iter().zip(windows) {
            let clip = whole(&footage, index);
            for (t, frame) in window.chunks_exact(PIXELS).enumerate() {
                assert_eq!(frame, &clip[(3 + 2 * t) * PIXELS..][..PIXELS], "clip {index}");
            }
            assert!(clip.iter().all(|value| (0.0..=1.0).contains(value)));
        }
    }

    #[test]
    fn seeds_persons_and_takes_differ() {
        let (footage, other) = (footage(), DrawnActions::new(EXTENTS, 1));
        let per_person = footage.clips().len() / 25;
        let frame = |footage: &DrawnActions, index, first| {
            footage.window(index, Window { first, count: 1, step: 1 })
        };
        // More than noise does to a frame.
        let differ = |a: &[f32], b: &[f32]| {
            a.iter().zip(b).filter(|(a, b)| (*a - *b).abs() > 0.2).count() > 5
        };
        assert_ne!(footage.description(), other.description());
        for index in [50, 57, 70, 95] {
            let base = frame(&footage, index, 12);
            assert!(differ(&base, &frame(&other, index, 12)));
            assert!(differ(&base, &frame(&footage, index + per_person, 12)));
            assert!(differ(&base, &frame(&footage, index - 1, 12)));
        }
    }

    /// Where, in shares of the width, a clip differs from its median over time in each of its thirds.
    fn places_of_change(clip: &[f32]) -> [f64; 3] {
        let frames = clip.len() / PIXELS;
        let median: Vec<f32> = (0..PIXELS)
            .map(|pixel| {
                let mut values: Vec<f32> =
                    clip.iter().skip(pixel).step_by(PIXELS).copied().collect();
                values.sort_by(f32::total_cmp);
                values[frames / 2]
            })
            .collect();
        std::array::from_fn(|third| {
            let (mut sum, mut count) = (0.0, 0.0);
            for frame in clip.chunks_exact(PIXELS).skip(third * frames / 3).take(frames / 3) {
                for (pixel, value) in frame.iter().enumerate() {
                    if (value - median[pixel]).abs() > 0.15 {
                        sum += (pixel % EXTENTS.1) as f64 / EXTENTS.1 as f64;
                        count += 1.0;
                    }
                }
            }
            sum / count
        })
    }

    #[test]
    fn walkers_joggers_and_runners_cross_and_others_stay() {
        let footage = footage();
        for index in some(&footage) {
            let clip = footage.clips()[index];
            let [first, middle, last] = places_of_change(&whole(&footage, index));
            let crosses =
                matches!(clip.action, Action::Walking | Action::Jogging | Action::Running);
            if crosses {
                assert!((last - first).abs() > 0.35, "{clip:?}");
                assert!((first - middle) * (middle - last) > 0.0, "{clip:?}");
            } else {
                assert!((last - first).abs() < 0.15, "{clip:?}: {first} {last}");
            }
        }
    }

    #[test]
    fn any_extents_are_filmed_and_a_digest_does_not_depend_on_them() {
        let description = footage().description().to_string();
        for extents in [(12, 13), (1, 1), (0, 5)] {
            let small = DrawnActions::new(extents, 0);
            assert_eq!(small.description(), description);
            let frames = small.window(0, Window { first: 0, count: 3, step: 1 });
            assert_eq!(frames.len(), 3 * extents.0 * extents.1);
        }
    }
}
