//! The paper that a figure is drawn on, and where on it what lies.

use super::font;
use super::shape::{Colour, Fill, Place, Raster, Reading, Rect, Segment, Shape, Stroke, Words};

/// Something of a figure, and where it lies: what the laws of layout are checked by.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Where it lies.
    pub place: Rect,
}

/// The kinds of parts.
#[derive(Clone, Debug, PartialEq)]
pub enum PartKind {
    /// Words with their size in points.
    Text {
        /// What they say.
        words: String,
        /// Their size.
        points: f64,
    },
    /// What explains looks: a legend, or the label at the end of a line.
    Key,
    /// Where data are drawn.
    Plot,
    /// A linear horizontal axis, with its values at the left and right end of the plot.
    Across {
        /// At the left.
        first: f64,
        /// At the right.
        last: f64,
    },
    /// A line, with its name and look.
    Line {
        /// What it shows.
        name: String,
        /// Colour, dash and marker.
        look: String,
    },
}

/// A figure that is being drawn.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub width: f64,
    pub height: f64,
    pub shapes: Vec<Shape>,
    pub parts: Vec<Part>,
    /// What a pointer is told over a place, where the format knows pointers.
    pub notes: Vec<(Rect, String)>,
}

/// The sizes of text, in points: no journal takes less than the first.
pub const SMALL: f64 = 7.0;
pub const TITLE: f64 = 7.5;
pub const LETTER: f64 = 8.5;

/// Where words lie beside a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// They begin there.
    Left,
    /// It is their middle.
    Centre,
    /// They end there.
    Right,
}

/// How words are written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub size: f64,
    pub align: Align,
    pub colour: Colour,
    pub reading: Reading,
}

/// Small dark words.
pub fn small(align: Align) -> Style {
    Style { size: SMALL, align, colour: Colour::INK, reading: Reading::Rightwards }
}

/// The title of an axis or a panel.
pub fn title() -> Style {
    Style { size: TITLE, ..small(Align::Centre) }
}

impl Style {
    pub fn coloured(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    pub fn upwards(self) -> Self {
        Self { reading: Reading::Upwards, ..self }
    }
}

impl Sheet {
    /// White paper.
    pub fn new(width: f64, height: f64) -> Self {
        let mut sheet =
            Self { width, height, shapes: Vec::new(), parts: Vec::new(), notes: Vec::new() };
        sheet.fill(Rect::at((0.0, 0.0), (width, height)), Colour::WHITE);
        sheet
    }

    pub fn part(&mut self, kind: PartKind, place: Rect) {
        self.parts.push(Part { kind, place });
    }

    /// Tells a pointer over a place.
    pub fn note(&mut self, place: Rect, text: String) {
        self.notes.push((place, text));
    }

    /// Words whose capitals have their middle at the height of `at`.
    pub fn words(&mut self, text: &str, at: Place, style: Style) {
        let (length, size) = (font::width(text, style.size), style.size);
        let back = match style.align {
            Align::Left => 0.0,
            Align::Centre => length / 2.0,
            Align::Right => length,
        };
        let down = font::HALF_CAPITAL * size;
        let (ascent, descent) = (font::ASCENT * size, font::DESCENT * size);
        let (start, place) = match style.reading {
            Reading::Rightwards => {
                let (x, y) = (at.0 - back, at.1 + down);
                ((x, y), Rect::at((x, y - ascent), (length, ascent + descent)))
            }
            Reading::Upwards => {
                let (x, y) = (at.0 + down, at.1 + back);
                ((x, y), Rect::at((x - ascent, y - length), (ascent + descent, length)))
            }
        };
        self.part(PartKind::Text { words: text.into(), points: size }, place);
        let (colour, reading) = (style.colour, style.reading);
        self.shapes.push(Shape::Words(Words { text: text.into(), start, size, colour, reading }));
    }

    pub fn line(&mut self, places: &[Place], stroke: Stroke) {
        if places.len() > 1 {
            self.path(open(places), None, Some(stroke));
        }
    }

    pub fn area(&mut self, places: &[Place], fill: Fill) {
        let mut outline = open(places);
        outline.push(Segment::Close);
        self.path(outline, Some(fill), None);
    }

    pub fn path(&mut self, outline: Vec<Segment>, fill: Option<Fill>, stroke: Option<Stroke>) {
        self.shapes.push(Shape::Path { outline, fill, stroke });
    }

    pub fn fill(&mut self, rect: Rect, colour: Colour) {
        self.area(&corners(rect), Fill { colour, opacity: 1.0 });
    }

    pub fn frame(&mut self, rect: Rect, stroke: Stroke) {
        let mut outline = open(&corners(rect));
        outline.push(Segment::Close);
        self.path(outline, None, Some(stroke));
    }

    pub fn image(&mut self, place: Rect, raster: Raster) {
        self.shapes.push(Shape::Image { place, raster });
    }
}

fn corners(r: Rect) -> [Place; 4] {
    [(r.left, r.top), (r.right, r.top), (r.right, r.bottom), (r.left, r.bottom)]
}

fn open(places: &[Place]) -> Vec<Segment> {
    let segment = |(i, &place): (usize, &Place)| match i {
        0 => Segment::Move(place),
        _ => Segment::Line(place),
    };
    places.iter().enumerate().map(segment).collect()
}
