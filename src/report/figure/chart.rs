//! One chart: axes, what was trained, bands, lines and markers in a rectangle.

use super::axis::{Axis, drawable};
use super::font;
use super::legend::theory;
use super::look::Look;
use super::shape::{Colour, Fill, Place, Rect, Stroke};
use super::sheet::{Align, PartKind, SMALL, Sheet, small, title};
use crate::experiments::exhibit::{Lines, Point, Scale, Series, Trace};

/// A chart with its axes and the looks of its series, ready to be drawn.
pub struct Chart<'a> {
    pub lines: &'a Lines,
    pub looks: Vec<Look>,
    pub x: Axis,
    pub y: Axis,
}

/// From an axis to the middle of its numbers and to that of its title.
const NUMBERS: f64 = 8.0;
const TITLE: f64 = 18.0;
/// Below a chart.
pub const BOTTOM: f64 = 24.0;
const TICK: f64 = 2.5;

impl<'a> Chart<'a> {
    pub fn new(lines: &'a Lines, looks: Vec<Look>) -> Self {
        let points: Vec<Point> =
            lines.series.iter().flat_map(|s| drawable(lines.scale, &s.points)).collect();
        let over = |of: &dyn Fn(&Point) -> [f64; 2]| {
            let all = points.iter().flat_map(of);
            all.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)))
        };
        let (low, high) = if points.is_empty() { (0.1, 1.0) } else { over(&|p| [p.low, p.high]) };
        let (left, right) = if points.is_empty() { (0.0, 1.0) } else { over(&|p| [p.x, p.x]) };
        let mut x = Axis::level(lines.x_scale, (left, right));
        let are_points = lines.series.iter().all(|series| series.trace == Trace::Points);
        if x.scale == Scale::Linear && (are_points || positions(lines).len() <= FEW) {
            let margin = 0.04 * (x.high - x.low);
            (x.low, x.high) = (x.low - margin, x.high + margin);
        }
        Self { lines, looks, x, y: Axis::upright(lines.scale, (low, high)) }
    }

    /// The room that numbers and title need at the left.
    pub fn left(&self, height: f64) -> f64 {
        let ticks = self.y_ticks(height).into_iter();
        let widest = ticks.map(|(_, label)| font::width(&label, SMALL)).fold(0.0, f64::max);
        15.0 + widest + TICK + 2.0
    }

    fn y_ticks(&self, height: f64) -> Vec<(f64, String)> {
        self.y.ticks((height / 17.0) as usize)
    }

    fn x_ticks(&self, plot: &Rect) -> Vec<(f64, String)> {
        let measured = positions(self.lines);
        let mut ticks = if !self.lines.x_ticks.is_empty() {
            self.lines.x_ticks.clone()
        } else if measured.len() <= FEW && self.x.scale == Scale::Linear {
            let label = |x: f64| format!("{x}").replace('-', "−");
            measured.into_iter().map(|x| (x, label(x))).collect()
        } else {
            self.x.ticks((plot.width() / 22.0) as usize)
        };
        ticks.retain(|(x, _)| (self.x.low..=self.x.high).contains(&self.x.height(*x)));
        ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut free = f64::MIN;
        let mut kept = Vec::new();
        for (value, label) in ticks {
            let (middle, half) = (self.x_of(plot, value), font::width(&label, SMALL) / 2.0);
            if middle - half >= free {
                free = middle + half + 3.0;
                kept.push((value, label));
            }
        }
        kept
    }

    fn x_of(&self, plot: &Rect, x: f64) -> f64 {
        plot.left + self.x.part(self.x.height(x)) * plot.width()
    }

    fn y_of(&self, plot: &Rect, y: f64) -> f64 {
        plot.bottom - self.y.part(self.y.height(y)) * plot.height()
    }

    /// Where a point lies.
    pub fn at(&self, plot: &Rect, x: f64, y: f64) -> Place {
        (self.x_of(plot, x), self.y_of(plot, y))
    }

    /// Where a series ends.
    pub fn end(&self, plot: &Rect, series: &Series) -> Option<Place> {
        let last = drawable(self.lines.scale, &series.points).pop()?;
        Some(self.at(plot, last.x, last.mean))
    }

    /// Draws everything but legend and labels.
    pub fn draw(&self, sheet: &mut Sheet, plot: &Rect) {
        sheet.part(PartKind::Plot, *plot);
        if self.x.scale == Scale::Linear {
            let (first, last) = (self.x.low, self.x.high);
            sheet.part(PartKind::Across { first, last }, *plot);
        }
        self.draw_trained(sheet, plot);
        self.draw_axes(sheet, plot);
        for (series, look) in self.lines.series.iter().zip(&self.looks) {
            self.draw_band(sheet, plot, series, look);
        }
        for (series, look) in self.lines.series.iter().zip(&self.looks) {
            self.draw_line(sheet, plot, series, look);
        }
        for (number, (series, look)) in self.lines.series.iter().zip(&self.looks).enumerate() {
            self.draw_markers(sheet, plot, (number, series), look);
        }
    }

    fn draw_axes(&self, sheet: &mut Sheet, plot: &Rect) {
        let &Rect { left, right, top, bottom } = plot;
        let axis = Stroke::solid(Colour::INK, 0.7);
        for (value, label) in self.y_ticks(plot.height()) {
            let y = self.y_of(plot, value);
            sheet.line(&[(left, y), (right, y)], Stroke::solid(Colour::FAINT, 0.5));
            sheet.line(&[(left - TICK, y), (left, y)], axis);
            sheet.words(&label, (left - TICK - 2.0, y), small(Align::Right));
        }
        for height in self.y.small_ticks() {
            let y = bottom - self.y.part(height) * plot.height();
            sheet.line(&[(left - 1.4, y), (left, y)], Stroke::solid(Colour::INK, 0.4));
        }
        for (value, label) in self.x_ticks(plot) {
            let x = self.x_of(plot, value);
            sheet.line(&[(x, bottom), (x, bottom + TICK)], axis);
            sheet.words(&label, (x, bottom + NUMBERS), small(Align::Centre));
        }
        sheet.line(&[(left, top), (left, bottom), (right, bottom)], axis);
        if let Some(height) = self.y.break_height() {
            draw_break(sheet, (left, bottom - self.y.part(height) * plot.height()));
        }
        let (x, y) = plot.centre();
        sheet.words(&self.lines.x_label, (x, bottom + TITLE), title());
        let far = left - self.left(plot.height()) + 7.0;
        sheet.words(&self.lines.y_label, (far, y), title().upwards());
    }

    /// What was trained, in a light grey with its name where no data are.
    fn draw_trained(&self, sheet: &mut Sheet, plot: &Rect) {
        let (from, to) = match (self.lines.shade, self.lines.trained) {
            (Some((from, to)), _) => (self.x_of(plot, from), self.x_of(plot, to)),
            (None, Some(end)) => (plot.left, self.x_of(plot, end)),
            (None, None) => return,
        };
        let (from, to) = (from.max(plot.left), to.min(plot.right));
        let area = Rect { left: from, right: to, top: plot.top, bottom: plot.bottom };
        sheet.fill(area, Colour(240, 240, 240));
        if self.lines.trained.is_some() {
            let dash: super::shape::Dash = &[3.0, 2.0];
            let stroke = Stroke { colour: Colour::GREY, width: 0.7, dash };
            sheet.line(&[(to, plot.top), (to, plot.bottom)], stroke);
        }
        let length = font::width("trained", SMALL);
        let style = small(Align::Centre).coloured(Colour(80, 80, 80));
        if to - from > length + 6.0 {
            let x = (from + to) / 2.0;
            let half = (length / 2.0 + 2.0, 6.0);
            let heights = [plot.top + 7.0, plot.bottom - 7.0];
            let y = heights.into_iter().find(|y| !self.covers(plot, (x, *y), half));
            sheet.words("trained", (x, y.unwrap_or(heights[0])), style);
        } else if to - from > 8.0 {
            let x = to - 5.0;
            let half = (5.0, length / 2.0 + 2.0);
            let heights = [plot.top + length / 2.0 + 3.0, plot.bottom - length / 2.0 - 3.0];
            let y = heights.into_iter().find(|y| !self.covers(plot, (x, *y), half));
            sheet.words("trained", (x, y.unwrap_or(heights[0])), style.upwards());
        }
    }

    /// Whether data lie within half an extent of a place.
    fn covers(&self, plot: &Rect, (x, y): Place, half: (f64, f64)) -> bool {
        let all = self.lines.series.iter().flat_map(|s| drawable(self.lines.scale, &s.points));
        all.into_iter().any(|point| {
            let (px, top) = self.at(plot, point.x, point.high);
            let bottom = self.y_of(plot, point.low);
            (px - x).abs() <= half.0 + 3.0 && top - 3.0 <= y + half.1 && bottom + 3.0 >= y - half.1
        })
    }

    fn draw_band(&self, sheet: &mut Sheet, plot: &Rect, series: &Series, look: &Look) {
        let points = drawable(self.lines.scale, &series.points);
        if points.iter().all(|point| point.low == point.high) {
            return;
        }
        let upper = points.iter().map(|p| self.at(plot, p.x, p.high));
        let lower = points.iter().rev().map(|p| self.at(plot, p.x, p.low));
        let outline: Vec<Place> = upper.chain(lower).collect();
        sheet.area(&outline, Fill { colour: look.colour, opacity: 0.14 });
    }

    /// The line; where it jumps from zero or to it across the break of the axis, a thin one.
    fn draw_line(&self, sheet: &mut Sheet, plot: &Rect, series: &Series, look: &Look) {
        let stroke = match series.trace {
            Trace::Points => return,
            Trace::Theory => theory(),
            Trace::Line | Trace::Untrained => look.stroke(),
        };
        let points = drawable(self.lines.scale, &series.points);
        let crosses = |a: &Point, b: &Point| {
            matches!(self.lines.scale, Scale::LogarithmicOrZero(_))
                && (a.mean == 0.0) != (b.mean == 0.0)
        };
        for run in points.chunk_by(|a, b| !crosses(a, b)) {
            let places: Vec<Place> = run.iter().map(|p| self.at(plot, p.x, p.mean)).collect();
            sheet.line(&places, stroke);
        }
        for pair in points.windows(2).filter(|pair| crosses(&pair[0], &pair[1])) {
            let places: Vec<Place> = pair.iter().map(|p| self.at(plot, p.x, p.mean)).collect();
            sheet.line(&places, Stroke { width: 0.6, dash: &[1.5, 2.5], ..stroke });
        }
    }

    fn draw_markers(
        &self,
        sheet: &mut Sheet,
        plot: &Rect,
        (number, series): (usize, &Series),
        look: &Look,
    ) {
        let points = drawable(self.lines.scale, &series.points);
        let every = match series.trace {
            Trace::Theory => return,
            Trace::Points => 1,
            _ => points.len().div_ceil(9).max(1),
        };
        let first = number * every / 3 % every;
        for point in points.iter().skip(first).step_by(every) {
            look.mark(sheet, self.at(plot, point.x, point.mean));
        }
        let look = format!("{look} {:?}", series.trace);
        sheet.part(PartKind::Line { name: series.name.clone(), look }, *plot);
    }
}

/// Up to so many places of points are marked at the axis, each.
const FEW: usize = 7;

/// The places of a chart's points.
fn positions(lines: &Lines) -> Vec<f64> {
    let all = lines.series.iter().filter(|series| series.trace != Trace::Theory);
    let mut all: Vec<f64> = all.flat_map(|s| &s.points).map(|point| point.x).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// Two strokes across an axis that leaves something out.
fn draw_break(sheet: &mut Sheet, (x, y): Place) {
    let gap = [(x - 2.0, y), (x + 2.0, y)];
    sheet.line(&gap, Stroke::solid(Colour::WHITE, 2.4));
    for offset in [-1.3, 1.3] {
        let ends = [(x - 2.5, y + offset + 1.0), (x + 2.5, y + offset - 1.0)];
        sheet.line(&ends, Stroke::solid(Colour::INK, 0.6));
    }
}
