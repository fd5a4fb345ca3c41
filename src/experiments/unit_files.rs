//! Where the files of units lie in an output folder.

use super::experiment::UnitKey;
use super::lock::Lock;
use super::part::Part;
use super::trained_model::TrainedModel;
use crate::atomic_file::{read_if_there, remove_if_there, write_atomically};
use crate::error::{Error, Result};
use crate::tensor_file::TensorFile;
use candle_core::Device;
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
        match self.best_weights()? {
            None => self.withdraw(),
            Some(weights) if read_if_there(&published)?.as_ref() == Some(&weights) => Ok(()),
            Some(weights) => {
                self.expect_publishable()?;
                write_atomically(&published, &weights)
            }
        }
    }

    /// The file of the best weights, whole, where there is one.
    fn best_weights(&self) -> Result<Option<Vec<u8>>> {
        let path = self.best();
        let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
        match TensorFile::parse(&bytes, &Device::Cpu) {
            Ok(_) => Ok(Some(bytes)),
            Err(problem) => {
                let part = self.part();
                let part = part.file_name().unwrap_or_default().to_string_lossy();
                let problem = format!(
                    "{problem}; remove it and {part}: the unit then goes on from its checkpoint"
                );
                Err(Error::Weights { path, problems: vec![problem] })
            }
        }
    }

    /// Removes what an earlier unit published; a file of somebody else stays.
    fn withdraw(&self) -> Result<()> {
        let published = self.published();
        if TrainedModel::is_in(&published) { remove_if_there(&published) } else { Ok(()) }
    }

    /// Refuses a place for the published weights at which something else lies.
    ///
    /// # Errors
    /// [`Error::Configuration`] naming it.
    pub(super) fn expect_publishable(&self) -> Result<()> {
        let published = &self.published();
        if !published.exists() || TrainedModel::is_in(published) {
            return Ok(());
        }
        let problem = "is no file of trained weights that a run wrote, or is damaged";
        let remedy = "move it away, or choose another --out";
        Err(Error::configuration(published.display().to_string(), problem, remedy))
    }

    fn published(&self) -> PathBuf {
        self.out.join("weights").join(format!("{}.safetensors", self.slug))
    }

    /// Takes what another folder holds of the unit.
    ///
    /// # Errors
    /// Those of reading there and of writing here.
    pub(super) fn copy_from(&self, other: &Self, part: &Part) -> Result<()> {
        if let Some(weights) = other.best_weights()? {
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
        self.withdraw()
    }
}
