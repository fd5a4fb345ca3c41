//! The figures of `verify`: errors by cell, by step and by velocity, and the counter-example.

use super::drawing::{Area, Drawing, Drawn, sequential, series_colour, text};
use super::lines;
use crate::atomic_file::write_atomically;
use crate::comma_separated::csv_bytes;
use crate::equivariance::LARGEST_ROUNDING;
use crate::error::Result;
use crate::experiments::exhibit::{Lines, Point, Scale, Series};
use crate::verification::{CounterExample, ErrorPoint, Row, SpaceTime};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// What `verify` measured.
pub struct VerifyResults<'a> {
    /// The statements.
    pub rows: &'a [Row],
    /// Errors by step.
    pub by_step: &'a [ErrorPoint],
    /// Errors by speed of the flow.
    pub by_velocity: &'a [ErrorPoint],
    /// Errors over rotations by step.
    pub rotation_by_step: &'a [ErrorPoint],
    /// Errors of a convolution over rotations by angle.
    pub by_angle: &'a [ErrorPoint],
    /// The counter-example at rest and in motion.
    pub counter_examples: &'a [CounterExample],
}

/// Writes `equivariance.csv` into a folder, which serves as a baseline later on, and beside it a folder
/// `equivariance` with the figures and the numbers behind their curves.
///
/// # Errors
/// [`crate::Error::Io`] naming the file that could not be written.
pub fn write_equivariance(measured: &VerifyResults<'_>, out: &Path) -> Result<()> {
    write_atomically(&out.join("equivariance.csv"), &csv_bytes(measured.rows))?;
    let folder = out.join("equivariance");
    let write = |name: &str, bytes: &[u8]| write_atomically(&folder.join(name), bytes);
    write("error_by_step.csv", &csv_bytes(measured.by_step))?;
    write("error_by_velocity.csv", &csv_bytes(measured.by_velocity))?;
    write("rotation_by_step.csv", &csv_bytes(measured.rotation_by_step))?;
    write("rotation_by_angle.csv", &csv_bytes(measured.by_angle))?;
    let figures = [
        ("error_by_cell", error_by_cell(measured.rows)?),
        ("error_by_step", error_by_step(measured.by_step)?),
        ("rotation_by_step", error_by_step(measured.rotation_by_step)?),
        ("rotation_by_angle", error_by_angle(measured.by_angle)?),
        ("read_out_by_velocity", error_by_velocity(measured.by_velocity, "read-out")?),
        ("forecast_by_velocity", error_by_velocity(measured.by_velocity, "forecast")?),
        ("counter_example", counter_examples(measured.counter_examples)?),
    ];
    for (name, picture) in figures {
        write(&format!("{name}.svg"), picture.svg().as_bytes())?;
        write(&format!("{name}.png"), &picture.png()?)?;
    }
    Ok(())
}

/// Where zero is drawn on a logarithmic axis.
const ZERO: f64 = 1e-18;

fn by_curve(points: &[ErrorPoint], value: impl Fn(&ErrorPoint) -> f64) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for point in points {
        let value = value(point);
        let x = f64::from(point.position);
        let point_of = Point { x, mean: value, low: value, high: value };
        match series.iter_mut().find(|series| series.name == point.curve) {
            Some(series) => series.points.push(point_of),
            None => series.push(Series { name: point.curve.clone(), points: vec![point_of] }),
        }
    }
    series
}

fn error_by_step(points: &[ErrorPoint]) -> Result<Drawing> {
    lines::draw(&Lines {
        x_label: "frame".into(),
        y_label: "equivariance error".into(),
        series: by_curve(points, |point| point.largest),
        scale: Scale::LogarithmicOrZero(ZERO),
        mark: None,
        shade: None,
    })
}

fn error_by_angle(points: &[ErrorPoint]) -> Result<Drawing> {
    lines::draw(&Lines {
        x_label: "angle, degrees".into(),
        y_label: "equivariance error (2-norm)".into(),
        series: by_curve(points, |point| point.two_norm),
        scale: Scale::LogarithmicOrZero(ZERO),
        mark: None,
        shade: None,
    })
}

