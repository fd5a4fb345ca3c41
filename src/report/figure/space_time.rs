//! The counter-example: space–time pictures of a bump on a ring at rest and in motion. As wide as a column.

use super::colours::{self, sequential};
use super::drawing::Drawing;
use super::shape::{Colour, Raster, Rect, Stroke};
use super::sheet::{Align, PartKind, Sheet, small, title};
use super::width::Width;
use crate::experiments::number::short;
use crate::verification::{CounterExample, SpaceTime};

const LEFT: f64 = 60.0;
const TOP: f64 = 15.0;
const GAP: f64 = 5.0;
const RIGHT: f64 = 12.0;
/// Axis, its title, and the bar of colours.
const BOTTOM: f64 = 46.0;

/// A row of pictures for the input and each model, a column for each speed.
pub fn counter_examples(examples: &[CounterExample], width: Width) -> Drawing {
    const ROWS: [&str; 4] = ["input", "G-RNN", "FERNN,|lab frame", "FERNN,|co-moving|frame"];
    let count = examples.len().max(1) as f64;
    let across = width.column();
    let panel = (across - LEFT - RIGHT + GAP) / count - GAP;
    let height = (0.6 * panel).min(70.0);
    let bottom = TOP + ROWS.len() as f64 * (height + GAP) - GAP;
    let mut sheet = Sheet::new(across, bottom + BOTTOM);
    // One scale for all hidden states, so that trails are seen to be weaker.
    let largest = examples.iter().map(|example| peak(&example.lab)).fold(0.0, f64::max);
    for (column, example) in examples.iter().enumerate() {
        let left = LEFT + column as f64 * (panel + GAP);
        let name = if example.speed == 0 { "at rest" } else { "moving" };
        sheet.words(name, (left + panel / 2.0, TOP / 2.0), title());
        let panels = [&example.input, &example.g_rnn, &example.lab, &example.co_moving];
        for (row, values) in panels.into_iter().enumerate() {
            let top = TOP + row as f64 * (height + GAP);
            let place = Rect::at((left, top), (panel, height));
            let largest = if row == 0 { 1.0 } else { largest };
            sheet.image(place, Raster::of(values, |v| sequential(v / largest)));
            sheet.frame(place, Stroke::solid(Colour::INK, 0.4));
            sheet.part(PartKind::Plot, place);
        }
        draw_places(&mut sheet, &example.input, (left, left + panel), bottom);
    }
    for (row, name) in ROWS.iter().enumerate() {
        let top = TOP + row as f64 * (height + GAP);
        draw_name(&mut sheet, name, (top, top + height));
    }
    let scale = colours::Scale {
        colour: &sequential,
        ticks: [(0.0, "0".to_string()), (1.0, short(largest))].into(),
    };
    let y = bottom + BOTTOM - 19.0;
    sheet.words("hidden state (input: 0 to 1)", (4.0, y + 3.0), small(Align::Left));
    colours::lying(&mut sheet, &scale, (across - RIGHT - 90.0, across - RIGHT), y);
    sheet.into()
}

/// A name in lines, and the direction of time.
fn draw_name(sheet: &mut Sheet, name: &str, (top, bottom): (f64, f64)) {
    let lines: Vec<&str> = name.split('|').collect();
    let middle = (top + bottom) / 2.0;
    let first = middle - 8.0 * (lines.len() - 1) as f64 / 2.0;
    for (number, line) in lines.iter().enumerate() {
        sheet.words(line, (4.0, first + 8.0 * number as f64), small(Align::Left));
    }
    sheet.words("← time", (LEFT - 7.0, middle), small(Align::Centre).upwards());
}

fn draw_places(sheet: &mut Sheet, input: &SpaceTime, (left, right): (f64, f64), bottom: f64) {
    let places = input.first().map_or(0, Vec::len);
    for place in [0, places / 3, 2 * places / 3] {
        let x = left + (place as f64 + 0.5) / places.max(1) as f64 * (right - left);
        sheet.line(&[(x, bottom), (x, bottom + 2.0)], Stroke::solid(Colour::INK, 0.5));
        sheet.words(&place.to_string(), (x, bottom + 7.0), small(Align::Centre));
    }
    sheet.words("place on the ring", ((left + right) / 2.0, bottom + 17.0), title());
}

fn peak(panel: &SpaceTime) -> f64 {
    panel.iter().flatten().fold(f64::MIN_POSITIVE, |max, &v| max.max(v))
}
