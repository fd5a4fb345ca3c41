//! Tables, figures and the report as files.

use super::film::film_strip;
use super::section::Section;
use super::{confusion, film, heatmap, lines, page, table};
use crate::atomic_file::write_atomically;
use crate::error::Result;
use crate::experiments::exhibit::{Body, Exhibit};
use crate::experiments::{Evidence, Experiment, Records, Verdict};
use std::path::Path;

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
    let records = Records(evidence);
    let present = records.experiments();
    let has = |experiment: &&&dyn Experiment| present.contains(&experiment.name());
    let sections = experiments
        .iter()
        .filter(has)
        .map(|experiment| Section::of(*experiment, records))
        .collect::<Result<Vec<_>>>()?;
    for exhibit in sections.iter().flat_map(|section| &section.exhibits) {
        write_exhibit(exhibit, out)?;
    }
    let others = experiments.iter().filter(|e| !has(e) && !e.profiles().is_empty());
    let others: Vec<&str> = others.map(|e| e.name()).collect();
    let page = page::markdown(records, &sections, &others);
    write_atomically(&out.join("REPORT.md"), page.as_bytes())?;
    Ok(sections.into_iter().flat_map(|section| section.verdicts).collect())
}

fn write_exhibit(exhibit: &Exhibit, out: &Path) -> Result<()> {
    let write = |folder: &str, extension: &str, bytes: &[u8]| {
        let name = format!("{}.{extension}", exhibit.name);
        write_atomically(&out.join(folder).join(name), bytes)
    };
    let drawing = match &exhibit.body {
        Body::Table(table) => {
            write("tables", "csv", &table::csv(table))?;
            return write("tables", "md", table::markdown(table).as_bytes());
        }
        Body::Lines(lines) => lines::draw(lines)?,
        Body::HeatMaps(maps) => heatmap::draw(maps)?,
        Body::Confusions(confusions) => confusion::draw(confusions)?,
        Body::Film(film) => {
            if let Some(gif) = film::in_motion(film)? {
                write("figures", "gif", &gif)?;
            }
            film_strip(film)?
        }
    };
    write("figures", "svg", drawing.svg().as_bytes())?;
    write("figures", "png", &drawing.png()?)
}
