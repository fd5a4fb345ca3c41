//! The data set's annotation, `00sequences.txt`: which frames of each video show the action.

use super::super::footage::Division;
use super::super::idx::gunzip_if_needed;
use super::super::split::Split;
use super::recording::Recording;
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// How the numbers of the annotation's ranges are read. Last frames are always included, and ranges
/// that reach past the end of their video end with it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Ranges {
    /// As published: the first frame of a video is frame 1.
    #[default]
    OneBased,
    /// As the paper's public code reads the same numbers: the first frame is frame 0, so that all is
    /// one frame later.
    ZeroBased,
}

impl Ranges {
    /// Place of the first frame, from 0, and number of frames of a stretch of a video that has
    /// `frames`; `None` where the stretch begins after the video's end.
    ///
    /// ```
    /// use fernn::data::kth::{Ranges, Stretch};
    /// let stretch = Stretch { first: 96, last: 185 };
    /// assert_eq!(Ranges::OneBased.place(stretch, 360), Some((95, 90)));
    /// assert_eq!(Ranges::ZeroBased.place(stretch, 360), Some((96, 90)));
    /// assert_eq!(Ranges::ZeroBased.place(stretch, 185), Some((96, 89)));
    /// assert_eq!(Ranges::ZeroBased.place(stretch, 96), None);
    /// ```
    pub fn place(self, stretch: Stretch, frames: usize) -> Option<(usize, usize)> {
        let base = match self {
            Self::OneBased => 1,
            Self::ZeroBased => 0,
        };
        let first = stretch.first as usize - base;
        let end = (stretch.last as usize - base + 1).min(frames);
        (first < end).then(|| (first, end - first))
    }
}

/// A range of the annotation with the numbers that stand there: 1 ≤ first ≤ last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first frame.
    pub first: u32,
    /// The last frame, which belongs to the stretch.
    pub last: u32,
}

impl Stretch {
    /// Number of frames, in either reading.
    pub fn length(self) -> usize {
        (self.last - self.first) as usize + 1
    }
}

/// What the annotation says of a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The video.
    pub recording: Recording,
    /// Its stretches in the file's order, in which they may overlap and go back; none where the file
    /// says that the video is missing.
    pub stretches: Vec<Stretch>,
}

/// The annotation of all videos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    entries: Vec<Entry>,
    digest: String,
}

/// The annotation as it is published, compressed.
const PUBLISHED: &[u8] = include_bytes!("00sequences.txt.gz");

impl Annotation {
    /// The annotation's name among the published files.
    pub const FILE_NAME: &str = "00sequences.txt";

    /// SHA-256 of the annotation as it is published.
    pub const PUBLISHED_SHA256: &str =
        "a2df54e4522a30db629e2240baca9cde1a142c2243735c525d65fbb377e9dcf4";

    /// The annotation as it is published, which this crate carries.
    ///
    /// # Errors
    /// Only if the crate was built from a damaged file.
    pub fn published() -> Result<Self> {
        let path = Path::new("embedded").join(Self::FILE_NAME);
        Self::parse(&gunzip_if_needed(PUBLISHED.to_vec(), &path)?, &path)
    }

    /// The annotation that lies in a folder, or the published one where none does.
    ///
    /// # Errors
    /// [`Error::Io`], and those of [`Annotation::parse`].
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let path = folder.join(Self::FILE_NAME);
        match std::fs::read(&path) {
            Ok(bytes) => Self::parse(&bytes, &path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::published(),
            Err(error) => Err(Error::io(&path)(error)),
        }
    }

