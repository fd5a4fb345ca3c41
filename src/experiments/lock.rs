//! One run at a time in a folder, or several processes that run a unit each.

use crate::atomic_file::remove_leftovers;
use crate::error::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

/// The file that is locked, among a folder's runs; it holds the number of the process.
const NAME: &str = "in-use";
/// What it says where several share the folder.
const SHARED: &str = "of several that run a unit each";

/// A folder, or a unit in it, that no other process may use while this lives, unless both share it. The system takes
/// it back when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    /// Locked as long as it is open.
    _file: File,
    /// Whether the file system knows locks.
    is_sure: bool,
}

/// Whether a file system has said that it knows no locks, or that nobody answers who knows of them (NFS).
fn knows_no_locks(error: &std::io::Error) -> bool {
    let nobody_answers = cfg!(target_os = "linux") && error.raw_os_error() == Some(37); // ENOLCK
    error.kind() == ErrorKind::Unsupported || nobody_answers
}

impl Lock {
    /// Takes the folder for a run of many units, and makes it where it is not there.
    ///
    /// # Errors
    /// [`Error::Configuration`] naming the process that has it; [`Error::Io`] when nothing can be written
    /// there. Where the file system knows no locks the folder is taken without one.
    pub fn take(folder: &Path) -> Result<Self> {
        let lock = Self::of_folder(folder, File::try_lock, &this_process())?;
        if lock.is_sure {
            for part in ["runs", "weights", "tables", "figures", ""] {
                remove_leftovers(&folder.join(part))?; // of processes that were killed
            }
            for curves in
                std::fs::read_dir(folder.join("tensorboard")).into_iter().flatten().flatten()
            {
                remove_leftovers(&curves.path())?;
            }
        }
        Ok(lock)
    }

    /// Takes the folder together with others that share it: processes that run a unit each.
    ///
    /// # Errors
    /// As [`Lock::take`], when a run of many units has it.
    pub fn share(folder: &Path) -> Result<Self> {
        Self::of_folder(folder, File::try_lock_shared, SHARED)
    }

    fn of_folder(folder: &Path, lock: Locking, owner: &str) -> Result<Self> {
        let runs = folder.join("runs");
        std::fs::create_dir_all(&runs).map_err(Error::io(&runs))?;
        let remedy = "wait until that ends, or choose another --out";
        let refuse = |owner| {
            let what = format!("the folder {}", folder.display());
            Error::configuration(what, format!("is in use by {owner}"), remedy)
        };
        let refuse = |owner: String| match owner.strip_prefix("process ") {
            Some(SHARED) => refuse(owner_of_a_unit(&runs).unwrap_or_else(|| "others".into())),
            _ => refuse(owner),
        };
        Self::of_file(&runs.join(NAME), (lock, owner), &refuse)
    }

    /// Takes a training that is no unit of a folder, by a file beside its output.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub fn of_training(path: &Path, out: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        }
        Self::of_unit(path, &out.display().to_string())
    }

    /// Takes one unit, by the file that stands for it.
    pub(super) fn of_unit(path: &Path, unit: &str) -> Result<Self> {
        let refuse = |owner| {
            let (what, remedy) = (format!("the training of {unit}"), "wait until that ends");
            Error::configuration(what, format!("is being run by {owner}"), remedy)
        };
        Self::of_file(path, (File::try_lock, &this_process()), &refuse)
    }

    fn of_file(
        path: &Path,
        (lock, owner): (Locking, &str),
        refuse: &dyn Fn(String) -> Error,
    ) -> Result<Self> {
        if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
            let (problem, remedy) = ("is no file", "move it away");
            return Err(Error::configuration(path.display().to_string(), problem, remedy));
        }
        let mut open = OpenOptions::new();
        open.read(true).write(true).create(true).truncate(false);
        let mut file = open.open(path).map_err(Error::io(path))?;
        let is_sure = match in_time(&file, lock) {
            Ok(()) if !is_still(&file, path) => return Self::of_file(path, (lock, owner), refuse),
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return Err(refuse(owner_of(&mut file))),
            Err(TryLockError::Error(e)) if knows_no_locks(&e) => false,
            Err(TryLockError::Error(e)) => return Err(Error::io(path)(e)),
        };
        if !is_of_lock(&owner_text(&mut file)) {
            let (problem, remedy) = ("holds what no lock says", "move it away");
            return Err(Error::configuration(path.display().to_string(), problem, remedy));
        }
        let write = |file: &mut File| {
            file.rewind()?;
            file.set_len(0)?;
            file.write_all(owner.as_bytes())
        };
        write(&mut file).map_err(Error::io(path))?;
        Ok(Self { _file: file, is_sure })
    }
}

