//! The laws of equivariance of every model at the end of its training.

use super::exhibit::{Body, Exhibit, Table};
use super::experiment::UnitKey;
use super::metric::Metric;
use super::query::Records;
use super::record::Record;
use super::subject::Subject;
use crate::equivariance::{Line, Report};

impl UnitKey {
    /// What a check of the trained model found.
    pub(super) fn law_records(&self, report: &Report) -> Vec<Record> {
        let broken: Vec<&Line> = report.lines.iter().filter(|line| !line.holds()).collect();
        let note = match (report.begins_at(), broken.first()) {
            (Some(stage), _) => format!("from the {stage} on"),
            (None, Some(line)) => format!("{} of {}", line.law.name(), line.stage),
            (None, None) => String::new(),
        };
        let count = self.record(None, Metric::LAWS_BROKEN, broken.len() as f64);
        vec![
            self.record(None, Metric::LAWS_CHECKED, report.lines.len() as f64),
            Record { note, ..count },
        ]
    }
}

/// Which laws each model of an experiment obeys once it is trained.
pub(crate) fn laws_table(records: Records<'_>, experiment: &str) -> Exhibit {
    let sum = |rows: &[&Record]| rows.iter().filter_map(|row| row.value).sum::<f64>();
    let row = |subject: &Subject| {
        let of_it = |metric: Metric| -> Vec<&Record> {
            let all = records.of(experiment, &metric).into_iter();
            all.filter(|row| row.subject == *subject).collect()
        };
        let (checked, broken) = (of_it(Metric::LAWS_CHECKED), of_it(Metric::LAWS_BROKEN));
        let mut notes: Vec<&str> =
            broken.iter().map(|row| row.note.as_str()).filter(|note| !note.is_empty()).collect();
        notes.sort_unstable();
        notes.dedup();
        let cells = [
            subject.to_string(),
            checked.len().to_string(),
            format!("{:.0}", sum(&checked)),
            format!("{:.0}", sum(&broken)),
            notes.join("; "),
        ];
        (!checked.is_empty()).then(|| cells.to_vec())
    };
    let header =
        ["Model", "Seeds", "Laws checked", "Not obeyed", "Where"].map(String::from).to_vec();
    let rows = records.subjects(experiment).into_iter().filter_map(row).collect();
    let caption = "The laws of equivariance of every trained model, from its best weights, in f32 and f64: its \
                   states and its read-out or logits under flows, with its own velocities and with a closed set \
                   of them (a G-RNN's weights too, which then are a FERNN's), every stage under still motions, \
                   and a control without velocities, which must break. What proves nothing counts as not obeyed; \
                   where rotations interpolate, decoders are left out.";
    Exhibit {
        name: format!("{experiment}_laws"),
        caption: caption.into(),
        body: Body::Table(Table { header, rows }),
    }
}
