//! The font that the crate carries: how wide words are, and the outlines of their letters.

use super::shape::{Place, Segment};
use std::sync::LazyLock;
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// A subset of DejaVu Sans.
pub static FILE: &[u8] = include_bytes!("fonts/DejaVuSans.ttf");

static FACE: LazyLock<Face<'static>> = LazyLock::new(|| {
    Face::parse(FILE, 0).expect("the font is part of the crate, and is read by its tests")
});

/// The font's own units in an em.
pub fn units() -> f64 {
    f64::from(FACE.units_per_em())
}

/// A letter of some words.
#[derive(Clone, Copy, Debug)]
pub struct Letter {
    pub glyph: u16,
    pub character: char,
    /// Where it begins, in ems from the start of the words.
    pub left: f64,
    /// In ems.
    pub advance: f64,
}

/// The letters of some words; a character that the font lacks is its empty box.
pub fn letters(text: &str) -> Vec<Letter> {
    let mut left = 0.0;
    let letter = |character: char| {
        let glyph = FACE.glyph_index(character).unwrap_or(GlyphId(0));
        let advance = f64::from(FACE.glyph_hor_advance(glyph).unwrap_or(0)) / units();
        let letter = Letter { glyph: glyph.0, character, left, advance };
        left += advance;
        letter
    };
    text.chars().map(letter).collect()
}

/// How wide words are at a size.
pub fn width(text: &str, size: f64) -> f64 {
    letters(text).last().map_or(0.0, |last| (last.left + last.advance) * size)
}

/// Half the height of capitals, in ems: how far below its middle a line of text stands.
pub const HALF_CAPITAL: f64 = 0.365;

/// From the baseline to the top of the highest letters, in ems.
pub const ASCENT: f64 = 0.78;

/// From the baseline to the bottom of the lowest letters, in ems.
pub const DESCENT: f64 = 0.24;

/// The outline of a glyph in the font's units, y downwards.
pub fn outline(glyph: u16) -> Vec<Segment> {
    let mut path = Outline { segments: Vec::new(), at: (0.0, 0.0) };
    // A blank has no outline.
    let _ = FACE.outline_glyph(GlyphId(glyph), &mut path);
    path.segments
}

struct Outline {
    segments: Vec<Segment>,
    at: Place,
}

impl Outline {
    fn push(&mut self, segment: Segment, (x, y): Place) {
        self.segments.push(segment);
        self.at = (x, y);
    }
}

fn place(x: f32, y: f32) -> Place {
    (f64::from(x), -f64::from(y))
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.push(Segment::Move(place(x, y)), place(x, y));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.push(Segment::Line(place(x, y)), place(x, y));
    }

    /// A quadratic curve is a cubic one whose control points lie two thirds of the way to its own.
    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let (control, end) = (place(cx, cy), place(x, y));
        let towards = |from: Place| {
            (from.0 + (control.0 - from.0) * 2.0 / 3.0, from.1 + (control.1 - from.1) * 2.0 / 3.0)
        };
        self.push(Segment::Curve(towards(self.at), towards(end), end), end);
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        self.push(Segment::Curve(place(ax, ay), place(bx, by), place(x, y)), place(x, y));
    }

    fn close(&mut self) {
        self.segments.push(Segment::Close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_wide_as_their_letters_and_have_outlines() {
        let wide = width("WW", 7.0);
        assert!((wide - 2.0 * width("W", 7.0)).abs() < 1e-9 && wide > 2.0 * width("ii", 7.0));
        assert!((width("WW", 14.0) - 2.0 * wide).abs() < 1e-9);
        assert!(
            outline(letters("W")[0].glyph).len() > 8 && outline(letters(" ")[0].glyph).is_empty()
        );
    }

    #[test]
    fn the_font_has_what_axes_and_labels_need() {
        let needed = "0123456789⁻⁰¹²³⁴⁵⁶⁷⁸⁹−×·|±≤→↓°ν′()[],.:/+";
        let missing: Vec<char> =
            letters(needed).iter().filter(|l| l.glyph == 0).map(|l| l.character).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert_eq!(letters("漢")[0].glyph, 0, "the subset has no such character");
    }
}
