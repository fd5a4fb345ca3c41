//! The cost of a training step against |V|; measured by `cargo bench --bench cost`, whose processes do
//! nothing else.

use super::exhibit::{Body, Exhibit, Lines, Scale, Table};
use super::experiment::{Experiment, Request, Unit};
use super::metric::Metric;
use super::number::{short, strings};
use super::profile::Profile;
use super::query::Records;
use super::record::Record;
use super::series::series;
use crate::error::Result;

/// Time and memory of a training step; no unit, since a process is measured as a whole.
pub struct Cost {
    name: &'static str,
    title: &'static str,
    caption: &'static str,
}

/// Translations, with either algorithm.
pub const TRANSLATION: Cost = Cost {
    name: "cost",
    title: "Time and memory of a training step against |V| (cargo bench --bench cost)",
    caption: "A whole training step against the number of velocities; GF/s counts the multiplications \
              and additions of the direct convolution.",
};

/// Rotations, in either frame of reference.
pub const ROTATION: Cost = Cost {
    name: "rotation-cost",
    title: "The same for rotations (cargo bench --bench cost)",
    caption: "A whole training step of the rotation model (8 orientations, the same number of \
              planes) against the number of velocities, in either frame of reference.",
};

impl Experiment for Cost {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn profiles(&self) -> &'static [Profile] {
        &[]
    }

    fn units(&self, _: &Request) -> Result<Vec<Unit>> {
        Ok(vec![])
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        Ok(vec![cost_table(records, self.name, self.caption), cost_charts(records, self.name)])
    }
}

/// Time and memory of a training step against |V|, a line per model.
fn cost_charts(records: Records<'_>, experiment: &str) -> Exhibit {
    let lines = |metric, title: &str, y_label: &str| Lines {
        title: title.into(),
        x_label: "velocities |V|".into(),
        y_label: y_label.into(),
        series: series(records, experiment, metric, |r| r.velocities.map(i64::from)),
        scale: Scale::Linear,
        ..Lines::default()
    };
    Exhibit {
        name: experiment.replace('-', "_"),
        caption: "A whole training step against the number of velocities: (a) time, the fastest of \
                  several; (b) memory, the largest resident set of a process that does nothing else."
            .into(),
        body: Body::Charts(vec![
            lines(&Metric::SECONDS, "time of a training step", "seconds"),
            lines(&Metric::PEAK_MB, "peak memory", "MB"),
        ]),
    }
}

/// Time and memory of a training step by |V|.
fn cost_table(records: Records<'_>, experiment: &str, caption: &str) -> Exhibit {
    let value = |metric: &Metric, of: &Record| {
        let same = |r: &&Record| r.subject == of.subject && r.velocities == of.velocities;
        records.of(experiment, metric).into_iter().find(same).and_then(|r| r.value)
    };
    let one = |of: &Record| {
        let rows = records.of(experiment, &Metric::SECONDS);
        rows.into_iter().find(|r| r.subject == of.subject)?.value
    };
    let row = |of: &&Record| {
        let seconds = of.value.unwrap_or(f64::NAN);
        vec![
            of.subject.to_string(),
            of.velocities.unwrap_or(0).to_string(),
            short(seconds),
            value(&Metric::PEAK_MB, of).map_or(String::new(), |mb| format!("{mb:.0}")),
            one(of).map_or(String::new(), |one| short(seconds / one)),
            value(&Metric::GIGAFLOPS, of).map_or(String::new(), |speed| format!("{speed:.0}")),
        ]
    };
    let header = ["algorithm", "velocities", "seconds", "peak MB", "times one velocity", "GF/s"];
    let rows = records.of(experiment, &Metric::SECONDS).iter().map(row).collect();
    Exhibit {
        name: experiment.replace('-', "_"),
        caption: caption.into(),
        body: Body::Table(Table { header: strings(&header), rows }),
    }
}