    /// Reads lines such as `person01_boxing_d1  frames  1-95, 96-185` or `person13_handclapping_d3
    /// *missing*`, with any spaces and tabs between the words; blank lines mean nothing.
    ///
    /// # Errors
    /// [`Error::Format`] with the line for anything else: names outside the data set, a video that has
    /// an entry already, ranges that begin at 0 or go backwards. `path` is for the message.
    ///
    /// ```
    /// use fernn::data::kth::Annotation;
    /// # fn main() -> fernn::Result<()> {
    /// let text = b"person01_boxing_d1\t\tframes\t1-95, 96-185\r\n";
    /// let annotation = Annotation::parse(text, "00sequences.txt".as_ref())?;
    /// assert_eq!(annotation.entries()[0].stretches[1].length(), 90);
    /// assert!(!annotation.is_published());
    /// # Ok(())
    /// # }
    /// ```
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let refuse =
            |line, problem: String| Error::Format { path: path.to_path_buf(), line, problem };
        let (mut entries, mut seen) = (Vec::new(), BTreeSet::new());
        for (line, bytes) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            let refuse = |problem| refuse(Some(line), problem);
            let text = str::from_utf8(bytes).map_err(|_| refuse("is not UTF-8 text".into()))?;
            let text = text.trim_matches(BLANKS);
            if text.is_empty() {
                continue;
            }
            let entry = parse_entry(text).map_err(refuse)?;
            if !seen.insert(entry.recording) {
                let problem = format!("{} has an entry already", entry.recording.name());
                return Err(refuse(problem));
            }
            entries.push(entry);
        }
        if entries.iter().all(|entry| entry.stretches.is_empty()) {
            return Err(refuse(None, "has no video with frames".into()));
        }
        Ok(Self { entries, digest: sha256_hex(bytes) })
    }

    /// One entry for each video, in the file's order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries of the videos that have stretches: those that must be there.
    pub fn recorded(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.stretches.is_empty())
    }

    /// SHA-256 of the file.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether this is the published file, byte for byte.
    pub fn is_published(&self) -> bool {
        self.digest == Self::PUBLISHED_SHA256
    }

    /// How many stretches of at least `minimum` frames each split has, in the order of [`Split::ALL`],
    /// if every video is as long as the annotation says.
    ///
    /// ```
    /// use fernn::data::{Division, kth::Annotation};
    /// # fn main() -> fernn::Result<()> {
    /// // 16 frames, each the second of the recording, as the paper's public code asks for.
    /// let counts = Annotation::published()?.counts(Division::PublicCode, 16 * 2);
    /// assert_eq!(counts, [1517, 380, 473]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn counts(&self, division: Division, minimum: usize) -> [usize; 3] {
        Split::ALL.map(|split| {
            let of_split =
                self.entries.iter().filter(|e| division.split(e.recording.person) == split);
            of_split.flat_map(|e| &e.stretches).filter(|s| s.length() >= minimum).count()
        })
    }
}

/// What may stand between the words of a line and at its ends.
const BLANKS: [char; 3] = [' ', '\t', '\r'];

fn parse_entry(text: &str) -> std::result::Result<Entry, String> {
    let (name, rest) = text.split_once(BLANKS).unwrap_or((text, ""));
    let recording = Recording::named(name)?;
    let rest = rest.trim_matches(BLANKS);
    if rest == "*missing*" {
        return Ok(Entry { recording, stretches: Vec::new() });
    }
    let ranges = rest
        .strip_prefix("frames")
        .filter(|ranges| ranges.starts_with(BLANKS))
        .ok_or("there is neither `frames` with ranges nor `*missing*` after the name")?;
    let stretches = ranges.split(',').map(|range| parse_stretch(range.trim_matches(BLANKS)));
    Ok(Entry { recording, stretches: stretches.collect::<std::result::Result<_, _>>()? })
}

