//! Figures as PDF: one page as large as the figure, its text in the font that the file carries.

use super::font;
use super::shape::{Colour, Fill, Raster, Reading, Rect, Segment, Shape, Stroke, Words};
use super::sheet::Sheet;
use flate2::{Compression, write::ZlibEncoder};
use pdf_writer::types::{CidFontType, FontFlags, LineJoinStyle, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect as Box, Ref, Str};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const FONT: Ref = Ref::new(5);
const CID_FONT: Ref = Ref::new(6);
const DESCRIPTOR: Ref = Ref::new(7);
const FILE: Ref = Ref::new(8);
const CMAP: Ref = Ref::new(9);
/// From here on images.
const IMAGES: i32 = 10;

const FONT_NAME: Name = Name(b"FERNNA+DejaVuSans");
const SYSTEM: SystemInfo =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// A figure as a PDF file. It says nothing of when it was written: the same figure gives the same bytes.
pub fn pdf(sheet: &Sheet) -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(PAGES);
    pdf.pages(PAGES).kids([PAGE]).count(1);
    let images: Vec<&Raster> = sheet.shapes.iter().filter_map(raster).collect();
    let opacities = opacities(sheet);
    let mut page = pdf.page(PAGE);
    page.media_box(Box::new(0.0, 0.0, sheet.width as f32, sheet.height as f32));
    page.parent(PAGES).contents(CONTENT);
    let mut resources = page.resources();
    resources.fonts().pair(Name(b"F"), FONT);
    let mut states = resources.ext_g_states();
    for per_cent in &opacities {
        let name = state(*per_cent);
        let mut state =
            states.insert(Name(name.as_bytes())).start::<pdf_writer::writers::ExtGraphicsState>();
        state.non_stroking_alpha(f32::from(*per_cent) / 100.0);
    }
    states.finish();
    let mut objects = resources.x_objects();
    for number in 0..images.len() {
        objects.pair(Name(image_name(number).as_bytes()), image_ref(number));
    }
    objects.finish();
    resources.finish();
    page.finish();
    let content = deflated(&content(sheet));
    pdf.stream(CONTENT, &content).filter(Filter::FlateDecode);
    for (number, image) in images.into_iter().enumerate() {
        embed_image(&mut pdf, image_ref(number), image);
    }
    embed_font(&mut pdf, sheet);
    pdf.finish()
}

fn raster(shape: &Shape) -> Option<&Raster> {
    match shape {
        Shape::Image { raster, .. } => Some(raster),
        _ => None,
    }
}

fn image_name(number: usize) -> String {
    format!("I{number}")
}

fn image_ref(number: usize) -> Ref {
    Ref::new(IMAGES + number as i32)
}

/// An opacity in per cent, which names its state.
fn per_cent(fill: &Fill) -> u8 {
    (fill.opacity * 100.0).round() as u8
}

fn state(per_cent: u8) -> String {
    format!("A{per_cent}")
}

