//! The numbers behind figures, as JSON inside the page.

use super::element::element;
use crate::experiments::exhibit::{Film, Lines, Pixels, Series};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Serialize;

/// A line chart; what is not finite is null.
#[derive(Serialize)]
struct Chart<'a> {
    x: &'a str,
    y: &'a str,
    series: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    /// x, mean, lowest and highest value.
    points: Vec<[f64; 4]>,
}

/// Rows of frames, a byte for every pixel.
#[derive(Serialize)]
struct Frames<'a> {
    titles: &'a [String],
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    /// Whether bytes are errors from −1 (0) to 1 (254), with 0 at 127, and not greys.
    is_error: bool,
    frames: Vec<Option<Frame>>,
}

#[derive(Serialize)]
struct Frame {
    width: usize,
    pixels: String,
}

/// The numbers of a chart.
pub(super) fn chart(name: &str, lines: &Lines) -> String {
    let line = |series: &'_ Series| -> Vec<[f64; 4]> {
        series.points.iter().map(|p| [p.x, p.mean, p.low, p.high]).collect()
    };
    let series = lines.series.iter().map(|one| Line { name: &one.name, points: line(one) });
    let chart = Chart { x: &lines.x_label, y: &lines.y_label, series: series.collect() };
    embedded(name, &chart)
}

/// The pixels of a film.
pub(super) fn film(name: &str, film: &Film) -> String {
    let rows = film.rows.iter().map(|row| Row {
        name: &row.name,
        is_error: row.is_error,
        frames: row.frames.iter().map(|f| f.as_ref().map(|f| frame(f, row.is_error))).collect(),
    });
    embedded(name, &Frames { titles: &film.columns, rows: rows.collect() })
}

fn frame(pixels: &Pixels, is_error: bool) -> Frame {
    let byte = |value: f64| match is_error {
        true => (127.0 + 127.0 * value.clamp(-1.0, 1.0)).round() as u8,
        false => (255.0 * value.clamp(0.0, 1.0)).round() as u8,
    };
    let bytes: Vec<u8> = pixels.iter().flatten().map(|&value| byte(value)).collect();
    Frame { width: pixels.first().map_or(0, Vec::len), pixels: BASE64_STANDARD.encode(bytes) }
}

/// Data that no text in it can end.
fn embedded(name: &str, data: &impl Serialize) -> String {
    let json = serde_json::to_string(data).expect("text and numbers can be written as JSON");
    let start =
        element("script").with("type", "application/json").with("id", &format!("data-{name}"));
    start.around(&json.replace('<', "\\u003c"))
}
