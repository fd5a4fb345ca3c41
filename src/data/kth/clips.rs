//! The annotation's stretches of the videos as footage.

use super::super::footage::{Clip, Footage, Window};
use super::annotation::Ranges;
use super::videos::KthVideos;
use std::sync::Arc;

/// Clips of the data set: one for each stretch of its annotation, in the annotation's order.
#[derive(Clone, Debug)]
pub struct KthFootage {
    videos: Arc<KthVideos>,
    clips: Vec<Clip>,
    /// Of each clip the video and the place of the first frame in it.
    places: Vec<(usize, usize)>,
    /// Names of the videos that end before a stretch of theirs begins, once for each such stretch.
    lost: Vec<String>,
    /// Stretches that reach past the end of their video.
    shortened: usize,
    description: String,
}

impl KthFootage {
    /// The clips of videos in one reading of the annotation's numbers.
    pub fn new(videos: Arc<KthVideos>, ranges: Ranges) -> Self {
        let (mut clips, mut places, mut lost, mut shortened) = (vec![], vec![], vec![], 0);
        for (video, (entry, (recording, frames))) in
            videos.annotation().recorded().zip(videos.counts()).enumerate()
        {
            for (take, &stretch) in entry.stretches.iter().enumerate() {
                let Some((first, length)) = ranges.place(stretch, frames) else {
                    lost.push(recording.name());
                    continue;
                };
                let super::Recording { person, action, scenario } = recording;
                clips.push(Clip { person, action, scenario, take, length });
                places.push((video, first));
                shortened += usize::from(length < stretch.length());
            }
        }
        let description = describe(&videos, ranges, clips.len());
        Self { videos, clips, places, lost, shortened, description }
    }

    /// The videos that the clips are stretches of.
    pub fn videos(&self) -> &KthVideos {
        &self.videos
    }

    /// How many clips are shorter than the annotation says, because their video ends before.
    pub fn shortened(&self) -> usize {
        self.shortened
    }

    /// Sentences for the user when this is not KTH, or when stretches are no clips because their video
    /// ends before they begin.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.is_kth() {
            let file = super::Annotation::FILE_NAME;
            notes.push(format!(
                "the annotation {file} is not the published one; the clips are recorded as `{}`",
                self.description
            ));
        }
        if !self.lost.is_empty() {
            notes.push(format!(
                "{} stretches of the annotation begin after the end of their video: {}",
                self.lost.len(),
                self.lost.join(", ")
            ));
        }
        notes
    }
}

/// What the clips are. The folder's name does not enter, so that provenance does not depend on where
/// files lie.
fn describe(videos: &KthVideos, ranges: Ranges, clips: usize) -> String {
    let (count, frames) =
        videos.counts().fold((0, 0), |(n, all), (_, frames)| (n + 1, all + frames));
    let (height, width) = videos.extents();
    let counts = format!("{clips} clips of {count} videos with {frames} frames");
    let base = match ranges {
        Ranges::OneBased => "from 1",
        Ranges::ZeroBased => "from 0",
    };
    let rest = format!("{counts}, frames counted {base}, {height}×{width}");
    let digest = videos.digest();
    match videos.annotation().is_published() {
        true => format!("KTH, {rest}, digest {digest}"),
        false => format!("not KTH: digest {digest}, {rest}"),
    }
}

impl Footage for KthFootage {
    fn description(&self) -> &str {
        &self.description
    }

    /// All videos of the annotation are there, so the annotation decides.
    fn is_kth(&self) -> bool {
        self.videos.annotation().is_published()
    }

    fn extents(&self) -> (usize, usize) {
        self.videos.extents()
    }

    fn clips(&self) -> &[Clip] {
        &self.clips
    }

    fn window(&self, index: usize, window: Window) -> Vec<f32> {
        let (video, start) = self.places[index];
        let frames = (0..window.count).map(|i| start + window.first + i * window.step);
        let pixels = frames.flat_map(|frame| self.videos.pixels(video, frame));
        pixels.map(|&grey| f32::from(grey) / 255.0).collect()
    }
}
