//! Film strips: rows of frames.

use super::drawing::{Picture, diverging, text};
use crate::error::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A row of a film strip.
pub struct FilmRow {
    /// The label at its left.
    pub name: String,
    /// Frames as rows of pixels; `None` leaves a gap.
    pub frames: Vec<Option<Vec<Vec<f64>>>>,
    /// Whether values are errors in [−1, 1] instead of intensities in [0, 1].
    pub is_error: bool,
}

const FRAME: i32 = 64;
const GAP: i32 = 6;
const LEFT: i32 = 104;
const TOP: i32 = 26;

/// Draws rows of frames under column titles.
pub fn film_strip(columns: &[String], rows: &[FilmRow]) -> Result<Picture> {
    let width = LEFT + columns.len() as i32 * (FRAME + GAP);
    let height = TOP + rows.len() as i32 * (FRAME + GAP);
    Picture::draw((width as u32, height as u32), |area| {
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
    area: &super::drawing::Area<'_>,
    pixels: &[Vec<f64>],
    (left, top): (i32, i32),
    is_error: bool,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
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