/// The curves of a law, named by its first word.
fn error_by_velocity(points: &[ErrorPoint], law: &str) -> Result<Drawing> {
    let points: Vec<ErrorPoint> =
        points.iter().filter(|p| p.curve.starts_with(law)).cloned().collect();
    let mut series = by_curve(&points, |point| point.two_norm);
    for series in &mut series {
        series.name = series.name.rsplit(", ").next().unwrap_or_default().to_string();
    }
    lines::draw(&Lines {
        x_label: "speed of the flow, pixels per frame".into(),
        y_label: "error (2-norm)".into(),
        series,
        scale: Scale::Linear,
        mark: None,
        shade: None,
    })
}

const LEFT: i32 = 164;
const TOP: i32 = 64;
const LINE: i32 = 25;
const DECADE: f64 = 20.0;
/// Decades from 10⁻¹⁸, which stands for zero, to 10¹.
const LOWEST: f64 = -18.0;
const HIGHEST: f64 = 1.0;

fn place(error: f64) -> i32 {
    let height = error.max(ZERO).log10().clamp(LOWEST, HIGHEST);
    LEFT + ((height - LOWEST) * DECADE) as i32
}

/// A line per cell and lift: the error of its flow equivariance, a mark for each velocity set,
/// algorithm and precision.
fn error_by_cell(rows: &[Row]) -> Result<Drawing> {
    const LAWS: [&str; 2] = ["state flow equivariance", "read-out flow equivariance"];
    let is_of = |row: &&Row| {
        // The dense cell has no velocities: of it only the read-out can be compared.
        row.property == LAWS[0] || (row.property == LAWS[1] && row.cell == "dense")
    };
    let rows: Vec<&Row> = rows.iter().filter(is_of).collect();
    let mut lines: Vec<(&str, &str)> = Vec::new();
    for row in &rows {
        if !lines.contains(&(&row.cell, &row.lift)) {
            lines.push((&row.cell, &row.lift));
        }
    }
    let width = place(10.0) + 24;
    let bottom = TOP + lines.len() as i32 * LINE;
    Drawing::draw((width as u32, (bottom + 46) as u32), |area| {
        draw_error_axis(area, bottom)?;
        for (number, (cell, lift)) in lines.iter().enumerate() {
            let y = TOP + number as i32 * LINE + LINE / 2;
            let right = text(14).pos(Pos::new(HPos::Right, VPos::Center));
            let frame = if *lift == "trivial" { "lab" } else { *lift };
            area.draw(&Text::new(format!("{cell}, {frame}"), (LEFT - 10, y), right))?;
            for row in rows.iter().filter(|row| row.cell == *cell && row.lift == *lift) {
                draw_error(area, row, y)?;
            }
        }
        draw_error_legend(area)
    })
}

fn draw_error(area: &Area<'_>, row: &Row, y: i32) -> Drawn {
    let offset = if row.algorithm == "direct" { -4 } else { 5 };
    // f32 is larger and behind, so that both are seen where they agree.
    let precisions = [(row.error_f32, series_colour(0), 6), (row.error_f64, series_colour(2), 3)];
    for (error, colour, size) in precisions {
        let Some(error) = error else { continue };
        let centre = (place(error), y + offset);
        match row.algorithm.as_str() {
            "direct" => area.draw(&Circle::new(centre, size, colour.filled()))?,
            _ => area.draw(&TriangleMarker::new(centre, size + 1, colour.filled()))?,
        }
    }
    Ok(())
}

fn draw_error_axis(area: &Area<'_>, bottom: i32) -> Drawn {
    let faint = RGBColor(225, 225, 225);
    let centred = || text(14).pos(Pos::new(HPos::Center, VPos::Center));
    for exponent in (LOWEST as i32..=HIGHEST as i32).step_by(3) {
        let x = place(10f64.powi(exponent));
        area.draw(&PathElement::new(vec![(x, TOP), (x, bottom)], faint.stroke_width(1)))?;
        let label = match exponent {
            0 => "1".into(),
            lowest if lowest == LOWEST as i32 => "0".into(),
            _ => format!("1e{exponent}"),
        };
        area.draw(&Text::new(label, (x, bottom + 12), centred()))?;
    }
    let floors = [(f64::from(f32::EPSILON), 0), (f64::EPSILON, 2)];
    for (epsilon, colour) in floors {
        let band = [(place(epsilon), TOP), (place(LARGEST_ROUNDING * epsilon), bottom)];
        area.draw(&Rectangle::new(band, series_colour(colour).mix(0.13).filled()))?;
    }
    let middle = (place(1e-8), bottom + 32);
    area.draw(&Text::new("largest flow equivariance error", middle, centred()))?;
    Ok(())
}

