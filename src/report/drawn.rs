//! Exhibits drawn, once for all formats.

use super::figure::{Drawing, Width, charts, confusions, film_strip, heat_maps, in_motion};
use crate::error::Result;
use crate::experiments::exhibit::{Body, Exhibit};
use std::collections::BTreeMap;

/// Drawn exhibits by their names.
pub(super) type Figures = BTreeMap<String, Figure>;

/// An exhibit that is no table, drawn.
pub(super) struct Figure {
    /// Where on it what lies.
    pub drawing: Drawing,
    /// As lines and outlines.
    pub svg: String,
    /// As pixels.
    pub png: Vec<u8>,
    /// In motion, where it is to be.
    pub gif: Option<Vec<u8>>,
}

/// An exhibit as a figure of a width; `None` where it is a table.
pub fn draw(exhibit: &Exhibit, width: Width) -> Option<Drawing> {
    match &exhibit.body {
        Body::Table(_) => None,
        Body::Lines(lines) => Some(charts(std::slice::from_ref(lines), width)),
        Body::Charts(all) => Some(charts(all, width)),
        Body::HeatMaps(maps) => Some(heat_maps(maps, width)),
        Body::Confusions(matrices) => Some(confusions(matrices, width)),
        Body::Film(film) => Some(film_strip(film, width)),
    }
}

/// Draws an exhibit; `None` for a table.
pub(super) fn drawn(exhibit: &Exhibit, width: Width) -> Result<Option<Figure>> {
    let Some(drawing) = draw(exhibit, width) else { return Ok(None) };
    let gif = match &exhibit.body {
        Body::Film(film) => in_motion(film)?,
        _ => None,
    };
    Ok(Some(Figure { svg: drawing.svg()?, png: drawing.png()?, drawing, gif }))
}
