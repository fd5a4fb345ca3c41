//! Downloads of data sets' files: resumable, verified before they are put in place.

use super::downloadable::Downloadable;
use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Body;
use ureq::http::Response;

/// Where a data set's files may be found: the one list of addresses in the project.
#[derive(Clone, Debug)]
pub struct Mirrors {
    /// Addresses of folders, of which the first that serves a file is taken.
    pub addresses: Vec<String>,
    /// How long a server may keep silent.
    pub patience: Duration,
}

impl Default for Mirrors {
    /// Those of MNIST's gzipped IDX files.
    fn default() -> Self {
        let mirrors = [
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
        ];
        Self::of(mirrors.map(String::from).to_vec())
    }
}

impl Mirrors {
    /// Those of some addresses, with a minute of patience.
    pub fn of(addresses: Vec<String>) -> Self {
        Self { addresses, patience: Duration::from_secs(60) }
    }

    /// That of KTH's annotation and zips.
    pub fn of_kth() -> Self {
        Self::of(vec!["http://www.csc.kth.se/cvap/actions".to_string()])
    }

    /// The answer of a server to the request for a file from a byte on.
    fn ask(&self, address: &str, from: u64) -> std::result::Result<Response<Body>, ureq::Error> {
        let patience = Some(self.patience);
        let mut request = ureq::get(address)
            .config()
            .timeout_resolve(patience)
            .timeout_connect(patience)
            .timeout_recv_response(patience)
            .timeout_per_read(patience)
            .build();
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        request.call()
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
    for mirror in &mirrors.addresses {
        let address = format!("{}/{name}", mirror.trim_end_matches('/'));
        // A second try starts from nothing: what was there may be a piece of another file.
        for from_scratch in [false, true] {
            let had_part = part.exists();
            let attempt = Attempt { file, mirrors, address: &address, part: &part };
            match attempt.make(from_scratch, &|got, all| progress(&name, got, all)) {
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

/// A file from one address.
struct Attempt<'a, F> {
    file: &'a F,
    mirrors: &'a Mirrors,
    address: &'a str,
    /// Where it goes until it is verified.
    part: &'a Path,
}

impl<F: Downloadable> Attempt<'_, F> {
    /// Downloads, continuing where the part ends, and verifies it.
    fn make(
        &self,
        from_scratch: bool,
        progress: &dyn Fn(u64, Option<u64>),
    ) -> std::result::Result<(), String> {
        if from_scratch && self.part.exists() {
            std::fs::remove_file(self.part).map_err(|e| e.to_string())?;
        }
        self.transfer(progress)?;
        self.file.verify(self.part).map_err(|e| self.worthless(e.to_string()))
    }

    /// A wrong file is worth nothing as the beginning of the right one.
    fn worthless(&self, problem: String) -> String {
        let _ = std::fs::remove_file(self.part);
        problem
    }

    fn transfer(&self, progress: &dyn Fn(u64, Option<u64>)) -> std::result::Result<(), String> {
        let part = self.part;
        let mut have = std::fs::metadata(part).map(|m| m.len()).unwrap_or(0);
        let mut response = self.mirrors.ask(self.address, have).map_err(|e| e.to_string())?;
        let is_rest = response.status() == 206;
        have = if is_rest { have } else { 0 };
        let all = response.body().content_length().map(|length| have + length);
        self.expect_possible(all.unwrap_or(have))?;
        let mut out: File = if is_rest {
            OpenOptions::new().append(true).open(part).map_err(|e| e.to_string())?
        } else {
            File::create(part).map_err(|e| e.to_string())?
        };
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let broke_off = |e| format!("the transfer broke off after {have} bytes: {e}");
            let read = body.read(&mut buffer).map_err(broke_off)?;
            if read == 0 {
                break;
            }
            out.write_all(&buffer[..read]).map_err(|e| e.to_string())?;
            have += read as u64;
            self.expect_possible(have)?;
            progress(have, all);
        }
        match all.filter(|&all| all != have) {
            Some(all) => Err(format!("the transfer broke off after {have} of {all} bytes")),
            None => out.sync_all().map_err(|e| e.to_string()),
        }
    }

    /// Refuses more bytes than the file can have.
    fn expect_possible(&self, bytes: u64) -> std::result::Result<(), String> {
        let most = self.file.most_bytes();
        let problem = || format!("sends another file: {bytes} bytes, where {most} are the most");
        if bytes > most { Err(self.worthless(problem())) } else { Ok(()) }
    }
}
