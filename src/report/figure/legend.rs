//! What explains looks: a legend above the plot for a few lines, labels at the ends of many.

use super::font;
use super::look::{LINE, Look};
use super::shape::{Colour, Place, Rect, Stroke};
use super::sheet::{Align, PartKind, SMALL, Sheet, small};

/// A name with the look that it explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub name: String,
    pub look: Look,
    /// Whether points are joined.
    pub is_joined: bool,
    /// Whether they are marked.
    pub is_marked: bool,
}

/// The height of a row of a legend.
pub const ROW: f64 = 10.0;
const KEY: f64 = 19.0;
const GAP: f64 = 9.0;

impl Entry {
    /// The length of its key: of a line, or of a marker alone.
    fn key(&self) -> f64 {
        if self.is_joined { KEY } else { 6.0 }
    }

    fn width(&self) -> f64 {
        self.key() + 3.0 + font::width(&self.name, SMALL)
    }

    fn draw_key(&self, sheet: &mut Sheet, (x, y): Place) {
        let length = self.key();
        if self.is_joined {
            sheet.line(&[(x, y), (x + length, y)], self.look.stroke());
        }
        if self.is_marked {
            self.look.mark(sheet, (x + length / 2.0, y));
        }
    }
}

/// Entries in rows, each as full as its width allows.
pub fn rows(entries: &[Entry], width: f64) -> Vec<Vec<Entry>> {
    let mut rows: Vec<Vec<Entry>> = Vec::new();
    let mut used = f64::INFINITY;
    for entry in entries {
        if used + GAP + entry.width() > width {
            rows.push(Vec::new());
            used = -GAP;
        }
        used += GAP + entry.width();
        rows.last_mut().expect("a row was begun").push(entry.clone());
    }
    rows
}

/// Draws rows of a legend from a corner on.
pub fn draw(sheet: &mut Sheet, rows: &[Vec<Entry>], (left, top): Place) {
    let mut right = left;
    for (number, row) in rows.iter().enumerate() {
        let (mut x, y) = (left, top + ROW * (number as f64 + 0.5));
        for entry in row {
            entry.draw_key(sheet, (x, y));
            sheet.words(&entry.name, (x + entry.key() + 3.0, y), small(Align::Left));
            x += entry.width() + GAP;
            right = right.max(x - GAP);
        }
    }
    if !rows.is_empty() {
        let bottom = top + ROW * rows.len() as f64;
        sheet.part(PartKind::Key, Rect { left, top, right, bottom });
    }
}

/// A label at the end of a line.
pub struct EndLabel {
    pub entry: Entry,
    /// Where the line ends.
    pub end: Place,
}

/// Labels longer than this have two lines.
const LONGEST: f64 = 46.0;
const LINE_HEIGHT: f64 = 8.0;
/// From the plot to the marker of a label, and from there to its words.
const LEADER: f64 = 8.0;
const MARKER: f64 = 5.0;

/// The lines of a label, which breaks at a blank where it has one, else behind a hyphen.
fn broken(name: &str) -> Vec<String> {
    let signs: &[char] = if name.contains(' ') { &[' '] } else { &['-'] };
    let breaks = name.match_indices(signs);
    let halves = breaks.map(|(place, sign)| {
        let cut = if sign == "-" { place + 1 } else { place };
        (name[..cut].to_string(), name[cut..].trim_start().to_string())
    });
    let longer = |(a, b): &(String, String)| font::width(a, SMALL).max(font::width(b, SMALL));
    let best = halves.min_by(|a, b| longer(a).total_cmp(&longer(b)));
    match best {
        Some((first, second)) if font::width(name, SMALL) > LONGEST => vec![first, second],
        _ => vec![name.to_string()],
    }
}

/// How much room labels need at the right of a plot.
pub fn end_room(entries: &[Entry]) -> f64 {
    let lines = entries.iter().flat_map(|entry| broken(&entry.name));
    let longest = lines.map(|line| font::width(&line, SMALL)).fold(0.0, f64::max);
    LEADER + MARKER + longest + 2.0
}

