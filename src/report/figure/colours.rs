//! Maps from values to colours, and the bars that explain them.

use super::shape::{Colour, Raster, Rect, Stroke};
use super::sheet::{Align, PartKind, Sheet, small};

fn mixed(a: Colour, b: Colour, part: f64) -> Colour {
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
    Colour(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// A sequential map over [0, 1], dark to light, even in lightness (nine stops of viridis).
pub fn sequential(value: f64) -> Colour {
    const STOPS: [Colour; 9] = [
        Colour(68, 1, 84),
        Colour(71, 44, 122),
        Colour(59, 81, 139),
        Colour(44, 113, 142),
        Colour(33, 144, 141),
        Colour(39, 173, 129),
        Colour(92, 200, 99),
        Colour(170, 220, 50),
        Colour(253, 231, 37),
    ];
    let position = value.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let left = (position as usize).min(STOPS.len() - 2);
    mixed(STOPS[left], STOPS[left + 1], position - left as f64)
}

/// A diverging map over [−1, 1]: blue, white, red.
pub fn diverging(value: f64) -> Colour {
    let end = if value < 0.0 { Colour(33, 102, 172) } else { Colour(178, 24, 43) };
    mixed(Colour::WHITE, end, value.abs().min(1.0))
}

/// Black to white over [0, 1].
pub fn grey(value: f64) -> Colour {
    let grey = (value.clamp(0.0, 1.0) * 255.0) as u8;
    Colour(grey, grey, grey)
}

/// A map with the numbers at its ends, or between them.
pub struct Scale<'a> {
    /// The colour of a place on the bar from 0 to 1.
    pub colour: &'a dyn Fn(f64) -> Colour,
    /// Numbers at places on the bar.
    pub ticks: Vec<(f64, String)>,
}

const THICK: f64 = 6.0;
const TICK: f64 = 2.0;

/// A bar that lies, with its numbers below, in a stretch of the sheet from a height on; it takes 17 points.
pub fn lying(sheet: &mut Sheet, scale: &Scale<'_>, (left, right): (f64, f64), top: f64) {
    let bar = Rect { left, right, top, bottom: top + THICK };
    let steps: Vec<f64> = (0..64).map(|i| f64::from(i) / 63.0).collect();
    sheet.image(bar, Raster::of(&[steps], scale.colour));
    sheet.frame(bar, Stroke::solid(Colour::GREY, 0.4));
    for (place, label) in &scale.ticks {
        let x = left + place * bar.width();
        let ends = [(x, bar.bottom), (x, bar.bottom + TICK)];
        sheet.line(&ends, Stroke::solid(Colour::GREY, 0.5));
        sheet.words(label, (x, bar.bottom + TICK + 5.0), small(Align::Centre));
    }
    sheet.part(PartKind::Key, bar);
}

/// A bar that stands, with its numbers at the right.
pub fn standing(sheet: &mut Sheet, scale: &Scale<'_>, left: f64, (top, bottom): (f64, f64)) {
    let bar = Rect { left, right: left + THICK, top, bottom };
    let steps: Vec<Vec<f64>> = (0..64).map(|i| vec![1.0 - f64::from(i) / 63.0]).collect();
    sheet.image(bar, Raster::of(&steps, scale.colour));
    sheet.frame(bar, Stroke::solid(Colour::GREY, 0.4));
    for (place, label) in &scale.ticks {
        let y = bottom - place * bar.height();
        let ends = [(bar.right, y), (bar.right + TICK, y)];
        sheet.line(&ends, Stroke::solid(Colour::GREY, 0.5));
        sheet.words(label, (bar.right + TICK + 2.0, y), small(Align::Left));
    }
    sheet.part(PartKind::Key, bar);
}
