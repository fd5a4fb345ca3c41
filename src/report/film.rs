//! Film strips: rows of frames.

use super::animation::animated_gif;
use super::drawing::{Area, Drawing, Drawn, diverging, text};
use crate::error::Result;
use crate::experiments::exhibit::{Film, Pixels};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const FRAME: i32 = 64;
const GAP: i32 = 6;
const LEFT: i32 = 104;
const TOP: i32 = 26;

/// Draws rows of frames under column titles.
///
/// # Errors
/// [`crate::Error::Drawing`] when the drawing library fails.
pub fn film_strip(film: &Film) -> Result<Drawing> {
    let Film { columns, rows, .. } = film;
    let width = LEFT + columns.len() as i32 * (FRAME + GAP);
    let height = TOP + rows.len() as i32 * (FRAME + GAP);
    Drawing::draw((width as u32, height as u32), |area| {
        let at = |h, v| text(15).pos(Pos::new(h, v));
        for (i, title) in columns.iter().enumerate() {
            let x = LEFT + i as i32 * (FRAME + GAP) + FRAME / 2;
            area.draw(&Text::new(title.clone(), (x, TOP / 2), at(HPos::Center, VPos::Center)))?;
        }
        for (j, row) in rows.iter().enumerate() {
            let y = TOP + j as i32 * (FRAME + GAP);
            let label = Text::new(
                row.name.clone(),
                (LEFT - 8, y + FRAME / 2),
                at(HPos::Right, VPos::Center),
            );
            area.draw(&label)?;
            for (i, frame) in row.frames.iter().enumerate() {
                let corner = (LEFT + i as i32 * (FRAME + GAP), y);
                if let Some(pixels) = frame {
                    draw_frame(area, pixels, corner, row.is_error)?;
                }
            }
        }
        Ok(())
    })
}

fn draw_frame(
    area: &Area<'_>,
    pixels: &[Vec<f64>],
    (left, top): (i32, i32),
    is_error: bool,
) -> Drawn {
    let edge = |i: usize, n: usize| (i as i32 * FRAME) / n as i32;
    for (y, row) in pixels.iter().enumerate() {
        for (x, &value) in row.iter().enumerate() {
            let colour = if is_error {
                diverging(value)
            } else {
                let grey = (value.clamp(0.0, 1.0) * 255.0) as u8;
                RGBColor(grey, grey, grey)
            };
            let cell = [
                (left + edge(x, row.len()), top + edge(y, pixels.len())),
                (left + edge(x + 1, row.len()), top + edge(y + 1, pixels.len())),
            ];
            area.draw(&Rectangle::new(cell, colour.filled()))?;
        }
    }
    let frame = [(left, top), (left + FRAME, top + FRAME)];
    area.draw(&Rectangle::new(frame, RGBColor(150, 150, 150).stroke_width(1)))?;
    Ok(())
}

/// Pixels of the animation along a side of a frame's pixel.
const PIXEL: usize = 8;

/// The rows side by side in motion as a GIF, where they are to be shown so, no frame is missing
/// and all are of one size.
pub(super) fn in_motion(film: &Film) -> Result<Option<Vec<u8>>> {
    let complete = |row: &Vec<Option<Pixels>>| row.iter().cloned().collect::<Option<Vec<_>>>();
    let rows: Option<Vec<Vec<Pixels>>> =
        film.rows.iter().map(|row| complete(&row.frames)).collect();
    let Some(rows) = rows.filter(|_| film.in_motion) else { return Ok(None) };
    let Some(first) = rows.first().and_then(|row| row.first()) else { return Ok(None) };
    let extents = (first.len(), first.first().map_or(0, Vec::len));
    let fits =
        |frame: &Pixels| frame.len() == extents.0 && frame.iter().all(|row| row.len() == extents.1);
    if !rows.iter().flatten().all(fits) {
        return Ok(None);
    }
    let flat = |row: &Vec<Pixels>| -> Vec<f32> {
        row.iter().flatten().flatten().map(|&v| v as f32).collect()
    };
    let sequences: Vec<Vec<f32>> = rows.iter().map(flat).collect();
    Ok(Some(animated_gif(&sequences, extents, (1, sequences.len()), PIXEL)?))
}