fn opacities(sheet: &Sheet) -> BTreeSet<u8> {
    let fill = |shape: &Shape| match shape {
        Shape::Path { fill: Some(fill), .. } => Some(per_cent(fill)),
        _ => None,
    };
    sheet.shapes.iter().filter_map(fill).collect()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

/// What the page shows; its y goes upwards.
fn content(sheet: &Sheet) -> Vec<u8> {
    let mut content = Content::new();
    content.transform([1.0, 0.0, 0.0, -1.0, 0.0, sheet.height as f32]);
    let mut images = 0;
    for shape in &sheet.shapes {
        match shape {
            Shape::Path { outline, fill, stroke } => trace(&mut content, outline, fill, stroke),
            Shape::Words(words) => write(&mut content, words),
            Shape::Image { place, .. } => {
                show(&mut content, *place, &image_name(images));
                images += 1;
            }
        }
    }
    content.finish().into_vec()
}

fn rgb(Colour(r, g, b): Colour) -> [f32; 3] {
    [r, g, b].map(|part| f32::from(part) / 255.0)
}

fn trace(content: &mut Content, outline: &[Segment], fill: &Option<Fill>, stroke: &Option<Stroke>) {
    content.save_state();
    if let Some(fill) = fill {
        let [r, g, b] = rgb(fill.colour);
        content.set_parameters(Name(state(per_cent(fill)).as_bytes()));
        content.set_fill_rgb(r, g, b);
    }
    if let Some(Stroke { colour, width, dash }) = *stroke {
        let [r, g, b] = rgb(colour);
        content.set_stroke_rgb(r, g, b).set_line_width(width as f32);
        content.set_line_join(LineJoinStyle::RoundJoin);
        if !dash.is_empty() {
            content.set_dash_pattern(dash.iter().map(|part| (part * width) as f32), 0.0);
        }
    }
    for segment in outline {
        match *segment {
            Segment::Move((x, y)) => content.move_to(x as f32, y as f32),
            Segment::Line((x, y)) => content.line_to(x as f32, y as f32),
            Segment::Curve(a, b, c) => {
                let [a, b, c] = [a, b, c].map(|(x, y)| (x as f32, y as f32));
                content.cubic_to(a.0, a.1, b.0, b.1, c.0, c.1)
            }
            Segment::Close => content.close_path(),
        };
    }
    match (fill, stroke) {
        (Some(_), Some(_)) => content.fill_nonzero_and_stroke(),
        (Some(_), None) => content.fill_nonzero(),
        (None, Some(_)) => content.stroke(),
        (None, None) => content.end_path(),
    };
    content.restore_state();
}

fn write(content: &mut Content, words: &Words) {
    let [r, g, b] = rgb(words.colour);
    let (x, y) = (words.start.0 as f32, words.start.1 as f32);
    // The page stands on its head, its letters must not.
    let matrix = match words.reading {
        Reading::Rightwards => [1.0, 0.0, 0.0, -1.0, x, y],
        Reading::Upwards => [0.0, -1.0, -1.0, 0.0, x, y],
    };
    let letters = font::letters(&words.text);
    let glyphs: Vec<u8> = letters.iter().flat_map(|letter| letter.glyph.to_be_bytes()).collect();
    content.begin_text().set_fill_rgb(r, g, b).set_font(Name(b"F"), words.size as f32);
    content.set_text_matrix(matrix).show(Str(&glyphs)).end_text();
}

fn show(content: &mut Content, place: Rect, name: &str) {
    content.save_state();
    let (width, height) = (place.width() as f32, place.height() as f32);
    content.transform([width, 0.0, 0.0, -height, place.left as f32, place.bottom as f32]);
    content.x_object(Name(name.as_bytes()));
    content.restore_state();
}

fn embed_image(pdf: &mut Pdf, id: Ref, raster: &Raster) {
    let pixels: Vec<u8> = raster.pixels.iter().flat_map(|&Colour(r, g, b)| [r, g, b]).collect();
    let data = deflated(&pixels);
    let mut image = pdf.image_xobject(id, &data);
    image.filter(Filter::FlateDecode);
    image.width(raster.width as i32).height(raster.height as i32);
    image.color_space().device_rgb();
    image.bits_per_component(8).interpolate(false);
}

fn embed_font(pdf: &mut Pdf, sheet: &Sheet) {
    let mut letters: BTreeMap<u16, font::Letter> = BTreeMap::new();
    for shape in &sheet.shapes {
        if let Shape::Words(words) = shape {
            letters.extend(font::letters(&words.text).into_iter().map(|l| (l.glyph, l)));
        }
    }
    let mut whole = pdf.type0_font(FONT);
    whole.base_font(FONT_NAME).encoding_predefined(Name(b"Identity-H"));
    whole.descendant_font(CID_FONT).to_unicode(CMAP);
    whole.finish();
    let mut cid = pdf.cid_font(CID_FONT);
    cid.subtype(CidFontType::Type2).base_font(FONT_NAME).system_info(SYSTEM);
    cid.font_descriptor(DESCRIPTOR).default_width(0.0);
    cid.cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = cid.widths();
    for letter in letters.values() {
        widths.consecutive(letter.glyph, [(1000.0 * letter.advance) as f32]);
    }
    widths.finish();
    cid.finish();
    let mut descriptor = pdf.font_descriptor(DESCRIPTOR);
    descriptor.name(FONT_NAME).flags(FontFlags::NON_SYMBOLIC).italic_angle(0.0);
    descriptor.bbox(Box::new(-1021.0, -463.0, 1793.0, 1232.0));
    descriptor.ascent(928.0).descent(-236.0).cap_height(729.0).stem_v(80.0);
    descriptor.font_file2(FILE);
    descriptor.finish();
    let data = deflated(font::FILE);
    let mut file = pdf.stream(FILE, &data);
    file.filter(Filter::FlateDecode);
    file.pair(Name(b"Length1"), font::FILE.len() as i32);
    file.finish();
    let mut cmap = UnicodeCmap::new(Name(b"Fernn"), SYSTEM);
    letters.values().for_each(|letter| cmap.pair(letter.glyph, letter.character));
    pdf.cmap(CMAP, &cmap.finish());
}