/// Draws labels at the right of a plot, as near to the ends of their lines as they can be without
/// covering each other.
pub fn draw_ends(sheet: &mut Sheet, mut labels: Vec<EndLabel>, plot: &Rect) {
    labels.sort_by(|a, b| a.end.1.total_cmp(&b.end.1));
    let heights: Vec<f64> =
        labels.iter().map(|l| LINE_HEIGHT * broken(&l.entry.name).len() as f64).collect();
    let wished: Vec<f64> = labels.iter().map(|label| label.end.1).collect();
    let middles = spread(&wished, &heights, (plot.top - 4.0, plot.bottom + 20.0));
    for ((label, middle), height) in labels.iter().zip(middles).zip(heights) {
        let at = plot.right + LEADER;
        let colour = label.entry.look.colour;
        let leader = [label.end, (plot.right + 1.0, label.end.1), (at - 2.5, middle)];
        sheet.line(&leader, Stroke::solid(colour, 0.5));
        if label.entry.is_marked {
            label.entry.look.mark(sheet, (at, middle));
        }
        let lines = broken(&label.entry.name);
        let first = middle - LINE_HEIGHT * (lines.len() - 1) as f64 / 2.0;
        let left = at + MARKER;
        let mut right = left;
        for (number, line) in lines.iter().enumerate() {
            let y = first + LINE_HEIGHT * number as f64;
            sheet.words(line, (left, y), small(Align::Left));
            right = right.max(left + font::width(line, SMALL));
        }
        let (top, bottom) = (middle - height / 2.0, middle + height / 2.0);
        sheet.part(PartKind::Key, Rect { left: at - 2.5, top, right, bottom });
    }
}

/// Middles of stretches in ascending order near where they wish to be, without overlap, within bounds.
fn spread(wished: &[f64], heights: &[f64], (low, high): (f64, f64)) -> Vec<f64> {
    let mut middles = Vec::with_capacity(wished.len());
    let mut free = low;
    for (wish, height) in wished.iter().zip(heights) {
        let middle = wish.max(free + height / 2.0);
        middles.push(middle);
        free = middle + height / 2.0;
    }
    let mut free = high;
    for (middle, height) in middles.iter_mut().zip(heights).rev() {
        *middle = middle.min(free - height / 2.0);
        free = *middle - height / 2.0;
    }
    middles
}

/// What broken lines are, where they are the same models before their training.
pub fn stages() -> [Entry; 2] {
    let look = Look { colour: Colour::INK, dash: &[], marker: super::look::Marker::Circle };
    let entry =
        |name: &str, look| Entry { name: name.into(), look, is_joined: true, is_marked: true };
    [entry("trained", look), entry("before training", look.open())]
}

/// The line of a theory.
pub fn theory() -> Stroke {
    Stroke { colour: Colour::GREY, width: 0.7 * LINE, dash: &[] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_apart_and_within_bounds() {
        let middles = spread(&[10.0, 11.0, 12.0, 48.0], &[8.0; 4], (0.0, 50.0));
        for pair in middles.windows(2) {
            assert!(pair[1] - pair[0] >= 8.0 - 1e-9, "{middles:?}");
        }
        assert!(middles[0] >= 4.0 && middles[3] <= 46.0, "{middles:?}");
        assert_eq!(spread(&[10.0, 30.0], &[8.0; 2], (0.0, 50.0)), [10.0, 30.0]);
    }

    #[test]
    fn long_labels_break_where_they_are_shortest() {
        assert_eq!(broken("tanh"), ["tanh"]);
        assert_eq!(broken("co-moving group-decoder"), ["co-moving", "group-decoder"]);
        assert_eq!(broken("clamped-feedback"), ["clamped-", "feedback"]);
        assert_eq!(broken("FERNN-V1 mixing"), ["FERNN-V1", "mixing"]);
    }
}
