//! What a figure is made of: outlines, words and images, in points (1/72 inch) from the upper left corner.

/// A place: x to the right, y downwards.
pub type Place = (f64, f64);

/// A colour of the screen, red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    pub const WHITE: Self = Self(255, 255, 255);
    /// Text and axes.
    pub const INK: Self = Self(30, 30, 30);
    /// Frames, marks and notes.
    pub const GREY: Self = Self(110, 110, 110);
    /// Grids.
    pub const FAINT: Self = Self(226, 226, 226);

    /// How light it looks in print without colours, from 0 to 1 (Rec. 709).
    pub fn lightness(self) -> f64 {
        let Self(r, g, b) = self;
        (0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)) / 255.0
    }

    /// Ink that can be read on it.
    pub fn ink(self) -> Self {
        if self.lightness() > 0.45 { Self::INK } else { Self::WHITE }
    }
}

/// A rectangle by its edges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// The left edge.
    pub left: f64,
    /// The upper edge.
    pub top: f64,
    /// The right edge.
    pub right: f64,
    /// The lower edge.
    pub bottom: f64,
}

impl Rect {
    /// From the upper left corner, width and height.
    pub fn at((left, top): Place, (width, height): (f64, f64)) -> Self {
        Self { left, top, right: left + width, bottom: top + height }
    }

    /// Extent from left to right.
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    /// Extent from top to bottom.
    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// The middle.
    pub fn centre(&self) -> Place {
        ((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0)
    }

    /// Whether another lies in it, edges included.
    pub fn holds(&self, other: &Self) -> bool {
        let sides = [other.left - self.left, other.top - self.top];
        let others = [self.right - other.right, self.bottom - other.bottom];
        sides.into_iter().chain(others).all(|distance| distance >= -1e-6)
    }

    /// Whether it shares more than an edge with another.
    pub fn overlaps(&self, other: &Self) -> bool {
        let apart = [other.left - self.right, self.left - other.right];
        let aside = [other.top - self.bottom, self.top - other.bottom];
        apart.into_iter().chain(aside).all(|distance| distance < -1e-6)
    }
}

/// A part of an outline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Segment {
    /// Begins at a place.
    Move(Place),
    /// Goes straight to a place.
    Line(Place),
    /// Goes by way of two control points to a place.
    Curve(Place, Place, Place),
    /// Goes back to where it began.
    Close,
}

/// Lengths of dashes and of the gaps between them, in widths of the line.
pub type Dash = &'static [f64];

/// How an outline is traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    pub colour: Colour,
    pub width: f64,
    pub dash: Dash,
}

impl Stroke {
    /// Without gaps.
    pub fn solid(colour: Colour, width: f64) -> Self {
        Self { colour, width, dash: &[] }
    }
}

/// What is inside of an outline; `opacity` from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    pub colour: Colour,
    pub opacity: f64,
}

/// The direction of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Rightwards,
    Upwards,
}

/// Words on a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    pub text: String,
    /// Where their baseline begins.
    pub start: Place,
    /// Their size in points.
    pub size: f64,
    pub colour: Colour,
    pub reading: Reading,
}

/// Pixels, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Raster {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Colour>,
}

impl Raster {
    /// Rows of values under a map of colours. Pixels are made of several each, so that programs that blur what
    /// they enlarge leave edges where they are.
    pub fn of(rows: &[Vec<f64>], colour: impl Fn(f64) -> Colour) -> Self {
        const SMOOTH: usize = 96;
        let (height, width) = (rows.len(), rows.iter().map(Vec::len).min().unwrap_or(0));
        let times = SMOOTH.div_ceil(height.max(width).max(1)).max(1);
        let mut pixels = Vec::with_capacity(height * width * times * times);
        for row in rows {
            let line: Vec<Colour> =
                row[..width].iter().flat_map(|&v| std::iter::repeat_n(colour(v), times)).collect();
            (0..times).for_each(|_| pixels.extend_from_slice(&line));
        }
        Self { width: width * times, height: height * times, pixels }
    }
}

/// Something drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Path { outline: Vec<Segment>, fill: Option<Fill>, stroke: Option<Stroke> },
    Words(Words),
    Image { place: Rect, raster: Raster },
}
