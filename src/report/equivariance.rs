//! The figures of `verify`: errors by cell, by step and by velocity, and the counter-example.

use super::figure::{Drawing, Width, charts, counter_examples, error_by_cell};
use crate::atomic_file::write_atomically;
use crate::comma_separated::csv_bytes;
use crate::error::Result;
use crate::experiments::Subject;
use crate::experiments::exhibit::{Lines, Point, Scale, Series, Trace};
use crate::statistics::mean;
use crate::verification::{CounterExample, ErrorPoint, Row};
use std::path::Path;

/// The file of the statements in a folder, which serves as a baseline.
pub const EQUIVARIANCE_ROWS: &str = "equivariance.csv";

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
    write_atomically(&out.join(EQUIVARIANCE_ROWS), &csv_bytes(measured.rows))?;
    let folder = out.join("equivariance");
    let write = |name: &str, bytes: &[u8]| write_atomically(&folder.join(name), bytes);
    write("error_by_step.csv", &csv_bytes(measured.by_step))?;
    write("error_by_velocity.csv", &csv_bytes(measured.by_velocity))?;
    write("rotation_by_step.csv", &csv_bytes(measured.rotation_by_step))?;
    write("rotation_by_angle.csv", &csv_bytes(measured.by_angle))?;
    for (name, picture) in figures(measured, Width::default()) {
        write(&format!("{name}.svg"), picture.svg()?.as_bytes())?;
        write(&format!("{name}.png"), &picture.png()?)?;
    }
    Ok(())
}

/// The figures of what was measured, with the names of their files.
pub fn figures(measured: &VerifyResults<'_>, width: Width) -> Vec<(&'static str, Drawing)> {
    let by_velocity = |law| error_by_velocity(measured.by_velocity, law);
    let lines = |lines: Lines| charts(&[lines], width);
    vec![
        ("error_by_cell", error_by_cell(measured.rows, width)),
        ("error_by_step", lines(error_by_step(measured.by_step))),
        ("rotation_by_step", lines(rotation_by_step(measured.rotation_by_step))),
        ("rotation_by_angle", charts(&rotation_by_angle(measured.by_angle), width)),
        ("read_out_by_velocity", lines(by_velocity("read-out"))),
        ("forecast_by_velocity", lines(by_velocity("forecast"))),
        ("counter_example", counter_examples(measured.counter_examples, width)),
    ]
}

/// Below this errors are drawn as if they were it, but for zero.
const LOWEST: f64 = 1e-16;

/// A line per curve, of the model that `subject` says, where it says one.
fn by_curve(
    points: &[ErrorPoint],
    subject: impl Fn(&str) -> Option<Subject>,
    value: impl Fn(&ErrorPoint) -> f64,
) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for point in points {
        let Some(subject) = subject(&point.curve) else { continue };
        let (x, value) = (f64::from(point.position), value(point));
        let point_of = Point { x, mean: value, low: value, high: value };
        match all.iter_mut().find(|series| series.name == point.curve) {
            Some(series) => series.points.push(point_of),
            None => {
                let (name, trace) = (point.curve.clone(), Trace::Line);
                all.push(Series { name, subject, trace, points: vec![point_of] });
            }
        }
    }
    all
}

/// What is broken, what is a matter of rounding and what is exact; the other curves are in the table beside.
fn error_by_step(points: &[ErrorPoint]) -> Lines {
    const SHOWN: [&str; 3] = ["G-RNN", "FERNN, Winograd, f32", "FERNN, direct"];
    let subject = |curve: &str| SHOWN.contains(&curve).then(|| Subject::new(curve));
    Lines {
        x_label: "frame".into(),
        y_label: "largest equivariance error".into(),
        series: by_curve(points, subject, |point| point.largest),
        scale: Scale::LogarithmicOrZero(LOWEST),
        ..Lines::default()
    }
}

