//! Files that are replaced as a whole or not at all.

use crate::error::{Error, Result};
use std::io::Write;
use std::path::Path;

/// Replaces `path` by `bytes` so that a reader, or a crash, sees the old file or the new one:
/// a temporary file in the same folder, flushed to the disk, then renamed.
///
/// # Errors
/// [`Error::Io`] naming the path; the old file is untouched then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // An ordinary new file's permissions (less the umask) instead of a private one's.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(Error::io(folder))?;
    file.write_all(bytes).map_err(Error::io(path))?;
    file.as_file().sync_all().map_err(Error::io(path))?;
    file.persist(path).map_err(|e| Error::Io { path: path.to_path_buf(), source: e.error })?;
    Ok(())
}
