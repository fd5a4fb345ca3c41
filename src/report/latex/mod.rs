//! The report for papers: tables and captions to take, figures with labels, and a document that has all.

mod escape;
mod page;
mod pgfplots;
mod table;

pub(super) use page::{captions, figures, page};
pub(super) use pgfplots::pgfplots;
pub(super) use table::table;
