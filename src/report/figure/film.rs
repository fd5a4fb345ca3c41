//! Film strips: rows of frames, as images, with bars for errors and hidden states. As wide as a column.

use super::colours::{self, diverging, grey, sequential};
use super::drawing::Drawing;
use super::font;
use super::shape::{Colour, Fill, Place, Raster, Rect, Stroke};
use super::sheet::{Align, PartKind, SMALL, Sheet, small};
use super::width::Width;
use crate::experiments::exhibit::{Film, Pixels, Tone};
use crate::experiments::number::short;

const TOP: f64 = 13.0;
const GAP: f64 = 2.5;
const EDGE: f64 = 3.0;
/// For a bar with its numbers.
const BAR: f64 = 20.0;
/// No frame is larger, however few there are.
const LARGEST: f64 = 42.0;
/// Nor smaller, however many there are beside a long name: the strip is wider then.
const SMALLEST: f64 = 4.0;

/// Draws rows of frames under column titles.
pub fn film_strip(film: &Film, width: Width) -> Drawing {
    let Film { columns, rows, .. } = film;
    let names = rows.iter().map(|row| font::width(&row.name, SMALL)).fold(0.0, f64::max);
    let left = EDGE + names + 4.0;
    let count = columns.len().max(1) as f64;
    let frame = ((width.column() - left - EDGE + GAP) / count - GAP).clamp(SMALLEST, LARGEST);
    let bars = bars(film);
    let clips = rows.iter().any(|row| row.frames.iter().flatten().any(|f| film.clips(row.tone, f)));
    let bottom = TOP + rows.len() as f64 * (frame + GAP);
    let under = if bars.is_empty() && !clips { 0.0 } else { BAR };
    let across = (left + count * (frame + GAP) - GAP).max(left + width_of(&bars)) + EDGE;
    let mut sheet = Sheet::new(across, bottom + under + 2.0);
    for (i, title) in columns.iter().enumerate() {
        let x = left + i as f64 * (frame + GAP) + frame / 2.0;
        sheet.words(title, (x, TOP / 2.0), small(Align::Centre));
    }
    for (j, row) in rows.iter().enumerate() {
        let y = TOP + j as f64 * (frame + GAP);
        sheet.words(&row.name, (left - 4.0, y + frame / 2.0), small(Align::Right));
        for (i, pixels) in row.frames.iter().enumerate() {
            let place = Rect::at((left + i as f64 * (frame + GAP), y), (frame, frame));
            if let Some(pixels) = pixels {
                film.draw_frame(&mut sheet, pixels, place, row.tone);
            }
        }
    }
    let right = draw_bars(&mut sheet, bars, (left, across - EDGE), bottom + 3.0);
    if clips {
        let (x, y) = (right + 8.0, bottom + 7.0);
        draw_corner(&mut sheet, (x, y + 2.5));
        sheet.words("cut off", (x + 8.0, y), small(Align::Left));
    }
    sheet.into()
}

impl Film {
    /// The largest value of all hidden states.
    fn largest_hidden(&self) -> f64 {
        let hidden = self.rows.iter().filter(|row| row.tone == Tone::Hidden);
        let values = hidden.flat_map(|row| &row.frames).flatten().flatten().flatten();
        values.copied().fold(f64::MIN_POSITIVE, f64::max)
    }

    /// Whether a frame has values far beyond its colours: a fifth of what they span from zero.
    fn clips(&self, tone: Tone, pixels: &Pixels) -> bool {
        const SEEN: f64 = 0.2;
        let (low, high) = match tone {
            Tone::Intensity => (-SEEN, 1.0 + SEEN),
            Tone::Error => (-1.0 - SEEN, 1.0 + SEEN),
            Tone::Hidden => (-SEEN * self.largest_hidden(), f64::INFINITY),
        };
        pixels.iter().flatten().any(|v| !(low..=high).contains(v))
    }

    /// Frames have whatever shape their pixels have, within a square.
    fn draw_frame(&self, sheet: &mut Sheet, pixels: &Pixels, place: Rect, tone: Tone) {
        let largest = self.largest_hidden();
        let raster = match tone {
            Tone::Intensity => Raster::of(pixels, grey),
            Tone::Error => Raster::of(pixels, diverging),
            Tone::Hidden => Raster::of(pixels, |v| sequential(v / largest)),
        };
        let longer = raster.width.max(raster.height).max(1) as f64;
        let extent = |pixels: usize| pixels as f64 / longer * place.width();
        let inside =
            Rect::at((place.left, place.top), (extent(raster.width), extent(raster.height)));
        if raster.pixels.is_empty() {
            return;
        }
        sheet.image(inside, raster);
        sheet.frame(inside, Stroke::solid(Colour(150, 150, 150), 0.4));
        sheet.part(PartKind::Plot, inside);
        if self.clips(tone, pixels) {
            draw_corner(sheet, (inside.left, inside.bottom));
        }
    }
}

/// The sign of values that are cut off, at the lower left corner of a frame.
fn draw_corner(sheet: &mut Sheet, (left, bottom): Place) {
    const SIDE: f64 = 5.5;
    let triangle = [(left, bottom), (left, bottom - SIDE), (left + SIDE, bottom)];
    sheet.area(&triangle, Fill { colour: Colour(230, 159, 0), opacity: 1.0 });
    let around = [triangle[0], triangle[1], triangle[2], triangle[0]];
    sheet.line(&around, Stroke::solid(Colour::INK, 0.3));
}

/// A bar with its name.
struct Bar {
    name: &'static str,
    colour: fn(f64) -> Colour,
    ticks: Vec<(f64, String)>,
}

/// The bars of the kinds of values that need one.
fn bars(film: &Film) -> Vec<Bar> {
    let has = |tone: Tone| film.rows.iter().any(|row| row.tone == tone);
    let mut bars = Vec::new();
    if has(Tone::Error) {
        let ticks = [(0.0, "−1"), (0.5, "0"), (1.0, "1")].map(|(p, label)| (p, label.to_string()));
        bars.push(Bar { name: "error", colour: |v| diverging(2.0 * v - 1.0), ticks: ticks.into() });
    }
    if has(Tone::Hidden) {
        let ticks = [(0.0, "0".to_string()), (1.0, short(film.largest_hidden()))];
        bars.push(Bar { name: "hidden state", colour: sequential, ticks: ticks.into() });
    }
    bars
}

/// A bar where there is room, and the shortest; what its last number needs behind it; what stands between.
const LONG: f64 = 70.0;
const SHORT: f64 = 12.0;
const NUMBER: f64 = 40.0;
const BETWEEN: f64 = 8.0;

/// What bars need one after the other, the last of them a short one: frames may be too few for them.
fn width_of(bars: &[Bar]) -> f64 {
    let names: f64 = bars.iter().map(|bar| font::width(bar.name, SMALL) + BETWEEN).sum();
    match bars.len() {
        0 => 0.0,
        count => names + (count - 1) as f64 * (LONG + BETWEEN) + SHORT + NUMBER,
    }
}

/// Draws the bars one after the other; gives where the last one ends.
fn draw_bars(sheet: &mut Sheet, bars: Vec<Bar>, (left, right): (f64, f64), top: f64) -> f64 {
    let mut x = left;
    for Bar { name, colour, ticks } in bars {
        sheet.words(name, (x, top + 3.0), small(Align::Left));
        let from = x + font::width(name, SMALL) + BETWEEN;
        let to = (from + LONG).min(right - NUMBER);
        let scale = colours::Scale { colour: &colour, ticks };
        colours::lying(sheet, &scale, (from, to), top);
        x = to + BETWEEN;
    }
    x
}
