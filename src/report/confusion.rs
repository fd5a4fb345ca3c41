//! Confusion matrices, one panel per model, with per cents in the cells.

use super::drawing::{Area, Drawing, Drawn, cell, text, upwards};
use crate::error::Result;
use crate::experiments::exhibit::{Confusions, Matrix};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const CELL: i32 = 40;
const LEFT: i32 = 112;
const TOP: i32 = 34;
const BOTTOM: i32 = 104;
const GAP: i32 = 18;
/// Panels in a row.
const COLUMNS: usize = 3;

/// Draws the matrices in rows of three; a row's names stand at its left.
pub(super) fn draw(confusions: &Confusions) -> Result<Drawing> {
    let Confusions { classes, matrices } = confusions;
    let side = classes.len() as i32 * CELL;
    let columns = matrices.len().min(COLUMNS) as i32;
    let rows = matrices.len().div_ceil(COLUMNS) as i32;
    let extents = (LEFT + columns * (side + GAP), rows * (TOP + side + BOTTOM));
    Drawing::draw((extents.0 as u32, extents.1 as u32), |area| {
        for (number, matrix) in matrices.iter().enumerate() {
            let (row, column) = ((number / COLUMNS) as i32, (number % COLUMNS) as i32);
            let corner = (LEFT + column * (side + GAP), TOP + row * (TOP + side + BOTTOM));
            draw_matrix(area, matrix, corner)?;
            draw_names(area, classes, corner, column == 0)?;
        }
        Ok(())
    })
}

fn draw_matrix(area: &Area<'_>, matrix: &Matrix, (left, top): (i32, i32)) -> Drawn {
    let centred = text(19).pos(Pos::new(HPos::Center, VPos::Center));
    let middle = left + matrix.counts.len() as i32 * CELL / 2;
    area.draw(&Text::new(matrix.name.clone(), (middle, top - TOP / 2), centred))?;
    for (row, counts) in matrix.counts.iter().enumerate() {
        let all: f64 = counts.iter().sum();
        for (column, count) in counts.iter().enumerate() {
            let share = if all > 0.0 { count / all } else { 0.0 };
            let corner = (left + column as i32 * CELL, top + row as i32 * CELL);
            cell(area, corner, CELL, share, format!("{:.0}", 100.0 * share))?;
        }
    }
    Ok(())
}

/// Names below the columns, turned, and at the left of the rows of the first panel.
fn draw_names(
    area: &Area<'_>,
    classes: &[String],
    (left, top): (i32, i32),
    is_first: bool,
) -> Drawn {
    let side = classes.len() as i32 * CELL;
    for (place, class) in classes.iter().enumerate() {
        let offset = place as i32 * CELL + CELL / 2;
        let turned = upwards(15, Pos::new(HPos::Right, VPos::Center));
        area.draw(&Text::new(class.clone(), (left + offset, top + side + 6), turned))?;
        if is_first {
            let right = text(15).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw(&Text::new(class.clone(), (left - 8, top + offset), right))?;
        }
    }
    Ok(())
}
