//! The frames of many videos as one block of bytes, which is kept in a file as it is.

use crate::digest::Digest;
use std::fmt;

/// Grey frames of one video.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    /// Frame after frame, row after row.
    pub(super) pixels: Vec<u8>,
    /// How many frames.
    pub(super) count: usize,
    /// How many errors the decoder spoke of, although it went on.
    pub(super) complaints: usize,
}

/// What says whether kept frames are the ones that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The digest of all videos' names and contents.
    pub(super) content: [u8; 32],
    /// (Height, width) of a frame.
    pub(super) extents: (usize, usize),
}

/// The frames of all videos, in the videos' order.
///
/// The bytes are: [`MAGIC`], the content's digest, height, width and number of videos, for each video the
/// numbers of frames and complaints, all frames' pixels, and the SHA-256 of everything before. Numbers
/// are of 4 bytes, the lowest first.
pub(super) struct Frames {
    bytes: Vec<u8>,
    size: usize,
    videos: Vec<Video>,
}

struct Video {
    start: usize,
    count: usize,
    complaints: usize,
}

/// Why bytes are not the frames that are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// They are whole, but of other videos, another size or another version of the format.
    Other,
    /// They are not what was written.
    Damaged,
}

/// The beginning, with the version of the format.
const MAGIC: &[u8; 16] = b"fernn frames v1\n";
const DIGEST: usize = 32;

impl Frames {
    /// Puts the frames of all videos together.
    pub(super) fn assemble(key: Key, videos: Vec<Decoded>) -> Self {
        let pixels: usize = videos.iter().map(|video| video.pixels.len()).sum();
        let mut bytes =
            Vec::with_capacity(head(key).len() + 8 * videos.len() + 4 + pixels + DIGEST);
        bytes.extend(head(key));
        bytes.extend(word(videos.len()));
        for video in &videos {
            bytes.extend(word(video.count));
            bytes.extend(word(video.complaints));
        }
        let (size, mut index) = (key.extents.0 * key.extents.1, Vec::new());
        for Decoded { pixels, count, complaints } in videos {
            index.push(Video { start: bytes.len(), count, complaints });
            bytes.extend(pixels); // and the video's own pixels are freed
        }
        bytes.extend(sha256(&bytes));
        Self { bytes, size, videos: index }
    }

    /// Takes bytes for what [`Frames::bytes`] gave, if they are and have the key.
    pub(super) fn parse(bytes: Vec<u8>, key: Key) -> std::result::Result<Self, Flaw> {
        let end = bytes.len().checked_sub(DIGEST).ok_or(Flaw::Damaged)?;
        if sha256(&bytes[..end]) != bytes[end..] {
            return Err(Flaw::Damaged);
        }
        let head = head(key);
        let rest = bytes[..end].strip_prefix(head.as_slice()).ok_or(Flaw::Other)?;
        let mut numbers = rest.chunks_exact(4).map(|bytes| {
            let bytes: [u8; 4] = bytes.try_into().expect("four bytes");
            u32::from_le_bytes(bytes) as usize
        });
        let mut next = || numbers.next().ok_or(Flaw::Damaged);
        let count = next()?;
        let pairs = (0..count).map(|_| Ok((next()?, next()?)));
        let pairs: Vec<(usize, usize)> = pairs.collect::<std::result::Result<_, Flaw>>()?;
        let size = key.extents.0 * key.extents.1;
        let (mut start, mut videos) = (head.len() + 4 + 8 * count, Vec::new());
        for (count, complaints) in pairs {
            videos.push(Video { start, count, complaints });
            start =
                count.checked_mul(size).and_then(|n| start.checked_add(n)).ok_or(Flaw::Damaged)?;
        }
        if start == end { Ok(Self { bytes, size, videos }) } else { Err(Flaw::Damaged) }
    }

    /// Everything, to be kept.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of frames of a video.
    pub(super) fn count(&self, video: usize) -> usize {
        self.videos[video].count
    }

