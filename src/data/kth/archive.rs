//! Videos inside a zip, as the data set is published.

use super::recording::Recording;
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

type Archive = zip::ZipArchive<BufReader<File>>;

fn open(path: &Path) -> Result<Archive> {
    let file = File::open(path).map_err(Error::io(path))?;
    zip::ZipArchive::new(BufReader::new(file)).map_err(|error| refuse(path, &error))
}

fn refuse(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Format {
        path: path.to_path_buf(),
        line: None,
        problem: format!("is no sound zip file ({error}); delete it and fetch it again"),
    }
}

/// The videos in a zip with their places in it; the folders that they lie in mean nothing.
///
/// # Errors
/// [`Error::Io`], and [`Error::Format`] when the file is no zip.
pub(super) fn list(path: &Path) -> Result<Vec<(Recording, usize)>> {
    let archive = open(path)?;
    let recording = |name: &[u8]| -> Option<Recording> {
        let name = str::from_utf8(name).ok()?;
        Recording::of_file(name.rsplit(['/', '\\']).next()?)
    };
    let places = archive.file_names_raw().enumerate();
    Ok(places.filter_map(|(place, name)| Some((recording(name)?, place))).collect())
}

/// The content of a zip's file.
///
/// # Errors
/// [`Error::Io`], and [`Error::Format`] when the zip is damaged: the content has another CRC-32 than the
/// zip says, or cannot be unpacked.
pub(super) fn read(path: &Path, place: usize) -> Result<Vec<u8>> {
    let mut archive = open(path)?;
    let mut file = archive.by_index(place).map_err(|error| refuse(path, &error))?;
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(|error| refuse(path, &error))?;
    Ok(content)
}

/// Reads a zip's videos to the end and returns their names.
///
/// # Errors
/// Those of [`list`] and [`read`].
pub(super) fn check(path: &Path) -> Result<Vec<Recording>> {
    let check = |(recording, place): (Recording, usize)| read(path, place).map(|_| recording);
    list(path)?.into_par_iter().map(check).collect()
}
