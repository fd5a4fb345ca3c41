//! The data set's files as they are published, for downloading them.

use super::super::downloadable::Downloadable;
use super::super::footage::Action;
use super::annotation::Annotation;
use super::archive;
use super::files::zip_name;
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// One of the data set's published files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KthFile {
    /// `00sequences.txt`, which is known by its digest.
    Annotation,
    /// The zip with the videos of an action. Digests are not published: it is known by the number of
    /// videos in it and by their checksums.
    Videos {
        /// The action, of which the zip has its name.
        action: Action,
        /// Videos in it.
        count: usize,
    },
}

/// The seven files: the annotation, and 150 to 250 MB for each action. One video of hand clapping does
/// not exist.
pub const KTH_FILES: [KthFile; 7] = [
    KthFile::Annotation,
    KthFile::Videos { action: Action::Walking, count: 100 },
    KthFile::Videos { action: Action::Jogging, count: 100 },
    KthFile::Videos { action: Action::Running, count: 100 },
    KthFile::Videos { action: Action::Boxing, count: 100 },
    KthFile::Videos { action: Action::Handwaving, count: 100 },
    KthFile::Videos { action: Action::Handclapping, count: 99 },
];

impl Downloadable for KthFile {
    fn name(&self) -> String {
        match self {
            Self::Annotation => Annotation::FILE_NAME.to_string(),
            Self::Videos { action, .. } => zip_name(*action),
        }
    }

    fn find(&self, folder: &Path) -> Option<PathBuf> {
        Some(folder.join(self.name())).filter(|path| path.is_file())
    }

    fn most_bytes(&self) -> u64 {
        match self {
            Self::Annotation => 1 << 20,
            Self::Videos { .. } => 2 << 30, // all six are 1.2 GB
        }
    }

    fn verify(&self, path: &Path) -> Result<()> {
        match *self {
            Self::Annotation => verify_annotation(path),
            Self::Videos { action, count } => verify_videos(path, action, count),
        }
    }
}

fn verify_annotation(path: &Path) -> Result<()> {
    let got = sha256_hex(std::fs::read(path).map_err(Error::io(path))?);
    if got == Annotation::PUBLISHED_SHA256 {
        return Ok(());
    }
    Err(Error::Digest {
        path: path.to_path_buf(),
        expected: Annotation::PUBLISHED_SHA256.to_string(),
        got,
        remedy: "delete the file and fetch it again",
    })
}

/// Unpacks every video, which compares its checksum, and counts those of the action.
fn verify_videos(path: &Path, action: Action, count: usize) -> Result<()> {
    let mut recordings = archive::check(path)?;
    recordings.retain(|recording| recording.action == action);
    recordings.sort();
    recordings.dedup();
    if recordings.len() == count {
        return Ok(());
    }
    let (got, name) = (recordings.len(), action.name());
    let problem =
        format!("has {got} videos of {name} instead of {count}; delete it and fetch it again");
    Err(Error::Format { path: path.to_path_buf(), line: None, problem })
}