    /// How many errors the decoder spoke of in a video.
    pub(super) fn complaints(&self, video: usize) -> usize {
        self.videos[video].complaints
    }

    /// The pixels of a video's frame, row by row.
    pub(super) fn pixels(&self, video: usize, frame: usize) -> &[u8] {
        let Video { start, count, .. } = self.videos[video];
        &self.bytes[start..][..count * self.size][frame * self.size..][..self.size]
    }
}

/// Without the pixels, of which there are millions.
impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames").field("videos", &self.videos.len()).finish_non_exhaustive()
    }
}

fn head(key: Key) -> Vec<u8> {
    [&MAGIC[..], &key.content, &word(key.extents.0), &word(key.extents.1)].concat()
}

fn word(number: usize) -> [u8; 4] {
    u32::try_from(number)
        .expect("fewer than 2³² videos, frames and pixels of an edge")
        .to_le_bytes()
}

fn sha256(bytes: &[u8]) -> [u8; DIGEST] {
    let mut digest = Digest::new();
    digest.update(bytes);
    digest.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key { content: [7; 32], extents: (2, 3) };

    fn videos() -> Vec<Decoded> {
        let video = |first: u8, count: usize, complaints| Decoded {
            pixels: (first..).take(6 * count).collect(),
            count,
            complaints,
        };
        vec![video(0, 2, 0), video(50, 0, 1), video(100, 3, 0)]
    }

    fn parse(bytes: &[u8]) -> std::result::Result<Frames, Flaw> {
        Frames::parse(bytes.to_vec(), KEY)
    }

    #[test]
    fn kept_frames_come_back() {
        let frames = Frames::assemble(KEY, videos());
        let again = parse(frames.bytes()).expect("what was written");
        for frames in [&frames, &again] {
            let of = |f: fn(&Frames, usize) -> usize| [0, 1, 2].map(|video| f(frames, video));
            assert_eq!((of(Frames::count), of(Frames::complaints)), ([2, 0, 3], [0, 1, 0]));
            assert_eq!(frames.pixels(0, 1), [6, 7, 8, 9, 10, 11]);
            assert_eq!(frames.pixels(2, 0), [100, 101, 102, 103, 104, 105]);
        }
    }

    #[test]
    fn every_flipped_byte_and_every_cut_of_kept_frames_is_noticed() {
        let bytes = Frames::assemble(KEY, videos()).bytes().to_vec();
        for place in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[place] ^= 16;
            assert_eq!(parse(&wrong).err(), Some(Flaw::Damaged), "byte {place}");
            assert_eq!(parse(&bytes[..place]).err(), Some(Flaw::Damaged), "cut at {place}");
        }
        assert_eq!(parse(&[&bytes[..], b"x"].concat()).err(), Some(Flaw::Damaged));
    }

    #[test]
    fn frames_of_other_videos_or_another_size_are_not_taken() {
        let bytes = Frames::assemble(KEY, videos()).bytes().to_vec();
        for key in [Key { content: [8; 32], ..KEY }, Key { extents: (3, 2), ..KEY }] {
            assert_eq!(Frames::parse(bytes.clone(), key).err(), Some(Flaw::Other));
        }
    }

    #[test]
    fn counts_that_do_not_fit_the_length_are_damage_even_with_the_right_digest() {
        let sealed = |numbers: &[u32]| {
            let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
            let bytes: Vec<u8> = head(KEY).into_iter().chain(numbers).collect();
            [&bytes[..], &sha256(&bytes)].concat()
        };
        for numbers in [&[][..], &[1], &[1, 1, 0], &[u32::MAX, 0, 0], &[1, u32::MAX, 0]] {
            assert_eq!(parse(&sealed(numbers)).err(), Some(Flaw::Damaged), "{numbers:?}");
        }
        assert!(parse(&sealed(&[1, 0, 0])).is_ok());
    }
}
