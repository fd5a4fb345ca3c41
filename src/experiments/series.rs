//! Lines of charts from records.

use super::exhibit::{Point, Series};
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
        points: spread(
            records
                .of(experiment, metric)
                .into_iter()
                .filter(|r| r.subject == **subject && r.split != Some(Split::Train))
                .filter_map(|r| Some((position(r)?, r.value?))),
        ),
    };
    records.subjects(experiment).iter().map(line).collect()
}
