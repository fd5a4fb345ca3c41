//! The verdict board: what became of the claims, with each measured interval against its threshold.

use super::element::{element, escaped, marked};
use super::interval;
use crate::experiments::Outcome;
use crate::experiments::paper;
use crate::report::document::{Board, OUTCOMES, RULE_OF_VERDICTS, Ruling};

/// The mark of an outcome, which its colour alone would not tell to all.
fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Reproduced => "✓",
        Outcome::NotReproduced => "✗",
        Outcome::Inconclusive => "?",
        Outcome::NotRun => "–",
    }
}

/// An outcome as a class of the style sheet.
fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Reproduced => "reproduced",
        Outcome::NotReproduced => "not-reproduced",
        Outcome::Inconclusive => "inconclusive",
        Outcome::NotRun => "not-run",
    }
}

/// The board: an answer, a count per outcome, and the claims one by one.
pub(super) fn board(board: &Board<'_>) -> String {
    let mut html = element("p").with("class", "question").saying("Does the paper hold?");
    html += &element("p").with("class", "answer").around(&answer(board));
    let tiles: String = OUTCOMES.iter().map(|outcome| tile(board, *outcome)).collect();
    html += &element("div")
        .with("class", "tiles")
        .with("role", "group")
        .with("aria-label", "Show claims by outcome")
        .around(&tiles);
    html += &element("p").with("class", "rule").around(&marked(RULE_OF_VERDICTS));
    let claims: String = board.rulings.iter().map(claim).collect();
    html += &element("ol").with("class", "claims").around(&claims);
    if !board.left_out.is_empty() {
        let name = |name: &str| element("code").saying(name);
        let names: Vec<String> = board.left_out.iter().map(|one| name(one.experiment)).collect();
        let text = format!("Experiments that were not run here: {}.", names.join(", "));
        html += &element("p").with("class", "left-out").around(&text);
    }
    let board = element("div").with("class", "board").with("id", "verdict-board");
    board.around(&html) + "\n"
}

/// The counts in a sentence.
fn answer(board: &Board<'_>) -> String {
    let count = |outcome| board.count(outcome);
    let reproduced = format!("{} of {} claims", count(Outcome::Reproduced), board.claims());
    let mut others = Vec::new();
    for (outcome, words) in [
        (Outcome::NotReproduced, "not reproduced"),
        (Outcome::Inconclusive, "inconclusive"),
        (Outcome::NotRun, "not run"),
    ] {
        if count(outcome) > 0 {
            others.push(format!("{} {words}", count(outcome)));
        }
    }
    let others = if others.is_empty() { String::new() } else { format!("; {}", others.join(", ")) };
    let mut profiles: Vec<&str> = board.rulings.iter().map(|ruling| ruling.profile).collect();
    profiles.dedup();
    profiles.retain(|profile| !profile.is_empty());
    let scale = match profiles.is_empty() {
        true => String::new(),
        false => format!(" at the scale of profile {}", profiles.join(", ")),
    };
    let strong = element("strong").saying(&reproduced);
    format!("{strong} reproduced{}{}.", escaped(&scale), escaped(&others))
}

/// A count that shows its claims alone when it is pressed.
fn tile(board: &Board<'_>, outcome: Outcome) -> String {
    let count = element("span").with("class", "count").saying(&board.count(outcome).to_string());
    let mark = element("span").with("class", "sign").with("aria-hidden", "true");
    let words = element("span").saying(outcome.name());
    let inside = count
        + &element("span").with("class", "outcome").around(&(mark.saying(sign(outcome)) + &words));
    element("button")
        .with("type", "button")
        .with("class", &format!("tile {}", class(outcome)))
        .with("data-outcome", class(outcome))
        .with("aria-pressed", "false")
        .around(&inside)
}

/// A claim: words, verdict and drawing, and on demand how it is judged.
fn claim(ruling: &Ruling<'_>) -> String {
    let (verdict, outcome) = (ruling.verdict, ruling.verdict.outcome);
    let mark =
        element("span").with("class", "sign").with("aria-hidden", "true").saying(sign(outcome));
    let badge = element("span").with("class", "badge").around(&(mark + &escaped(outcome.name())));
    let words = element("span").with("class", "words").around(&marked(&verdict.claim.words));
    let published = format!("{}: {}", paper::AUTHOR, verdict.claim.published);
    let source = element("span").with("class", "source").around(&marked(&published));
    let scale = element("span").with("class", "scale").saying(&scale(ruling));
    let said = element("span").with("class", "said").around(&(badge + &words + &source + &scale));
    let drawing = interval::drawn(verdict, &ruling.threshold()).unwrap_or_default();
    let numbers = element("span").with("class", "numbers").around(&numbers(ruling));
    let shown = element("span").with("class", "shown").around(&(drawing + &numbers));
    let summary = element("summary").around(&(said + &shown));
    let details = element("details").around(&(summary + &details(ruling)));
    element("li")
        .with("class", class(outcome))
        .with("id", &format!("claim-{}", verdict.claim.id))
        .around(&details)
        + "\n"
}

fn scale(ruling: &Ruling<'_>) -> String {
    let mut scale = ruling.section.experiment.to_string();
    if !ruling.profile.is_empty() {
        scale += &format!(" at profile {}", ruling.profile);
    }
    match ruling.seeds().as_str() {
        "" => scale,
        "1" => scale + ", 1 seed",
        seeds => format!("{scale}, {seeds} seeds"),
    }
}

fn numbers(ruling: &Ruling<'_>) -> String {
    let Some(measured) = ruling.verdict.measured else { return "nothing measured".into() };
    let estimate = element("b").saying(&ruling.measured());
    match measured.interval.ends {
        Some(_) => format!("{estimate} [{}]", escaped(&ruling.interval())),
        None => format!("{estimate} (no interval)"),
    }
}

/// How a claim is judged, and where its numbers come from.
fn details(ruling: &Ruling<'_>) -> String {
    let (verdict, section) = (ruling.verdict, ruling.section);
    let claim = &verdict.claim;
    let term = |name: &str, html: &str| element("dt").saying(name) + &element("dd").around(html);
    let mut list = term("rule", &marked(&verdict.rule));
    list += &term("why this threshold", &marked(&format!("{}.", claim.why)));
    let paper = element("a").with("href", paper::ADDRESS).saying(paper::CITATION);
    let not_alike =
        "at the paper's own size and training; see the tables' column `source` for how sure it is";
    list += &term(
        "published",
        &format!("{} ({paper}; {})", marked(claim.published), marked(not_alike)),
    );
    let protocol = element("a")
        .with("href", &format!("#protocol-{}", section.experiment))
        .saying("settings, seeds, commit and machine");
    list += &term("protocol", &protocol);
    let tables =
        element("a").with("href", &format!("#{}", section.experiment)).saying(section.title);
    list += &term("tables and figures", &tables);
    list += &term("name", &element("code").saying(&claim.id));
    element("dl").around(&list)
}
