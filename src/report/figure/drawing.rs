//! A finished figure in the formats of papers.

use super::sheet::{Part, Sheet};
use super::{pdf, png, svg};
use crate::error::Result;

/// A finished figure, as wide as it is to be printed. The same figure gives the same bytes in every format.
#[derive(Clone, Debug)]
pub struct Drawing(Sheet);

impl From<Sheet> for Drawing {
    fn from(sheet: Sheet) -> Self {
        Self(sheet)
    }
}

impl Drawing {
    /// Width and height on paper, in points.
    pub fn size(&self) -> (f64, f64) {
        (self.0.width, self.0.height)
    }

    /// What it shows and where, in points from the upper left corner.
    pub fn parts(&self) -> &[Part] {
        &self.0.parts
    }

    /// As SVG with text as outlines.
    ///
    /// # Errors
    /// [`crate::Error::Drawing`] when an image in it cannot be encoded.
    pub fn svg(&self) -> Result<String> {
        svg::svg(&self.0)
    }

    /// Whether a text is what [`Drawing::svg`] gives of a figure with words.
    pub fn is_svg(text: &str) -> bool {
        svg::is_ours(text)
    }

    /// As PNG, 300 pixels per inch on paper.
    ///
    /// # Errors
    /// [`crate::Error::Drawing`] when it cannot be rasterised.
    pub fn png(&self) -> Result<Vec<u8>> {
        png::png(&self.0)
    }

    /// As PDF with the font in it: one page of the figure's size.
    pub fn pdf(&self) -> Vec<u8> {
        pdf::pdf(&self.0)
    }
}