/// How a file is locked: for one alone, or together with others.
type Locking = fn(&File) -> std::result::Result<(), TryLockError>;

/// Locks a file; one that is held for a moment alone, by someone who looks who has it, is waited for.
fn in_time(file: &File, lock: Locking) -> std::result::Result<(), TryLockError> {
    for _ in 0..4 {
        match lock(file) {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
            other => return other,
        }
    }
    lock(file)
}

/// Whether a file is still the one at its path: one that was removed meanwhile keeps nobody away.
fn is_still(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let place = |found: std::fs::Metadata| (found.dev(), found.ino());
        file.metadata().map(place).ok() == std::fs::metadata(path).map(place).ok()
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

fn owner_text(file: &mut File) -> String {
    let mut owner = String::new();
    let _ = file.read_to_string(&mut owner);
    owner.trim().into()
}

/// Whether a lock may have been written so.
fn is_of_lock(owner: &str) -> bool {
    owner.is_empty() || owner == SHARED || owner.starts_with(|c: char| c.is_ascii_digit())
}

/// What a file of a lock says of who has it.
fn owner_of(file: &mut File) -> String {
    match owner_text(file) {
        owner if owner.is_empty() => "another process".into(),
        owner => format!("process {owner}"),
    }
}

/// One of the processes that share a folder, by a unit that it has.
fn owner_of_a_unit(runs: &Path) -> Option<String> {
    let entries = std::fs::read_dir(runs).ok()?.flatten().map(|entry| entry.path());
    let mut units = entries.filter(|path| path.extension().is_some_and(|end| end == NAME));
    units.find_map(|path| {
        let mut file = File::open(path).ok()?;
        let is_free = file.try_lock_shared().is_ok();
        (!is_free).then(|| owner_of(&mut file))
    })
}

/// Number and machine of this process.
fn this_process() -> String {
    let number = std::process::id();
    match std::fs::read_to_string("/proc/sys/kernel/hostname") {
        Ok(host) => format!("{number} on {host}"),
        Err(_) => format!("{number}\n"), // no Linux
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_until_he_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let refusal = Lock::take(folder.path()).unwrap_err();
        let owner = format!("in use by process {}", std::process::id());
        assert!(refusal.is_usage() && refusal.to_string().contains(&owner), "{refusal}");
        assert!(Lock::take(&folder.path().join("another")).is_ok());
        assert!(Lock::share(folder.path()).is_err());
        drop(first);
        assert!(Lock::take(folder.path()).is_ok());
    }

    #[test]
    fn a_folder_is_shared_by_processes_that_have_a_unit_each() {
        let folder = tempfile::tempdir().unwrap();
        let shared = [0, 1].map(|_| Lock::share(folder.path()).unwrap());
        assert!(Lock::take(folder.path()).is_err());
        let unit = folder.path().join("runs/a.in-use");
        let first = Lock::of_unit(&unit, "a").unwrap();
        let refusal = Lock::of_unit(&unit, "a").unwrap_err().to_string();
        assert!(refusal.contains("the training of a is being run by process"), "{refusal}");
        drop((first, shared));
        assert!(Lock::of_unit(&unit, "a").is_ok());
        assert!(Lock::take(folder.path()).is_ok());
    }
}
