//! Heat maps over velocities, one panel per model, with the numbers in the cells where they fit. As wide as the
//! text.

use super::colours::{self, sequential};
use super::drawing::Drawing;
use super::font;
use super::shape::{Colour, Rect, Stroke};
use super::sheet::{Align, PartKind, SMALL, Sheet, small, title};
use super::width::Width;
use crate::experiments::exhibit::{Colours, HeatMaps, Panel};
use crate::experiments::number::{precise, short};

const LEFT: f64 = 34.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 25.0;
const GAP: f64 = 8.0;
/// For the bar of colours and its numbers.
const BAR: f64 = 46.0;
/// No cell is wider, however few there are.
const WIDEST: f64 = 30.0;
/// Panels in a row.
const COLUMNS: usize = 3;

/// Draws the panels side by side on a common colour scale; the square around the trained velocities is framed.
pub fn draw(maps: &HeatMaps, width: Width) -> Drawing {
    let scale = Scale::of(maps);
    let cells = maps.panels.iter().flat_map(|panel| &panel.cells);
    let range = cells.map(|c| c.0.unsigned_abs().max(c.1.unsigned_abs())).max().unwrap_or(0);
    let columns = maps.panels.len().clamp(1, COLUMNS);
    let rows = maps.panels.len().div_ceil(columns);
    let room = width.text() - LEFT - BAR - GAP * columns as f64;
    let places = 2.0 * f64::from(range) + 1.0;
    let cell = (room / columns as f64 / places).min(WIDEST);
    let side = cell * places;
    let across = LEFT + columns as f64 * (side + GAP) + BAR;
    let step = TOP + side + BOTTOM;
    let mut sheet = Sheet::new(across.min(width.text()), step * rows as f64 + 2.0);
    let grid = Grid { range, cell, side };
    for (number, panel) in maps.panels.iter().enumerate() {
        let (row, column) = (number / columns, number % columns);
        let corner = (LEFT + column as f64 * (side + GAP), TOP + row as f64 * step);
        grid.draw_cells(&mut sheet, panel, corner, &scale);
        grid.draw_trained(&mut sheet, maps.trained, corner);
        grid.draw_axes(&mut sheet, corner, column == 0);
        let middle = (corner.0 + side / 2.0, corner.1 - 7.0);
        sheet.words(&panel.name, middle, title());
    }
    let left = LEFT + columns as f64 * (side + GAP);
    let bar = colours::Scale { colour: &sequential, ticks: scale.ticks() };
    colours::standing(&mut sheet, &bar, left, (TOP, TOP + side));
    let beside = (left + BAR - 6.0, TOP + side / 2.0);
    sheet.words(&maps.label, beside, title().upwards());
    sheet.into()
}

/// Cells around the velocity zero.
struct Grid {
    range: u32,
    cell: f64,
    side: f64,
}

impl Grid {
    /// Where the cells of a velocity begin, along either axis.
    fn offset(&self, velocity: i32) -> f64 {
        (f64::from(velocity) + f64::from(self.range)) * self.cell
    }

    /// Velocities with their numbers: all, or as many at a round distance as have room.
    fn labels(&self) -> Vec<(i32, String)> {
        let label = |v: i32| v.to_string().replace('-', "−");
        let range = self.range.min(i32::MAX as u32) as i32;
        let widest = font::width(&label(-range), SMALL) + 1.0;
        let powers = (0..9).map(|power| 10i32.pow(power));
        let mut steps = powers.flat_map(|power| [1, 2, 5].map(|digit| digit * power));
        let fits = |step: &i32| f64::from(*step) * self.cell > widest;
        let Some(step) = steps.find(fits) else { return vec![(0, label(0))] };
        let most = range / step;
        (-most..=most).map(|i| (i * step, label(i * step))).collect()
    }

