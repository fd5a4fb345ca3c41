//! Where data comes from, opened only when it is asked for.

use super::digits::Digits;
use crate::error::Result;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The sources of a run: nothing is read before the first use, and nothing twice. Clones share what
/// was read.
///
/// ```
/// use fernn::data::Sources;
/// # fn main() -> fernn::Result<()> {
/// let sources = Sources::embedded();
/// assert!(sources.digits()?.description().starts_with("embedded MNIST subset"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sources {
    folder: Option<PathBuf>,
    note: fn(&str),
    /// Locked while digits are read, so that two threads do not read them twice.
    digits: Arc<Mutex<Option<Arc<Digits>>>>,
}

impl Sources {
    /// Digits in a folder with MNIST's four IDX files, or those inside this crate.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, note: |_| (), digits: Arc::default() }
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
    /// that the folder's files are not MNIST. Without it only the description says so.
    pub fn noting(self, note: fn(&str)) -> Self {
        Self { note, ..self }
    }

    /// The folder, where the digits are not those inside this crate.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
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
        let read = Arc::new(match &self.folder {
            None => Digits::embedded()?,
            Some(folder) => Digits::in_folder(folder)?,
        });
        if let Some(note) = read.note() {
            (self.note)(note);
        }
        Ok(digits.insert(read).clone())
    }
}
