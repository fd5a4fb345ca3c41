//! What a published file is: the seam between data sets and downloads.

use super::idx::{IdxFile, gunzip_if_needed};
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// A published file: what it is called, and how one knows that a file is it.
pub trait Downloadable {
    /// The name in the addresses and, after the download, in the folder.
    fn name(&self) -> String;

    /// The file in a folder, under whichever name it may have there.
    fn find(&self, folder: &Path) -> Option<PathBuf>;

    /// More bytes than it has as published, whoever compressed it: what a server sends beyond is another file.
    fn most_bytes(&self) -> u64;

    /// Reads the whole file and compares it with what was published.
    ///
    /// # Errors
    /// What differs.
    fn verify(&self, path: &Path) -> Result<()>;
}

impl Downloadable for IdxFile {
    fn name(&self) -> String {
        format!("{}.gz", self.name)
    }

    fn find(&self, folder: &Path) -> Option<PathBuf> {
        IdxFile::find(self, folder).ok()
    }

    fn most_bytes(&self) -> u64 {
        64 << 20 // the largest is 47 MB before it is compressed
    }

    /// Compares the digest of the uncompressed content with the published one.
    fn verify(&self, path: &Path) -> Result<()> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let got = sha256_hex(gunzip_if_needed(bytes, path)?);
        if got == self.sha256 {
            return Ok(());
        }
        Err(Error::Digest {
            path: path.to_path_buf(),
            expected: self.sha256.to_string(),
            got,
            remedy: "delete the file and fetch it again",
        })
    }
}
