//! Where decoded frames are kept from one run to the next.

use super::frames::{Flaw, Frames, Key};
use crate::atomic_file::write_atomically;
use crate::digest::Digest;
use crate::error::Result;
use std::fmt;
use std::path::{Path, PathBuf};

/// What became of the frames that an earlier run may have kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheState {
    /// They were read from this file.
    Found(PathBuf),
    /// They were decoded and are kept in this file now.
    Kept(PathBuf),
    /// They were decoded and could not be kept.
    NotKept,
}

impl fmt::Display for CacheState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(path) => write!(f, "read from {}", path.display()),
            Self::Kept(path) => write!(f, "decoded, and kept in {}", path.display()),
            Self::NotKept => write!(f, "decoded, and not kept"),
        }
    }
}

/// The files that frames of one key may be kept in.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    key: Key,
    /// In the order in which they are tried: in the data's folder, then in the user's.
    paths: Vec<PathBuf>,
}

impl Cache {
    /// The files for `key`: `fernn-frames-HxW.bin` in the data's folder, and one named after the key in
    /// the user's, which several data sets share.
    pub(super) fn new(key: Key, folder: &Path, user_folder: Option<&Path>) -> Self {
        let (height, width) = key.extents;
        let name = format!("fernn-frames-{height}x{width}");
        let mut digest = Digest::new();
        digest.update(key.content);
        let shared = format!("{name}-{}.bin", &digest.hex()[..16]);
        let of_user = user_folder.map(|folder| folder.join("fernn").join(shared));
        let paths = std::iter::once(folder.join(name + ".bin")).chain(of_user).collect();
        Self { key, paths }
    }

    /// The kept frames, or those that `decode` makes, which are kept then.
    ///
    /// Nothing is taken from a file that is damaged or has another key. That frames cannot be kept is no
    /// error: `note` is told, and the next run decodes again.
    ///
    /// # Errors
    /// Those of `decode`.
    pub(super) fn frames(
        &self,
        decode: impl FnOnce() -> Result<Frames>,
        note: &dyn Fn(&str),
    ) -> Result<(Frames, CacheState)> {
        if let Some((frames, path)) = self.paths.iter().find_map(|path| self.read(path, note)) {
            return Ok((frames, CacheState::Found(path)));
        }
        let frames = decode()?;
        let mut problems = Vec::new();
        for path in &self.paths {
            match write_atomically(path, frames.bytes()) {
                Ok(()) => return Ok((frames, CacheState::Kept(path.clone()))),
                Err(error) => problems.push(with_cause(&error)),
            }
        }
        note(&format!(
            "the decoded frames cannot be kept, and the next run decodes them again: {}",
            problems.join("; ")
        ));
        Ok((frames, CacheState::NotKept))
    }

    fn read(&self, path: &Path, note: &dyn Fn(&str)) -> Option<(Frames, PathBuf)> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    note(&format!("the frames kept in {} cannot be read: {error}", path.display()));
                }
                return None;
            }
        };
        let what = match Frames::parse(bytes, self.key) {
            Ok(frames) => return Some((frames, path.to_path_buf())),
            Err(Flaw::Damaged) => "are damaged",
            Err(Flaw::Other) => "are of other videos",
        };
        note(&format!("the frames kept in {} {what} and are not used", path.display()));
        None
    }
}

/// An error with what caused it, in one line.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The folder for what programs keep of a user's: `$XDG_CACHE_HOME`, else `~/.cache`.
pub(super) fn user_folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))
}

#[cfg(test)]
mod tests {
    use super::super::frames::Decoded;
    use super::*;
    use crate::error::Error;
    use std::cell::RefCell;

    const KEY: Key = Key { content: [3; 32], extents: (1, 2) };

    fn decoded(key: Key) -> Result<Frames> {
        let video = Decoded { pixels: vec![8, 9], count: 1, complaints: 0 };
        Ok(Frames::assemble(key, vec![video]))
    }

    /// What became of the frames, whether they were decoded, and the notes.
    fn run(cache: &Cache) -> (CacheState, bool, String) {
        let (notes, mut is_decoded) = (RefCell::new(String::new()), false);
        let decode = || {
            is_decoded = true;
            decoded(cache.key)
        };
        let note = |note: &str| notes.borrow_mut().push_str(note);
        let (frames, state) = cache.frames(decode, &note).expect("frames");
        assert_eq!(frames.pixels(0, 0), [8, 9]);
        (state, is_decoded, notes.into_inner())
    }

    #[test]
    fn frames_are_decoded_once_and_again_when_the_kept_ones_are_damaged_or_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fernn-frames-1x2.bin");
        let cache = Cache::new(KEY, folder.path(), None);
        assert_eq!(run(&cache), (CacheState::Kept(path.clone()), true, String::new()));
        assert_eq!(run(&cache), (CacheState::Found(path.clone()), false, String::new()));
        let sound = std::fs::read(&path).expect("the kept frames");
        std::fs::write(&path, &sound[1..]).expect("a cut file");
        let (state, is_decoded, note) = run(&cache);
        assert!(is_decoded && note.contains("damaged") && note.contains("1x2.bin"), "{note}");
        assert_eq!(state, CacheState::Kept(path.clone()));
        assert_eq!(std::fs::read(&path).expect("the kept frames"), sound);
        let (_, is_decoded, note) =
            run(&Cache::new(Key { content: [4; 32], ..KEY }, folder.path(), None));
        assert!(is_decoded && note.contains("other videos"), "{note}");
    }

    #[test]
    fn frames_are_kept_in_the_users_folder_where_the_datas_cannot_be_written() {
        let (folder, user) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
        // A path below a file, which nobody can write to, whoever runs this.
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("a file");
        let cache = Cache::new(KEY, &file, Some(user.path()));
        let (state, is_decoded, _) = run(&cache);
        let CacheState::Kept(path) = state else { panic!("{state}") };
        assert!(is_decoded && path.starts_with(user.path().join("fernn")), "{}", path.display());
        assert!(matches!(run(&cache), (CacheState::Found(found), false, _) if found == path));
        let (state, is_decoded, note) = run(&Cache::new(KEY, &file, None));
        assert!(state == CacheState::NotKept && is_decoded);
        assert!(note.contains("cannot be kept"), "{note}");
    }

    #[test]
    fn nothing_is_kept_of_frames_that_could_not_be_decoded() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(KEY, folder.path(), None);
        let fail = || Err(Error::configuration("a", "b", "c"));
        cache.frames(fail, &|_| ()).expect_err("no frames");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
