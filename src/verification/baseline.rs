//! Comparison with an earlier measurement.

use crate::atomic_file::write_atomically;
use crate::comma_separated::csv_bytes;
use crate::equivariance::{Diagnosis, Key, Row};
use crate::error::{Error, Result};
use std::fmt;
use std::path::Path;

/// The rows of an earlier run.
#[derive(Clone, Debug)]
pub struct Baseline {
    rows: Vec<Row>,
}

/// What is worse than in the baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviation {
    /// The statement.
    pub statement: Key,
    /// What changed, in words.
    pub change: String,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.statement, self.change)
    }
}

impl Baseline {
    /// The rows of this run, for later ones.
    pub fn of(rows: Vec<Row>) -> Self {
        Self { rows }
    }

    /// Writes what [`Baseline::read`] reads, and `fernn verify --format csv` prints.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomically(path, &csv_bytes(&self.rows))
    }

    /// Reads the CSV that [`Baseline::write`] and `fernn verify --format csv` write.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::Format`] naming the line that is wrong: no row, a verdict
    /// that there is not, a statement for the second time.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let rows = csv::Reader::from_reader(text.as_bytes())
            .deserialize()
            .collect::<std::result::Result<Vec<Row>, csv::Error>>()
            .map_err(|e| Error::Format {
                path: path.to_path_buf(),
                line: e.position().map(|p| p.line()),
                problem: format!("{e}; write it with `fernn verify --format csv`"),
            })?;
        if rows.is_empty() {
            return Err(refused(path, None, "holds no row"));
        }
        for (place, row) in rows.iter().enumerate() {
            let refuse = |problem: String| Err(refused(path, Some(place as u64 + 2), &problem));
            let is_known = EXPECTED.contains(&row.expected.as_str());
            let unknown = (!is_known).then_some(&row.expected);
            let unknown = unknown.or((!is_verdict(&row.verdict)).then_some(&row.verdict));
            if let Some(unknown) = unknown {
                return refuse(format!("says `{unknown}`, which is no verdict"));
            }
            if rows[..place].iter().any(|before| before.key() == row.key()) {
                return refuse(format!("says once more: {}", row.key()));
            }
        }
        Ok(Self { rows })
    }

    /// Refuses rows about cells, groups, frames of reference, laws or algorithms that none of `known` is about: a
    /// comparison would pass them over.
    ///
    /// # Errors
    /// [`Error::Format`] naming the line; `path` is where the rows were read.
    pub fn expect_known(&self, known: &[Key], path: &Path) -> Result<()> {
        let columns = |key: &Key| {
            let Key { property, cell, lift, group, algorithm, .. } = key.clone();
            [property, cell, lift, group, algorithm]
        };
        let known: Vec<[String; 5]> = known.iter().map(columns).collect();
        for (place, row) in self.rows.iter().enumerate() {
            let names = columns(&row.key());
            let is_known = |column: usize| known.iter().any(|k| k[column] == names[column]);
            if let Some(column) = (0..names.len()).find(|column| !is_known(*column)) {
                let problem = format!("is about `{}`, which is not verified here", names[column]);
                return Err(refused(path, Some(place as u64 + 2), &problem));
            }
        }
        Ok(())
    }

    /// Everything in `rows` that is worse than in the baseline: a verdict further from exact, an
    /// error that grew by more than the baseline's margin, or a statement that is no longer measured.
    ///
    /// `is_asked_for` tells which of the baseline's rows this run should have.
    pub fn deviations(&self, rows: &[Row], is_asked_for: impl Fn(&Row) -> bool) -> Vec<Deviation> {
        let deviation = |before: &Row| -> Option<Deviation> {
            let change = match rows.iter().find(|row| row.key() == before.key()) {
                None => Some("is no longer measured".to_string()),
                Some(now) => worse(before, now),
            };
            Some(Deviation { statement: before.key(), change: change? })
        };
        self.rows.iter().filter(|row| is_asked_for(row)).filter_map(deviation).collect()
    }
}

fn refused(path: &Path, line: Option<u64>, problem: &str) -> Error {
    let problem = format!("{problem}; write it with `fernn verify --format csv`");
    Error::Format { path: path.to_path_buf(), line, problem }
}

/// What may be expected, from the best to the worst.
const EXPECTED: [&str; 4] = [
    Diagnosis::Exact.name(),
    Diagnosis::Rounding.name(),
    Diagnosis::Discretisation.name(),
    Diagnosis::Broken.name(),
];

fn is_verdict(word: &str) -> bool {
    EXPECTED.contains(&word) || word == Row::PROVES_NOTHING
}

/// The place of a verdict among those that may be expected; what proves nothing is as bad as what is broken.
fn rank(verdict: &str) -> usize {
    EXPECTED.iter().position(|&known| known == verdict).unwrap_or(EXPECTED.len() - 1)
}

