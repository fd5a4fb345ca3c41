//! Moving KTH: clips of footage seen by a camera that moves at a constant velocity.

use super::footage::{Action, Division, Footage, Window};
use super::split::Split;
use crate::error::{Error, Result};
use crate::flow::PixelsPerFrame;
use crate::rng::Stream;
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is cut out of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Frames of a sample.
    pub frames: usize,
    /// Frames of the clip from one to the next.
    pub step: usize,
}

impl Cut {
    /// Frames that a clip must have. The paper's public code asks for a whole step after the last frame.
    fn needs(self) -> usize {
        self.frames * self.step
    }
}

/// Which windows validation and test clips are seen through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Windows {
    /// One for each clip, the same for every evaluation and every run.
    #[default]
    Fixed,
    /// Drawn anew by every evaluation of a run, as the paper's public code does.
    Redrawn,
}

/// One look at the clips of a split: what is drawn anew by each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Of training: an epoch. Windows begin anywhere in a clip, and half of the clips are mirrored.
    Epoch(u64),
    /// Windows fixed for the data set.
    Fixed,
    /// Windows drawn for an evaluation of a run, by its number.
    Evaluation(u64),
}

/// Footage on a torus that moves under the camera: the content of frame t is displaced by t·v, with a
/// velocity v fixed for each clip (Keller 2025, §5; its public code).
///
/// Clips shorter than the cut are left out. A sample is a pure function of (seed, split, clip, look); only
/// windows and mirrors of training depend on the seed, and of redrawn evaluations the windows. A mirrored clip
/// is mirrored with its motion, so that its velocity is (−vx, vy).
#[derive(Clone, Debug)]
pub struct MovingCamera {
    footage: Arc<dyn Footage>,
    cut: Cut,
    /// Places in the footage of the clips of each split.
    clips: [Arc<Vec<usize>>; 3],
    velocities: Vec<PixelsPerFrame>,
    seed: u64,
    device: Device,
}

/// What is seen of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shot {
    /// The clip's place in its split.
    pub clip: usize,
    /// Its first frame.
    pub first: usize,
    /// How the content moves.
    pub velocity: PixelsPerFrame,
    /// Whether left and right are exchanged, motion included.
    pub is_mirrored: bool,
}

/// What the random streams are named after.
const STREAM: &str = "moving-kth";

impl MovingCamera {
    /// The clips of footage, with velocities drawn from `velocities`.
    ///
    /// # Errors
    /// [`Error::Configuration`] when a split has no clip that is long enough, or there is no velocity.
    pub fn new(
        footage: Arc<dyn Footage>,
        division: Division,
        cut: Cut,
        velocities: &[PixelsPerFrame],
        seed: u64,
    ) -> Result<Self> {
        let of_split = |split: Split| {
            let is_it = |(_, clip): &(usize, &super::footage::Clip)| {
                division.split(clip.person) == split && clip.length >= cut.needs()
            };
            let all = footage.clips().iter().enumerate().filter(is_it);
            Arc::new(all.map(|(place, _)| place).collect::<Vec<_>>())
        };
        let clips = Split::ALL.map(of_split);
        if velocities.is_empty() || cut.needs() == 0 {
            let problem = "has no velocity, or cuts no frame";
            return Err(Error::configuration("the camera", problem, "give it one of each"));
        }
        if clips.iter().any(|clips| clips.is_empty()) {
            let problem = format!("has a split without a clip of {} frames", cut.needs());
            let remedy = "cut fewer frames, or give more footage";
            return Err(Error::configuration("the footage", problem, remedy));
        }
        let (velocities, device) = (velocities.to_vec(), Device::Cpu);
        Ok(Self { footage, cut, clips, velocities, seed, device })
    }

    /// The same clips on another device than the CPU.
    pub fn on(self, device: &Device) -> Self {
        Self { device: device.clone(), ..self }
    }

    /// The same clips with other velocities, at least one, to draw from.
    pub fn with_velocities(&self, velocities: &[PixelsPerFrame]) -> Self {
        Self { velocities: velocities.to_vec(), ..self.clone() }
    }

    /// Number of clips in a split.
    pub fn len(&self, split: Split) -> usize {
        self.clips[split as usize].len()
    }

