//! Line charts with mean and spread, the vertical axis logarithmic or linear.

use super::drawing::{Area, Drawing, Drawn, series_colour, text};
use crate::error::Result;
use crate::experiments::exhibit::{Lines, Point, Scale, Series};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

impl Scale {
    fn height(self, value: f64) -> f64 {
        match self {
            Scale::Logarithmic => value.log10(),
            Scale::LogarithmicOrZero(lowest) => value.max(lowest).log10(),
            Scale::Linear => value,
        }
    }

    /// Lowest and highest height of an axis for values from `low` to `high`.
    fn range(self, low: f64, high: f64) -> (f64, f64) {
        match self {
            Scale::Logarithmic => (low.log10() - 0.08, high.log10() + 0.08),
            Scale::LogarithmicOrZero(lowest) => (lowest.log10() - 0.3, high.log10() + 0.3),
            Scale::Linear => (0.0, 1.08 * high),
        }
    }

    /// Values that are marked between two heights.
    fn ticks(self, bottom: f64, top: f64) -> Vec<f64> {
        match self {
            Scale::Logarithmic => logarithmic_ticks(bottom, top),
            Scale::LogarithmicOrZero(lowest) => {
                let above = logarithmic_ticks(lowest.log10() + 1.0, top);
                above.into_iter().chain([0.0]).collect()
            }
            Scale::Linear => {
                let power = 10f64.powf((top / 6.0).log10().floor());
                let fits = |step: &f64| top / step <= 6.0;
                let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(fits);
                let step = step.expect("ten times the power of ten below a sixth");
                (0..=6).map(|i| i as f64 * step).filter(|tick| *tick <= top).collect()
            }
        }
    }
}

/// The extents of a chart's data: x, and the height of y with a margin.
struct Extents {
    left: f64,
    right: f64,
    bottom: f64,
    top: f64,
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

const FAINT: RGBColor = RGBColor(225, 225, 225);

/// Draws a chart.
pub(super) fn draw(lines: &Lines) -> Result<Drawing> {
    lines.draw()
}

impl Lines {
    /// Draws the chart; a point that is not finite, or that the axis cannot show, ends its line.
    ///
    /// The vertical axis is linear in the scale's heights, with its own ticks.
    fn draw(&self) -> Result<Drawing> {
        let extents = self.extents();
        let longest = self.series.iter().map(|s| s.name.chars().count()).max().unwrap_or(0);
        let columns = if longest > 14 { 2 } else { 3 };
        let rows = self.series.len().div_ceil(columns);
        let height = 300 + LEGEND_ROW as u32 * rows as u32;
        Drawing::draw((WIDTH, height), |area| {
            let (legend, plot) = area.split_vertically(LEGEND_ROW * rows as i32 + 8);
            let mut chart = ChartBuilder::on(&plot)
                .margin_left(6)
                .margin_right(14)
                .margin_top(4)
                .x_label_area_size(42)
                .y_label_area_size(64)
                .build_cartesian_2d(extents.left..extents.right, extents.bottom..extents.top)?;
            self.draw_axes(area, &mut chart, &extents)?;
            if let Some((from, to)) = self.shade {
                let grey = RGBColor(90, 90, 90).mix(0.12).filled();
                let corners = [(from, extents.bottom), (to, extents.top)];
                chart.draw_series([Rectangle::new(corners, grey)])?;
            }
            for (i, series) in self.series.iter().enumerate() {
                draw_band(&mut chart, self.scale, series, series_colour(i))?;
            }
            for (i, series) in self.series.iter().enumerate() {
                draw_line(&mut chart, self.scale, series, i)?;
                let place =
                    ((i / columns) as i32, (i % columns) as i32 * WIDTH as i32 / columns as i32);
                legend_entry(&legend, i, place, &series.name)?;
            }
            Ok(())
        })
    }

    fn extents(&self) -> Extents {
        let (mut low, mut high) = (f64::MAX, f64::MIN_POSITIVE);
        let (mut left, mut right) = (f64::MAX, f64::MIN);
        for p in self.series.iter().flat_map(|s| drawable(self.scale, &s.points)) {
            (low, high) = (low.min(p.low), high.max(p.high));
            (left, right) = (left.min(p.x), right.max(p.x));
        }
        if low > high {
            (low, high, left, right) = (0.1, 1.0, 0.0, 1.0);
        }
        let (bottom, top) = self.scale.range(low, high);
        Extents { left, right: right.max(left + 1.0), bottom, top }
    }

