//! Figures as PNG, at the density of print.

use super::font;
use super::shape::{Colour, Raster, Reading, Rect, Segment, Shape, Stroke, Words};
use super::sheet::Sheet;
use crate::error::{Error, Result};
use tiny_skia::{
    FillRule, FilterQuality, LineJoin, Paint, Path, PathBuilder, Pattern, Pixmap, SpreadMode,
    StrokeDash, Transform,
};

/// Pixels of an inch on paper.
const DENSITY: f64 = 300.0;

fn refuse(problem: impl ToString) -> Error {
    Error::Drawing { what: "a figure", problem: problem.to_string() }
}

/// Refuses a figure that would take gigabytes: names in records may be of any length, and labels are as wide.
fn expect_size((width, height): (u32, u32)) -> Result<()> {
    const MOST_PIXELS: u64 = 1 << 26; // 19 inches by 39
    if u64::from(width) * u64::from(height) <= MOST_PIXELS {
        return Ok(());
    }
    let problem = format!("would have {width}×{height} pixels, more than {MOST_PIXELS}");
    Err(Error::configuration("a figure of the records", problem, "give shorter names"))
}

/// A figure as a PNG file that knows its size on paper.
pub fn png(sheet: &Sheet) -> Result<Vec<u8>> {
    let scale = DENSITY / 72.0;
    let extent = |points: f64| (points * scale).round() as u32;
    expect_size((extent(sheet.width), extent(sheet.height)))?;
    let mut pixmap = Pixmap::new(extent(sheet.width), extent(sheet.height))
        .ok_or_else(|| refuse("it has no extent"))?;
    pixmap.fill(tiny_skia::Color::WHITE);
    let transform = Transform::from_scale(scale as f32, scale as f32);
    for shape in &sheet.shapes {
        match shape {
            Shape::Path { outline, fill, stroke } => {
                let Some(path) = path(outline) else { continue };
                if let Some(fill) = fill {
                    let paint = paint(fill.colour, fill.opacity);
                    pixmap.fill_path(&path, &paint, FillRule::Winding, transform, None);
                }
                if let Some(stroke) = stroke {
                    let paint = paint(stroke.colour, 1.0);
                    pixmap.stroke_path(&path, &paint, &traced(stroke), transform, None);
                }
            }
            Shape::Words(words) => write(&mut pixmap, words, transform),
            Shape::Image { place, raster } => paste(&mut pixmap, *place, raster, transform)?,
        }
    }
    let colour = |p: &tiny_skia::PremultipliedColorU8| Colour(p.red(), p.green(), p.blue());
    let pixels = pixmap.pixels().iter().map(colour).collect();
    let (width, height) = (pixmap.width() as usize, pixmap.height() as usize);
    encode(&Raster { width, height, pixels }, Some(DENSITY))
}

/// Pixels as a PNG file, with their density where it is known.
pub fn encode(raster: &Raster, density: Option<f64>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, raster.width as u32, raster.height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    if let Some(density) = density {
        let pixels = (density / 0.0254).round() as u32; // of a metre
        let unit = png::Unit::Meter;
        encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: pixels, yppu: pixels, unit }));
    }
    let data: Vec<u8> = raster.pixels.iter().flat_map(|&Colour(r, g, b)| [r, g, b]).collect();
    let mut writer = encoder.write_header().map_err(refuse)?;
    writer.write_image_data(&data).map_err(refuse)?;
    writer.finish().map_err(refuse)?;
    Ok(bytes)
}

fn write(pixmap: &mut Pixmap, words: &Words, transform: Transform) {
    let scale = (words.size / font::units()) as f32;
    let turn = match words.reading {
        Reading::Rightwards => 0.0,
        Reading::Upwards => -90.0,
    };
    let start = transform
        .pre_translate(words.start.0 as f32, words.start.1 as f32)
        .pre_rotate(turn)
        .pre_scale(scale, scale);
    let paint = paint(words.colour, 1.0);
    for letter in font::letters(&words.text) {
        let Some(path) = path(&font::outline(letter.glyph)) else { continue };
        let at = start.pre_translate((letter.left * font::units()) as f32, 0.0);
        pixmap.fill_path(&path, &paint, FillRule::Winding, at, None);
    }
}

fn paste(pixmap: &mut Pixmap, place: Rect, raster: &Raster, transform: Transform) -> Result<()> {
    let mut image = Pixmap::new(raster.width as u32, raster.height as u32)
        .ok_or_else(|| refuse("an image of it has no pixels"))?;
    for (to, &Colour(r, g, b)) in image.pixels_mut().iter_mut().zip(&raster.pixels) {
        *to = tiny_skia::ColorU8::from_rgba(r, g, b, 255).premultiply();
    }
    let (width, height) = (place.width() as f32, place.height() as f32);
    let scale = (width / raster.width as f32, height / raster.height as f32);
    let fit =
        Transform::from_scale(scale.0, scale.1).post_translate(place.left as f32, place.top as f32);
    let shader = Pattern::new(image.as_ref(), SpreadMode::Pad, FilterQuality::Nearest, 1.0, fit);
    let rect = tiny_skia::Rect::from_xywh(place.left as f32, place.top as f32, width, height)
        .ok_or_else(|| refuse("an image of it has no extent"))?;
    let paint = Paint { shader, ..Paint::default() };
    pixmap.fill_rect(rect, &paint, transform, None);
    Ok(())
}

fn paint(Colour(r, g, b): Colour, opacity: f64) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, (opacity * 255.0).round() as u8);
    paint
}

fn traced(stroke: &Stroke) -> tiny_skia::Stroke {
    let lengths = stroke.dash.iter().map(|part| (part * stroke.width) as f32).collect();
    tiny_skia::Stroke {
        width: stroke.width as f32,
        line_join: LineJoin::Round,
        dash: if stroke.dash.is_empty() { None } else { StrokeDash::new(lengths, 0.0) },
        ..tiny_skia::Stroke::default()
    }
}

/// `None` where there is nothing to draw.
fn path(outline: &[Segment]) -> Option<Path> {
    let mut path = PathBuilder::new();
    let f = |(x, y): (f64, f64)| (x as f32, y as f32);
    for segment in outline {
        match *segment {
            Segment::Move(to) => path.move_to(f(to).0, f(to).1),
            Segment::Line(to) => path.line_to(f(to).0, f(to).1),
            Segment::Curve(a, b, to) => {
                let (a, b, to) = (f(a), f(b), f(to));
                path.cubic_to(a.0, a.1, b.0, b.1, to.0, to.1);
            }
            Segment::Close => path.close(),
        }
    }
    path.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_of_gigabytes_is_refused_as_its_records_fault() {
        assert!(expect_size((5700, 8000)).is_ok());
        assert!(expect_size((1 << 20, 1000)).is_err_and(|error| error.is_usage()));
        assert!(expect_size((u32::MAX, u32::MAX)).is_err());
    }
}