    /// (Height, width) of a frame.
    pub fn extents(&self) -> (usize, usize) {
        self.footage.extents()
    }

    fn place(&self, split: Split, clip: usize) -> usize {
        self.clips[split as usize][clip]
    }

    /// What is done in a clip.
    pub fn action(&self, split: Split, clip: usize) -> Action {
        self.footage.clips()[self.place(split, clip)].action
    }

    /// What is seen of a clip.
    pub fn shot(&self, split: Split, clip: usize, look: Look) -> Shot {
        let length = self.footage.clips()[self.place(split, clip)].length;
        let starts = length - self.cut.needs() + 1;
        // The velocity belongs to the clip, whatever the run.
        let mut of_clip = Stream::new(0, &format!("{STREAM}/velocity/{split}"), clip as u64);
        let velocity = self.velocities[of_clip.below(self.velocities.len())];
        let (seed, purpose) = match look {
            Look::Fixed => (0, format!("{STREAM}/window/{split}")),
            Look::Epoch(epoch) => (self.seed, format!("{STREAM}/epoch/{split}/{epoch}")),
            Look::Evaluation(number) => {
                (self.seed, format!("{STREAM}/evaluation/{split}/{number}"))
            }
        };
        let mut stream = Stream::new(seed, &purpose, clip as u64);
        let first = stream.below(starts);
        let is_mirrored = matches!(look, Look::Epoch(_)) && stream.below(2) == 1;
        Shot { clip, first, velocity, is_mirrored }
    }

    /// A shot as (T, H, W) values in [0, 1].
    pub fn render(&self, split: Split, shot: &Shot) -> Vec<f32> {
        let Cut { frames: count, step } = self.cut;
        let window = Window { first: shot.first, count, step };
        let still = self.footage.window(self.place(split, shot.clip), window);
        let (height, width) = self.extents();
        let mut moved = vec![0f32; still.len()];
        let wrap = |place: usize, speed: i32, t: usize, extent: usize| {
            (place as i64 - i64::from(speed) * t as i64).rem_euclid(extent as i64) as usize
        };
        let frames = moved.chunks_exact_mut(height * width).zip(still.chunks_exact(height * width));
        for (t, (moved, still)) in frames.enumerate() {
            for (y, row) in moved.chunks_exact_mut(width).enumerate() {
                let from = &still[wrap(y, shot.velocity.y, t, height) * width..][..width];
                for (x, pixel) in row.iter_mut().enumerate() {
                    *pixel = from[wrap(x, shot.velocity.x, t, width)];
                }
                if shot.is_mirrored {
                    row.reverse();
                }
            }
        }
        moved
    }

    /// Clips of a split as tensors: (B, T, 1, H, W), and the labels (B); rendered on all threads.
    ///
    /// # Errors
    /// Those of the device.
    pub fn batch(&self, split: Split, clips: &[usize], look: Look) -> Result<(Tensor, Tensor)> {
        let render = |&clip: &usize| self.render(split, &self.shot(split, clip, look));
        let pixels: Vec<Vec<f32>> = clips.par_iter().map(render).collect();
        let labels: Vec<u32> = clips.iter().map(|&clip| self.action(split, clip).label()).collect();
        let (height, width) = self.extents();
        let shape = (clips.len(), self.cut.frames, 1, height, width);
        Ok((
            Tensor::from_vec(pixels.concat(), shape, &self.device)?,
            Tensor::from_vec(labels, clips.len(), &self.device)?,
        ))
    }

    /// The batch of an optimiser step counted from 0: every epoch goes through all training clips in an
    /// order of its own, and its last batch may be smaller.
    ///
    /// # Errors
    /// As [`MovingCamera::batch`].
    pub fn training_batch(&self, step: u64, batch: u64) -> Result<(Tensor, Tensor)> {
        let mut order: Vec<usize> = (0..self.len(Split::Train)).collect();
        let (epoch, place) =
            (step / self.steps_per_epoch(batch), step % self.steps_per_epoch(batch));
        Stream::new(self.seed, &format!("{STREAM}/order"), epoch).shuffle(&mut order);
        let first = (place * batch) as usize;
        let end = order.len().min(first + batch as usize);
        self.batch(Split::Train, &order[first..end], Look::Epoch(epoch))
    }

