//! Videos decoded by the program `ffmpeg`, versions 4 to 8.

use super::super::shrink::Shrink;
use super::frames::Decoded;
use crate::error::{Error, Result};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The program in `PATH`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ffmpeg {
    /// The option by which every frame comes out exactly once, whatever its time stamp.
    sync: &'static str,
}

impl Ffmpeg {
    /// Looks for the program and for which of its options it has.
    ///
    /// # Errors
    /// [`Error::Configuration`] with what to install where it is not there.
    pub(super) fn find() -> Result<Self> {
        // Options are read before `-version` is obeyed: an older version than 5.1 fails here.
        let mut probe = Command::new("ffmpeg");
        probe.args(["-fps_mode", "passthrough", "-version"]);
        let status =
            probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        match status {
            Ok(status) if status.success() => Ok(Self { sync: "-fps_mode" }),
            Ok(_) => Ok(Self { sync: "-vsync" }),
            Err(error) => Err(not_there(&error)),
        }
    }

    /// The frames of a video, grey over the whole of 0 to 255 and shrunk to `extents` (height, width).
    ///
    /// # Errors
    /// [`Error::Format`] naming the video as `name` when it cannot be decoded or has no frame;
    /// [`Error::Configuration`] when the frames are smaller than `extents`.
    pub(super) fn decode(
        &self,
        path: &Path,
        name: &Path,
        extents: (usize, usize),
    ) -> Result<Decoded> {
        // A file, not a pipe: nobody needs to read it while frames are read.
        let mut messages = tempfile::tempfile().map_err(Error::io(&std::env::temp_dir()))?;
        let mut child = self.start(path, &messages).map_err(|error| not_there(&error))?;
        let decoded = match child.stdout.take() {
            Some(stdout) => read_frames(BufReader::new(stdout), name, extents),
            None => Ok(Decoded::default()),
        };
        let (status, messages) = finish(&mut child, &mut messages).map_err(Error::io(name))?;
        // What is wrong with the frames' size is told before that ffmpeg could not go on writing them.
        if let Err(error @ Error::Configuration { .. }) = decoded {
            return Err(error);
        }
        let says = messages.last().map(|line| format!(": ffmpeg says: {line}")).unwrap_or_default();
        if !status.success() {
            return Err(refuse(name, format!("cannot be decoded{says}")));
        }
        let decoded = decoded?;
        if decoded.count == 0 {
            return Err(refuse(name, format!("has no frame{says}")));
        }
        Ok(Decoded { complaints: messages.len(), ..decoded })
    }

