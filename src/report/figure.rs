//! Exhibits drawn, once for all formats.

use super::drawing::Drawing;
use super::film::{self, film_strip};
use super::{confusion, heatmap, lines};
use crate::error::Result;
use crate::experiments::exhibit::{Body, Exhibit};
use std::collections::BTreeMap;

/// Drawn exhibits by their names.
pub(super) type Figures = BTreeMap<String, Figure>;

/// An exhibit that is no table, drawn.
pub(super) struct Figure {
    /// As lines and text.
    pub drawing: Drawing,
    /// As pixels.
    pub png: Vec<u8>,
    /// In motion, where it is to be.
    pub gif: Option<Vec<u8>>,
}

/// Draws an exhibit; `None` for a table.
pub(super) fn drawn(exhibit: &Exhibit) -> Result<Option<Figure>> {
    let mut gif = None;
    let drawing = match &exhibit.body {
        Body::Table(_) => return Ok(None),
        Body::Lines(lines) => lines::draw(lines)?,
        Body::HeatMaps(maps) => heatmap::draw(maps)?,
        Body::Confusions(confusions) => confusion::draw(confusions)?,
        Body::Film(film) => {
            gif = film::in_motion(film)?;
            film_strip(film)?
        }
    };
    Ok(Some(Figure { png: drawing.png()?, drawing, gif }))
}