fn draw_error_legend(area: &Area<'_>) -> Drawn {
    let label = || text(14).pos(Pos::new(HPos::Left, VPos::Center));
    let entry = |place: (i32, i32), name: &str, draw: &dyn Fn((i32, i32)) -> Drawn| -> Drawn {
        draw(place)?;
        Ok(area.draw(&Text::new(name.to_string(), (place.0 + 12, place.1), label()))?)
    };
    let ink = RGBColor(60, 60, 60);
    let dot = |colour: RGBColor| move |at| Ok(area.draw(&Circle::new(at, 4, colour.filled()))?);
    let triangle = |at| Ok(area.draw(&TriangleMarker::new(at, 5, ink.stroke_width(2)))?);
    entry((LEFT, 14), "f32", &dot(series_colour(0)))?;
    entry((LEFT + 60, 14), "f64", &dot(series_colour(2)))?;
    entry((LEFT + 130, 14), "direct", &dot(ink))?;
    entry((LEFT + 210, 14), "Winograd", &triangle)?;
    let note = "bands: what counts as rounding, 1 to 4096 units in the last place";
    Ok(area.draw(&Text::new(note, (LEFT, 40), text(13).pos(Pos::new(HPos::Left, VPos::Center))))?)
}

const PANEL: (i32, i32) = (150, 98);
const GAP: i32 = 14;

/// A row of space–time pictures for each speed.
fn counter_examples(examples: &[CounterExample]) -> Result<Drawing> {
    const TITLES: [&str; 4] = ["input", "G-RNN", "FERNN, lab frame", "FERNN, co-moving frame"];
    let left = 74;
    let top = 28;
    let width = left + 4 * (PANEL.0 + GAP);
    let height = top + examples.len() as i32 * (PANEL.1 + GAP) + 24;
    Drawing::draw((width as u32, height as u32), |area| {
        let centred = |size| text(size).pos(Pos::new(HPos::Center, VPos::Center));
        for (column, title) in TITLES.iter().enumerate() {
            let x = left + column as i32 * (PANEL.0 + GAP) + PANEL.0 / 2;
            area.draw(&Text::new(title.to_string(), (x, top / 2), centred(15)))?;
            let under = (x, height - 14);
            area.draw(&Text::new("place on the ring", under, centred(13)))?;
        }
        for (line, example) in examples.iter().enumerate() {
            let y = top + line as i32 * (PANEL.1 + GAP);
            let name = if example.speed == 0 { "at rest" } else { "moving" };
            let at = |offset| (left - 10, y + PANEL.1 / 2 + offset);
            let right = |size| text(size).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw(&Text::new(name, at(-8), right(15)))?;
            area.draw(&Text::new("time ↓", at(12), right(13)))?;
            let panels = [&example.input, &example.g_rnn, &example.lab, &example.co_moving];
            for (column, panel) in panels.into_iter().enumerate() {
                let x = left + column as i32 * (PANEL.0 + GAP);
                // One scale for all hidden states, so that trails are seen to be weaker.
                let largest = if column == 0 { 1.0 } else { peak(&examples[0].lab) };
                draw_space_time(area, panel, (x, y), largest)?;
            }
        }
        Ok(())
    })
}

fn peak(panel: &SpaceTime) -> f64 {
    panel.iter().flatten().fold(f64::MIN_POSITIVE, |max, &v| max.max(v))
}

fn draw_space_time(
    area: &Area<'_>,
    panel: &SpaceTime,
    (left, top): (i32, i32),
    largest: f64,
) -> Drawn {
    let edge = |i: usize, n: usize, extent: i32| (i as i32 * extent) / n as i32;
    for (t, row) in panel.iter().enumerate() {
        for (x, &value) in row.iter().enumerate() {
            let cell = [
                (left + edge(x, row.len(), PANEL.0), top + edge(t, panel.len(), PANEL.1)),
                (left + edge(x + 1, row.len(), PANEL.0), top + edge(t + 1, panel.len(), PANEL.1)),
            ];
            area.draw(&Rectangle::new(cell, sequential(value / largest).filled()))?;
        }
    }
    Ok(())
}
