//! Tables, figures and the report as files.

use super::contents::document;
use super::document::{Document, LeftOut};
use super::drawn::{self, Figure, Figures};
use super::figure::Width;
use super::format::Format;
use super::ledger::{Files, of_measurements};
use super::section::Section;
use super::{html, latex, markdown, table};
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
/// evidence has records of. Returns the verdicts. What a report of other evidence left in the folder is removed.
///
/// # Errors
/// [`crate::Error::Configuration`] when a file of somebody else would be replaced; [`crate::Error::Io`] naming the
/// file that could not be written; those of the experiments' claims and exhibits.
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
    let (mut figures, mut files) = (Figures::new(), Files::default());
    for exhibit in sections.iter().flat_map(|section| &section.exhibits) {
        if let Body::Table(rows) = &exhibit.body {
            files.add(file("tables", exhibit, "csv"), table::csv(rows));
        }
        if let Some(figure) = drawn::drawn(exhibit, width)? {
            add_figure(exhibit, &figure, formats, &mut files);
            figures.insert(exhibit.name.clone(), figure);
        }
    }
    let document = document(records, &sections, &left_out);
    for format in formats {
        add_document(&document, &figures, *format, &mut files);
    }
    drop(document);
    files.write(&of_measurements(evidence), out)?;
    let failures = sections.iter().flat_map(|section| section.failures.clone()).collect();
    let verdicts = sections.into_iter().flat_map(|section| section.verdicts).collect();
    Ok(Findings { verdicts, left_out, failures })
}

fn left_out(experiment: &dyn Experiment) -> Result<LeftOut> {
    let claims = experiment.claims(Records(&Evidence::default()))?.len();
    Ok(LeftOut { experiment: experiment.name(), claims })
}

fn file(folder: &str, exhibit: &Exhibit, extension: &str) -> String {
    format!("{folder}/{}.{extension}", exhibit.name)
}

fn add_figure(exhibit: &Exhibit, figure: &Figure, formats: &[Format], files: &mut Files) {
    let mut add = |extension: &str, bytes: Vec<u8>| {
        files.add(file("figures", exhibit, extension), bytes);
    };
    if let Some(gif) = &figure.gif {
        add("gif", gif.clone());
    }
    if formats.contains(&Format::Pdf) {
        add("pdf", figure.drawing.pdf());
    }
    add("svg", figure.svg.clone().into_bytes());
    add("png", figure.png.clone());
}

fn add_document(document: &Document<'_>, figures: &Figures, format: Format, files: &mut Files) {
    let tables = document.exhibits().filter_map(|exhibit| match &exhibit.body {
        Body::Table(table) => Some((exhibit, table)),
        _ => None,
    });
    match format {
        Format::Markdown => {
            for (exhibit, table) in tables {
                files.add(file("tables", exhibit, "md"), markdown::table(table));
            }
            files.add("REPORT.md", markdown::page(document));
        }
        Format::Pdf => {} // figures alone
        Format::Html => files.add("report.html", html::page(document, figures)),
        Format::Latex => {
            for (exhibit, table) in tables {
                files.add(file("tables", exhibit, "tex"), latex::table(table));
            }
            for exhibit in document.exhibits() {
                let charts = match &exhibit.body {
                    Body::Lines(lines) => std::slice::from_ref(lines),
                    Body::Charts(charts) => charts,
                    _ => continue,
                };
                files.add(file("pgfplots", exhibit, "tex"), latex::pgfplots(charts));
            }
            files.add("captions.tex", latex::captions(document));
            files.add("figures.tex", latex::figures(document));
            files.add("report.tex", latex::page(document));
        }
    }
}
