//! Lines and maps of charts from records.

use super::exhibit::{Panel, Point, Series, Trace};
use super::metric::Metric;
use super::query::Records;
use super::record::Record;
use super::subject::Subject;
use crate::data::Split;
use crate::statistics::mean;
use std::collections::BTreeMap;

/// Mean, lowest and highest value over seeds at each position.
fn spread(rows: impl Iterator<Item = (i64, f64)>) -> Vec<Point> {
    let mut by_position: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    rows.for_each(|(position, value)| by_position.entry(position).or_default().push(value));
    let point = |(position, values): (i64, Vec<f64>)| Point {
        x: position as f64,
        mean: mean(&values),
        low: values.iter().copied().fold(f64::INFINITY, f64::min),
        high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    by_position.into_iter().map(point).collect()
}

/// One line per model of the rows of a metric, by the position that `position` reads.
pub fn series(
    records: Records<'_>,
    experiment: &str,
    metric: &Metric,
    position: impl Fn(&Record) -> Option<i64>,
) -> Vec<Series> {
    let line = |subject: &&Subject| Series {
        name: subject.to_string(),
        subject: (*subject).clone(),
        trace: Trace::Line,
        points: spread(
            records
                .of(experiment, metric)
                .into_iter()
                .filter(|r| r.subject == **subject && r.split != Some(Split::Train))
                .filter_map(|r| Some((position(r)?, r.value?))),
        ),
    };
    let all = records.subjects(experiment);
    all.iter().map(line).filter(|line| !line.points.is_empty()).collect()
}

/// The mean over seeds of a model's rows of a metric at each velocity of a torus.
pub(super) fn panel(
    records: Records<'_>,
    experiment: &str,
    metric: &Metric,
    subject: &Subject,
) -> Panel {
    let mut cells: BTreeMap<(i32, i32), Vec<f64>> = BTreeMap::new();
    for row in records.of(experiment, metric) {
        let velocity = row.velocity.and_then(|v| v.pixels());
        if let (true, Some(v), Some(value)) = (row.subject == *subject, velocity, row.value) {
            cells.entry((v.x, v.y)).or_default().push(value);
        }
    }
    let cells = cells.into_iter().map(|((x, y), values)| (x, y, mean(&values))).collect();
    Panel { name: subject.to_string(), cells }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::Evidence;

    #[test]
    fn a_line_spreads_over_seeds_and_leaves_training_losses_out() {
        let row = |split, seed, step, value| Record {
            experiment: "a".into(),
            subject: Subject::g_rnn(),
            split: Some(split),
            seed: Some(seed),
            metric: Metric::LOSS,
            step: Some(step),
            value: Some(value),
            ..Record::default()
        };
        let records = vec![
            row(Split::Train, 0, 50, 100.0),
            row(Split::Validation, 0, 50, 1.0),
            row(Split::Validation, 1, 50, 4.0),
            row(Split::Validation, 0, 100, 2.0),
        ];
        let evidence = Evidence { records, pictures: vec![] };
        let lines = series(Records(&evidence), "a", &Metric::LOSS, |r| Some(r.step? as i64));
        let [line] = lines.as_slice() else { panic!("one model, {} lines", lines.len()) };
        assert_eq!(line.name, "G-RNN");
        let point = |x, mean, low, high| Point { x, mean, low, high };
        assert_eq!(line.points, [point(50.0, 2.5, 1.0, 4.0), point(100.0, 2.0, 2.0, 2.0)]);
    }
}
