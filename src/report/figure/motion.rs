//! Films in motion.

use crate::error::Result;
use crate::experiments::exhibit::{Film, FilmRow, Pixels, Tone};
use crate::report::animation::animated_gif;

/// Pixels of the animation along a side of a frame's pixel.
const PIXEL: usize = 8;

/// The rows side by side in motion as a GIF, where they are to be shown so, no frame is missing
/// and all are of one size.
pub fn in_motion(film: &Film) -> Result<Option<Vec<u8>>> {
    let complete = |row: &FilmRow| row.frames.iter().cloned().collect::<Option<Vec<_>>>();
    let rows: Option<Vec<Vec<Pixels>>> = film.rows.iter().map(complete).collect();
    let Some(rows) = rows.filter(|_| film.in_motion) else { return Ok(None) };
    let Some(first) = rows.first().and_then(|row| row.first()) else { return Ok(None) };
    let extents = (first.len(), first.first().map_or(0, Vec::len));
    let fits =
        |frame: &Pixels| frame.len() == extents.0 && frame.iter().all(|row| row.len() == extents.1);
    if !rows.iter().flatten().all(fits) {
        return Ok(None);
    }
    let of_hidden = film.rows.iter().zip(&rows).filter(|(row, _)| row.tone == Tone::Hidden);
    let hidden = of_hidden.flat_map(|(_, frames)| frames).flatten().flatten();
    let largest = hidden.copied().fold(f64::MIN_POSITIVE, f64::max);
    let flat = |(row, frames): (&FilmRow, &Vec<Pixels>)| -> Vec<f32> {
        let largest = if row.tone == Tone::Hidden { largest } else { 1.0 };
        frames.iter().flatten().flatten().map(|v| (v / largest) as f32).collect()
    };
    let sequences: Vec<Vec<f32>> = film.rows.iter().zip(&rows).map(flat).collect();
    Ok(Some(animated_gif(&sequences, extents, (1, sequences.len()), PIXEL)?))
}
