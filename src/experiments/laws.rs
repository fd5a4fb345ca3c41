//! The laws of equivariance of every model at the end of its training.

use super::exhibit::{Body, Exhibit, Table};
use super::experiment::UnitKey;
use super::metric::Metric;
use super::query::Records;
use super::record::Record;
use super::subject::Subject;
use crate::equivariance::{Line, Report, Verdict};
use crate::error::Result;

impl UnitKey {
    /// What a check of the trained model found; that it failed is noted, and costs no training.
    pub(super) fn law_records(&self, report: &Result<Report>) -> Vec<Record> {
        let noted =
            |metric, value: usize, note| Record { note, ..self.record(None, metric, value as f64) };
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                let note = format!("not checked: {error}");
                return vec![Record { value: None, ..noted(Metric::LAWS_CHECKED, 0, note) }];
            }
        };
        let vacuous = |line: &&Line| matches!(line.verdict, Verdict::Vacuous(_));
        let wrong = report.lines.iter().filter(|line| !line.holds());
        let (vacuous, broken): (Vec<&Line>, Vec<&Line>) = wrong.partition(vacuous);
        let name = |line: &&Line| format!("{} of {}", line.law.name(), line.stage);
        let begins = report.begins_at().map(|stage| format!("from the {stage} on"));
        let note = begins.or(broken.first().map(name)).unwrap_or_default();
        let unproved = vacuous.first().map(name).unwrap_or_default();
        vec![
            noted(Metric::LAWS_CHECKED, report.lines.len(), String::new()),
            noted(Metric::LAWS_BROKEN, broken.len(), note),
            noted(Metric::LAWS_VACUOUS, vacuous.len(), unproved),
        ]
    }
}

/// Which laws each model of an experiment obeys once it is trained.
pub fn laws_table(records: Records<'_>, experiment: &str) -> Exhibit {
    let sum = |rows: &[&Record]| rows.iter().filter_map(|row| row.value).sum::<f64>();
    let proves_nothing = sum(&records.of(experiment, &Metric::LAWS_VACUOUS)) > 0.0;
    let row = |subject: &Subject| {
        let of_it = |metric: &Metric| -> Vec<&Record> {
            let all = records.of(experiment, metric).into_iter();
            all.filter(|row| row.subject == *subject).collect()
        };
        let [checked, broken, vacuous] =
            [Metric::LAWS_CHECKED, Metric::LAWS_BROKEN, Metric::LAWS_VACUOUS].map(|m| of_it(&m));
        let all = checked.iter().chain(&broken).chain(&vacuous);
        let mut notes: Vec<&str> =
            all.map(|row| row.note.as_str()).filter(|note| !note.is_empty()).collect();
        notes.sort_unstable();
        notes.dedup();
        let mut cells = vec![
            subject.to_string(),
            checked.iter().filter(|row| row.value.is_some()).count().to_string(),
            format!("{:.0}", sum(&checked)),
            format!("{:.0}", sum(&broken)),
        ];
        cells.extend(proves_nothing.then(|| format!("{:.0}", sum(&vacuous))));
        cells.push(notes.join("; "));
        (!checked.is_empty()).then_some(cells)
    };
    let mut header = vec!["Model", "Seeds", "Laws checked", "Not obeyed"];
    header.extend(proves_nothing.then_some("Proves nothing"));
    header.push("Where");
    let header = header.into_iter().map(String::from).collect();
    let rows = records.subjects(experiment).into_iter().filter_map(row).collect();
    let caption = "The laws of equivariance of every trained model, from its best weights, in f32 and f64: its \
                   states, its encoder's layers and its read-out or logits under flows, with its own velocities \
                   and with a closed set of them (a G-RNN's weights too, which then are a FERNN's), every stage \
                   under still motions, and a control without velocities, which must break. Where rotations \
                   interpolate, decoders are measured under quarter or half turns alone.";
    Exhibit {
        name: format!("{experiment}_laws"),
        caption: caption.into(),
        body: Body::Table(Table { header, rows }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::equivariance::{Diagnosis, Law};
    use crate::error::Error;
    use crate::experiments::evidence::Evidence;

    fn key(seed: u64) -> UnitKey {
        let (experiment, profile) = ("some".to_string(), "quick".to_string());
        UnitKey { experiment, subject: Subject::g_rnn(), seed, profile }
    }

    fn line(verdict: Verdict) -> Line {
        Line {
            law: Law::Flow,
            stage: "state".into(),
            velocities: String::new(),
            expected: Diagnosis::Rounding,
            verdict,
            single: None,
            double: None,
            order: None,
            worst: None,
            motions: vec![],
        }
    }

    fn table(records: &[Record]) -> (Vec<String>, Vec<Vec<String>>) {
        let evidence = Evidence { records: records.to_vec(), pictures: vec![] };
        match laws_table(Records(&evidence), "some").body {
            Body::Table(table) => (table.header, table.rows),
            _ => panic!("a table"),
        }
    }

    #[test]
    fn what_proves_nothing_is_told_apart_and_a_check_that_fails_is_noted() {
        let held = line(Verdict::Measured(Diagnosis::Exact));
        let broken = line(Verdict::Measured(Diagnosis::Broken));
        let vacuous = line(Verdict::Vacuous("it is zero".into()));
        let report = |lines: &[&Line]| {
            let lines = lines.iter().map(|&line| line.clone()).collect();
            Ok(Report { group: "translation".into(), lines })
        };
        let mut records = key(0).law_records(&report(&[&held, &broken]));
        let (header, rows) = table(&records);
        assert_eq!(header.join(", "), "Model, Seeds, Laws checked, Not obeyed, Where");
        assert_eq!(rows[0][1..], ["1", "2", "1", "from the state on"]);
        records.extend(key(1).law_records(&report(&[&held, &vacuous])));
        let failed = Err(Error::configuration("the cell", "is odd", "mend it"));
        records.extend(key(2).law_records(&failed));
        let (header, rows) = table(&records);
        assert_eq!(header[4], "Proves nothing");
        assert_eq!(rows[0][1..5], ["2", "4", "1", "1"]);
        assert!(rows[0][5].contains("not checked: ") && rows[0][5].contains("is odd"), "{rows:?}");
    }
}