/// Turns that interpolate between pixels: quarter turns are exact, or a matter of rounding.
fn rotation_by_step(points: &[ErrorPoint]) -> Lines {
    let interpolates = |curve: &&str| !curve.ends_with(" 90°");
    let subject = |curve: &str| {
        Some(curve).filter(interpolates).map(|curve| Subject::new("FERNN").with_variant(curve))
    };
    let mut series = by_curve(points, subject, |point| point.largest);
    // The first frame has moved nothing yet.
    series.iter_mut().for_each(|series| series.points.retain(|point| point.mean > 0.0));
    Lines {
        x_label: "frame".into(),
        y_label: "largest equivariance error".into(),
        series,
        scale: Scale::Logarithmic,
        ..Lines::default()
    }
}

/// A size of pixels: how many there are on a side.
fn extent(curve: &str) -> Option<f64> {
    curve.split(' ').next()?.parse().ok()
}

/// Errors by angle; and the mean over those that interpolate by the size of pixels, with the slope of a method
/// of second order.
fn rotation_by_angle(points: &[ErrorPoint]) -> [Lines; 2] {
    let subject = |curve: &str| {
        let last = Subject::new("FERNN").with_variant(curve);
        Some(if curve.starts_with("53") { last } else { Subject::new(curve) })
    };
    let mut series = by_curve(points, subject, |point| point.two_norm);
    series.iter_mut().for_each(|series| series.trace = Trace::Points);
    let y_label = "error (2-norm)";
    let by_size = by_size(&series);
    let by_angle = Lines {
        title: "by angle".into(),
        x_label: "angle, degrees".into(),
        y_label: y_label.into(),
        series,
        x_ticks: (0..=6).map(|i| (30.0 * f64::from(i), (30 * i).to_string())).collect(),
        scale: Scale::LogarithmicOrZero(LOWEST),
        ..Lines::default()
    };
    [by_angle, Lines { y_label: y_label.into(), ..by_size }]
}

/// The mean over angles that are no quarter turns against the size of a pixel.
fn by_size(by_angle: &[Series]) -> Lines {
    let mut series: Vec<Series> = Vec::new();
    let mut x_ticks = Vec::new();
    let mut means: Vec<Point> = Vec::new();
    for of_size in by_angle {
        let Some(extent) = extent(&of_size.name) else { continue };
        let turned = of_size.points.iter().filter(|point| point.x % 90.0 != 0.0);
        let errors: Vec<f64> = turned.map(|point| point.mean).collect();
        let low = errors.iter().copied().fold(f64::INFINITY, f64::min);
        let high = errors.iter().copied().fold(0.0, f64::max);
        let point = Point { x: 1.0 / extent, mean: mean(&errors), low, high };
        series.push(Series { points: vec![point], ..of_size.clone() });
        x_ticks.push((point.x, format!("1/{extent}")));
        means.push(point);
    }
    if let [first, .., last] = means.as_slice() {
        let at = |x: f64| {
            let value = last.mean * (x / last.x).powi(2);
            Point { x, mean: value, low: value, high: value }
        };
        let (name, subject, trace) = ("slope 2".into(), Subject::new("theory"), Trace::Theory);
        series.push(Series { name, subject, trace, points: vec![at(last.x), at(first.x)] });
    }
    Lines {
        title: "by the size of a pixel".into(),
        x_label: "size of a pixel (frame: 1)".into(),
        series,
        x_scale: Scale::Logarithmic,
        x_ticks,
        scale: Scale::Logarithmic,
        ..Lines::default()
    }
}

/// The curves of a law, named by its last word: the set of velocities, whose model decides how they look.
fn error_by_velocity(points: &[ErrorPoint], law: &str) -> Lines {
    let set = |curve: &str| curve.rsplit(", ").next().unwrap_or_default().to_string();
    let subject = |curve: &str| {
        let model = match set(curve).as_str() {
            "V0" => "G-RNN".to_string(),
            "closed" => "FERNN closed".to_string(),
            set => format!("FERNN-{set}"),
        };
        curve.starts_with(law).then(|| Subject::new(model))
    };
    let mut series = by_curve(points, subject, |point| point.two_norm);
    for series in &mut series {
        series.name = match set(&series.name).as_str() {
            "V0" => "V0 (G-RNN)".into(),
            set => set.into(),
        };
    }
    Lines {
        x_label: "speed of the flow, pixels per frame".into(),
        y_label: "error (2-norm)".into(),
        series,
        scale: Scale::Linear,
        ..Lines::default()
    }
}