    fn draw_axes(&self, area: &Area<'_>, chart: &mut Chart<'_, '_>, extents: &Extents) -> Drawn {
        let &Extents { left, right, bottom, top } = extents;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .light_line_style(WHITE)
            .bold_line_style(FAINT)
            .x_desc(self.x_label.as_str())
            .y_desc(self.y_label.as_str())
            .axis_desc_style(text(17))
            .label_style(text(15))
            .x_labels(((right - left) as usize + 1).min(8)) // whole numbers, none twice
            .y_labels(0)
            .x_label_formatter(&|x| format!("{x:.0}"))
            .draw()?;
        for tick in self.scale.ticks(bottom, top) {
            let height = self.scale.height(tick);
            chart.draw_series([PathElement::new([(left, height), (right, height)], FAINT)])?;
            let (x, y) = chart.backend_coord(&(left, height));
            let style = text(15).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw(&Text::new(tick_label(tick), (x - 6, y), style))?;
        }
        if let Some((x, label)) = &self.mark {
            let line = RGBColor(110, 110, 110).stroke_width(1);
            chart.draw_series(DashedLineSeries::new([(*x, bottom), (*x, top)], 4, 4, line))?;
            chart.draw_series([Text::new(format!(" {label}"), (*x, top - 0.03), text(14))])?;
        }
        Ok(())
    }
}

fn draw_band(chart: &mut Chart<'_, '_>, scale: Scale, series: &Series, colour: RGBColor) -> Drawn {
    let points: Vec<_> = drawable(scale, &series.points).collect();
    let upper = points.iter().map(|p| (p.x, scale.height(p.high)));
    let lower = points.iter().rev().map(|p| (p.x, scale.height(p.low)));
    chart.draw_series([Polygon::new(upper.chain(lower).collect::<Vec<_>>(), colour.mix(0.2))])?;
    Ok(())
}

fn draw_line(chart: &mut Chart<'_, '_>, scale: Scale, series: &Series, i: usize) -> Drawn {
    let colour = series_colour(i);
    let points = drawable(scale, &series.points);
    let line: Vec<_> = points.map(|p| (p.x, scale.height(p.mean))).collect();
    chart.draw_series(LineSeries::new(line.clone(), colour.stroke_width(2)))?;
    let every = line.len().div_ceil(10).max(1);
    let marked = line.into_iter().skip(i * every / 3).step_by(every);
    // Models differ by shape as well as by colour.
    match i % 3 {
        0 => chart.draw_series(marked.map(|p| Circle::new(p, 4, colour.filled())))?,
        1 => chart.draw_series(marked.map(|p| TriangleMarker::new(p, 5, colour.filled())))?,
        _ => chart.draw_series(marked.map(|p| Cross::new(p, 4, colour.stroke_width(2))))?,
    };
    Ok(())
}

/// 1, 2 and 5 times the powers of ten between 10^`bottom` and 10^`top`; powers of ten alone where
/// there are many, and every third of them where there are very many.
fn logarithmic_ticks(bottom: f64, top: f64) -> Vec<f64> {
    let mantissas: &[f64] = if top - bottom > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let step = if top - bottom > 12.0 { 3 } else { 1 };
    let first = (bottom / step as f64).floor() as i32 * step;
    (first..=top.ceil() as i32)
        .step_by(step as usize)
        .flat_map(|power| mantissas.iter().map(move |m| m * 10f64.powi(power)))
        .filter(|tick| (bottom..=top).contains(&tick.log10()))
        .collect()
}

/// A tick's number, free of the rounding of its power of ten.
fn tick_label(tick: f64) -> String {
    match tick {
        0.0 => "0".into(),
        0.0009..10_000.0 => format!("{}", (tick * 1e6).round() / 1e6),
        _ => format!("{tick:.0e}"),
    }
}

/// The leading points that an axis can show.
fn drawable(scale: Scale, points: &[Point]) -> impl Iterator<Item = Point> + '_ {
    let fits =
        move |v: f64| v.is_finite() && (v > 0.0 || (v == 0.0 && scale != Scale::Logarithmic));
    points.iter().copied().take_while(move |p| fits(p.mean) && fits(p.low) && fits(p.high))
}

const WIDTH: u32 = 480;
const LEGEND_ROW: i32 = 22;

/// A line with its marker and name above the plot, in a row and from a column of pixels on.
fn legend_entry(area: &Area<'_>, i: usize, (row, left): (i32, i32), name: &str) -> Drawn {
    let (x, y, colour) = (12 + left, 16 + LEGEND_ROW * row, series_colour(i));
    area.draw(&PathElement::new([(x, y), (x + 26, y)], colour.stroke_width(2)))?;
    let at = (x + 13, y);
    match i % 3 {
        0 => area.draw(&Circle::new(at, 4, colour.filled()))?,
        1 => area.draw(&TriangleMarker::new(at, 5, colour.filled()))?,
        _ => area.draw(&Cross::new(at, 4, colour.stroke_width(2)))?,
    }
    let style = text(14).pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new(name.to_string(), (x + 31, y), style))?;
    Ok(())
}
