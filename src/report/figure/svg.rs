//! Figures as SVG: text as outlines, which look the same wherever they are shown; what they say is in
//! `aria-label`, their size in `data-points`.

use super::font;
use super::png;
use super::shape::{Colour, Fill, Rect, Segment, Shape, Stroke, Words};
use super::sheet::Sheet;
use crate::error::Result;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const BEGIN: &str =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" ";

/// Whether a text is a figure as [`svg`] writes it; any with words is told from those of other programs.
pub fn is_ours(text: &str) -> bool {
    text.starts_with(BEGIN) && text.contains(" data-points=\"")
}

/// A figure as an SVG file, as wide in inches as it is to be printed.
pub fn svg(sheet: &Sheet) -> Result<String> {
    let (width, height) = (number(sheet.width), number(sheet.height));
    let (across, down) = (number(sheet.width / 72.0), number(sheet.height / 72.0));
    let mut text = format!(
        "{BEGIN}width=\"{across}in\" height=\"{down}in\" viewBox=\"0 0 {width} {height}\">\n"
    );
    text += &letters(sheet);
    for shape in &sheet.shapes {
        match shape {
            Shape::Path { outline, fill, stroke } => {
                let (fill, stroke) = (filled(*fill), stroked(*stroke));
                text += &format!("<path d=\"{}\"{fill}{stroke}/>\n", path(outline));
            }
            Shape::Words(words) => text += &written(words),
            Shape::Image { place, raster } => {
                let data = base64(&png::encode(raster, None)?);
                text += &image(*place, &data);
            }
        }
    }
    text.extend(sheet.notes.iter().map(|(place, text)| note(*place, text)));
    Ok(text + "</svg>\n")
}

/// Nothing to see, above all else, that browsers tell when the pointer is over it.
fn note(place: Rect, text: &str) -> String {
    format!("<rect {} fill-opacity=\"0\"><title>{}</title></rect>\n", placed(place), escaped(text))
}

/// Where a rectangle lies, as attributes.
fn placed(place: Rect) -> String {
    format!(
        "x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
        number(place.left),
        number(place.top),
        number(place.width()),
        number(place.height())
    )
}

/// The letters that occur, each once.
fn letters(sheet: &Sheet) -> String {
    let words = sheet.shapes.iter().filter_map(|shape| match shape {
        Shape::Words(words) => Some(&words.text),
        _ => None,
    });
    let glyphs: BTreeSet<u16> =
        words.flat_map(|text| font::letters(text)).map(|letter| letter.glyph).collect();
    let mut text = String::from("<defs>\n");
    for glyph in glyphs {
        let outline = font::outline(glyph);
        if !outline.is_empty() {
            text += &format!("<path id=\"g{glyph}\" d=\"{}\"/>\n", path(&outline));
        }
    }
    text + "</defs>\n"
}

fn written(words: &Words) -> String {
    let Words { text, start, size, colour, reading } = words;
    let turn = match reading {
        super::shape::Reading::Rightwards => "",
        super::shape::Reading::Upwards => " rotate(-90)",
    };
    let scale = format!("{:.6}", size / font::units());
    let mut all = format!(
        "<g aria-label=\"{}\" data-points=\"{}\" fill=\"{}\" transform=\"translate({} {}){turn} scale({scale})\">",
        escaped(text),
        number(*size),
        hex(*colour),
        number(start.0),
        number(start.1)
    );
    for letter in font::letters(text).iter().filter(|l| !l.character.is_whitespace()) {
        let left = number(letter.left * font::units());
        all += &format!("<use xlink:href=\"#g{}\" x=\"{left}\"/>", letter.glyph);
    }
    all + "</g>\n"
}

fn image(place: Rect, data: &str) -> String {
    format!(
        "<image {} preserveAspectRatio=\"none\" image-rendering=\"optimizeSpeed\" \
         xlink:href=\"data:image/png;base64,{data}\"/>\n",
        placed(place)
    )
}

fn path(outline: &[Segment]) -> String {
    let mut text = String::new();
    let place = |(x, y): (f64, f64)| format!("{} {}", number(x), number(y));
    for segment in outline {
        let written = match *segment {
            Segment::Move(to) => write!(text, "M{}", place(to)),
            Segment::Line(to) => write!(text, "L{}", place(to)),
            Segment::Curve(a, b, to) => write!(text, "C{} {} {}", place(a), place(b), place(to)),
            Segment::Close => write!(text, "Z"),
        };
        written.expect("memory does not fail");
    }
    text
}

fn filled(fill: Option<Fill>) -> String {
    match fill {
        None => " fill=\"none\"".into(),
        Some(Fill { colour, opacity: 1.0 }) => format!(" fill=\"{}\"", hex(colour)),
        Some(Fill { colour, opacity }) => {
            format!(" fill=\"{}\" fill-opacity=\"{}\"", hex(colour), number(opacity))
        }
    }
}

fn stroked(stroke: Option<Stroke>) -> String {
    let Some(Stroke { colour, width, dash }) = stroke else { return String::new() };
    let mut text = format!(
        " stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
        hex(colour),
        number(width)
    );
    if !dash.is_empty() {
        let lengths: Vec<String> = dash.iter().map(|part| number(part * width)).collect();
        text += &format!(" stroke-dasharray=\"{}\"", lengths.join(" "));
    }
    text
}

fn hex(Colour(r, g, b): Colour) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// A thousandth of a point is finer than any printer.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) as usize & 63;
            text.push(if place > chunk.len() { '=' } else { ALPHABET[sextet] as char });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (bytes, text) in cases {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn names_do_not_end_their_attribute() {
        let mut sheet = Sheet::new(100.0, 50.0);
        sheet.words(
            "a<\"b\"&c",
            (10.0, 10.0),
            super::super::sheet::small(super::super::sheet::Align::Left),
        );
        let svg = svg(&sheet).unwrap();
        assert!(svg.contains("aria-label=\"a&lt;&quot;b&quot;&amp;c\" data-points=\"7\""), "{svg}");
    }
}
