//! The formats of a report.

/// What a report is written as; tables as CSV and figures are written with every format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `REPORT.md` and `tables/*.md`.
    Markdown,
    /// `report.html`, one page that needs nothing beside it.
    Html,
    /// `report.tex` with `tables/*.tex`, `figures.tex` and `captions.tex`, for papers.
    Latex,
    /// `figures/*.pdf`, with their font.
    Pdf,
}

impl Format {
    /// What is written where nothing is said.
    pub const DEFAULT: [Self; 2] = [Self::Markdown, Self::Html];
}
