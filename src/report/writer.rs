//! Tables, figures and the report as files.

use super::contents::document;
use super::document::{Document, LeftOut};
use super::drawn::{self, Figure, Figures};
use super::figure::Width;
use super::format::Format;
use super::section::Section;
use super::{html, latex, markdown, table};
use crate::atomic_file::write_atomically;
use crate::error::Result;
use crate::experiments::exhibit::{Body, Exhibit};
use crate::experiments::{Evidence, Experiment, Failure, Records, Verdict};
use std::path::Path;

/// What a report says in short.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// Of every claim of an experiment with records.
    pub verdicts: Vec<Verdict>,
    /// The experiments without.
    pub left_out: Vec<LeftOut>,
    /// Units that failed.
    pub failures: Vec<Failure>,
}

/// Writes `tables/*.csv`, `figures/*.svg` (`.png`, `.gif`, and `.pdf` where it is asked for) and the report in some formats into a folder,
/// from evidence alone; the same evidence gives the same bytes. Of the `experiments` those appear that the
/// evidence has records of. Returns the verdicts.
///
/// # Errors
/// [`crate::Error::Io`] naming the file that could not be written; those of the experiments' claims and
/// exhibits.
pub fn write_report(
    evidence: &Evidence,
    experiments: &[&dyn Experiment],
    formats: &[Format],
    out: &Path,
) -> Result<Findings> {
    write_report_as(evidence, experiments, (formats, Width::default()), out)
}

/// [`write_report`] with figures of a width on paper.
///
/// # Errors
/// As [`write_report`].
pub fn write_report_as(
    evidence: &Evidence,
    experiments: &[&dyn Experiment],
    (formats, width): (&[Format], Width),
    out: &Path,
) -> Result<Findings> {
    let records = Records(evidence);
    let present = records.experiments();
    let has = |experiment: &&&dyn Experiment| present.contains(&experiment.name());
    let sections = experiments
        .iter()
        .filter(has)
        .map(|experiment| Section::of(*experiment, records))
        .collect::<Result<Vec<_>>>()?;
    let left_out = experiments
        .iter()
        .filter(|e| !has(e) && !e.profiles().is_empty())
        .map(|experiment| left_out(*experiment))
        .collect::<Result<Vec<_>>>()?;
    let mut figures = Figures::new();
    for exhibit in sections.iter().flat_map(|section| &section.exhibits) {
        if let Body::Table(rows) = &exhibit.body {
            write_atomically(&file(out, "tables", exhibit, "csv"), &table::csv(rows))?;
        }
        if let Some(figure) = drawn::drawn(exhibit, width)? {
            write_figure(exhibit, &figure, formats, out)?;
            figures.insert(exhibit.name.clone(), figure);
        }
    }
    let document = document(records, &sections, &left_out);
    for format in formats {
        write_document(&document, &figures, *format, out)?;
    }
    drop(document);
    let failures = sections.iter().flat_map(|section| section.failures.clone()).collect();
    let verdicts = sections.into_iter().flat_map(|section| section.verdicts).collect();
    Ok(Findings { verdicts, left_out, failures })
}

fn left_out(experiment: &dyn Experiment) -> Result<LeftOut> {
    let claims = experiment.claims(Records(&Evidence::default()))?.len();
    Ok(LeftOut { experiment: experiment.name(), claims })
}

fn file(out: &Path, folder: &str, exhibit: &Exhibit, extension: &str) -> std::path::PathBuf {
    out.join(folder).join(format!("{}.{extension}", exhibit.name))
}

fn write_figure(exhibit: &Exhibit, figure: &Figure, formats: &[Format], out: &Path) -> Result<()> {
    let write = |extension: &str, bytes: &[u8]| {
        write_atomically(&file(out, "figures", exhibit, extension), bytes)
    };
    if let Some(gif) = &figure.gif {
        write("gif", gif)?;
    }
    if formats.contains(&Format::Pdf) {
        write("pdf", &figure.drawing.pdf())?;
    }
    write("svg", figure.svg.as_bytes())?;
    write("png", &figure.png)
}

fn write_document(
    document: &Document<'_>,
    figures: &Figures,
    format: Format,
    out: &Path,
) -> Result<()> {
    let write = |name: &str, text: String| write_atomically(&out.join(name), text.as_bytes());
    let tables = document.exhibits().filter_map(|exhibit| match &exhibit.body {
        Body::Table(table) => Some((exhibit, table)),
        _ => None,
    });
    match format {
        Format::Markdown => {
            for (exhibit, table) in tables {
                let text = markdown::table(table);
                write_atomically(&file(out, "tables", exhibit, "md"), text.as_bytes())?;
            }
            write("REPORT.md", markdown::page(document))
        }
        Format::Pdf => Ok(()), // figures alone
        Format::Html => write("report.html", html::page(document, figures)),
        Format::Latex => {
            for (exhibit, table) in tables {
                let text = latex::table(table);
                write_atomically(&file(out, "tables", exhibit, "tex"), text.as_bytes())?;
            }
            for exhibit in document.exhibits() {
                let charts = match &exhibit.body {
                    Body::Lines(lines) => std::slice::from_ref(lines),
                    Body::Charts(charts) => charts,
                    _ => continue,
                };
                let text = latex::pgfplots(charts);
                write_atomically(&file(out, "pgfplots", exhibit, "tex"), text.as_bytes())?;
            }
            write("captions.tex", latex::captions(document))?;
            write("figures.tex", latex::figures(document))?;
            write("report.tex", latex::page(document))
        }
    }
}
