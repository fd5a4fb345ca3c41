//! How wide figures are printed.

use crate::error::{Error, Result};
use std::str::FromStr;

const INCH: f64 = 72.0;

/// The widths of figures on paper: of those that fit a column, and of those that need the width of the text
/// (maps with numbers, confusion matrices).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Width {
    column: f64,
    text: f64,
}

impl Default for Width {
    /// One column of 3.25 inches, in a text of 6.75.
    fn default() -> Self {
        Self::inches(3.25, 6.75)
    }
}

impl Width {
    /// The names of the widths that venues ask for, with both of their widths in inches.
    pub const VENUES: [(&str, f64, f64); 5] = [
        ("neurips", 5.5, 5.5),
        ("icml", 3.25, 6.75),
        ("iclr", 5.5, 5.5),
        ("nature-single", 3.5, 7.2),
        ("nature-double", 7.2, 7.2),
    ];

    /// The narrowest figure whose labels leave room for what they label, in inches.
    pub const NARROWEST: f64 = 3.0;
    /// The widest, in inches.
    pub const WIDEST: f64 = 20.0;

    const fn inches(column: f64, text: f64) -> Self {
        Self { column: column * INCH, text: text * INCH }
    }

    /// Of a figure in a column, in points.
    pub fn column(self) -> f64 {
        self.column
    }

    /// Of a figure across the text, in points.
    pub fn text(self) -> f64 {
        self.text
    }
}

impl FromStr for Width {
    type Err = Error;

    /// A venue, or the width of a column in inches: up to half a page that of one of two columns, whose text is
    /// twice as wide and a quarter of an inch for the gap, beyond that the text's own.
    fn from_str(text: &str) -> Result<Self> {
        if let Some(&(_, column, text)) = Self::VENUES.iter().find(|venue| venue.0 == text) {
            return Ok(Self::inches(column, text));
        }
        match text.parse::<f64>() {
            Ok(inches) if (Self::NARROWEST..4.0).contains(&inches) => {
                Ok(Self::inches(inches, 2.0 * inches + 0.25))
            }
            Ok(inches) if (4.0..=Self::WIDEST).contains(&inches) => {
                Ok(Self::inches(inches, inches))
            }
            _ => {
                let names = Self::VENUES.map(|venue| venue.0).join(", ");
                let (low, high) = (Self::NARROWEST, Self::WIDEST);
                let remedy = format!("give one of {names}, or {low} to {high} inches");
                Err(Error::configuration("--width", format!("is {text:?}"), remedy))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_venues_or_inches() {
        let width = |text: &str| text.parse::<Width>();
        assert_eq!(width("3.25").unwrap(), Width::default());
        assert_eq!(width("icml").unwrap(), Width::default());
        let nature = width("nature-double").unwrap();
        assert!((nature.column() - 518.4).abs() < 1e-9 && nature.column() == nature.text());
        for wrong in ["", "wide", "2.9", "20.1", "NaN", "-3", "inf"] {
            let error = width(wrong).unwrap_err();
            assert!(error.is_usage() && error.to_string().contains("neurips"), "{error}");
        }
    }
}