    fn start(&self, path: &Path, messages: &File) -> std::io::Result<Child> {
        // A name such as `http:a.avi` is still a file.
        let mut file = OsString::from("file:");
        file.push(path);
        Command::new("ffmpeg")
            .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1", "-i"])
            .arg(file)
            .args(["-map", "0:v:0", self.sync, "passthrough"])
            .args(["-vf", "scale=out_range=full,format=gray"])
            .args(["-f", "image2pipe", "-c:v", "pgm", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(messages.try_clone()?)
            .spawn()
    }
}

/// Waits for the program's end and returns its state with the lines that it wrote.
fn finish(
    child: &mut Child,
    messages: &mut File,
) -> std::io::Result<(std::process::ExitStatus, Vec<String>)> {
    let status = child.wait()?;
    messages.rewind()?;
    let mut bytes = Vec::new();
    messages.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok((status, lines.map(String::from).collect()))
}

fn not_there(error: &std::io::Error) -> Error {
    const INSTALL: &str =
        "install it: `apt install ffmpeg` on Debian and Ubuntu, `brew install ffmpeg` on macOS";
    let (problem, remedy) = match error.kind() {
        ErrorKind::NotFound => ("is not in PATH".to_string(), INSTALL),
        ErrorKind::WouldBlock => (
            format!("cannot be started ({error})"),
            "let this user have more processes (ulimit -u)",
        ),
        _ => (format!("cannot be started ({error})"), "see that it runs from this shell"),
    };
    Error::configuration("the program ffmpeg", format!("decodes the videos and {problem}"), remedy)
}

fn refuse(path: &Path, problem: impl Into<String>) -> Error {
    Error::Format { path: path.to_path_buf(), line: None, problem: problem.into() }
}

/// Reads PGM images to the end, each shrunk to `extents`.
fn read_frames(mut stream: impl BufRead, name: &Path, extents: (usize, usize)) -> Result<Decoded> {
    let (mut decoded, mut image) = (Decoded::default(), Vec::new());
    let mut shrink: Option<((usize, usize), Shrink)> = None;
    while let Some(size) = read_header(&mut stream).map_err(|problem| refuse(name, problem))? {
        image.resize(size.0 * size.1, 0);
        let cut = |_| refuse(name, "its last frame was not decoded to the end");
        stream.read_exact(&mut image).map_err(cut)?;
        let shrink = match &mut shrink {
            Some((of, shrink)) if *of == size => shrink,
            other => &mut other.insert((size, Shrink::new(size, extents)?)).1,
        };
        shrink.apply(&image, &mut decoded.pixels);
        decoded.count += 1;
    }
    Ok(decoded)
}

/// The (height, width) of a PGM image, whose pixels follow; `None` at the end of the stream.
fn read_header(stream: &mut impl BufRead) -> std::result::Result<Option<(usize, usize)>, String> {
    if stream.fill_buf().map_err(|e| e.to_string())?.is_empty() {
        return Ok(None);
    }
    let mut word = || read_word(stream).map_err(|e| e.to_string());
    let (magic, width, height, maximum) = (word()?, word()?, word()?, word()?);
    // Far more than any video has, so that a broken number cannot ask for all memory.
    let extent = |word: &str| word.parse().ok().filter(|extent| (1..=1 << 14).contains(extent));
    match (magic.as_str(), extent(&height), extent(&width), maximum.as_str()) {
        ("P5", Some(height), Some(width), "255") => Ok(Some((height, width))),
        _ => Err(format!("ffmpeg wrote no grey image but {magic} {width} {height} {maximum}")),
    }
}

/// The bytes before the next white space, which is taken too; no more than a number needs.
fn read_word(stream: &mut impl BufRead) -> std::io::Result<String> {
    let mut word = String::new();
    for byte in stream.take(12).bytes() {
        match char::from(byte?) {
            ' ' | '\n' | '\t' | '\r' => break,
            letter => word.push(letter),
        }
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(stream: &[u8], extents: (usize, usize)) -> Result<Decoded> {
        read_frames(stream, Path::new("some.avi"), extents)
    }

    #[test]
    fn images_of_a_stream_are_shrunk_one_by_one() -> Result<()> {
        // The pixels may look like white space, and a later image may have another size.
        let stream = b"P5\n2 1\n255\n\n\nP5\n2 1\n255\n\x00\x14P5 1 2 255 \x28\x32";
        let decoded = frames(stream, (1, 1))?;
        assert_eq!((decoded.count, decoded.pixels), (3, vec![10, 10, 45]));
        assert_eq!(frames(b"", (1, 1))?, Decoded::default());
        Ok(())
    }

    #[test]
    fn a_program_that_does_not_start_has_the_remedy_of_its_reason() {
        for (kind, remedy) in [
            (ErrorKind::NotFound, "apt install ffmpeg"),
            (ErrorKind::WouldBlock, "ulimit -u"),
            (ErrorKind::PermissionDenied, "runs from this shell"),
        ] {
            let said = not_there(&kind.into()).to_string();
            assert!(said.contains("ffmpeg") && said.contains(remedy), "{said}");
        }
    }

    #[test]
    fn streams_that_are_no_images_are_refused() {
        for stream in [
            &b"P6\n2 1\n255\n"[..],
            b"P5\n0 1\n255\n",
            b"P5\n99999999999999 1\n255\n",
            b"P5\n2 1\n65535\n",
            b"P5\n2 1\n255\n\x00",
            b"P5\n",
        ] {
            let error = frames(stream, (1, 1)).expect_err("no image");
            assert!(matches!(&error, Error::Format { path, .. } if path.ends_with("some.avi")));
        }
        let error = frames(b"P5\n2 1\n255\n\x00\x00", (1, 3)).expect_err("too small");
        assert!(matches!(error, Error::Configuration { .. }), "{error}");
    }
}
