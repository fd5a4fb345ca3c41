//! Verdicts on a terminal.

use super::wrapping::{TOGETHER, columns, wrapped};
use fernn::experiments::number::short;
use fernn::experiments::{Evidence, Outcome, Threshold, Verdict};
use fernn::report::{Findings, Format, is_of_its_report};
use fernn::verification::Paint;
use std::path::Path;

/// The verdicts on standard output, by outcome, in the columns of the terminal but no more than 80.
pub fn print_verdicts(findings: &Findings) -> std::io::Result<()> {
    let paint = Paint::of_standard_output();
    for line in lines(findings, columns()) {
        match line {
            Line::Title(text) => outln!("{}", paint.bold(&text))?,
            Line::Plain(text) => outln!("{text}")?,
        }
    }
    Ok(())
}

/// A word on measurements in a folder that are not those of its last report: a digit was changed by hand or by a
/// disk, or rows were added.
pub fn say_if_changed(evidence: &Evidence, folder: &Path) -> fernn::Result<()> {
    if !is_of_its_report(evidence, folder)? {
        let records = folder.join("records.csv");
        errln!(
            "note: {} or the pictures beside it changed since the last report there was made of them",
            records.display()
        );
    }
    Ok(())
}

/// Where the report is, and how to look at it.
pub fn print_report_path(formats: &[Format], out: &Path) -> std::io::Result<()> {
    for format in formats {
        let name = match format {
            Format::Markdown => "REPORT.md",
            Format::Html => "report.html",
            Format::Latex => "report.tex",
            Format::Pdf => continue, // figures beside the others
        };
        outln!("Report: {}", out.join(name).display())?;
    }
    if formats.contains(&Format::Html) {
        let open = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        outln!("Look at it: {open} {}", out.join("report.html").display())?;
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
enum Line {
    Title(String),
    Plain(String),
}

fn lines(findings: &Findings, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for (outcome, title) in [
        (Outcome::Reproduced, "Reproduced"),
        (Outcome::NotReproduced, "Not reproduced"),
        (Outcome::Inconclusive, "Inconclusive"),
    ] {
        let all: Vec<&Verdict> =
            findings.verdicts.iter().filter(|v| v.outcome == outcome).collect();
        if all.is_empty() {
            continue;
        }
        lines.push(Line::Title(format!("{title} ({})", all.len())));
        for verdict in all {
            let text = format!("{}: {}", verdict.claim.words, judged(verdict));
            for (i, line) in wrapped(&text, width - 4).into_iter().enumerate() {
                let indent = if i == 0 { "  " } else { "    " };
                lines.push(Line::Plain(format!("{indent}{}", line.replace(TOGETHER, " "))));
            }
        }
    }
    if !findings.failures.is_empty() {
        lines.push(Line::Title(format!("Failed units ({})", findings.failures.len())));
        for failure in &findings.failures {
            let text = format!("  {}: {}", failure.unit, failure.reason);
            lines.extend(wrapped(&text, width).into_iter().map(Line::Plain));
        }
    }
    let not_run = not_run(findings);
    if !not_run.is_empty() {
        lines.extend(wrapped(&not_run, width).into_iter().map(Line::Plain));
    }
    lines
}

/// What was measured against what, in one go.
fn judged(verdict: &Verdict) -> String {
    let Some(measured) = verdict.measured else { return "nothing measured".into() };
    let ends = match measured.interval.ends {
        Some((low, high)) => format!(" [{} to {}]", short(low), short(high)),
        None => " (one seed, no interval)".into(),
    };
    let threshold = match verdict.claim.threshold {
        Threshold::AtLeast(t) => format!("≥ {t}"),
        Threshold::AtMost(t) => format!("≤ {t}"),
        Threshold::Exactly(t) => format!("= {t}"),
    };
    let judged = format!("{}{ends}, {threshold}", short(measured.interval.estimate));
    judged.replace(' ', TOGETHER)
}

/// How many claims were not run, and of which experiments; empty for none.
fn not_run(findings: &Findings) -> String {
    let of_records = findings.verdicts.iter().filter(|v| v.outcome == Outcome::NotRun);
    let of_records = of_records.map(|v| (v.claim.id.split('/').next().unwrap_or(""), 1));
    let left_out = findings.left_out.iter().map(|one| (one.experiment, one.claims));
    let (mut names, mut count) = (Vec::new(), 0);
    for (name, claims) in of_records.chain(left_out).filter(|(_, claims)| *claims > 0) {
        count += claims;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match count {
        0 => String::new(),
        1 => format!("1 claim not run ({})", names.join(", ")),
        count => format!("{count} claims not run ({})", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fernn::experiments::{BySeed, Claim, Quantity};
    use fernn::report::LeftOut;

    fn verdict(id: &str, words: &str, values: &[f64], threshold: Threshold) -> Verdict {
        let values: BySeed = (0..).zip(values.iter().copied()).collect();
        let claim = Claim {
            id: id.into(),
            words: words.into(),
            published: "",
            quantity: "it".into(),
            value: Quantity::Mean(values),
            threshold,
            why: "",
        };
        claim.judge()
    }

    fn findings() -> Findings {
        let long = "A claim of so many words that no terminal has them and its numbers on one line";
        let verdicts = vec![
            verdict("a/holds", "It holds", &[4.0, 5.0], Threshold::AtLeast(2.0)),
            verdict("a/long", long, &[0.5, 0.5], Threshold::AtLeast(1.0)),
            verdict("a/one", "One seed", &[3.0], Threshold::AtMost(4.0)),
            verdict("b/none", "Nothing", &[], Threshold::AtMost(4.0)),
        ];
        let left_out = |experiment, claims| LeftOut { experiment, claims };
        let left_out = vec![left_out("c", 3), left_out("without claims", 0)];
        Findings { verdicts, left_out, failures: vec![] }
    }

    fn printed(width: usize) -> Vec<String> {
        let text = |line| match line {
            Line::Title(text) | Line::Plain(text) => text,
        };
        lines(&findings(), width).into_iter().map(text).collect()
    }

    #[test]
    fn verdicts_stand_by_outcome_a_line_each() {
        let lines = printed(80);
        assert_eq!(
            lines[..3],
            ["Reproduced (1)", "  It holds: 4.5 [4.0 to 5.0], ≥ 2", "Not reproduced (1)"]
        );
        assert_eq!(
            lines[5..],
            [
                "Inconclusive (1)",
                "  One seed: 3.0 (one seed, no interval), ≤ 4",
                "4 claims not run (b, c)",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_numbers_stay_together() {
        for width in [80, 60, 40] {
            let lines = printed(width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{lines:?}");
            assert!(
                lines.iter().any(|line| line.contains("0.50 [0.50 to 0.50], ≥ 1")),
                "{lines:?}"
            );
        }
    }
}