    fn draw_cells(&self, sheet: &mut Sheet, panel: &Panel, corner: (f64, f64), scale: &Scale) {
        let place = Rect::at(corner, (self.side, self.side));
        sheet.part(PartKind::Plot, place);
        let labels = || panel.cells.iter().map(|cell| short(cell.2));
        let fits = labels().all(|label| font::width(&label, SMALL) < self.cell - 1.0);
        for &(vx, vy, value) in &panel.cells {
            let colour = sequential(scale.place(value));
            let at = (corner.0 + self.offset(vx), corner.1 + self.offset(vy));
            // Neighbours share an edge, which would shine through between two of them.
            sheet.fill(Rect::at(at, (self.cell + 0.15, self.cell + 0.15)), colour);
            let told = format!("{} at ({vx}, {vy}): {}", panel.name, precise(value));
            sheet.note(Rect::at(at, (self.cell, self.cell)), told);
        }
        for &(vx, vy, value) in panel.cells.iter().filter(|_| fits) {
            let ink = sequential(scale.place(value)).ink();
            let middle = |v| self.offset(v) + self.cell / 2.0;
            let at = (corner.0 + middle(vx), corner.1 + middle(vy));
            sheet.words(&short(value), at, small(Align::Centre).coloured(ink));
        }
    }

    /// A white frame, with thin dark edges where cells are bright.
    fn draw_trained(&self, sheet: &mut Sheet, trained: u32, corner: (f64, f64)) {
        let first = (f64::from(self.range) - f64::from(trained)) * self.cell;
        let side = (2.0 * f64::from(trained) + 1.0) * self.cell;
        let frame = Rect::at((corner.0 + first, corner.1 + first), (side, side));
        sheet.frame(frame, Stroke::solid(Colour::INK, 2.6));
        sheet.frame(frame, Stroke::solid(Colour::WHITE, 1.6));
    }

    fn draw_axes(&self, sheet: &mut Sheet, (left, top): (f64, f64), is_first: bool) {
        for (v, label) in self.labels() {
            let offset = self.offset(v) + self.cell / 2.0;
            let below = (left + offset, top + self.side + 6.5);
            sheet.words(&label, below, small(Align::Centre));
            if is_first {
                sheet.words(&label, (left - 4.0, top + offset), small(Align::Right));
            }
        }
        let below = (left + self.side / 2.0, top + self.side + 17.0);
        sheet.words("vx, pixels per frame", below, title());
        if is_first {
            let beside = (left - LEFT + 8.0, top + self.side / 2.0);
            sheet.words("vy, pixels per frame", beside, title().upwards());
        }
    }
}

/// The colour scale that the values of all panels span.
struct Scale {
    colours: Colours,
    low: f64,
    high: f64,
}

impl Scale {
    fn of(maps: &HeatMaps) -> Self {
        let mut scale = Self { colours: maps.colours, low: 0.0, high: 1.0 };
        let cells = maps.panels.iter().flat_map(|panel| &panel.cells);
        let heights: Vec<f64> =
            cells.map(|cell| scale.height(cell.2)).filter(|h| h.is_finite()).collect();
        if !heights.is_empty() {
            scale.low = heights.iter().copied().fold(f64::MAX, f64::min);
            scale.high = heights.iter().copied().fold(f64::MIN, f64::max);
        }
        scale
    }

    /// No number where there is no logarithm.
    fn height(&self, value: f64) -> f64 {
        match self.colours {
            Colours::Error => -value.ln(),
            Colours::Share => value,
        }
    }

    fn value(&self, height: f64) -> f64 {
        match self.colours {
            Colours::Error => (-height).exp(),
            Colours::Share => height,
        }
    }

    /// The place of a value on the scale, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let height = self.height(value);
        let span = (self.high - self.low).max(1e-9);
        if height.is_finite() { (height - self.low) / span } else { 0.0 }
    }

    /// Its ends and its middle.
    fn ticks(&self) -> Vec<(f64, String)> {
        let at = |place: f64| self.low + place * (self.high - self.low);
        [0.0, 0.25, 0.5, 0.75, 1.0].map(|place| (place, short(self.value(at(place))))).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_number_every_velocity_or_as_many_as_have_room() {
        let labels = |range: u32| {
            let side = 100.0;
            let cell = side / (2.0 * f64::from(range) + 1.0);
            let labels = Grid { range, cell, side }.labels();
            labels.into_iter().map(|(velocity, _)| velocity).collect::<Vec<_>>()
        };
        assert_eq!(labels(0), [0]);
        assert_eq!(labels(2), [-2, -1, 0, 1, 2]);
        let many = labels(300);
        assert!((3..=15).contains(&many.len()) && many.iter().all(|v| v % 50 == 0), "{many:?}");
        assert!(many.iter().all(|v| many.contains(&-v)));
        assert_eq!(labels(i32::MAX as u32), [0], "no distance of them has room");
    }
}
