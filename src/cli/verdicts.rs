//! Verdicts on a terminal.

use fernn::experiments::Verdict;

/// A verdict per claim on standard output, in 80 columns.
pub fn print_verdicts(verdicts: &[Verdict]) -> std::io::Result<()> {
    for v in verdicts {
        let mut lines = wrapped(&v.claim.words, 64);
        lines.extend(wrapped(&format!("rule: {}", v.rule), 64));
        if let Some(m) = v.measured {
            let seeds = if m.seeds == 1 { "1 seed".into() } else { format!("{} seeds", m.seeds) };
            let ends = m.interval.ends.map(|(low, high)| format!(" [{low:.3}, {high:.3}]"));
            let (estimate, ends) = (m.interval.estimate, ends.unwrap_or_default());
            lines.push(format!("measured: {estimate:.3}{ends}, {seeds}"));
        }
        for (i, line) in lines.iter().enumerate() {
            outln!("{:<15} {line}", if i == 0 { v.outcome.name() } else { "" })?;
        }
    }
    Ok(())
}

/// Breaks a text between words into lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_string());
        }
    }
    lines
}