fn worse(before: &Row, now: &Row) -> Option<String> {
    if before.holds && !now.holds {
        return Some(format!("was {}, does not hold any more ({})", before.verdict, now.verdict));
    }
    if rank(&now.verdict) > rank(&before.verdict) {
        return Some(format!("was {}, now {}", before.verdict, now.verdict));
    }
    let margin = before.margin?;
    let grew = |precision: &str, before: Option<f64>, now: Option<f64>| {
        let (before, now) = (before?, now?);
        let is_within = now <= margin * before; // NaN is not
        (!is_within).then(|| format!("{precision} error was {before:.1e}, now {now:.1e}"))
    };
    grew("f32", before.error_f32, now.error_f32)
        .or_else(|| grew("f64", before.error_f64, now.error_f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::equivariance::{Law, Line, Report, Verdict};

    fn row(cell: &str, verdict: &str, error: f64) -> Row {
        let word = String::from;
        Row {
            property: word("law"),
            cell: word(cell),
            flow: word("-"),
            lift: word("trivial"),
            group: word("translation"),
            velocities: word("V1"),
            algorithm: word("direct"),
            expected: word(verdict),
            verdict: word(verdict),
            error_f32: Some(error),
            error_f64: Some(error * 1e-9),
            margin: (verdict != "BROKEN").then_some(if verdict == "exact" { 1.0 } else { 8.0 }),
            holds: true,
        }
    }

    #[test]
    fn only_what_got_worse_deviates() {
        let baseline = Baseline {
            rows: vec![row("a", "exact", 0.0), row("b", "rounding", 1e-7), row("c", "BROKEN", 1.0)],
        };
        let all = |_: &Row| true;
        let same = baseline.rows.clone();
        assert_eq!(baseline.deviations(&same, all), []);
        let better = [row("a", "exact", 0.0), row("b", "exact", 0.0), row("c", "BROKEN", 0.3)];
        assert_eq!(baseline.deviations(&better, all), []);
        for worse in [
            [row("a", "rounding", 1e-9), row("b", "rounding", 1e-7)],
            [row("a", "exact", 0.0), row("b", "rounding", 9e-7)],
            [row("a", "exact", f64::NAN), row("b", "rounding", 1e-7)],
        ] {
            let worse = [&worse[..], &[row("c", "BROKEN", 1.0)]].concat();
            assert_eq!(baseline.deviations(&worse, all).len(), 1, "{worse:?}");
        }
        let mut fails = same.clone();
        fails[2].holds = false;
        assert_eq!(baseline.deviations(&fails, all).len(), 1, "a control that no longer breaks");
    }

    /// A law that was measured with this result, as a report has it.
    fn line(expected: Diagnosis, verdict: Verdict) -> Line {
        Line {
            law: Law::Still,
            stage: "state".into(),
            velocities: "9 velocities".into(),
            expected,
            verdict,
            single: Some(1e-7),
            double: None,
            order: None,
            worst: None,
            motions: vec![],
        }
    }

    #[test]
    fn the_rows_of_a_report_are_a_baseline_too() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::io(Path::new("temporary")))?;
        let path = folder.path().join("baseline.csv");
        let rows = |expected, verdict| {
            Report { group: "g".into(), lines: vec![line(expected, verdict)] }.rows("own")
        };
        let (rounding, exact) = (Diagnosis::Rounding, Diagnosis::Exact);
        let held = rows(rounding, Verdict::Measured(rounding));
        let vacuous = rows(rounding, Verdict::Vacuous("it is zero".into()));
        let breached = rows(exact, Verdict::Measured(rounding));
        let lost = "does not hold any more (proves nothing)";
        for (before, now, change) in [
            (&held, &vacuous, Some(lost)),
            (&breached, &vacuous, Some("now proves nothing")),
            (&vacuous, &held, None),
        ] {
            Baseline::of(before.clone()).write(&path)?;
            let baseline = Baseline::read(&path)?;
            assert_eq!(baseline.rows, *before);
            let worse = baseline.deviations(now, |_| true);
            let said: Vec<String> = worse.iter().map(ToString::to_string).collect();
            let law = "static equivariance of state, own, g, 9 velocities";
            let expected = change.map(|change| format!("{law} was rounding, {change}"));
            assert_eq!(said, Vec::from_iter(expected));
        }
        let expected = Row { expected: Row::PROVES_NOTHING.into(), ..held[0].clone() };
        Baseline::of(vec![expected]).write(&path)?;
        let refused = Baseline::read(&path).unwrap_err().to_string();
        assert!(refused.contains("says `proves nothing`, which is no verdict"), "{refused}");
        Ok(())
    }

    #[test]
    fn a_statement_that_vanished_deviates_unless_it_was_not_asked_for() {
        let baseline = Baseline { rows: vec![row("a", "exact", 0.0), row("b", "exact", 0.0)] };
        let only_a = [row("a", "exact", 0.0)];
        assert_eq!(baseline.deviations(&only_a, |_| true).len(), 1);
        assert_eq!(baseline.deviations(&only_a, |row| row.cell == "a"), []);
    }
}
