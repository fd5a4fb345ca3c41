//! Pictures: drawn once as SVG, and rasterised from it with the font that the crate carries.

use crate::error::{Error, Result};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};
use resvg::{tiny_skia, usvg};
use std::sync::{Arc, LazyLock};

static FONT: &[u8] = include_bytes!("fonts/DejaVuSans.ttf");
const FAMILY: &str = "sans-serif";

/// Registered once, so that text is measured with the font that rasterises it.
static FONT_DATABASE: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
    // An error here means that the font cannot be read, which the figure tests would show.
    let _ = register_font(FAMILY, FontStyle::Normal, FONT);
    let mut database = usvg::fontdb::Database::new();
    database.load_font_data(FONT.to_vec());
    database.set_sans_serif_family("DejaVu Sans");
    Arc::new(database)
});

/// Pixels of the PNG per unit of the SVG: about 400 dots per inch in one column of a paper.
const RESOLUTION: f32 = 3.0;

/// A finished drawing.
#[derive(Clone, Debug)]
pub struct Drawing(String);

/// What drawing gives.
pub(super) type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// A drawing area on an SVG string.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

impl Drawing {
    /// Draws a picture of the given width and height on white.
    ///
    /// # Errors
    /// [`Error::Drawing`] when the drawing library refuses what `draw` asks for.
    pub(super) fn draw(
        (width, height): (u32, u32),
        draw: impl FnOnce(&Area<'_>) -> Drawn,
    ) -> Result<Self> {
        LazyLock::force(&FONT_DATABASE);
        let refuse = |problem: String| Error::Drawing { what: "a figure", problem };
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
            area.fill(&WHITE).map_err(|e| refuse(e.to_string()))?;
            draw(&area).map_err(|e| refuse(e.to_string()))?;
            area.present().map_err(|e| refuse(e.to_string()))?;
        }
        Ok(Self(svg))
    }

    /// The picture as SVG.
    pub fn svg(&self) -> &str {
        &self.0
    }

    /// The picture as PNG.
    ///
    /// # Errors
    /// [`Error::Drawing`] when the SVG cannot be rasterised.
    pub fn png(&self) -> Result<Vec<u8>> {
        let refuse = |problem: String| Error::Drawing { what: "a figure", problem };
        let options = usvg::Options { fontdb: FONT_DATABASE.clone(), ..usvg::Options::default() };
        let tree = usvg::Tree::from_str(&self.0, &options).map_err(|e| refuse(e.to_string()))?;
        let size = tree
            .size()
            .to_int_size()
            .scale_by(RESOLUTION)
            .ok_or_else(|| refuse("it has no extent".into()))?;
        let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height())
            .ok_or_else(|| refuse("it has no extent".into()))?;
        let scale = tiny_skia::Transform::from_scale(RESOLUTION, RESOLUTION);
        resvg::render(&tree, scale, &mut pixels.as_mut());
        pixels.encode_png().map_err(|e| refuse(e.to_string()))
    }
}

/// Text of a size in SVG units, dark grey.
pub(super) fn text(size: u32) -> TextStyle<'static> {
    (FAMILY, size).into_font().color(&RGBColor(30, 30, 30))
}

/// Text of a size that reads upwards, at a position of its own.
pub(super) fn upwards(size: u32, pos: Pos) -> TextStyle<'static> {
    let font = (FAMILY, size).into_font().transform(FontTransform::Rotate270);
    font.color(&RGBColor(30, 30, 30)).pos(pos)
}

/// From here on the sequential map is light, and takes dark ink.
const LIGHT: f64 = 0.55;

/// A square cell of a map with its label: the colour of `value` in [0, 1], in ink that can be read on it.
pub(super) fn cell(
    area: &Area<'_>,
    (x, y): (i32, i32),
    side: i32,
    value: f64,
    label: String,
) -> Drawn {
    let corners = [(x, y), (x + side, y + side)];
    area.draw(&Rectangle::new(corners, sequential(value).filled()))?;
    let ink = if value > LIGHT { RGBColor(20, 20, 20) } else { WHITE };
    let style = text(15).pos(Pos::new(HPos::Center, VPos::Center)).color(&ink);
    Ok(area.draw(&Text::new(label, (x + side / 2, y + side / 2), style))?)
}

/// The colour of the i-th model: Okabe and Ito's palette, distinguishable by the colour-blind.
pub(super) fn series_colour(i: usize) -> RGBColor {
    const PALETTE: [RGBColor; 7] = [
        RGBColor(213, 94, 0),
        RGBColor(230, 159, 0),
        RGBColor(0, 114, 178),
        RGBColor(0, 158, 115),
        RGBColor(204, 121, 167),
        RGBColor(86, 180, 233),
        RGBColor(0, 0, 0),
    ];
    PALETTE[i % PALETTE.len()]
}

/// A sequential map over [0, 1], dark to light, even in lightness (nine stops of viridis).
pub(super) fn sequential(value: f64) -> RGBColor {
    const STOPS: [(f64, f64, f64); 9] = [
        (68.0, 1.0, 84.0),
        (71.0, 44.0, 122.0),
        (59.0, 81.0, 139.0),
        (44.0, 113.0, 142.0),
        (33.0, 144.0, 141.0),
        (39.0, 173.0, 129.0),
        (92.0, 200.0, 99.0),
        (170.0, 220.0, 50.0),
        (253.0, 231.0, 37.0),
    ];
    let position = value.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let left = (position as usize).min(STOPS.len() - 2);
    let part = position - left as f64;
    let (a, b) = (STOPS[left], STOPS[left + 1]);
    let mix = |a: f64, b: f64| (a + (b - a) * part).round() as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// A diverging map over [−1, 1]: blue, white, red.
pub(super) fn diverging(value: f64) -> RGBColor {
    let end = if value < 0.0 { (33.0, 102.0, 172.0) } else { (178.0, 24.0, 43.0) };
    let part = value.abs().min(1.0);
    let mix = |end: f64| (255.0 + (end - 255.0) * part).round() as u8;
    RGBColor(mix(end.0), mix(end.1), mix(end.2))
}
