//! One run at a time in a folder.

use crate::error::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// The file that is locked, among a folder's runs; it holds the number of the process.
const NAME: &str = "in-use";

/// A folder that no other run may use while this lives. The system takes it back when the process ends, however
/// it ends.
#[derive(Debug)]
pub struct FolderLock {
    /// Locked as long as it is open.
    _file: File,
}

impl FolderLock {
    /// Takes the folder, and makes it where it is not there.
    ///
    /// # Errors
    /// [`Error::Configuration`] naming the process that has it; [`Error::Io`] when nothing can be written
    /// there. Where the file system knows no locks the folder is taken without one.
    pub fn take(folder: &Path) -> Result<Self> {
        let runs = folder.join("runs");
        std::fs::create_dir_all(&runs).map_err(Error::io(&runs))?;
        let path = runs.join(NAME);
        let mut open = OpenOptions::new();
        open.read(true).write(true).create(true).truncate(false);
        let mut file = open.open(&path).map_err(Error::io(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(folder, &mut file)),
            Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(e)) => return Err(Error::io(&path)(e)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(Error::io(&path))?;
        Ok(Self { _file: file })
    }
}

fn in_use(folder: &Path, file: &mut File) -> Error {
    let mut owner = String::new();
    let owner = match file.read_to_string(&mut owner) {
        Ok(_) if !owner.trim().is_empty() => format!("process {}", owner.trim()),
        _ => "another process".into(),
    };
    let what = format!("the folder {}", folder.display());
    let remedy = "wait until that ends, or choose another --out";
    Error::configuration(what, format!("is in use by {owner}"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_until_he_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        let refusal = FolderLock::take(folder.path()).unwrap_err();
        let owner = format!("in use by process {}", std::process::id());
        assert!(refusal.is_usage() && refusal.to_string().contains(&owner), "{refusal}");
        assert!(FolderLock::take(&folder.path().join("another")).is_ok());
        drop(first);
        assert!(FolderLock::take(folder.path()).is_ok());
    }
}
