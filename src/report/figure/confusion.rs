//! Confusion matrices, one panel per model, with per cents in the cells. As wide as the text.

use super::colours::{self, sequential};
use super::drawing::Drawing;
use super::font;
use super::shape::Rect;
use super::sheet::{Align, PartKind, SMALL, Sheet, small, title};
use super::width::Width;
use crate::experiments::exhibit::{Confusions, Matrix};

const TOP: f64 = 15.0;
const GAP: f64 = 9.0;
const BAR: f64 = 42.0;
const WIDEST: f64 = 24.0;
/// The narrowest cell that holds "100".
const NARROWEST: f64 = 15.5;
/// Panels in a row.
const COLUMNS: usize = 3;

/// Draws the matrices in rows; a row's names stand at its left.
pub fn draw(confusions: &Confusions, width: Width) -> Drawing {
    let Confusions { classes, matrices } = confusions;
    let names = classes.iter().map(|name| font::width(name, SMALL)).fold(0.0, f64::max);
    let (left, bottom) = (names + 18.0, names + 20.0);
    let count = classes.len().max(1) as f64;
    let cell = |columns: usize| {
        (width.text() - left - BAR - GAP * columns as f64) / columns as f64 / count
    };
    let most = matrices.len().clamp(1, COLUMNS);
    let columns = (1..=most).rev().find(|n| cell(*n) >= NARROWEST).unwrap_or(1);
    let cell = cell(columns).min(WIDEST);
    let side = cell * count;
    let step = TOP + side + bottom;
    let rows = matrices.len().div_ceil(columns);
    let across = left + columns as f64 * (side + GAP) + BAR;
    let mut sheet = Sheet::new(across, step * rows as f64);
    for (number, matrix) in matrices.iter().enumerate() {
        let (row, column) = ((number / columns) as f64, number % columns);
        let corner = (left + column as f64 * (side + GAP), TOP + row * step);
        draw_matrix(&mut sheet, (matrix, classes), corner, cell);
        let is_last = column + 1 == columns || number + 1 == matrices.len();
        draw_names(&mut sheet, classes, corner, cell, column == 0);
        if is_last && row == 0.0 {
            let ticks = [0.0, 0.5, 1.0].map(|share| (share, format!("{:.0}", 100.0 * share)));
            let bar = colours::Scale { colour: &sequential, ticks: ticks.into() };
            let place = corner.0 + side + GAP;
            colours::standing(&mut sheet, &bar, place, (corner.1, corner.1 + side));
            let beside = (place + BAR - 10.0, corner.1 + side / 2.0);
            sheet.words("per cent of the row", beside, title().upwards());
        }
    }
    sheet.into()
}

fn draw_matrix(
    sheet: &mut Sheet,
    (matrix, classes): (&Matrix, &[String]),
    (left, top): (f64, f64),
    cell: f64,
) {
    let side = matrix.counts.len() as f64 * cell;
    sheet.part(PartKind::Plot, Rect::at((left, top), (side, side)));
    sheet.words(&matrix.name, (left + side / 2.0, top - 7.0), title());
    for (row, counts) in matrix.counts.iter().enumerate() {
        let all: f64 = counts.iter().sum();
        for (column, count) in counts.iter().enumerate() {
            let share = if all > 0.0 { count / all } else { 0.0 };
            let (x, y) = (left + column as f64 * cell, top + row as f64 * cell);
            let colour = sequential(share);
            sheet.fill(Rect::at((x, y), (cell + 0.15, cell + 0.15)), colour);
            let middle = (x + cell / 2.0, y + cell / 2.0);
            let style = small(Align::Centre).coloured(colour.ink());
            sheet.words(&format!("{:.0}", 100.0 * share), middle, style);
            let told = format!(
                "{}: {count:.0} of {all:.0} clips of {} taken for {}",
                matrix.name, classes[row], classes[column]
            );
            sheet.note(Rect::at((x, y), (cell, cell)), told);
        }
    }
}

/// Names below the columns, turned, and at the left of the rows of the first panel.
fn draw_names(
    sheet: &mut Sheet,
    classes: &[String],
    (left, top): (f64, f64),
    cell: f64,
    is_first: bool,
) {
    let side = classes.len() as f64 * cell;
    for (place, class) in classes.iter().enumerate() {
        let offset = (place as f64 + 0.5) * cell;
        let below = (left + offset, top + side + 3.0);
        sheet.words(class, below, small(Align::Right).upwards());
        if is_first {
            sheet.words(class, (left - 3.0, top + offset), small(Align::Right));
        }
    }
    let names = classes.iter().map(|name| font::width(name, SMALL)).fold(0.0, f64::max);
    let middle = (left + side / 2.0, top + side + names + 11.0);
    sheet.words("taken for", middle, title());
    if is_first {
        let beside = (left - names - 10.0, top + side / 2.0);
        sheet.words("action", beside, title().upwards());
    }
}
