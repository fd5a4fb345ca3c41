//! The data set's videos at one size, decoded or as an earlier run kept them.

use super::annotation::Annotation;
use super::cache::{Cache, CacheState, user_folder};
use super::ffmpeg::Ffmpeg;
use super::files::{VideoFile, find};
use super::frames::{Frames, Key};
use super::recording::Recording;
use crate::digest::Digest;
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::path::Path;

/// All videos that an annotation speaks of, grey and of one size, with the annotation.
#[derive(Debug)]
pub struct KthVideos {
    annotation: Annotation,
    /// In the order of [`Annotation::recorded`].
    frames: Frames,
    extents: (usize, usize),
    digest: String,
    cache: CacheState,
}

/// The largest extent that may be asked for; that of the data set's videos is 160.
const LARGEST: usize = 1 << 12;

impl KthVideos {
    /// Reads the videos of a folder at `extents` (height, width).
    ///
    /// The annotation is the folder's `00sequences.txt`, or the published one where there is none. The
    /// videos lie in folders of the actions' names, in `kth_actions`, in the folder itself, or in the
    /// published zips. `ffmpeg` decodes them once: the frames are kept in `fernn-frames-HxW.bin` in the
    /// folder, or in the user's cache where the folder cannot be written, and taken from there as long
    /// as the videos' contents are the same. `note` is told what a user should know.
    ///
    /// # Errors
    /// Those of [`Annotation::in_folder`]; [`Error::Configuration`] for videos that are missing, for a
    /// missing `ffmpeg`, and for a size that is larger than the videos'; [`Error::Format`] naming a
    /// video that cannot be decoded or a zip that cannot be read.
    pub fn read(folder: &Path, extents: (usize, usize), note: &dyn Fn(&str)) -> Result<Self> {
        if !(1..=LARGEST).contains(&extents.0) || !(1..=LARGEST).contains(&extents.1) {
            return Err(Error::configuration(
                format!("the size {}×{} of frames", extents.0, extents.1),
                "is out of range",
                format!("choose extents of 1 to {LARGEST}, and no larger than the videos'"),
            ));
        }
        let annotation = Annotation::in_folder(folder)?;
        let recordings: Vec<Recording> = annotation.recorded().map(|e| e.recording).collect();
        let files = find(folder, &recordings)?;
        let content = content_digest(&files)?;
        let cache = Cache::new(Key { content, extents }, folder, user_folder().as_deref());
        let decode = || decode_all(&files, Key { content, extents }, note);
        let (frames, cache) = cache.frames(decode, note)?;
        let mut digest = Digest::new();
        digest.update(annotation.digest());
        digest.update(content);
        let digest = digest.hex()[..16].to_string();
        let videos = Self { annotation, frames, extents, digest, cache };
        videos.complaints().iter().for_each(|complaint| note(complaint));
        Ok(videos)
    }

    /// Black videos of so many frames of one pixel.
    #[cfg(test)]
    pub(super) fn black(annotation: Annotation, length: impl Fn(Recording) -> usize) -> Self {
        let video = |entry: &super::Entry| {
            let count = length(entry.recording);
            super::frames::Decoded { pixels: vec![0; count], count, complaints: 0 }
        };
        let (key, digest) = (Key { content: [0; 32], extents: (1, 1) }, "0123".to_string());
        let frames = Frames::assemble(key, annotation.recorded().map(video).collect());
        Self { annotation, frames, extents: (1, 1), digest, cache: CacheState::NotKept }
    }

    /// Which frames of the videos show the action.
    pub fn annotation(&self) -> &Annotation {
        &self.annotation
    }

    /// (Height, width) of a frame.
    pub fn extents(&self) -> (usize, usize) {
        self.extents
    }

    /// The beginning of the SHA-256 of the annotation's and all videos' contents.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Where the frames came from.
    pub fn cache(&self) -> &CacheState {
        &self.cache
    }

    /// The videos, in the order of [`Annotation::recorded`], with their numbers of frames.
    pub fn counts(&self) -> impl Iterator<Item = (Recording, usize)> + '_ {
        let recorded = self.annotation.recorded().enumerate();
        recorded.map(|(video, entry)| (entry.recording, self.frames.count(video)))
    }

    /// A sentence for each video in which the decoder met an error and went on.
    pub fn complaints(&self) -> Vec<String> {
        let sentence = |(video, (recording, _)): (usize, (Recording, usize))| {
            let count = self.frames.complaints(video);
            let name = recording.file_name();
            (count > 0).then(|| format!("ffmpeg met {count} errors in {name}: it may be damaged"))
        };
        self.counts().enumerate().filter_map(sentence).collect()
    }

    /// The pixels of a frame of a video, row by row.
    pub(super) fn pixels(&self, video: usize, frame: usize) -> &[u8] {
        self.frames.pixels(video, frame)
    }
}

/// The SHA-256 of all videos' names and the SHA-256 of their contents.
fn content_digest(files: &[VideoFile]) -> Result<[u8; 32]> {
    let digest_of = |file: &VideoFile| -> Result<[u8; 32]> {
        let mut digest = Digest::new();
        digest.update(file.read()?);
        Ok(digest.bytes())
    };
    let digests: Vec<[u8; 32]> = files.par_iter().map(digest_of).collect::<Result<_>>()?;
    let mut all = Digest::new();
    for (file, digest) in files.iter().zip(digests) {
        all.update(file.recording.name());
        all.update(digest);
    }
    Ok(all.bytes())
}

fn decode_all(files: &[VideoFile], key: Key, note: &dyn Fn(&str)) -> Result<Frames> {
    let ffmpeg = Ffmpeg::find()?;
    let (height, width) = key.extents;
    note(&format!("decoding {} videos to {height}×{width}, once", files.len()));
    let decode =
        |file: &VideoFile| file.with_path(|path, name| ffmpeg.decode(path, name, key.extents));
    let videos = files.par_iter().map(decode).collect::<Result<Vec<_>>>()?;
    Ok(Frames::assemble(key, videos))
}