    /// Optimiser steps that an epoch takes.
    pub fn steps_per_epoch(&self, batch: u64) -> u64 {
        (self.len(Split::Train) as u64).div_ceil(batch.max(1))
    }

    /// `count` clips of a split, evenly spaced where there are more; all where there are fewer.
    pub fn evenly_spaced(&self, split: Split, count: u64) -> Vec<usize> {
        let all = self.len(split);
        let count = all.min(count as usize);
        (0..count).map(|i| i * all / count).collect()
    }

    /// `count` clips of a split in batches, evenly spaced where there are more; all where there are fewer.
    pub fn batches(
        &self,
        split: Split,
        (count, batch): (u64, u64),
        look: Look,
    ) -> impl Iterator<Item = Result<(Tensor, Tensor)>> + '_ {
        let clips = self.evenly_spaced(split, count);
        let batches: Vec<Vec<usize>> =
            clips.chunks(batch.max(1) as usize).map(<[_]>::to_vec).collect();
        batches.into_iter().map(move |clips| self.batch(split, &clips, look))
    }
}

#[cfg(test)]
mod tests {
    use super::super::footage::{Clip, PERSONS};
    use super::*;

    /// Two clips of every person, the first too short; a pixel's value tells its clip, frame, row and
    /// column.
    #[derive(Debug)]
    struct Numbered(Vec<Clip>);

    const EXTENTS: (usize, usize) = (3, 5);
    const CUT: Cut = Cut { frames: 4, step: 2 };

    fn number(index: usize, frame: usize, y: usize, x: usize) -> f32 {
        (((index * 100 + frame) * 10 + y) * 10 + x) as f32
    }

    impl Footage for Numbered {
        fn description(&self) -> &str {
            "numbers"
        }

        fn is_kth(&self) -> bool {
            false
        }

        fn extents(&self) -> (usize, usize) {
            EXTENTS
        }

        fn clips(&self) -> &[Clip] {
            &self.0
        }

        fn window(&self, index: usize, window: Window) -> Vec<f32> {
            assert!(window.first + (window.count - 1) * window.step < self.0[index].length);
            let frames = (0..window.count).map(|i| window.first + i * window.step);
            let pixels = |frame: usize| {
                (0..EXTENTS.0)
                    .flat_map(move |y| (0..EXTENTS.1).map(move |x| number(index, frame, y, x)))
            };
            frames.flat_map(pixels).collect()
        }
    }

    fn camera(velocities: &[PixelsPerFrame], seed: u64) -> MovingCamera {
        let clip = |person, take| {
            let action = Action::ALL[person as usize % 6];
            Clip { person, action, scenario: 1, take, length: if take == 0 { 7 } else { 11 } }
        };
        let clips = (1..=PERSONS).flat_map(|person| [clip(person, 0), clip(person, 1)]).collect();
        let footage = Arc::new(Numbered(clips));
        MovingCamera::new(footage, Division::PublicCode, CUT, velocities, seed).expect("clips")
    }

    #[test]
    fn content_moves_by_its_velocity_and_a_mirror_takes_the_motion_along() {
        let velocity = PixelsPerFrame::new(2, 1);
        let camera = camera(&[velocity], 0);
        let shot = Shot { clip: 4, first: 1, velocity, is_mirrored: false };
        let place = camera.place(Split::Train, 4);
        let frames = camera.render(Split::Train, &shot);
        let mirrored = camera.render(Split::Train, &Shot { is_mirrored: true, ..shot });
        for (t, y, x) in
            (0..4).flat_map(|t| (0..3).flat_map(move |y| (0..5).map(move |x| (t, y, x))))
        {
            let at = |frames: &[f32], y: usize, x: usize| frames[(t * 3 + y) * 5 + x];
            // The pixel (y, x) of the clip has moved t·2 to the right and t·1 down.
            let expected = number(place, 1 + 2 * t, y, x);
            assert_eq!(at(&frames, (y + t) % 3, (x + 2 * t) % 5), expected);
            assert_eq!(at(&mirrored, y, 4 - x), at(&frames, y, x));
        }
    }

