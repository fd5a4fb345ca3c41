//! What the report says: verdicts, then a section per experiment, and what ran.

use super::document::{Block, Board, Document, LeftOut, Protocol, Ruling, Setting, Text};
use super::section::Section;
use crate::experiments::{Metric, PROVENANCE, Records, each_once, origins};

/// What every report is called.
pub(super) const TITLE: &str = "Flow equivariant recurrent networks: reproduction report";

/// The report of some records; `left_out` are experiments without any.
pub(super) fn document<'a>(
    records: Records<'a>,
    sections: &'a [Section],
    left_out: &'a [LeftOut],
) -> Document<'a> {
    let mut blocks: Vec<Block<'a>> = head(records).into_iter().collect();
    blocks.extend(verdicts(records, sections, left_out));
    sections.iter().for_each(|section| blocks.extend(experiment(section)));
    if has_settings(records) {
        blocks.push(heading(2, "limitations", "Limitations"));
        blocks.push(Block::List(LIMITATIONS.iter().map(|text| Text::marked(text)).collect()));
    }
    blocks.push(heading(2, "provenance", "Provenance"));
    blocks.push(Block::Run);
    blocks.extend(records.experiments().iter().filter_map(|name| mixture(records, name)));
    blocks
        .extend(records.experiments().iter().map(|name| Block::Protocol(protocol(records, name))));
    let of_run = records.0.records.iter().filter(|r| r.experiment == PROVENANCE);
    Document {
        title: TITLE,
        run: of_run.map(|r| (r.metric.to_string(), r.note.clone())).collect(),
        blocks,
    }
}

/// Where the units of an experiment come from, where it is not one place.
fn mixture<'a>(records: Records<'_>, experiment: &str) -> Option<Block<'a>> {
    let all = origins(records, experiment);
    let of = |(origin, units): &(String, Vec<String>)| format!("{origin}: {}", units.join("; "));
    let places: Vec<String> = all.iter().map(of).collect();
    let text = format!(
        "Units of {experiment} were run by several programs or machines. {}.",
        places.join(". ")
    );
    (!all.is_empty()).then(|| Block::Paragraph(Text::plain(&text)))
}

fn heading<'a>(level: usize, name: &str, text: &str) -> Block<'a> {
    Block::Heading { level, name: name.into(), text: text.into() }
}

fn head<'a>(records: Records<'_>) -> Option<Block<'a>> {
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
    let text = || Text::marked(&format!("{}. {scale}", facts.join(", ")));
    (!facts.is_empty()).then(|| Block::Paragraph(text()))
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
            "A run at small scale: a smaller torus, fewer channels and far less training than \
             the paper's. Published numbers stand beside for orientation; only directions \
             and factors can be compared."
        }
    }
}

fn verdicts<'a>(
    records: Records<'a>,
    sections: &'a [Section],
    left_out: &'a [LeftOut],
) -> Vec<Block<'a>> {
    let of = |section: &'a Section| {
        let profile = records.profile(section.experiment).unwrap_or_default();
        section.verdicts.iter().map(move |verdict| Ruling { verdict, section, profile })
    };
    let rulings: Vec<Ruling<'a>> = sections.iter().flat_map(of).collect();
    match (rulings.is_empty(), left_out.is_empty()) {
        (true, true) => vec![],
        (true, false) => {
            let names: Vec<&str> = left_out.iter().map(|one| one.experiment).collect();
            let text = format!("Not run here: {}.", names.join(", "));
            vec![Block::Paragraph(Text::plain(&text))]
        }
        _ => vec![heading(2, "verdicts", "Verdicts"), Block::Verdicts(Board { rulings, left_out })],
    }
}

fn experiment(section: &Section) -> Vec<Block<'_>> {
    let title = format!("{}: {}", section.experiment, section.title);
    let mut blocks = vec![heading(2, section.experiment, &title)];
    blocks.extend(section.remarks.iter().map(|text| Block::Paragraph(Text::marked(text))));
    let exhibits = section.exhibits.iter();
    blocks
        .extend(exhibits.map(|exhibit| Block::Exhibit { exhibit, experiment: section.experiment }));
    blocks
}

const LIMITATIONS: [&str; 6] = [
    "Intervals are percentile bootstraps over seeds. With three seeds they end at the extreme seeds; \
     one seed alone has none.",
    "The seeds of a run share the digits; seeds differ in initialisation, in the draw of digits, and in \
     positions and velocities.",
    "Best weights are chosen on a validation split of other training digits; the test digits are used \
     once, after training.",
    "The settings of the quick profile over translations (frames, batch, rate, steps) were chosen on a torus \
     of 14 pixels, which now has 15, among about ten short runs by the validation loss of FERNN-V2 and the time that it takes, not by that of the G-RNN, and are the \
     same for all models. In one of those runs (batch 8, 10 + 10 frames, 400 steps, one seed) the G-RNN's \
     validation loss was 0.103 at a rate of 1e-3 and 0.110 at 2e-3, the rate chosen: the comparison leans \
     towards FERNN-V2. The desk profile keeps the paper's rate there and was not tuned.",
    "Published values are those of the paper's full size and training, as far as they are known; see \
     the column `source`.",
    "At small scale errors far beyond the trained horizon depend on the length of training more than \
     on the architecture; the table of length generalization shows what was measured, not what the \
     paper's training would give.",
];

/// What an experiment ran with: each text of settings once, with the models that it is of.
fn protocol<'a>(records: Records<'a>, experiment: &'a str) -> Protocol<'a> {
    let mut seeds: Vec<u64> = Vec::new();
    for subject in records.subjects(experiment) {
        seeds.extend(records.seeds(experiment, subject));
    }
    seeds.sort_unstable();
    seeds.dedup();
    let rows = records.of(experiment, &Metric::SETTINGS).into_iter();
    let texts = each_once(rows.map(|row| (row.note.as_str(), row.subject.to_string())));
    let settings = texts.into_iter().map(|(text, models)| Setting { models, text }).collect();
    let profile = records.profile(experiment).unwrap_or_default();
    Protocol { experiment, profile, seeds, settings }
}
