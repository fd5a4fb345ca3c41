//! The drawn actions as footage.

use super::performance::Performance;
use super::person::Person;
use crate::data::{Action, Clip, Footage, PERSONS, SCENARIOS, Window};
use crate::digest::Digest;
use crate::rng::Stream;

/// Stretches of each person, action and scenario, as many as KTH's annotation has for most.
const TAKES: usize = 4;

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

    /// Adds frame `place` of a clip to a zeroed frame (H, W).
    fn film(&self, index: usize, place: usize, pixels: &mut [f32], extents: (usize, usize)) {
        let person = &self.persons[usize::from(self.clips[index].person) - 1];
        let mut noise = Stream::new(self.seed, "drawn-actions/frame", frame_number(index, place));
        self.performances[index].film(person, place, &mut noise, (pixels, extents));
    }

    /// 16 digits that change with what is drawn: of a frame of every 97th clip at 16×16 pixels, in steps
    /// of 1/255, whatever the extents.
    fn digest(&self) -> String {
        const EXTENTS: (usize, usize) = (16, 16);
        let mut digest = Digest::new();
        // 97 is prime to the clips of a person: all persons, actions and scenarios come up.
        for (index, clip) in self.clips.iter().enumerate().step_by(97) {
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