    #[test]
    fn short_clips_are_left_out_and_splits_are_by_person() {
        let camera = camera(&[PixelsPerFrame::new(0, 0)], 0);
        assert_eq!(Split::ALL.map(|split| camera.len(split)), [16, 4, 5]);
        assert_eq!(camera.action(Split::Test, 0), Action::ALL[21 % 6]);
        assert_eq!(camera.place(Split::Test, 0), 2 * 20 + 1);
    }

    #[test]
    fn an_epoch_sees_every_clip_once_and_the_next_one_in_another_order() {
        let camera = camera(&[PixelsPerFrame::new(0, 0)], 3);
        assert_eq!(camera.steps_per_epoch(5), 4);
        let epoch = |first: u64| -> Vec<usize> {
            let batches =
                (first..first + 4).map(|step| camera.training_batch(step, 5).expect("a batch"));
            let clip = |pixels: f32| pixels as usize / 10_000;
            let of_batch = |(clips, _): (Tensor, Tensor)| {
                let first = clips.flatten_from(1).unwrap().narrow(1, 0, 1).unwrap();
                first.flatten_all().unwrap().to_vec1::<f32>().unwrap()
            };
            batches.flat_map(of_batch).map(clip).collect()
        };
        let (one, two) = (epoch(0), epoch(4));
        let sorted = |mut clips: Vec<usize>| {
            clips.sort_unstable();
            clips
        };
        assert_eq!(sorted(one.clone()), (0..16).map(|i| 2 * i + 1).collect::<Vec<_>>());
        assert_eq!(sorted(two.clone()), sorted(one.clone()));
        assert_ne!(one, two);
    }

    #[test]
    fn only_training_and_redrawn_evaluations_depend_on_seed_and_look() {
        let square: Vec<PixelsPerFrame> =
            (-2..=2).flat_map(|x| (-2..=2).map(move |y| PixelsPerFrame::new(x, y))).collect();
        let shots = |seed, split, look| -> Vec<Shot> {
            let camera = camera(&square, seed);
            (0..camera.len(split)).map(|clip| camera.shot(split, clip, look)).collect()
        };
        let fixed = shots(0, Split::Test, Look::Fixed);
        assert_eq!(fixed, shots(7, Split::Test, Look::Fixed));
        assert!(fixed.iter().all(|shot| !shot.is_mirrored));
        let epoch = shots(0, Split::Train, Look::Epoch(0));
        assert_ne!(epoch, shots(0, Split::Train, Look::Epoch(1)));
        assert_ne!(epoch, shots(7, Split::Train, Look::Epoch(0)));
        assert!(epoch.iter().any(|s| s.is_mirrored) && epoch.iter().any(|s| !s.is_mirrored));
        let redrawn = shots(0, Split::Test, Look::Evaluation(0));
        assert_ne!(redrawn, shots(0, Split::Test, Look::Evaluation(1)));
        let velocities = |shots: &[Shot]| shots.iter().map(|s| s.velocity).collect::<Vec<_>>();
        assert_eq!(velocities(&fixed), velocities(&redrawn), "a clip's velocity is its own");
        let starts = |shots: &[Shot]| shots.iter().map(|s| s.first).max();
        assert!(starts(&fixed) <= Some(3), "11 frames, of which 8 are needed");
    }

    #[test]
    fn the_last_batch_may_be_smaller_and_a_part_of_a_split_is_spread_over_it() {
        let camera = camera(&[PixelsPerFrame::new(0, 0)], 0);
        let sizes = |count| -> Vec<usize> {
            let batches = camera.batches(Split::Test, (count, 2), Look::Fixed);
            batches.map(|batch| batch.expect("a batch").1.dims()[0]).collect()
        };
        assert_eq!(sizes(100), [2, 2, 1]);
        assert_eq!(sizes(3), [2, 1]);
        let batch = camera.batches(Split::Test, (2, 2), Look::Fixed).next();
        let labels = batch.expect("one").expect("a batch").1.to_vec1::<u32>().expect("labels");
        assert_eq!(labels, [21 % 6, 23 % 6].map(|i| i as u32), "persons 21 and 23 of 21 to 25");
    }
}
