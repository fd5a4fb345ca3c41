//! The numbers behind figures, as JSON inside the page.

use super::element::element;
use crate::experiments::exhibit::{Film, Lines, Pixels, Series, Tone};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Serialize;

/// A line chart; what is not finite is null.
#[derive(Serialize)]
struct Chart<'a> {
    x: &'a str,
    y: &'a str,
    series: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: String,
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

/// The numbers of a chart, or of the charts of one figure.
pub(super) fn chart(name: &str, charts: &[Lines]) -> String {
    let line = |series: &Series| -> Vec<[f64; 4]> {
        series.points.iter().map(|p| [p.x, p.mean, p.low, p.high]).collect()
    };
    let title = |lines: &Lines, series: &Series| match lines.title.is_empty() {
        true => series.name.clone(),
        false => format!("{}: {}", lines.title, series.name),
    };
    let of = |lines: &'_ Lines| -> Vec<Line> {
        let one = |series| Line { name: title(lines, series), points: line(series) };
        lines.series.iter().map(one).collect()
    };
    let labels = charts.first().map(|lines| (lines.x_label.as_str(), lines.y_label.as_str()));
    let (x, y) = labels.unwrap_or_default();
    embedded(name, &Chart { x, y, series: charts.iter().flat_map(of).collect() })
}

/// The pixels of a film.
pub(super) fn film(name: &str, film: &Film) -> String {
    let hidden = film.rows.iter().filter(|row| row.tone == Tone::Hidden);
    let values = hidden.flat_map(|row| row.frames.iter().flatten().flatten().flatten());
    let largest = values.fold(0.0f64, |a, b| a.max(*b));
    let rows = film.rows.iter().map(|row| Row {
        name: &row.name,
        is_error: row.tone == Tone::Error,
        frames: row
            .frames
            .iter()
            .map(|f| f.as_ref().map(|f| frame(f, row.tone, largest)))
            .collect(),
    });
    embedded(name, &Frames { titles: &film.columns, rows: rows.collect() })
}

/// Hidden states are shown from 0 to the largest of the film.
fn frame(pixels: &Pixels, tone: Tone, largest: f64) -> Frame {
    let byte = |value: f64| match tone {
        Tone::Error => (127.0 + 127.0 * value.clamp(-1.0, 1.0)).round() as u8,
        Tone::Intensity => (255.0 * value.clamp(0.0, 1.0)).round() as u8,
        Tone::Hidden => (255.0 * (value / largest.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0)) as u8,
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
