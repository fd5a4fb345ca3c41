//! Figures of line charts: one, or several as panels (a), (b), with one legend or with labels at the lines.

use super::chart::{BOTTOM, Chart};
use super::drawing::Drawing;
use super::legend::{self, EndLabel, Entry, ROW};
use super::look::{Look, looks};
use super::shape::Rect;
use super::sheet::{Align, LETTER, Sheet, Style, small};
use super::width::Width;
use crate::experiments::exhibit::{Lines, Series, Trace};

/// More series than this are named at their ends.
const MOST_IN_A_LEGEND: usize = 4;
/// Figures of several panels have them side by side from this width on.
const SIDE_BY_SIDE: f64 = 320.0;
const EDGE: f64 = 4.0;
const PANEL_TITLE: f64 = 14.0;
const GAP: f64 = 10.0;

/// Draws charts as the panels of a figure.
pub fn draw(charts: &[Lines], width: Width) -> Drawing {
    let charts: Vec<&Lines> = charts.iter().filter(|lines| !lines.is_empty()).collect();
    let across = width.column();
    let all: Vec<&Series> = charts.iter().flat_map(|lines| &lines.series).collect();
    let subjects: Vec<_> = all.iter().map(|series| (&series.subject, series.trace)).collect();
    let mut looks = looks(&subjects).into_iter();
    let panels: Vec<Chart<'_>> = charts
        .iter()
        .map(|lines| Chart::new(lines, looks.by_ref().take(lines.series.len()).collect()))
        .collect();
    let entries = entries(&panels, &all);
    let is_in_legend = entries.len() <= MOST_IN_A_LEGEND;
    let shown = if is_in_legend { entries.clone() } else { stages(&all) };
    let rows = legend::rows(&shown, across - 2.0 * EDGE);
    let top = EDGE + ROW * rows.len() as f64 + if rows.is_empty() { 0.0 } else { 3.0 };
    let layout = Layout::of(&panels, across, top, if is_in_legend { &[] } else { &entries });
    let mut sheet = Sheet::new(across, layout.bottom);
    legend::draw(&mut sheet, &rows, (EDGE, EDGE));
    for (number, (chart, plot)) in panels.iter().zip(&layout.plots).enumerate() {
        chart.draw(&mut sheet, plot);
        if panels.len() > 1 {
            draw_title(&mut sheet, number, &chart.lines.title, plot, layout.left);
        }
        if !is_in_legend {
            let of = |series: &Series, look: &Look| {
                let name = shown_name(series, &all);
                let entry = entries.iter().find(|e| e.name == name && e.look == *look)?;
                Some(EndLabel { entry: entry.clone(), end: chart.end(plot, series)? })
            };
            let pairs = chart.lines.series.iter().zip(&chart.looks);
            legend::draw_ends(&mut sheet, pairs.filter_map(|(s, l)| of(s, l)).collect(), plot);
        }
    }
    sheet.into()
}

/// The names and looks of a figure, each once; not those of theories, nor those of models before their
/// training that appear after it as well.
fn entries(panels: &[Chart<'_>], all: &[&Series]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (series, look) in panels.iter().flat_map(|p| p.lines.series.iter().zip(&p.looks)) {
        if series.points.is_empty() || has_trained_twin(series, all) {
            continue;
        }
        let entry = Entry {
            name: shown_name(series, all),
            look: *look,
            is_joined: series.trace != Trace::Points,
            is_marked: series.trace != Trace::Theory,
        };
        let entry = match series.trace {
            Trace::Theory => Entry { look: theory_look(), ..entry },
            _ => entry,
        };
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries
}

fn theory_look() -> Look {
    let colour = legend::theory().colour;
    Look { colour, dash: &[], marker: super::look::Marker::Ring }
}

fn has_trained_twin(series: &Series, all: &[&Series]) -> bool {
    let is_twin = |other: &&&Series| other.trace == Trace::Line && other.subject == series.subject;
    series.trace == Trace::Untrained && all.iter().any(|other| is_twin(&other))
}

/// What broken lines are, where there are any.
fn stages(all: &[&Series]) -> Vec<Entry> {
    let has_any = all.iter().any(|series| series.trace == Trace::Untrained);
    if has_any { legend::stages().to_vec() } else { Vec::new() }
}

/// The name of a series; where all are of one model, what it departs in.
fn shown_name(series: &Series, all: &[&Series]) -> String {
    let is_one_model = all.iter().all(|other| other.subject.model == series.subject.model);
    let variant = &series.subject.variant;
    match is_one_model && !variant.is_empty() && series.name == series.subject.to_string() {
        true => variant.clone(),
        false => series.name.clone(),
    }
}

/// Where the panels of a figure lie.
struct Layout {
    plots: Vec<Rect>,
    /// The room at the left of a plot.
    left: f64,
    bottom: f64,
}

impl Layout {
    fn of(panels: &[Chart<'_>], across: f64, top: f64, at_ends: &[Entry]) -> Self {
        let is_beside = panels.len() > 1 && across >= SIDE_BY_SIDE;
        let columns = if is_beside { panels.len() as f64 } else { 1.0 };
        let cell = (across - 2.0 * EDGE - GAP * (columns - 1.0)) / columns;
        let height = match (panels.len(), is_beside) {
            (1, _) => (0.58 * cell).min(190.0),
            (_, true) => (0.72 * cell).min(170.0),
            (_, false) => (0.44 * cell).min(150.0),
        };
        // Labels of two lines each need their room beside the plot.
        let needed = 16.5 * at_ends.len() as f64 / if panels.len() > 1 { 1.6 } else { 1.0 };
        let height = height.max(needed - 20.0);
        let left = panels.iter().map(|panel| panel.left(height)).fold(0.0, f64::max);
        let right = if at_ends.is_empty() { 6.0 } else { legend::end_room(at_ends) };
        let title = if panels.len() > 1 { PANEL_TITLE } else { 0.0 };
        let step = title + height + BOTTOM + 4.0;
        let plot = |number: usize| {
            let place = number as f64;
            let (x, y) = if is_beside { (place, 0.0) } else { (0.0, place) };
            let corner = (EDGE + x * (cell + GAP) + left, top + 3.0 + title + y * step);
            Rect::at(corner, (cell - left - right, height))
        };
        let plots: Vec<Rect> = (0..panels.len()).map(plot).collect();
        let bottom = plots.iter().map(|plot| plot.bottom).fold(0.0, f64::max) + BOTTOM + 1.0;
        Self { plots, left, bottom }
    }
}

/// (a), (b), ... and what the panel shows, above it.
fn draw_title(sheet: &mut Sheet, number: usize, title: &str, plot: &Rect, left: f64) {
    let letter = char::from(b'a' + number as u8 % 26);
    let style = Style { size: LETTER, ..small(Align::Left) };
    let y = plot.top - PANEL_TITLE / 2.0 - 1.0;
    sheet.words(&format!("({letter})"), (plot.left - left, y), style);
    sheet.words(title, (plot.left, y), Style { size: 7.5, ..style });
}
