//! Animated pictures of sequences.

use crate::error::{Error, Result};
use gif::{Encoder, Frame, Repeat};
use std::io::Write;

/// The grey of what is between frames.
const GAP: u8 = 96;

/// An endless GIF of `rows` × `columns` sequences side by side, each pixel `scale` pixels wide.
///
/// `sequences` are (T, H, W) values in [0, 1], row by row, with the given (height, width); 10 frames
/// per second. A sequence that ends before others stays at its last frame.
///
/// # Errors
/// [`Error::Configuration`] when the picture is larger than the format allows, or has no extent;
/// [`Error::Drawing`] when it cannot be encoded.
pub fn animated_gif(
    sequences: &[Vec<f32>],
    extents: (usize, usize),
    grid: (usize, usize),
    scale: usize,
) -> Result<Vec<u8>> {
    let wall = Wall { extents, grid, scale, gap: scale.max(2) };
    let (width, height) = (extent(wall.width(), "wide")?, extent(wall.height(), "high")?);
    if extents.0 * extents.1 * scale == 0 {
        let problem = format!("would show frames of {}×{} pixels", extents.0, extents.1);
        return Err(Error::configuration("the GIF", problem, "give them an extent"));
    }
    let frames = sequences.iter().map(|s| s.len() / (extents.0 * extents.1)).max().unwrap_or(0);
    let pictures = (0..frames).map(|t| wall.pixels(sequences, t));
    let mut bytes = Vec::new();
    encode(&mut bytes, (width, height), pictures)?;
    Ok(bytes)
}

/// Writes pictures of grey values, one after the other.
fn encode(
    out: impl Write,
    (width, height): (u16, u16),
    pictures: impl Iterator<Item = Vec<u8>>,
) -> Result<()> {
    let failed = |e: gif::EncodingError| Error::Drawing { what: "the GIF", problem: e.to_string() };
    let palette: Vec<u8> = (0..=255u8).flat_map(|grey| [grey; 3]).collect();
    let mut encoder = Encoder::new(out, width, height, &palette).map_err(failed)?;
    encoder.set_repeat(Repeat::Infinite).map_err(failed)?;
    for pixels in pictures {
        let mut frame = Frame::from_indexed_pixels(width, height, pixels, None);
        frame.delay = 10; // hundredths of a second
        encoder.write_frame(&frame).map_err(failed)?;
    }
    Ok(())
}

/// An extent in the 16 bits that the format has for it.
fn extent(pixels: usize, direction: &str) -> Result<u16> {
    u16::try_from(pixels).map_err(|_| {
        let problem = format!("would be {pixels} pixels {direction}, more than {}", u16::MAX);
        Error::configuration("the GIF", problem, "show fewer or smaller sequences")
    })
}

/// Frames in rows and columns, with gaps between them.
struct Wall {
    extents: (usize, usize),
    grid: (usize, usize),
    scale: usize,
    gap: usize,
}

impl Wall {
    fn width(&self) -> usize {
        self.grid.1 * (self.extents.1 * self.scale + self.gap) + self.gap
    }

    fn height(&self) -> usize {
        self.grid.0 * (self.extents.0 * self.scale + self.gap) + self.gap
    }

    /// The grey values of all sequences at frame t.
    fn pixels(&self, sequences: &[Vec<f32>], t: usize) -> Vec<u8> {
        let ((height, width), scale, gap) = (self.extents, self.scale, self.gap);
        let (rows, columns) = self.grid;
        let mut pixels = vec![GAP; self.width() * self.height()];
        for (place, sequence) in sequences.iter().take(rows * columns).enumerate() {
            let top = gap + place / columns * (height * scale + gap);
            let left = gap + place % columns * (width * scale + gap);
            let last = (sequence.len() / (height * width)).saturating_sub(1);
            let Some(frame) = sequence.chunks_exact(height * width).nth(t.min(last)) else {
                continue;
            };
            for y in 0..height * scale {
                for x in 0..width * scale {
                    let value = frame[y / scale * width + x / scale];
                    pixels[(top + y) * self.width() + left + x] =
                        (value.clamp(0.0, 1.0) * 255.0) as u8;
                }
            }
        }
        pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames of a GIF as rows of palette indices.
    fn decoded(bytes: &[u8]) -> (u16, u16, Vec<Vec<u8>>) {
        let mut decoder = gif::DecodeOptions::new().read_info(bytes).unwrap();
        let (width, height) = (decoder.width(), decoder.height());
        let mut frames = Vec::new();
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            assert_eq!((frame.width, frame.height), (width, height));
            frames.push(frame.buffer.to_vec());
        }
        (width, height, frames)
    }

    #[test]
    fn frames_need_not_be_square_and_short_sequences_stay_at_their_end() {
        // 2×3 pixels; the first sequence has two frames, the second one.
        let ramp: Vec<f32> = (0..12).map(|i| i as f32 / 255.0).collect();
        let ones = vec![1.0; 6];
        let bytes = animated_gif(&[ramp, ones], (2, 3), (1, 2), 1).unwrap();
        let (width, height, frames) = decoded(&bytes);
        assert_eq!((width, height), (2 * (3 + 2) + 2, 2 + 2 + 2));
        assert_eq!(frames.len(), 2);
        for (t, frame) in frames.iter().enumerate() {
            let row = |y: usize| &frame[(2 + y) * 12..][..12];
            let first = |y: usize| (0..3).map(|x| (t * 6 + y * 3 + x) as u8).collect::<Vec<_>>();
            for y in 0..2 {
                assert_eq!(row(y)[2..5], first(y), "frame {t}");
                assert_eq!(row(y)[7..10], [255; 3], "frame {t}");
                assert!([0, 1, 5, 6, 10, 11].iter().all(|&x| row(y)[x] == GAP));
            }
        }
    }

    #[test]
    fn a_failing_encoder_is_not_the_users_fault() {
        let pictures = || std::iter::once(vec![0u8; 6]);
        let full: &mut [u8] = &mut [0; 4];
        let error = encode(full, (3, 2), pictures()).unwrap_err();
        assert!(matches!(&error, Error::Drawing { what: "the GIF", .. }), "{error}");
        assert!(!error.is_usage());
        encode(&mut Vec::new(), (3, 2), pictures()).unwrap();
    }

    #[test]
    fn pictures_that_the_format_cannot_hold_are_wrong_usage() {
        for (extents, direction) in [((1, 40_000), "wide"), ((40_000, 1), "high")] {
            let error = animated_gif(&[vec![0.0; 40_000]], extents, (1, 1), 2).unwrap_err();
            assert!(error.is_usage() && error.to_string().contains(direction), "{error}");
        }
        for extents in [(0, 3), (3, 0)] {
            assert!(animated_gif(&[vec![]], extents, (1, 1), 1).unwrap_err().is_usage());
        }
    }
}
