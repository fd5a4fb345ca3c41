//! Where the files of units lie in an output folder.

use super::experiment::UnitKey;
use super::lock::Lock;
use super::part::Part;
use crate::atomic_file::{read_if_there, remove_if_there, write_atomically};
use crate::error::Result;
use std::path::{Path, PathBuf};

/// The files of one unit in an output folder: in `runs`, named after the unit and the digest of all that
/// its numbers come from, so that units that differ lie beside each other; and the best weights of the
/// unit that ran last in `weights`.
#[derive(Clone, Debug)]
pub struct UnitFiles {
    out: PathBuf,
    slug: String,
    /// Identifies the unit.
    digest: String,
}

impl UnitFiles {
    /// Those of a unit of this key and digest.
    pub(super) fn new(out: &Path, key: &UnitKey, digest: String) -> Self {
        Self { out: out.to_path_buf(), slug: key.slug(), digest }
    }

    /// Those of the same unit in another folder.
    pub(super) fn within(&self, out: &Path) -> Self {
        Self { out: out.to_path_buf(), ..self.clone() }
    }

    /// What identifies the unit: the digest of its configuration and data.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    fn file(&self, kind: &str) -> PathBuf {
        self.out.join("runs").join(format!("{}-{}.{kind}", self.slug, self.digest))
    }

    /// What was measured.
    pub fn part(&self) -> PathBuf {
        self.file("csv")
    }

    /// Why it came to no end.
    pub(super) fn failure(&self) -> PathBuf {
        self.file("failed.csv")
    }

    /// Where its training stands.
    pub fn checkpoint(&self) -> PathBuf {
        self.file("safetensors")
    }

    /// Its best weights.
    pub fn best(&self) -> PathBuf {
        self.file("best.safetensors")
    }

    /// Takes the unit for this process alone.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub fn lock(&self) -> Result<Lock> {
        Lock::of_unit(&self.file("in-use"), &self.slug)
    }

    /// What was measured of the unit, where it is finished.
    ///
    /// # Errors
    /// Those of [`Part::read`].
    pub(super) fn finished(&self) -> Result<Option<Part>> {
        Part::read(&self.part(), &self.digest)
    }

    /// What is known of its failure, where it failed.
    ///
    /// # Errors
    /// Those of [`Part::read`].
    pub(super) fn failed(&self) -> Result<Option<Part>> {
        Part::read(&self.failure(), &self.digest)
    }

    /// Writes what was measured; what was written of an earlier failure is gone then.
    ///
    /// # Errors
    /// Those of [`Part::write`].
    pub(super) fn finish(&self, part: &Part) -> Result<()> {
        part.write(&self.part(), &self.digest)?;
        remove_if_there(&self.failure())
    }

    /// Puts the best weights among those of the output folder; without any, those that another unit of this name
    /// left there are gone.
    ///
    /// # Errors
    /// [`crate::Error::Io`] naming the file.
    pub(super) fn publish(&self) -> Result<()> {
        let published = self.published();
        match read_if_there(&self.best())? {
            None => remove_if_there(&published),
            Some(weights) if read_if_there(&published)?.as_ref() == Some(&weights) => Ok(()),
            Some(weights) => write_atomically(&published, &weights),
        }
    }

    fn published(&self) -> PathBuf {
        self.out.join("weights").join(format!("{}.safetensors", self.slug))
    }

    /// Takes what another folder holds of the unit.
    ///
    /// # Errors
    /// Those of reading there and of writing here.
    pub(super) fn copy_from(&self, other: &Self, part: &Part) -> Result<()> {
        if let Some(weights) = read_if_there(&other.best())? {
            write_atomically(&self.best(), &weights)?;
        }
        self.finish(part)
    }

    /// Removes them all, and nothing else.
    ///
    /// # Errors
    /// [`crate::Error::Io`] naming what could not be removed.
    pub(super) fn discard(&self) -> Result<()> {
        let kinds = ["csv", "pictures.csv", "failed.csv", "safetensors", "best.safetensors"];
        kinds.iter().try_for_each(|kind| remove_if_there(&self.file(kind)))?;
        remove_if_there(&self.published())
    }
}
