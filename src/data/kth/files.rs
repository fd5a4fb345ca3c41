//! Where the data set's videos lie in a folder.

use super::super::footage::Action;
use super::annotation::Annotation;
use super::archive;
use super::recording::Recording;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A folder that may hold the videos of all actions.
const FLAT: &str = "kth_actions";

/// A video that is there.
#[derive(Clone, Debug)]
pub(super) struct VideoFile {
    pub(super) recording: Recording,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    /// The place among the files of a zip.
    Zipped(PathBuf, usize),
}

impl VideoFile {
    /// The content.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Format`] when it lies in a zip that is damaged.
    pub(super) fn read(&self) -> Result<Vec<u8>> {
        match &self.place {
            Place::File(path) => std::fs::read(path).map_err(Error::io(path)),
            Place::Zipped(path, place) => archive::read(path, *place),
        }
    }

    /// Hands `use_it` a path with the content, which is temporary for a video in a zip, and the path to
    /// call the video by.
    pub(super) fn with_path<T>(&self, use_it: impl FnOnce(&Path, &Path) -> Result<T>) -> Result<T> {
        match &self.place {
            Place::File(path) => use_it(path, path),
            Place::Zipped(path, _) => {
                // A file rather than a pipe: without seeking, AVI is read in another way.
                let file = tempfile::NamedTempFile::new().map_err(Error::io(path))?;
                std::fs::write(file.path(), self.read()?).map_err(Error::io(file.path()))?;
                use_it(file.path(), &path.join(self.recording.file_name()))
            }
        }
    }
}

/// Whether there is anything of the data set in a folder: the annotation, a zip, or videos.
pub(crate) fn is_there(folder: &Path) -> bool {
    let has_action = Action::ALL.iter().any(|action| {
        folder.join(action.name()).is_dir() || folder.join(zip_name(*action)).is_file()
    });
    has_action
        || folder.join(Annotation::FILE_NAME).is_file()
        || folder.join(FLAT).is_dir()
        || std::fs::read_dir(folder).is_ok_and(|entries| {
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            names.into_iter().any(|name| Recording::of_file(&name).is_some())
        })
}

/// The published name of an action's zip.
pub(super) fn zip_name(action: Action) -> String {
    format!("{}.zip", action.name())
}

/// The files of the recordings, in the same order.
///
/// Each is looked for in the folder of its action, in the folder `kth_actions`, in `folder` itself, and
/// in the zip of its action; the first is taken.
///
/// # Errors
/// [`Error::Configuration`] naming some that are missing; [`Error::Format`] for a zip that is none.
pub(super) fn find(folder: &Path, recordings: &[Recording]) -> Result<Vec<VideoFile>> {
    let zipped = zipped(folder)?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for &recording in recordings {
        let name = recording.file_name();
        let places = [folder.join(recording.action.name()), folder.join(FLAT), folder.into()];
        let file = places.iter().map(|place| place.join(&name)).find(|path| path.is_file());
        let place = file.map(Place::File).or_else(|| zipped.get(&recording).cloned());
        match place {
            Some(place) => found.push(VideoFile { recording, place }),
            None => missing.push(recording.name()),
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(lacking(folder, recordings.len(), &missing)) }
}

/// The videos in the zips of a folder.
fn zipped(folder: &Path) -> Result<BTreeMap<Recording, Place>> {
    let mut places = BTreeMap::new();
    for path in Action::ALL.map(|action| folder.join(zip_name(action))) {
        if path.is_file() {
            for (recording, place) in archive::list(&path)? {
                places.entry(recording).or_insert(Place::Zipped(path.clone(), place));
            }
        }
    }
    Ok(places)
}

/// The error of a folder without some of the videos: a result from a part of the data set would look
/// like one from the whole.
fn lacking(folder: &Path, all: usize, missing: &[String]) -> Error {
    let mut names = missing[..missing.len().min(3)].join(", ");
    if missing.len() > 3 {
        names += &format!(" and {} more", missing.len() - 3);
    }
    Error::configuration(
        folder.display().to_string(),
        format!("lacks {} of the {all} videos of KTH's annotation: {names}", missing.len()),
        format!("`fernn data fetch kth --data-dir {}` downloads them", folder.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recordings() -> Vec<Recording> {
        let of = |person| Recording { person, action: Action::Boxing, scenario: 2 };
        (1..=5).map(of).collect()
    }

    #[test]
    fn kth_is_there_when_anything_of_it_is() {
        for name in ["00sequences.txt", "running.zip", "person01_boxing_d1_uncomp.avi"] {
            let folder = tempfile::tempdir().expect("a folder");
            assert!(!is_there(folder.path()) && !is_there(&folder.path().join("none")));
            std::fs::write(folder.path().join(name), "").expect("a file");
            assert!(is_there(folder.path()), "{name}");
        }
        for name in ["walking", "kth_actions"] {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
            assert!(is_there(folder.path()), "{name}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("other.avi"), "").expect("a file");
        assert!(!is_there(folder.path()));
    }

    #[test]
    fn kth_videos_are_found_in_folders_and_some_that_are_missing_are_named() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |inside: &str, recording: &Recording| {
            let path = folder.path().join(inside).join(recording.file_name());
            crate::atomic_file::write_atomically(&path, inside.as_bytes())
        };
        let message = || find(folder.path(), &recordings()).expect_err("missing").to_string();
        assert!(
            message().contains(
                "lacks 5 of the 5 videos of KTH's annotation: person01_boxing_d2, \
                 person02_boxing_d2, person03_boxing_d2 and 2 more; `fernn data fetch kth"
            ),
            "{}",
            message()
        );
        let all = recordings();
        at("", &all[0])?;
        at("kth_actions", &all[1])?;
        at("boxing", &all[2])?;
        at("boxing", &all[1])?;
        at("walking", &all[3])?;
        assert!(message().contains("lacks 2 of"), "{}", message());
        at("boxing", &all[3])?;
        at("boxing", &all[4])?;
        let found = find(folder.path(), &all)?;
        let contents: Vec<Vec<u8>> = found.iter().map(VideoFile::read).collect::<Result<_>>()?;
        assert_eq!(contents, [&b""[..], b"boxing", b"boxing", b"boxing", b"boxing"]);
        std::fs::write(folder.path().join("running.zip"), "no zip").expect("a file");
        let error = find(folder.path(), &all).expect_err("no zip");
        assert!(matches!(&error, Error::Format { path, .. } if path.ends_with("running.zip")));
        Ok(())
    }
}
