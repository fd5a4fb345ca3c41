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
        let mut footage =
            Self { videos, clips, places, lost, shortened, description: String::new() };
        footage.description = footage.describe(ranges);
        footage
    }

    /// What the clips are. The folder's name does not enter, so that provenance does not depend on where
    /// files lie.
    fn describe(&self, ranges: Ranges) -> String {
        let counts = self.videos.counts();
        let (count, frames) = counts.fold((0, 0), |(n, all), (_, frames)| (n + 1, all + frames));
        let base = match ranges {
            Ranges::OneBased => 1,
            Ranges::ZeroBased => 0,
        };
        let (height, width) = self.extents();
        let rest = format!(
            "{} clips of {count} videos with {frames} frames, counted from {base}, {height}×{width}",
            self.clips.len()
        );
        let digest = self.videos.digest();
        match self.is_kth() {
            true => format!("KTH, {rest}, digest {digest}"),
            false => format!("not KTH: digest {digest}, {rest}"),
        }
    }

    /// The videos that the clips are stretches of.
    pub fn videos(&self) -> &KthVideos {
        &self.videos
    }

    /// How many clips are shorter than the annotation says, because their video ends before.
    pub fn shortened(&self) -> usize {
        self.shortened
    }

    /// How many stretches of the annotation are no clips, because their video ends before they begin.
    pub fn lost(&self) -> usize {
        self.lost.len()
    }

    /// Sentences for the user when this is not KTH.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let recorded = format!("the clips are recorded as `{}`", self.description);
        if !self.videos.annotation().is_published() {
            let file = super::Annotation::FILE_NAME;
            notes.push(format!("the annotation {file} is not the published one; {recorded}"));
        }
        if let [name, ..] = &self.lost[..] {
            let count = self.lost.len();
            notes.push(format!(
                "{count} stretches of the annotation begin after the end of their video, as in {name}; \
                 {recorded}"
            ));
        }
        notes
    }
}

impl Footage for KthFootage {
    fn description(&self) -> &str {
        &self.description
    }

    /// All videos of the annotation are there; that each has its stretches shows that they are whole.
    fn is_kth(&self) -> bool {
        self.videos.annotation().is_published() && self.lost.is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::kth::{Annotation, Recording};
    use crate::error::Result;

    fn footage(annotation: Annotation, length: impl Fn(Recording) -> usize) -> KthFootage {
        KthFootage::new(Arc::new(KthVideos::black(annotation, length)), Ranges::OneBased)
    }

    #[test]
    fn only_the_published_annotation_with_whole_videos_is_kth() -> Result<()> {
        // The last frame that any stretch has is 1492.
        let whole = footage(Annotation::published()?, |_| 1492);
        assert!(whole.is_kth() && whole.notes().is_empty() && whole.shortened() == 0);
        let description = "KTH, 2391 clips of 599 videos with 893708 frames, counted from 1, 1×1";
        assert_eq!(whole.description(), format!("{description}, digest 0123"));
        // Stretches of this video begin at 1, 110, 193 and 307.
        let is_cut = |recording: Recording| recording.name() == "person17_boxing_d1";
        let cut = |frames| {
            let length = move |recording| if is_cut(recording) { frames } else { 1492 };
            Annotation::published().map(|annotation| footage(annotation, length))
        };
        let shorter = cut(307)?;
        assert!(shorter.is_kth() && shorter.notes().is_empty() && shorter.shortened() == 1);
        let lacking = cut(5)?;
        assert_eq!((lacking.lost(), lacking.shortened(), lacking.clips().len()), (3, 1, 2388));
        assert!(
            !lacking.is_kth() && lacking.description().starts_with("not KTH: digest 0123, 2388")
        );
        let [note] = &lacking.notes()[..] else { panic!("one note") };
        assert!(note.contains("3 stretches") && note.contains("person17_boxing_d1"), "{note}");
        let other = Annotation::parse(b"person17_boxing_d1 frames 1-9", "some/file".as_ref())?;
        let other = footage(other, |_| 9);
        assert!(!other.is_kth() && other.notes()[0].contains(other.description()));
        Ok(())
    }
}
