//! Line charts with a logarithmic vertical axis, mean and spread.

use super::drawing::{Picture, series_colour, text};
use crate::error::Result;
use plotters::prelude::*;

/// A line with its spread: (x, mean, lowest, highest).
pub(super) struct Series {
    pub name: String,
    pub points: Vec<(f64, f64, f64, f64)>,
}

/// What a chart shows.
pub(super) struct LineChart<'a> {
    pub x_label: &'a str,
    pub y_label: &'a str,
    pub series: Vec<Series>,
    /// A vertical mark with its label.
    pub mark: Option<(f64, String)>,
}

impl LineChart<'_> {
    /// Draws the chart; points that are not finite and positive end their line.
    pub fn draw(&self) -> Result<Picture> {
        let points = || self.series.iter().flat_map(|s| drawable(&s.points));
        let (mut low, mut high) = (f64::MAX, f64::MIN_POSITIVE);
        let (mut left, mut right) = (f64::MAX, f64::MIN);
        for (x, _, min, max) in points() {
            (low, high) = (low.min(min), high.max(max));
            (left, right) = (left.min(x), right.max(x));
        }
        if low > high {
            (low, high, left, right) = (0.1, 1.0, 0.0, 1.0);
        }
        let height = 330 + 18 * (self.series.len() as u32).saturating_sub(3);
        Picture::draw((480, height), |area| {
            let (top, plot) = area.split_vertically(18 * self.series.len() as i32 + 10);
            let mut chart = ChartBuilder::on(&plot)
                .margin_right(14)
                .margin_top(4)
                .x_label_area_size(42)
                .y_label_area_size(64)
                .build_cartesian_2d(
                    left..right.max(left + 1.0),
                    (low / 1.25..high * 1.25).log_scale(),
                )?;
            chart
                .configure_mesh()
                .light_line_style(RGBColor(240, 240, 240))
                .bold_line_style(RGBColor(215, 215, 215))
                .x_desc(self.x_label)
                .y_desc(self.y_label)
                .axis_desc_style(text(17))
                .label_style(text(15))
                .x_labels(8)
                .y_labels(6)
                .x_label_formatter(&|x| format!("{x:.0}"))
                .y_label_formatter(&|y| short(*y))
                .draw()?;
            if let Some((x, label)) = &self.mark {
                let line = RGBColor(110, 110, 110).stroke_width(1);
                chart.draw_series(DashedLineSeries::new(
                    [(*x, low / 1.25), (*x, high * 1.25)],
                    4,
                    4,
                    line,
                ))?;
                chart.draw_series([Text::new(format!(" {label}"), (*x, high * 1.15), text(14))])?;
            }
            for (i, series) in self.series.iter().enumerate() {
                let colour = series_colour(i);
                let points: Vec<_> = drawable(&series.points).collect();
                let upper = points.iter().map(|&(x, _, _, max)| (x, max));
                let lower = points.iter().rev().map(|&(x, _, min, _)| (x, min));
                chart.draw_series([Polygon::new(
                    upper.chain(lower).collect::<Vec<_>>(),
                    colour.mix(0.2),
                )])?;
                let line: Vec<_> = points.iter().map(|&(x, mean, ..)| (x, mean)).collect();
                chart.draw_series(LineSeries::new(line.clone(), colour.stroke_width(2)))?;
                let every = line.len().div_ceil(10).max(1);
                let marked = line.into_iter().skip(i * every / 3).step_by(every);
                // Models differ by shape as well as by colour.
                match i % 3 {
                    0 => chart.draw_series(marked.map(|p| Circle::new(p, 4, colour.filled())))?,
                    1 => chart
                        .draw_series(marked.map(|p| TriangleMarker::new(p, 5, colour.filled())))?,
                    _ => chart
                        .draw_series(marked.map(|p| Cross::new(p, 4, colour.stroke_width(2))))?,
                };
                legend_entry(&top, i, &series.name)?;
            }
            Ok(())
        })
    }
}

/// The leading points that a logarithmic axis can show.
fn drawable(points: &[(f64, f64, f64, f64)]) -> impl Iterator<Item = (f64, f64, f64, f64)> + '_ {
    let fits = |v: f64| v.is_finite() && v > 0.0;
    points
        .iter()
        .copied()
        .take_while(move |&(_, mean, low, high)| fits(mean) && fits(low) && fits(high))
}

/// A line with its marker and name above the plot.
fn legend_entry(
    area: &super::drawing::Area<'_>,
    i: usize,
    name: &str,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (y, colour) = (14 + 18 * i as i32, series_colour(i));
    area.draw(&PathElement::new([(70, y), (104, y)], colour.stroke_width(2)))?;
    match i % 3 {
        0 => area.draw(&Circle::new((87, y), 4, colour.filled()))?,
        1 => area.draw(&TriangleMarker::new((87, y), 5, colour.filled()))?,
        _ => area.draw(&Cross::new((87, y), 4, colour.stroke_width(2)))?,
    }
    area.draw(&Text::new(name.to_string(), (112, y - 9), text(16)))?;
    Ok(())
}

/// A number with two or three digits, in powers of ten where it is small.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        v if !v.is_finite() => "∞".into(),
        v if (0.01..1000.0).contains(&v) => {
            let digits = (1 - v.log10().floor() as i32).max(0) as usize;
            format!("{value:.digits$}")
        }
        _ => format!("{value:.1e}"),
    }
}
