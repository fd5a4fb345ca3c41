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
    /// Bytes in a second below which a transfer is given up in the end: patience, and the time that the largest
    /// possible file takes at this rate, are all it has.
    pub slowest: u64,
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
    /// Those of some addresses, with a minute of patience and 20 kB in a second at least.
    pub fn of(addresses: Vec<String>) -> Self {
        Self { addresses, patience: Duration::from_secs(60), slowest: 20_000 }
    }

    /// That of KTH's annotation and zips.
    pub fn of_kth() -> Self {
        Self::of(vec!["http://www.csc.kth.se/cvap/actions".to_string()])
    }

    /// The answer of a server to the request for a file, of so many bytes at most, from a byte on.
    fn ask(
        &self,
        address: &str,
        (from, most): (u64, u64),
    ) -> std::result::Result<Response<Body>, ureq::Error> {
        let patience = Some(self.patience);
        let longest = self.patience + Duration::from_secs(most / self.slowest.max(1));
        let mut request = ureq::get(address)
            .config()
            .timeout_resolve(patience)
            .timeout_connect(patience)
            .timeout_recv_response(patience)
            .timeout_per_read(patience)
            .timeout_recv_body(Some(longest))
            .build();
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        request.call()
    }
}

/// Brings `files` (MNIST's are [`super::FILES`], KTH's [`super::KTH_FILES`]) into `folder`; those already
/// there with the right content are kept, others are never replaced.
///
/// A partial download is kept as `<file>.part` and continued by the next call, also where no server answered. A file appears under its
/// own name only once its content was verified. `progress` is told (file, bytes so far, bytes in all
/// where the server says).
///
/// # Errors
/// [`Error::Download`] with one line per attempt when no mirror served a file; those of [`Downloadable::verify`] for
/// another file of its name; [`Error::Io`] when nothing can be written.
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
    if let Some(path) = file.find(folder) {
        return file.verify(&path).map(|()| path); // what is something else is not replaced
    }
    let part = folder.join(format!("{name}.part"));
    let mut attempts = Vec::new();
    for mirror in &mirrors.addresses {
        let address = format!("{}/{name}", mirror.trim_end_matches('/'));
        let attempt = Attempt { file, mirrors, address: &address, part: &part };
        let had_part = part.exists();
        let mut made = attempt.make(&|got, all| progress(&name, got, all));
        if had_part && let Err(Failure::Worthless(problem)) = made {
            // What was there may have been a piece of another file; it is gone.
            attempts.push(format!("{address}: {problem}"));
            made = attempt.make(&|got, all| progress(&name, got, all));
        }
        match made {
            Ok(()) => {
                std::fs::rename(&part, &target).map_err(Error::io(&target))?;
                return Ok(target);
            }
            Err(Failure::Here(error)) => return Err(error),
            Err(Failure::Worthless(problem) | Failure::There(problem)) => {
                attempts.push(format!("{address}: {problem}"));
            }
        }
    }
    Err(Error::Download { file: name, attempts })
}

/// Why an attempt came to nothing.
enum Failure {
    /// What came is not the file, and is removed.
    Worthless(String),
    /// The server or the way to it; what came is kept.
    There(String),
    /// What came cannot be written here.
    Here(Error),
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
    fn make(&self, progress: &dyn Fn(u64, Option<u64>)) -> std::result::Result<(), Failure> {
        if self.part.exists() && self.file.verify(self.part).is_ok() {
            return Ok(()); // it was whole, and not put in place
        }
        self.transfer(progress)?;
        self.file.verify(self.part).map_err(|e| self.worthless(e.to_string()))
    }

    /// A wrong file is worth nothing as the beginning of the right one.
    fn worthless(&self, problem: String) -> Failure {
        let _ = std::fs::remove_file(self.part);
        Failure::Worthless(problem)
    }

    fn transfer(&self, progress: &dyn Fn(u64, Option<u64>)) -> std::result::Result<(), Failure> {
        let part = self.part;
        let here = |error| Failure::Here(Error::io(part)(error));
        let mut have = std::fs::metadata(part).map(|m| m.len()).unwrap_or(0);
        let most = self.file.most_bytes();
        let mut response = self.mirrors.ask(self.address, (have, most)).map_err(|e| match e {
            ureq::Error::StatusCode(416) => self.worthless("has no bytes beyond the part".into()),
            other => Failure::There(other.to_string()),
        })?;
        let is_rest = response.status() == 206;
        have = if is_rest { have } else { 0 };
        let all = response.body().content_length().map(|length| have + length);
        if let Some(all) = all.filter(|&all| all > most) {
            return Err(Failure::There(another_file(all, most)));
        }
        let mut out: File = if is_rest {
            OpenOptions::new().append(true).open(part).map_err(here)?
        } else {
            File::create(part).map_err(here)?
        };
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let broke_off =
                |e| Failure::There(format!("the transfer broke off after {have} bytes: {e}"));
            let read = body.read(&mut buffer).map_err(broke_off)?;
            if read == 0 {
                break;
            }
            out.write_all(&buffer[..read]).map_err(here)?;
            have += read as u64;
            self.expect_possible(have)?;
            progress(have, all);
        }
        match all.filter(|&all| all != have) {
            Some(all) => {
                let problem = format!("the transfer broke off after {have} of {all} bytes");
                Err(Failure::There(problem))
            }
            None => out.sync_all().map_err(here),
        }
    }

    /// Refuses more bytes than the file can have.
    fn expect_possible(&self, bytes: u64) -> std::result::Result<(), Failure> {
        let most = self.file.most_bytes();
        if bytes > most { Err(self.worthless(another_file(bytes, most))) } else { Ok(()) }
    }
}

fn another_file(bytes: u64, most: u64) -> String {
    format!("sends another file: {bytes} bytes, where {most} are the most")
}
