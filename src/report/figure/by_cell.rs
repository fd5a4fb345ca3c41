//! The errors of every cell, and the zones that they fall into. As wide as a column.

use super::drawing::Drawing;
use super::font;
use super::look::circle;
use super::shape::{Colour, Fill, Place, Rect, Segment, Stroke};
use super::sheet::{Align, PartKind, SMALL, Sheet, small, title};
use super::width::Width;
use crate::equivariance::LARGEST_ROUNDING;
use crate::verification::Row;

const LINE: f64 = 10.5;
/// Between two cells.
const BETWEEN: f64 = 2.5;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 24.0;
const RIGHT: f64 = 5.0;
/// The column of what is exact, with the break of the axis behind it.
const EXACT: f64 = 19.0;
/// Powers of ten of the axis.
const LOWEST: f64 = -16.5;
const HIGHEST: f64 = 0.9;

const F32: Colour = Colour(213, 94, 0);
const F64: Colour = Colour(0, 114, 178);

/// Where errors lie.
struct Axis {
    left: f64,
    right: f64,
}

impl Axis {
    fn place(&self, error: f64) -> f64 {
        if error == 0.0 {
            return self.left + EXACT / 2.0;
        }
        let part = (error.log10().clamp(LOWEST, HIGHEST) - LOWEST) / (HIGHEST - LOWEST);
        self.left + EXACT + part * (self.right - self.left - EXACT)
    }
}

/// A cell with its rows in each frame of reference.
struct Group<'a> {
    cell: &'a str,
    lifts: Vec<&'a str>,
    top: f64,
}

/// A line per cell and lift: the error of its flow equivariance, a mark for each velocity set,
/// algorithm and precision.
pub fn error_by_cell(rows: &[Row], width: Width) -> Drawing {
    const LAWS: [&str; 2] = ["state flow equivariance", "read-out flow equivariance"];
    let is_of = |row: &&Row| {
        // The dense cell has no velocities: of it only the read-out can be compared.
        row.property == LAWS[0] || (row.property == LAWS[1] && row.cell == "dense")
    };
    let rows: Vec<&Row> = rows.iter().filter(is_of).collect();
    let (groups, bottom) = groups(&rows);
    let names = groups.iter().map(|group| font::width(group.cell, SMALL)).fold(0.0, f64::max);
    let lifts = font::width(name_of("co-moving"), SMALL);
    let across = width.column();
    let axis = Axis { left: 3.0 + names + 5.0 + lifts + 5.0, right: across - RIGHT };
    let mut sheet = Sheet::new(across, bottom + BOTTOM);
    draw_zones(&mut sheet, &axis, &rows, bottom);
    draw_axis(&mut sheet, &axis, bottom);
    for (number, group) in groups.iter().enumerate() {
        if number > 0 {
            let y = group.top - BETWEEN / 2.0;
            sheet.line(&[(3.0, y), (axis.right, y)], Stroke::solid(Colour::FAINT, 0.5));
        }
        sheet.words(group.cell, (3.0, group.top + LINE / 2.0), small(Align::Left));
        for (place, lift) in group.lifts.iter().enumerate() {
            let y = group.top + LINE * (place as f64 + 0.5);
            let grey = small(Align::Right).coloured(Colour(80, 80, 80));
            sheet.words(name_of(lift), (axis.left - 5.0, y), grey);
            let of_line = |row: &&&Row| row.cell == group.cell && row.lift == *lift;
            let all: Vec<&Row> = rows.iter().filter(of_line).copied().collect();
            draw_errors(&mut sheet, &axis, &all, y);
        }
    }
    sheet.part(PartKind::Plot, Rect { left: axis.left, right: axis.right, top: TOP, bottom });
    draw_legend(&mut sheet);
    sheet.into()
}

fn name_of(lift: &str) -> &str {
    if lift == "trivial" { "lab" } else { lift }
}

/// The cells in the order of the rows, and where the last one ends.
fn groups<'a>(rows: &[&'a Row]) -> (Vec<Group<'a>>, f64) {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for row in rows {
        let place = groups.iter().position(|group| group.cell == row.cell);
        let place = place.unwrap_or_else(|| {
            groups.push(Group { cell: &row.cell, lifts: Vec::new(), top: 0.0 });
            groups.len() - 1
        });
        if !groups[place].lifts.contains(&row.lift.as_str()) {
            groups[place].lifts.push(&row.lift);
        }
    }
    let mut y = TOP;
    for group in &mut groups {
        group.top = y + BETWEEN;
        y = group.top + LINE * group.lifts.len() as f64;
    }
    (groups, y + BETWEEN)
}

/// What errors of a kind there are, from the least to the largest.
fn extent(rows: &[&Row], verdict: &str) -> Option<(f64, f64)> {
    let of_kind = rows.iter().filter(|row| row.verdict == verdict);
    let errors: Vec<f64> =
        of_kind.flat_map(|row| [row.error_f32, row.error_f64]).flatten().collect();
    let low = errors.iter().copied().reduce(f64::min)?;
    Some((low, errors.iter().copied().fold(low, f64::max)))
}

