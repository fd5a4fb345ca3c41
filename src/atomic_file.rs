//! Files that are replaced as a whole or not at all.

use crate::error::{Error, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Replaces `path` by `bytes` so that a reader, or a crash, sees the old file or the new one:
/// a temporary file in the same folder, flushed to the disk, then renamed. A link stays one and its target is
/// replaced; what is no file, a pipe or a device, is written to.
///
/// # Errors
/// [`Error::Io`] naming the path; an old file is untouched then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let opened = std::fs::OpenOptions::new().write(true).open(path);
        return opened.and_then(|mut file| file.write_all(bytes)).map_err(Error::io(path));
    }
    replace(&target(path)?, bytes)
}

/// Where a path leads, through links.
fn target(path: &Path) -> Result<PathBuf> {
    /// As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut target = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Ok(link) = std::fs::read_link(&target) else { return Ok(target) };
        // Relative to the folder that the link lies in; an absolute one replaces all of it.
        target = target.parent().unwrap_or(Path::new("")).join(link);
    }
    let source = std::io::Error::other("too many links, one after the other");
    Err(Error::Io { path: path.to_path_buf(), source })
}

/// The bytes of a file that there may be.
///
/// # Errors
/// [`Error::Io`] when it cannot be read; [`Error::Format`] when it is a pipe or a device, on which a reader
/// might wait for ever.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Ok(found) if !found.is_file() => {
            let problem = "is no file".into();
            return Err(Error::Format { path: path.to_path_buf(), line: None, problem });
        }
        _ => {}
    }
    std::fs::read(path).map(Some).map_err(Error::io(path))
}

/// Removes a file that there may be.
///
/// # Errors
/// [`Error::Io`] naming what could not be removed.
pub fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path)(e)),
        _ => Ok(()),
    }
}

/// What names of temporary files begin and end with.
const PREFIX: &str = ".fernn-";
const SUFFIX: &str = ".tmp";

/// Removes the temporary files that processes which were killed left in a folder. No other process may be writing
/// there.
///
/// # Errors
/// [`Error::Io`] naming the folder or the file.
pub fn remove_leftovers(folder: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::io(folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::io(folder))?;
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|n| n.starts_with(PREFIX) && n.ends_with(SUFFIX));
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_ours && is_file {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        // An ordinary new file's permissions (less the umask) instead of a private one's.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(Error::io(folder))?;
    file.write_all(bytes).map_err(Error::io(path))?;
    file.as_file().sync_all().map_err(Error::io(path))?;
    file.persist(path).map_err(|e| Error::io(path)(e.error))?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_links_and_their_targets_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("real"), "old").unwrap();
        symlink("real", at("near")).unwrap();
        symlink(at("near"), at("far")).unwrap();
        symlink("nothing yet", at("dangling")).unwrap();
        for (link, real) in [("near", "real"), ("far", "real"), ("dangling", "nothing yet")] {
            write_atomically(&at(link), link.as_bytes()).unwrap();
            assert!(at(link).is_symlink());
            assert!(!at(real).is_symlink());
            assert_eq!(std::fs::read_to_string(at(real)).unwrap(), link);
        }
        symlink("circle", at("circle")).unwrap();
        assert!(matches!(write_atomically(&at("circle"), b""), Err(Error::Io { .. })));
    }

    #[test]
    fn what_killed_processes_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let names = [".fernn-a1.tmp", ".fernn-b.csv", "fernn-c.tmp", "records.csv"];
        names.iter().for_each(|name| std::fs::write(folder.path().join(name), "").unwrap());
        std::fs::create_dir(folder.path().join(".fernn-folder.tmp")).unwrap();
        remove_leftovers(folder.path()).unwrap();
        let is_there = |name: &&&str| folder.path().join(name).exists();
        assert_eq!(
            names.iter().filter(is_there).collect::<Vec<_>>(),
            [names[1], names[2], names[3]].iter().collect::<Vec<_>>()
        );
        assert!(folder.path().join(".fernn-folder.tmp").exists());
        remove_leftovers(&folder.path().join("nowhere")).unwrap();
    }

    #[test]
    fn pipes_are_written_to() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        use std::os::fd::AsRawFd;
        let path = format!("/dev/fd/{}", writer.as_raw_fd());
        if !Path::new(&path).exists() {
            return eprintln!("no /dev/fd here");
        }
        write_atomically(Path::new(&path), b"all of it").unwrap();
        drop(writer);
        let mut got = String::new();
        reader.read_to_string(&mut got).unwrap();
        assert_eq!(got, "all of it");
    }
}