fn parse_stretch(text: &str) -> std::result::Result<Stretch, String> {
    let number = |text: &str| -> Option<u32> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number)
    };
    let pair = text.split_once('-').and_then(|(a, b)| Some((number(a)?, number(b)?)));
    let (first, last) = pair.ok_or(format!("`{text}` is not a range of frames like 1-95"))?;
    match first {
        0 => Err(format!("the range {text} begins at 0, but frames are counted from 1")),
        _ if first > last => Err(format!("the range {text} goes backwards")),
        _ => Ok(Stretch { first, last }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Annotation> {
        Annotation::parse(text, Path::new("some/00sequences.txt"))
    }

    #[test]
    fn kth_ranges_may_overlap_and_go_back() -> Result<()> {
        let annotation = parse(
            b"\r\nperson07_jogging_d4    \t\tframes\t1-64, 270-332,194-264 , 490-570\r\n \n\
              person13_handclapping_d3\t*missing*\r\n\
              person12_boxing_d4 frames 237-344, 1-238",
        )?;
        let names: Vec<String> = annotation.entries().iter().map(|e| e.recording.name()).collect();
        let expected = ["person07_jogging_d4", "person13_handclapping_d3", "person12_boxing_d4"];
        assert_eq!(names, expected);
        let [jogging, missing, boxing] = annotation.entries() else { panic!("three entries") };
        assert_eq!(jogging.stretches[2], Stretch { first: 194, last: 264 });
        assert_eq!(missing.stretches, []);
        assert_eq!(boxing.stretches.iter().map(|s| s.length()).collect::<Vec<_>>(), [108, 238]);
        assert_eq!(annotation.recorded().count(), 2);
        Ok(())
    }

    #[test]
    fn a_wrong_line_of_a_kth_annotation_is_named_with_its_number() {
        for (text, needle) in [
            (&b"person00_boxing_d1 frames 1-2"[..], "person `00`"),
            (b"person26_boxing_d1 frames 1-2", "person `26`"),
            (b"person01_dancing_d1 frames 1-2", "`dancing`"),
            (b"person01_boxing_d5 frames 1-2", "scenario `5`"),
            (b"person01_boxing_d1", "neither"),
            (b"person01_boxing_d1 1-2", "neither"),
            (b"person01_boxing_d1 frames", "neither"),
            (b"person01_boxing_d1 frames1-2", "neither"),
            (b"person01_boxing_d1 *missing* 1-2", "neither"),
            (b"person01_boxing_d1 frames 1-2,", "``"),
            (b"person01_boxing_d1 frames 1-2 3-4", "`1-2 3-4`"),
            (b"person01_boxing_d1 frames 1-2 (cut)", "`1-2 (cut)`"),
            (b"person01_boxing_d1 frames +1-2", "`+1-2`"),
            (b"person01_boxing_d1 frames 1-4294967296", "4294967296"),
            (b"person01_boxing_d1 frames 0-2", "counted from 1"),
            (b"person01_boxing_d1 frames 3-2", "backwards"),
            (b"person02_boxing_d1 frames 3-4", "already"),
            (b"person01_boxing_d1 frames 1-2\xff", "UTF-8"),
            (b"clips of persons", "`clips`"),
        ] {
            let bytes = [b"\nperson02_boxing_d1 frames 1-2\r\n\r\n", text].concat();
            match parse(&bytes) {
                Err(Error::Format { path, line: Some(4), problem }) => {
                    assert_eq!(path, Path::new("some/00sequences.txt"));
                    assert!(problem.contains(needle), "{problem}");
                }
                other => panic!("{needle}: {other:?}"),
            }
        }
        for text in [&b""[..], b"\n\n", b"person13_handclapping_d3 *missing*"] {
            let error = parse(text).expect_err("nothing to read");
            assert!(matches!(error, Error::Format { line: None, .. }), "{error}");
        }
    }

    #[test]
    fn kth_as_published_has_the_published_counts() -> Result<()> {
        let annotation = Annotation::published()?;
        assert!(annotation.is_published());
        assert_eq!((annotation.entries().len(), annotation.recorded().count()), (600, 599));
        assert_eq!(annotation.counts(Division::PublicCode, 32), [1517, 380, 473]);
        assert_eq!(annotation.counts(Division::Traditional, 32), [754, 758, 858]);
        assert_eq!(annotation.counts(Division::Traditional, 0).iter().sum::<usize>(), 2391);
        Ok(())
    }

    #[test]
    fn either_reading_of_kth_ranges_ends_with_the_video() {
        let stretch = Stretch { first: 1, last: 5 };
        assert_eq!(stretch.length(), 5);
        for (frames, one, zero) in [
            (9, Some((0, 5)), Some((1, 5))),
            (5, Some((0, 5)), Some((1, 4))),
            (2, Some((0, 2)), Some((1, 1))),
            (1, Some((0, 1)), None),
            (0, None, None),
        ] {
            assert_eq!(Ranges::OneBased.place(stretch, frames), one, "{frames}");
            assert_eq!(Ranges::ZeroBased.place(stretch, frames), zero, "{frames}");
        }
    }
}
