//! Tables, figures and the report: pure functions of the records.

mod animation;
mod drawing;
mod equivariance;
mod figures;
mod film;
mod heatmap;
mod lines;
mod page;
mod tables;

pub use animation::animated_gif;
pub use drawing::Picture;
pub use equivariance::{Measured, write_equivariance};
pub use film::{FilmRow, film_strip};

use crate::atomic_file::write_atomically;
use crate::error::Result;
use crate::experiments::Record;
use crate::experiments::claims::{Verdict, judge};
use std::path::Path;

/// Writes `tables/*.csv`, `tables/*.md`, `figures/*.svg` (`.png`, `.gif`) and `REPORT.md` into a
/// folder, from records alone; the same records give the same bytes. Returns the verdicts.
///
/// # Errors
/// [`crate::Error::Io`] naming the file that could not be written.
pub fn write_report(records: &[Record], out: &Path) -> Result<Vec<Verdict>> {
    let verdicts = judge(records);
    let tables = tables::all(records);
    for table in &tables {
        let path = |extension| out.join("tables").join(format!("{}.{extension}", table.name));
        write_atomically(&path("csv"), &table.to_csv())?;
        write_atomically(&path("md"), table.to_markdown().as_bytes())?;
    }
    let figures = figures::all(records)?;
    for figure in &figures {
        let path = |extension| out.join("figures").join(format!("{}.{extension}", figure.name));
        write_atomically(&path("svg"), figure.picture.svg().as_bytes())?;
        write_atomically(&path("png"), &figure.picture.png()?)?;
        if let Some(animation) = &figure.animation {
            write_atomically(&path("gif"), animation)?;
        }
    }
    let page = page::markdown(records, &verdicts, &tables, &figures);
    write_atomically(&out.join("REPORT.md"), page.as_bytes())?;
    Ok(verdicts)
}
