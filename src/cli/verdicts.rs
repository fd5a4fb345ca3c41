//! Verdicts on a terminal.

use super::wrapping::wrapped;
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
