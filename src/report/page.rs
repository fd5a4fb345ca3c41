//! REPORT.md: verdicts, then a section per experiment, and what ran.

use super::section::Section;
use super::table::{escaped, markdown as table_markdown};
use crate::experiments::exhibit::Body;
use crate::experiments::number::short;
use crate::experiments::{Metric, PROVENANCE, Records, Verdict};

/// The report as Markdown; `others` are experiments without records.
pub(super) fn markdown(records: Records<'_>, sections: &[Section], others: &[&str]) -> String {
    let mut page = head(records);
    page += &verdicts(sections);
    if !others.is_empty() {
        page += &format!("Not run here: {}.\n\n", others.join(", "));
    }
    for section in sections {
        page += &section_markdown(section);
    }
    page += &limitations(records);
    page + &provenance(records)
}

fn head(records: Records<'_>) -> String {
    let title = "# Flow equivariant recurrent networks: reproduction report\n\n";
    let profiles: Vec<String> =
        records.profiles().iter().map(|profile| format!("`{profile}`")).collect();
    let mut facts = Vec::new();
    if !profiles.is_empty() {
        facts.push(format!("Profile {}", profiles.join(", ")));
    }
    let seeds: Vec<String> = records.all_seeds().iter().map(u64::to_string).collect();
    if !seeds.is_empty() {
        facts.push(format!("seeds {}", seeds.join(" ")));
    }
    let scale = if has_settings(records) { scale(records) } else { "" };
    match facts.is_empty() {
        true => title.into(),
        false => format!("{title}{}. {scale}\n\n", facts.join(", ")),
    }
}

/// Whether there are trained models, and not only timings.
fn has_settings(records: Records<'_>) -> bool {
    let has = |experiment: &&str| !records.of(experiment, &Metric::PARAMETERS).is_empty();
    records.experiments().iter().any(has)
}

fn scale(records: Records<'_>) -> &'static str {
    match records.profiles().as_slice() {
        ["paper"] => "The paper's own hyper-parameters.",
        _ => {
            "A run at small scale: a smaller torus, fewer channels and far fewer optimiser steps \
             than the paper's. Published numbers stand beside for orientation; only directions \
             and factors can be compared."
        }
    }
}

fn verdicts(sections: &[Section]) -> String {
    let all: Vec<&Verdict> = sections.iter().flat_map(|section| &section.verdicts).collect();
    if all.is_empty() {
        return String::new();
    }
    let mut page = "## Verdicts\n\n\
                    | claim | verdict | measured | 95 % interval | seeds | rule | published |\n\
                    |---|---|---|---|---|---|---|\n"
        .to_string();
    for v in &all {
        let (measured, interval, seeds) = match v.measured {
            None => Default::default(),
            Some(m) => {
                let ends = m.interval.ends;
                let ends = ends.map(|(low, high)| format!("{} to {}", short(low), short(high)));
                (short(m.interval.estimate), ends.unwrap_or_default(), m.seeds.to_string())
            }
        };
        page += &format!(
            "| {} | **{}** | {measured} | {interval} | {seeds} | {} | {} |\n",
            escaped(&v.claim.words),
            v.outcome.name(),
            escaped(&v.rule),
            v.claim.published
        );
    }
    page += "\nA claim is *reproduced* when the whole interval satisfies its rule, *not \
             reproduced* when the whole interval fails it, *inconclusive* otherwise or with a \
             single seed (counts of parameters excepted), *not run* when the records lack what it needs. Why the thresholds:\n\n";
    for v in all {
        page += &format!("- {}: {}.\n", v.claim.words, v.claim.why);
    }
    page + "\n"
}

fn section_markdown(section: &Section) -> String {
    let mut page = format!("## {}: {}\n\n", section.experiment, section.title);
    for remark in &section.remarks {
        page += &format!("{remark}\n\n");
    }
    for exhibit in &section.exhibits {
        let (name, caption) = (&exhibit.name, &exhibit.caption);
        page += &match &exhibit.body {
            Body::Table(table) => format!("{caption}\n\n{}\n", table_markdown(table)),
            body => {
                let in_motion = match body {
                    Body::Film(film) if film.in_motion => {
                        format!(" [In motion](figures/{name}.gif).")
                    }
                    _ => String::new(),
                };
                format!("![{name}](figures/{name}.png)\n\n*{caption}*{in_motion}\n\n")
            }
        };
    }
    page
}

const LIMITATIONS: &str = "\
## Limitations

- Intervals are percentile bootstraps over seeds. With three seeds they end at the extreme seeds; \
one seed alone has none.
- The seeds of a run share the digits; seeds differ in initialisation, in the draw of digits, and in \
positions and velocities.
- Best weights are chosen on a validation split of other training digits; the test digits are used \
once, after training.
- The settings of the quick profile (frames, batch, rate, steps) were chosen among about ten short runs \
by the validation loss of FERNN-V2 and the time that it takes, not by that of the G-RNN, and are the \
same for all models. In one of those runs (batch 8, 10 + 10 frames, 400 steps, one seed) the G-RNN's \
validation loss was 0.103 at a rate of 1e-3 and 0.110 at 2e-3, the rate chosen: the comparison leans \
towards FERNN-V2. The desk profile keeps the paper's rate and was not tuned.
- Published values are those of the paper's full size and training, as far as they are known; see \
the column `source`.
- At small scale errors far beyond the trained horizon depend on the length of training more than \
on the architecture; the table of length generalization shows what was measured, not what the \
paper's training would give.

";

fn limitations(records: Records<'_>) -> String {
    if has_settings(records) { LIMITATIONS.into() } else { String::new() }
}

/// What ran: the run as a whole, then the settings, each text once with the models that it is of.
fn provenance(records: Records<'_>) -> String {
    let mut page = String::from("## Provenance\n\n");
    let all = &records.0.records;
    for row in all.iter().filter(|r| r.experiment == PROVENANCE) {
        page += &format!("- {}: {}\n", row.metric, row.note);
    }
    for experiment in records.experiments() {
        let rows = records.of(experiment, &Metric::SETTINGS);
        let mut texts: Vec<(&str, Vec<String>)> = Vec::new();
        for row in rows {
            let name = row.subject.to_string();
            match texts.iter_mut().find(|(text, _)| *text == row.note) {
                Some((_, names)) if names.contains(&name) => {}
                Some((_, names)) => names.push(name),
                None => texts.push((&row.note, vec![name])),
            }
        }
        page += &settings_markdown(experiment, &texts);
    }
    page
}

/// The first text whole, of the others the lines that differ from it.
fn settings_markdown(experiment: &str, texts: &[(&str, Vec<String>)]) -> String {
    let Some(((first, names), others)) = texts.split_first() else { return String::new() };
    let title = |names: &[String]| format!("Settings of {experiment}, {}", names.join(", "));
    let mut page = format!("\n{}:\n\n```toml\n{}\n```\n", title(names), first.trim_end());
    let lines: Vec<&str> = first.lines().collect();
    for (text, names) in others {
        let differing: Vec<String> = text
            .lines()
            .filter(|line| !line.is_empty() && !lines.contains(line))
            .map(|line| format!("`{line}`"))
            .collect();
        page += &format!("\n{}: {}.\n", title(names), differing.join(", "));
    }
    page
}
