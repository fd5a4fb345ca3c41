//! REPORT.md and the tables beside it.

use super::document::{Block, Board, Document, OUTCOMES, Protocol, RULE_OF_VERDICTS, Span, Text};
use crate::experiments::Outcome;
use crate::experiments::exhibit::{Body, Exhibit, Table};

/// The report as Markdown.
pub(super) fn page(document: &Document<'_>) -> String {
    let mut page = format!("# {}\n\n", document.title);
    for block in &document.blocks {
        page += &match block {
            Block::Heading { level, text, .. } => format!("{} {text}\n\n", "#".repeat(*level)),
            Block::Paragraph(paragraph) => format!("{}\n\n", text(paragraph)),
            Block::List(items) => {
                items.iter().map(|item| format!("- {}\n", text(item))).collect::<String>() + "\n"
            }
            Block::Verdicts(board) => verdicts(board),
            Block::Exhibit { exhibit, .. } => shown(exhibit),
            Block::Run => {
                let line = |(property, note): &(String, String)| {
                    format!("- {property}: {}\n", plain(&one_line(note)))
                };
                document.run.iter().map(line).collect()
            }
            Block::Protocol(protocol) => settings(protocol),
        };
    }
    page
}

/// A Markdown table.
pub(super) fn table(table: &Table) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|text| cell(&plain(text))).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = vec!["---".to_string(); table.header.len()];
    let mut text = line(&table.header) + &line(&rule);
    table.rows.iter().for_each(|row| text += &line(row));
    text
}

fn text(text: &Text) -> String {
    let span = |span: &Span| match span {
        Span::Plain(text) => plain(text),
        Span::Code(text) => format!("`{text}`"),
        Span::Emphasis(text) => format!("*{text}*"),
        Span::Strong(text) => format!("**{text}**"),
    };
    text.0.iter().map(span).collect()
}

/// Text that is no mark, tag or link.
fn plain(text: &str) -> String {
    let marks = text.replace('\\', "\\\\").replace('*', "\\*").replace('`', "\\`");
    marks.replace('<', "\\<").replace("](", "]\\(")
}

fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

/// Marked text that does not end its cell.
fn cell(text: &str) -> String {
    one_line(&text.replace('|', "\\|"))
}

fn verdicts(board: &Board<'_>) -> String {
    let counted = |outcome: &Outcome| match board.count(*outcome) {
        0 => None,
        count => Some(format!("{count} {}", outcome.name())),
    };
    let counts: Vec<String> = OUTCOMES.iter().filter_map(counted).collect();
    let mut page = format!("Of {} claims: **{}**.\n\n", board.claims(), counts.join(", "));
    page += "| claim | verdict | measured | 95 % interval | seeds | rule | published |\n\
             |---|---|---|---|---|---|---|\n";
    for ruling in &board.rulings {
        let (claim, verdict) = (&ruling.verdict.claim, ruling.verdict);
        page += &format!(
            "| {} | **{}** | {} | {} | {} | {} | {} |\n",
            cell(&text(&Text::marked(&claim.words))),
            verdict.outcome.name(),
            ruling.measured(),
            ruling.interval(),
            ruling.seeds(),
            cell(&text(&Text::marked(&verdict.rule))),
            cell(&text(&Text::marked(claim.published)))
        );
    }
    page += &format!("\n{RULE_OF_VERDICTS} Why the thresholds:\n\n");
    for ruling in &board.rulings {
        let claim = &ruling.verdict.claim;
        page += &format!("- {}: {}.\n", claim.words, claim.why);
    }
    page += "\n";
    if !board.left_out.is_empty() {
        page += &format!("Not run here: {}.\n\n", board.names_left_out());
    }
    page
}

fn shown(exhibit: &Exhibit) -> String {
    let (name, caption) = (&exhibit.name, text(&Text::marked(&exhibit.caption)));
    match &exhibit.body {
        Body::Table(rows) => format!("{caption}\n\n{}\n", table(rows)),
        body => {
            let in_motion = match body {
                Body::Film(film) if film.in_motion => format!(" [In motion](figures/{name}.gif)."),
                _ => String::new(),
            };
            format!("![{name}](figures/{name}.png)\n\n*{caption}*{in_motion}\n\n")
        }
    }
}

/// The first text whole, of the others the lines that differ from it.
fn settings(protocol: &Protocol<'_>) -> String {
    let Some((first, others)) = protocol.settings.split_first() else { return String::new() };
    let title = |models: &[String]| {
        format!("Settings of {}, {}", protocol.experiment, plain(&models.join(", ")))
    };
    let mut page =
        format!("\n{}:\n\n```toml\n{}\n```\n", title(&first.models), first.text.trim_end());
    for other in others {
        let lines: Vec<String> =
            other.lines_beyond(first).iter().map(|line| format!("`{line}`")).collect();
        page += &format!("\n{}: {}.\n", title(&other.models), lines.join(", "));
    }
    page
}
