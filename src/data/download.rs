//! Downloads of data sets' files: resumable, verified before they are put in place.

use super::downloadable::Downloadable;
use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Where a data set's files may be found: the one list of addresses in the project.
#[derive(Clone, Debug)]
pub struct Mirrors(pub Vec<String>);

impl Default for Mirrors {
    /// Those of MNIST's gzipped IDX files.
    fn default() -> Self {
        let mirrors = [
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
        ];
        Self(mirrors.map(String::from).to_vec())
    }
}

impl Mirrors {
    /// That of KTH's annotation and zips.
    pub fn of_kth() -> Self {
        Self(vec!["http://www.csc.kth.se/cvap/actions".to_string()])
    }
}

/// Brings `files` (MNIST's are [`super::FILES`], KTH's [`super::KTH_FILES`]) into `folder`; those already
/// there with the right content are kept.
///
/// A partial download is kept as `<file>.part` and continued by the next call. A file appears under its
/// own name only once its content was verified. `progress` is told (file, bytes so far, bytes in all
/// where the server says).
///
/// # Errors
/// [`Error::Download`] with one line per attempt when no mirror served a file.
pub fn fetch<F: Downloadable>(
    files: &[F],
    folder: &Path,
    mirrors: &Mirrors,
    progress: &dyn Fn(&str, u64, Option<u64>),
) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    files.iter().map(|file| fetch_file(file, folder, mirrors, progress)).collect()
}

fn fetch_file(
    file: &impl Downloadable,
    folder: &Path,
    mirrors: &Mirrors,
    progress: &dyn Fn(&str, u64, Option<u64>),
) -> Result<PathBuf> {
    let name = file.name();
    let target = folder.join(&name);
    if let Some(path) = file.find(folder).filter(|path| file.verify(path).is_ok()) {
        return Ok(path);
    }
    let part = folder.join(format!("{name}.part"));
    let mut attempts = Vec::new();
    for mirror in &mirrors.0 {
        let address = format!("{}/{name}", mirror.trim_end_matches('/'));
        // A second try starts from nothing: what was there may be a piece of another file.
        for from_scratch in [false, true] {
            let had_part = part.exists();
            match attempt(file, &address, &part, from_scratch, &|got, all| {
                progress(&name, got, all)
            }) {
                Ok(()) => {
                    std::fs::rename(&part, &target).map_err(Error::io(&target))?;
                    return Ok(target);
                }
                Err(problem) => attempts.push(format!("{address}: {problem}")),
            }
            if !had_part {
                break; // nothing stale was involved
            }
        }
    }
    Err(Error::Download { file: name, attempts })
}

/// Downloads to `part`, continuing where it ends, and verifies it.
fn attempt(
    file: &impl Downloadable,
    address: &str,
    part: &Path,
    from_scratch: bool,
    progress: &dyn Fn(u64, Option<u64>),
) -> std::result::Result<(), String> {
    if from_scratch && part.exists() {
        std::fs::remove_file(part).map_err(|e| e.to_string())?;
    }
    transfer(address, part, progress)?;
    file.verify(part).map_err(|e| {
        // A wrong file is worth nothing as the beginning of the right one.
        let _ = std::fs::remove_file(part);
        e.to_string()
    })
}

fn transfer(
    address: &str,
    part: &Path,
    progress: &dyn Fn(u64, Option<u64>),
) -> std::result::Result<(), String> {
    let mut have = std::fs::metadata(part).map(|m| m.len()).unwrap_or(0);
    let mut request = ureq::get(address);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let mut response = request.call().map_err(|e| e.to_string())?;
    let resumed = response.status() == 206;
    let mut out: File = if resumed {
        OpenOptions::new().append(true).open(part).map_err(|e| e.to_string())?
    } else {
        have = 0;
        File::create(part).map_err(|e| e.to_string())?
    };
    let announced = response.body().content_length();
    let all = announced.map(|length| have + length);
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = body.read(&mut buffer).map_err(|e| format!("the transfer broke off: {e}"))?;
        if read == 0 {
            break;
        }
        out.write_all(&buffer[..read]).map_err(|e| e.to_string())?;
        have += read as u64;
        progress(have, all);
    }
    match all.filter(|&all| all != have) {
        Some(all) => Err(format!("the transfer broke off after {have} of {all} bytes")),
        None => out.sync_all().map_err(|e| e.to_string()),
    }
}
