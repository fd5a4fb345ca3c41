//! Animated pictures of sequences.

use crate::error::{Error, Result};
use gif::{Encoder, Frame, Repeat};

/// An endless GIF of `rows` × `columns` sequences side by side, each pixel `scale` pixels wide.
///
/// `sequences` are (T, size, size) values in [0, 1], row by row; 10 frames per second.
pub fn animated_gif(
    sequences: &[Vec<f32>],
    (height_px, width_px): (usize, usize),
    (rows, columns): (usize, usize),
    scale: usize,
) -> Result<Vec<u8>> {
    let size = height_px.max(width_px);
    let gap = scale.max(2);
    let cell = size * scale + gap;
    let (width, height) = (columns * cell + gap, rows * cell + gap);
    let encoding = |e: gif::EncodingError| {
        Error::configuration("the GIF", e.to_string(), "preview fewer or smaller sequences")
    };
    let extent = |pixels: usize| {
        u16::try_from(pixels).map_err(|_| {
            Error::configuration(
                "the GIF",
                format!("would be {pixels} pixels wide"),
                "preview fewer",
            )
        })
    };
    let (gif_width, gif_height) = (extent(width)?, extent(height)?);
    let palette: Vec<u8> = (0..=255u8).flat_map(|grey| [grey; 3]).collect();
    let mut bytes = Vec::new();
    let mut encoder =
        Encoder::new(&mut bytes, gif_width, gif_height, &palette).map_err(encoding)?;
    encoder.set_repeat(Repeat::Infinite).map_err(encoding)?;
    let frames = sequences.iter().map(|s| s.len() / (size * size)).max().unwrap_or(0);
    for t in 0..frames {
        let mut pixels = vec![96u8; width * height]; // the gaps are grey
        for (place, sequence) in sequences.iter().take(rows * columns).enumerate() {
            let (top, left) = (gap + place / columns * cell, gap + place % columns * cell);
            for y in 0..size * scale {
                for x in 0..size * scale {
                    let value = sequence[(t * size + y / scale) * size + x / scale];
                    pixels[(top + y) * width + left + x] = (value.clamp(0.0, 1.0) * 255.0) as u8;
                }
            }
        }
        let mut frame = Frame::from_indexed_pixels(gif_width, gif_height, pixels, None);
        frame.delay = 10; // hundredths of a second
        encoder.write_frame(&frame).map_err(encoding)?;
    }
    drop(encoder);
    Ok(bytes)
}
