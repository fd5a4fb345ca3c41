//! REPORT.md: verdicts, tables, figures, what ran, and what the numbers do not say.

use super::figures::Figure;
use super::lines::short;
use super::tables::Table;
use crate::experiments::claims::Verdict;
use crate::experiments::query::Records;
use crate::experiments::{PROVENANCE, Record};

/// The report as Markdown.
pub(super) fn markdown(
    records: &[Record],
    verdicts: &[Verdict],
    tables: &[Table],
    figures: &[Figure],
) -> String {
    let profile = note(records, "profile").unwrap_or("unknown");
    if profile == "bench" {
        let title = "# Flow equivariant recurrent networks: cost of a training step\n\n";
        return title.to_string() + &tables_and_figures(tables, figures) + &provenance(records);
    }
    let mut page = format!(
        "# Flow equivariant recurrent networks: reproduction report\n\n\
         Profile `{profile}`, seeds {}. {}\n\n## Verdicts\n\n",
        note(records, "seeds").unwrap_or("unknown"),
        scale(profile),
    );
    page += "| claim | verdict | measured | 95 % interval | seeds | rule | published |\n\
             |---|---|---|---|---|---|---|\n";
    for v in verdicts {
        let (measured, interval, seeds) = match v.measured {
            None => (String::new(), String::new(), String::new()),
            Some((i, n)) => {
                (short(i.estimate), format!("{} to {}", short(i.low), short(i.high)), n.to_string())
            }
        };
        page += &format!(
            "| {} | **{}** | {measured} | {interval} | {seeds} | {} | {} |\n",
            v.claim,
            v.outcome.name(),
            v.rule,
            v.published
        );
    }
    page += "\nA claim is *reproduced* when the whole interval satisfies its rule, *not \
             reproduced* when the whole interval fails it, *inconclusive* otherwise or with a \
             single seed, *not run* when the records lack what it needs. Why the thresholds:\n\n";
    for v in verdicts {
        page += &format!("- {}: {}.\n", v.claim, v.why);
    }
    page += "\n";
    page += &tables_and_figures(tables, figures);
    page += LIMITATIONS;
    if Records(records).setting("rotation", "training_range").is_some() {
        page += &rotation_choice(Records(records), "rotation");
    }
    if Records(records).setting("rotation-lifts", "training_range").is_some() {
        page += LIFTS;
    }
    page + &provenance(records)
}

/// Why the rotation experiments of a small profile are a fair choice.
fn rotation_choice(records: Records<'_>, experiment: &str) -> String {
    let number = |key: &str| {
        let value = records.setting(experiment, &format!("space.rotation.{key}"));
        value.map_or("?".to_string(), |value| value.to_string())
    };
    let (n, c, step) = (number("shape.orientations"), number("shape.fields"), number("step_deg"));
    if n == "36" {
        return String::new();
    }
    format!(
        "### Rotations at small scale\n\nThe paper's 1,152 hidden planes (N = 36, C = 32) are far \
         beyond this profile. It keeps the paper's frames and digits of 28×28 pixels, and takes N = \
         {n} orientations, C = {c} fields and velocities that are multiples of {step}° = 360°/N, as the \
         paper's multiples of 10° are at N = 36: each step moves orientations by whole places and \
         interpolates between pixels unless it is a quarter turn. All models have the same filters, \
         decoder, rate and data, and the same number of parameters. The settings were chosen among \
         about twenty short runs by validation loss; in those runs the G-RNN's stayed between 0.056 and \
         0.058 for rates of 1e-3, 2e-3 and 4e-3, with other draws of the first weights than now.\n\n"
    )
}

const LIFTS: &str = "\
### The two frames of reference over rotations

Both are the same network where the grid carries the action exactly. Where it interpolates they are \
not: the lab frame rotates the hidden state at every step, so that its errors accumulate, while the \
co-moving one rotates each input once and what it reads out once. The table of lifts and the figure of \
drift show what that costs in equivariance and in test error, the bench of cost what it costs in time \
and memory. An equivariant decoder has far fewer parameters than the paper's plain one; it \
makes predictions commute with rotations as far as the grid allows, which a plain decoder cannot.

";

fn tables_and_figures(tables: &[Table], figures: &[Figure]) -> String {
    let mut page = "## Tables\n\n".to_string();
    for table in tables {
        page += &format!("{}\n\n{}\n", table.caption, table.to_markdown());
    }
    page += "## Figures\n\n";
    for figure in figures {
        let (name, caption) = (&figure.name, &figure.caption);
        let in_motion = match figure.animation {
            Some(_) => format!(" [In motion](figures/{name}.gif)."),
            None => String::new(),
        };
        page += &format!("![{name}](figures/{name}.png)\n\n*{caption}*{in_motion}\n\n");
    }
    page
}

fn note<'a>(records: &'a [Record], metric: &str) -> Option<&'a str> {
    let is_it = |r: &&Record| r.experiment == PROVENANCE && r.metric == metric;
    records.iter().find(is_it).map(|r| r.note.as_str())
}

fn scale(profile: &str) -> &'static str {
    match profile {
        "paper" => "The paper's own hyper-parameters.",
        _ => {
            "A run at small scale: a smaller torus, fewer channels and far fewer optimiser steps \
             than the paper's. Published numbers stand beside for orientation; only directions \
             and factors can be compared."
        }
    }
}

const LIMITATIONS: &str = "\
## Limitations

- Intervals are percentile bootstraps over seeds. With three seeds they end at the extreme seeds; \
with one seed they are a point and say nothing about spread.
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

fn provenance(records: &[Record]) -> String {
    let mut page = String::from("## Provenance\n\n");
    let (mut lines, mut blocks) = (String::new(), String::new());
    for row in records.iter().filter(|r| r.experiment == PROVENANCE) {
        if row.note.contains('\n') {
            let title = uppercase_first(&row.metric);
            blocks += &format!("\n{title}:\n\n```toml\n{}\n```\n", row.note.trim_end());
        } else {
            lines += &format!("- {}: {}\n", row.metric, row.note);
        }
    }
    page += &lines;
    page + &blocks
}

fn uppercase_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|c| c.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
