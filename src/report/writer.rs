//! Tables, figures and the report as files.

use super::figure::{Drawing, Width};
use super::section::Section;
use super::{figure, page, table};
use crate::atomic_file::write_atomically;
use crate::error::Result;
use crate::experiments::exhibit::{Body, Exhibit};
use crate::experiments::{Evidence, Experiment, Records, Verdict};
use std::path::Path;

/// How figures are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Print {
    /// How wide they are.
    pub width: Width,
    /// Whether they are written as PDF beside SVG and PNG.
    pub with_pdf: bool,
}

/// Writes `tables/*.csv`, `tables/*.md`, `figures/*.svg` (`.png`, `.gif`) and `REPORT.md` into a
/// folder, from evidence alone; the same evidence gives the same bytes. Of the `experiments` those appear
/// that the evidence has records of. Returns the verdicts.
///
/// # Errors
/// [`crate::Error::Io`] naming the file that could not be written; those of the experiments' claims and
/// exhibits.
pub fn write_report(
    evidence: &Evidence,
    experiments: &[&dyn Experiment],
    out: &Path,
) -> Result<Vec<Verdict>> {
    write_report_as(evidence, experiments, out, &Print::default())
}

/// [`write_report`] with figures as they are to be printed.
///
/// # Errors
/// As [`write_report`].
pub fn write_report_as(
    evidence: &Evidence,
    experiments: &[&dyn Experiment],
    out: &Path,
    print: &Print,
) -> Result<Vec<Verdict>> {
    let records = Records(evidence);
    let present = records.experiments();
    let has = |experiment: &&&dyn Experiment| present.contains(&experiment.name());
    let sections = experiments
        .iter()
        .filter(has)
        .map(|experiment| Section::of(*experiment, records))
        .collect::<Result<Vec<_>>>()?;
    for exhibit in sections.iter().flat_map(|section| &section.exhibits) {
        write_exhibit(exhibit, print, out)?;
    }
    let others = experiments.iter().filter(|e| !has(e) && !e.profiles().is_empty());
    let others: Vec<&str> = others.map(|e| e.name()).collect();
    let page = page::markdown(records, &sections, &others);
    write_atomically(&out.join("REPORT.md"), page.as_bytes())?;
    Ok(sections.into_iter().flat_map(|section| section.verdicts).collect())
}

/// An exhibit as a figure of a width; `None` where it is a table.
pub fn draw(exhibit: &Exhibit, width: Width) -> Option<Drawing> {
    match &exhibit.body {
        Body::Table(_) => None,
        Body::Lines(lines) => Some(figure::charts(std::slice::from_ref(lines), width)),
        Body::Charts(charts) => Some(figure::charts(charts, width)),
        Body::HeatMaps(maps) => Some(figure::heat_maps(maps, width)),
        Body::Confusions(confusions) => Some(figure::confusions(confusions, width)),
        Body::Film(film) => Some(figure::film_strip(film, width)),
    }
}

fn write_exhibit(exhibit: &Exhibit, print: &Print, out: &Path) -> Result<()> {
    let write = |folder: &str, extension: &str, bytes: &[u8]| {
        let name = format!("{}.{extension}", exhibit.name);
        write_atomically(&out.join(folder).join(name), bytes)
    };
    if let Body::Table(table) = &exhibit.body {
        write("tables", "csv", &table::csv(table))?;
        write("tables", "md", table::markdown(table).as_bytes())?;
    }
    if let Body::Film(film) = &exhibit.body
        && let Some(gif) = figure::in_motion(film)?
    {
        write("figures", "gif", &gif)?;
    }
    if let Some(drawing) = draw(exhibit, print.width) {
        write("figures", "svg", drawing.svg()?.as_bytes())?;
        write("figures", "png", &drawing.png()?)?;
        if print.with_pdf {
            write("figures", "pdf", &drawing.pdf())?;
        }
    }
    Ok(())
}
