//! Where data comes from, opened only when it is asked for.

use super::digits::Digits;
use super::drawn_actions::DrawnActions;
use super::footage::Footage;
use super::idx::FILES;
use super::kth::{self, KthFootage, KthVideos, Ranges};
use super::video::{VIDEO_FILE, Video};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The sources of a run: nothing is read before the first use, and nothing twice. Clones share what
/// was read.
///
/// A folder may hold MNIST's files, or have them in its sub-folder `mnist` or `MNIST/raw` (torchvision's);
/// likewise KTH's, or `kth`; and video of one's own.
///
/// ```
/// use fernn::data::{Ranges, Sources};
/// # fn main() -> fernn::Result<()> {
/// let sources = Sources::embedded();
/// assert!(sources.digits()?.description().starts_with("embedded MNIST subset"));
/// assert!(sources.footage((32, 32), Ranges::OneBased)?.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sources {
    folder: Option<PathBuf>,
    note: fn(&str),
    /// Locked while digits are read, so that two threads do not read them twice.
    digits: Arc<Mutex<Option<Arc<Digits>>>>,
    /// Locked while videos are read or decoded, in which rayon's threads take part: a task of rayon's
    /// that asks for footage could wait for itself, so it is asked for before tasks are made.
    recorded: Arc<Mutex<Recorded>>,
    video: Arc<Mutex<Option<Arc<Video>>>>,
}

/// What was read of KTH and what is drawn in its place, by (height, width) of the frames.
#[derive(Debug, Default)]
struct Recorded {
    videos: BTreeMap<(usize, usize), Arc<KthVideos>>,
    footage: BTreeMap<((usize, usize), Ranges), Arc<KthFootage>>,
    drawn: BTreeMap<(usize, usize), Arc<DrawnActions>>,
}

impl Sources {
    /// Digits in a folder with MNIST's four IDX files, or those inside this crate.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            note: |_| (),
            digits: Arc::default(),
            recorded: Arc::default(),
            video: Arc::default(),
        }
    }

    /// The 5,000 + 1,000 digits inside this crate.
    pub fn embedded() -> Self {
        Self::new(None)
    }

    /// A folder with MNIST's four IDX files, gzipped or not.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self::new(Some(folder.into()))
    }

    /// Digits that are there already.
    pub fn of(digits: Arc<Digits>) -> Self {
        Self { digits: Arc::new(Mutex::new(Some(digits))), ..Self::embedded() }
    }

    /// The same sources, telling `note` once, when they are read, what a user should know of them:
    /// that the folder's files are not MNIST or KTH, that videos are being decoded. Without it only the
    /// description says so.
    pub fn noting(self, note: fn(&str)) -> Self {
        Self { note, ..self }
    }

    /// The folder, where the digits are not those inside this crate.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The folder that digits are read from: `mnist` or `MNIST/raw` in the folder if only that has any of MNIST's
    /// files.
    pub fn digits_folder(&self) -> Option<PathBuf> {
        let folder = self.folder()?;
        let has_any = |folder: &PathBuf| FILES.iter().any(|file| file.find(folder).is_ok());
        let mut places =
            [folder.to_path_buf(), folder.join("mnist"), folder.join("MNIST/raw")].into_iter();
        Some(places.find(has_any).unwrap_or_else(|| folder.to_path_buf()))
    }

    /// The folder that KTH is read from: the folder, or `kth` in it, where there is anything of KTH.
    pub fn footage_folder(&self) -> Option<PathBuf> {
        let folder = self.folder()?;
        [folder.to_path_buf(), folder.join("kth")].into_iter().find(|folder| kth::is_there(folder))
    }

    /// The digits, read by the first call.
    ///
    /// # Errors
    /// Those of [`Digits::in_folder`], by every call until one succeeds.
    pub fn digits(&self) -> Result<Arc<Digits>> {
        // A thread that panicked while reading has left nothing there.
        let mut digits = self.digits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digits) = &*digits {
            return Ok(digits.clone());
        }
        let read = Arc::new(match self.digits_folder() {
            None => Digits::embedded()?,
            Some(folder) => Digits::in_folder(&folder)?,
        });
        if let Some(note) = read.note() {
            (self.note)(note);
        }
        Ok(digits.insert(read).clone())
    }

    /// Video of one's own, read by the first call.
    ///
    /// # Errors
    /// Those of [`Video::read`]; [`Error::Configuration`] without a folder.
    pub fn video(&self) -> Result<Arc<Video>> {
        let mut video = self.video.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(video) = &*video {
            return Ok(video.clone());
        }
        let Some(folder) = self.folder() else {
            let remedy = format!("give --data-dir FOLDER with {VIDEO_FILE} in it");
            return Err(Error::configuration("video", "of your own is asked for", remedy));
        };
        let path = folder.join(VIDEO_FILE);
        if !path.exists() {
            let (what, remedy) =
                (folder.display().to_string(), "docs/own_data.md says what it holds");
            return Err(Error::configuration(what, format!("has no {VIDEO_FILE}"), remedy));
        }
        Ok(video.insert(Arc::new(Video::read(&path)?)).clone())
    }

    /// KTH's clips with frames of `extents` (height, width); the videos are read by the first call of a
    /// size. `None` where the folder has nothing of KTH.
    ///
    /// # Errors
    /// Those of [`KthVideos::read`], by every call until one succeeds: a folder with a part of KTH is
    /// an error, not `None`.
    pub fn footage(
        &self,
        extents: (usize, usize),
        ranges: Ranges,
    ) -> Result<Option<Arc<KthFootage>>> {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(footage) = recorded.footage.get(&(extents, ranges)) {
            return Ok(Some(footage.clone()));
        }
        let videos = match recorded.videos.get(&extents) {
            Some(videos) => videos.clone(),
            None => {
                let Some(folder) = self.footage_folder() else { return Ok(None) };
                let videos = Arc::new(KthVideos::read(&folder, extents, &self.note)?);
                recorded.videos.insert(extents, videos.clone());
                videos
            }
        };
        let footage = Arc::new(KthFootage::new(videos, ranges));
        footage.notes().iter().for_each(|note| (self.note)(note));
        recorded.footage.insert((extents, ranges), footage.clone());
        Ok(Some(footage))
    }

    /// Clips of people in motion: KTH's where the folder has them, else drawn ones
    /// ([`DrawnActions`], always the same), of which a folder's user is told.
    ///
    /// # Errors
    /// As [`Sources::footage`]; [`Error::Io`] when the folder cannot be opened.
    pub fn clips(&self, extents: (usize, usize), ranges: Ranges) -> Result<Arc<dyn Footage>> {
        if let Some(footage) = self.footage(extents, ranges)? {
            return Ok(footage);
        }
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = self.folder().filter(|_| recorded.drawn.is_empty()) {
            std::fs::read_dir(folder).map_err(Error::io(folder))?;
            let folder = folder.display();
            (self.note)(&format!("there is nothing of KTH in {folder}: actions are drawn"));
        }
        let drawn = recorded.drawn.entry(extents);
        Ok(drawn.or_insert_with(|| Arc::new(DrawnActions::new(extents, 0))).clone())
    }
}