/// The zones behind the errors, each with its name above it.
fn draw_zones(sheet: &mut Sheet, axis: &Axis, rows: &[&Row], bottom: f64) {
    let rounding = |epsilon: f64| (axis.place(epsilon), axis.place(LARGEST_ROUNDING * epsilon));
    let measured = |verdict: &str| {
        extent(rows, verdict).map(|(low, high)| (axis.place(low) - 1.3, axis.place(high) + 1.3))
    };
    // Three rows of names, counted from below: neighbours would cover each other.
    let zones = [
        ("exact", Some((axis.left, axis.left + EXACT - 5.0)), Colour(0, 158, 115), 0.0),
        ("rounding, f64", Some(rounding(f64::EPSILON)), F64, 1.0),
        ("rounding, f32", Some(rounding(f64::from(f32::EPSILON))), F32, 0.0),
        ("discretisation", measured("discretisation"), Colour(230, 159, 0), 1.0),
        ("broken", measured("BROKEN"), Colour(90, 90, 90), 2.0),
    ];
    // The line of the highest row passes by at the right of the others.
    let last = zones[4].1.map_or(axis.right, |(left, right)| (left + right.min(axis.right)) / 2.0);
    for (name, extent, colour, row) in zones {
        let Some((left, right)) = extent else { continue };
        let right = right.min(axis.right);
        let zone = Rect { left, right, top: TOP, bottom };
        let outline = [(left, TOP), (right, TOP), (right, bottom), (left, bottom)];
        sheet.area(&outline, Fill { colour, opacity: 0.13 });
        let half = font::width(name, SMALL) / 2.0;
        let end = if row < 2.0 { last - 2.0 } else { axis.right + RIGHT - 2.0 };
        let middle = zone.centre().0.min(end - half).max(half + 2.0);
        let y = TOP - 6.0 - 9.5 * row;
        sheet.words(name, (middle, y), small(Align::Centre));
        let (from, to) = (y + 4.5, TOP);
        let x = zone.centre().0;
        sheet.line(&[(x, from), (x, to)], Stroke::solid(Colour::GREY, 0.4));
    }
}

fn draw_axis(sheet: &mut Sheet, axis: &Axis, bottom: f64) {
    let ink = Stroke::solid(Colour::INK, 0.7);
    let mut tick = |x: f64, label: &str| {
        sheet.line(&[(x, bottom), (x, bottom + 2.5)], ink);
        sheet.words(label, (x, bottom + 8.0), small(Align::Centre));
    };
    tick(axis.place(0.0), "0");
    for (exponent, label) in [(-15, "10⁻¹⁵"), (-10, "10⁻¹⁰"), (-5, "10⁻⁵"), (0, "10⁰")]
    {
        tick(axis.place(10f64.powi(exponent)), label);
    }
    sheet.line(&[(axis.left, bottom), (axis.right, bottom)], ink);
    let x = axis.left + EXACT - 2.0;
    sheet.line(&[(x - 1.2, bottom), (x + 1.2, bottom)], Stroke::solid(Colour::WHITE, 2.0));
    for offset in [-1.3, 1.3] {
        let ends = [(x + offset - 0.8, bottom + 2.2), (x + offset + 0.8, bottom - 2.2)];
        sheet.line(&ends, Stroke::solid(Colour::INK, 0.6));
    }
    let middle = ((axis.left + axis.right) / 2.0, bottom + 18.0);
    sheet.words("largest flow equivariance error", middle, title());
}

/// The errors of a cell in a frame of reference: direct above, Winograd below, f32 larger and behind, so that
/// both are seen where they agree.
fn draw_errors(sheet: &mut Sheet, axis: &Axis, rows: &[&Row], y: f64) {
    for precision in [F32, F64] {
        for row in rows {
            let error = if precision == F32 { row.error_f32 } else { row.error_f64 };
            let Some(error) = error else { continue };
            let is_direct = row.algorithm == "direct";
            let at = (axis.place(error), if is_direct { y - 1.8 } else { y + 2.4 });
            draw_mark(sheet, at, precision, is_direct);
        }
    }
}

fn draw_mark(sheet: &mut Sheet, (x, y): Place, precision: Colour, is_direct: bool) {
    let size = if precision == F32 { 2.5 } else { 1.5 };
    let outline = match is_direct {
        true => circle((x, y), size),
        false => vec![
            Segment::Move((x, y - 1.2 * size)),
            Segment::Line((x + 1.1 * size, y + 0.8 * size)),
            Segment::Line((x - 1.1 * size, y + 0.8 * size)),
            Segment::Close,
        ],
    };
    let fill = Fill { colour: precision, opacity: 1.0 };
    sheet.path(outline, Some(fill), Some(Stroke::solid(Colour::WHITE, 0.3)));
}

fn draw_legend(sheet: &mut Sheet) {
    let y = 7.0;
    let entries = [
        ("f32, direct", F32, true),
        ("Winograd", F32, false),
        ("f64, direct", F64, true),
        ("Winograd", F64, false),
    ];
    let from = 6.0;
    let mut x = from;
    for (name, colour, is_direct) in entries {
        draw_mark(sheet, (x + 2.0, y), colour, is_direct);
        sheet.words(name, (x + 6.5, y), small(Align::Left));
        x += 6.5 + font::width(name, SMALL) + 7.0;
    }
    let place = Rect { left: from, right: x - 7.0, top: y - 5.0, bottom: y + 5.0 };
    sheet.part(PartKind::Key, place);
}
