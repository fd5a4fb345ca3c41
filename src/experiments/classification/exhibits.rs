//! Tables and charts of the experiments on Moving KTH.

use super::baselines::{CHANCE, MOST_FREQUENT};
use super::claims::is_kth;
use super::evaluation::{TESTED_RANGES, velocities_of};
use super::settings::Settings;
use crate::data::{Action, Split};
use crate::experiments::exhibit::{
    Body, Colours, Confusions, Exhibit, HeatMaps, Lines, Matrix, Panel, Scale, Table, Trace,
};
use crate::experiments::metric::Metric;
use crate::experiments::number::{short, strings};
use crate::experiments::paper;
use crate::experiments::query::{BySeed, Records, joined};
use crate::experiments::record::Record;
use crate::experiments::series::{panel, series};
use crate::experiments::subject::Subject;
use crate::statistics::{estimate, mean, probability_of_improvement};
use std::collections::BTreeMap;

/// Where exhibits take their numbers from.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The records.
    pub records: Records<'a>,
    /// The experiment.
    pub experiment: &'static str,
}

/// What a reader must know of every number on clips that are not KTH's.
fn of_what(records: Records<'_>, experiment: &str) -> &'static str {
    let rows = records.of(experiment, &Metric::IS_KTH);
    match rows.iter().find(|row| row.value != Some(1.0)) {
        None => "",
        Some(row) if row.note.starts_with("drawn actions") => {
            " Clips are drawn actions, a stand-in for KTH."
        }
        Some(_) => " The clips are not KTH as published.",
    }
}

fn values(by_seed: &BySeed) -> Vec<f64> {
    by_seed.values().copied().collect()
}

/// Three digits of a share in [0, 1].
fn three(share: f64) -> String {
    format!("{share:.3}")
}

/// A share with its standard deviation.
fn share(values: &[f64]) -> [String; 2] {
    match estimate(values) {
        None => Default::default(),
        Some(e) => [three(e.mean), e.std.map(three).unwrap_or_default()],
    }
}

fn is_test(r: &Record) -> bool {
    r.split == Some(Split::Test)
}

impl<'a> Shown<'a> {
    fn exhibit(&self, name: &str, caption: &str, body: Body) -> Exhibit {
        let of_what = of_what(self.records, self.experiment);
        Exhibit { name: name.into(), caption: format!("{caption}{of_what}"), body }
    }

    fn values(&self, subject: &Subject, metric: &Metric, keep: impl Fn(&Record) -> bool) -> BySeed {
        self.records.by_seed(self.experiment, subject, metric, keep)
    }

    fn accuracy(&self, subject: &Subject) -> BySeed {
        self.values(subject, &Metric::ACCURACY, is_test)
    }

    /// The models with the settings that all share.
    fn models(&self) -> Vec<&'a Subject> {
        let all = self.records.subjects(self.experiment);
        all.into_iter().filter(|subject| subject.variant.is_empty()).collect()
    }
}

/// Table 2: test accuracy, beside the published value where the clips are KTH's.
pub fn accuracy_table(shown: Shown<'_>) -> Exhibit {
    let compares = is_kth(shown.records, shown.experiment);
    let baseline = shown.accuracy(&Subject::g_rnn());
    let row = |subject: &&Subject| {
        let accuracy = shown.accuracy(subject);
        let parameters = shown.values(subject, &Metric::PARAMETERS, |_| true);
        let published = paper::KTH.value(&subject.to_string()).filter(|_| compares);
        let (ours, others): (Vec<f64>, Vec<f64>) =
            joined(&accuracy, &baseline).into_values().unzip();
        let is_compared = **subject != Subject::g_rnn() && !ours.is_empty();
        let lead = || format!("{:+.3}", mean(&ours) - mean(&others));
        // Lower is better there, and what is no number is worst.
        let errors = |of: &BySeed| of.values().map(|accuracy| -accuracy).collect::<Vec<_>>();
        let better = || short(probability_of_improvement(&errors(&accuracy), &errors(&baseline)));
        let [mean, std] = share(&values(&accuracy));
        vec![
            subject.to_string(),
            parameters.values().next().map(|p| format!("{p:.0}")).unwrap_or_default(),
            accuracy.len().to_string(),
            mean,
            std,
            if is_compared { lead() } else { String::new() },
            if is_compared { better() } else { String::new() },
            published.map(|p| format!("{:.3}", p.mean)).unwrap_or_default(),
            published.map(|p| format!("{:.2}", p.std)).unwrap_or_default(),
            published.map(|p| p.source.to_string()).unwrap_or_default(),
        ]
    };
    let caption = "Table 2: test accuracy on clips of a moving camera at the step of the best \
                   validation accuracy (mean and standard deviation over seeds), how far above the \
                   G-RNN, the probability that a seed is better than one of the G-RNN, and the \
                   published values (at the paper's own size and training).";
    let header = strings(&[
        "model",
        "parameters",
        "seeds",
        "test accuracy",
        "std",
        "above G-RNN",
        "P(better)",
        "published accuracy",
        "published std",
        "source",
    ]);
    let rows = shown.models().iter().map(row).collect();
    shown.exhibit("table2_kth", caption, Body::Table(Table { header, rows }))
}

/// Validation accuracy by optimiser step.
pub fn training_lines(shown: Shown<'_>) -> Exhibit {
    let (records, experiment) = (shown.records, shown.experiment);
    let mut series =
        series(records, experiment, &Metric::ACCURACY, |r| r.step.map(|step| step as i64));
    let models: Vec<String> = shown.models().iter().map(|subject| subject.to_string()).collect();
    series.retain(|series| models.contains(&series.name));
    let lines = Lines {
        x_label: "optimiser step".into(),
        y_label: "validation accuracy".into(),
        series,
        scale: Scale::Linear,
        ..Lines::default()
    };
    let caption = "Validation accuracy by optimiser step; line: mean over seeds, band: lowest to \
                   highest seed.";
    shown.exhibit("kth_training_curves", caption, Body::Lines(lines))
}

/// Test accuracy over the velocities of the camera.
pub fn accuracy_maps(shown: Shown<'_>, (trained, clips): (u32, u64)) -> Exhibit {
    let panel = |subject: &&Subject| {
        panel(shown.records, shown.experiment, &Metric::ACCURACY_BY_VELOCITY, subject)
    };
    let panels: Vec<Panel> =
        shown.models().iter().map(panel).filter(|panel| !panel.cells.is_empty()).collect();
    let caption = format!(
        "Test accuracy by velocity of the camera (mean over seeds, at most {clips} clips at each \
         velocity); the square holds the velocities of training."
    );
    let label = "test accuracy".into();
    let maps = HeatMaps { panels, trained, colours: Colours::Share, label };
    shown.exhibit("kth_accuracy_by_velocity", &caption, Body::HeatMaps(maps))
}

/// What is taken for what.
pub fn confusions(shown: Shown<'_>) -> Exhibit {
    let matrix = |subject: &&Subject| {
        let count = |truth: Action, taken: Action| {
            let metric = Metric::taken_for(truth.name(), taken.name());
            shown.values(subject, &metric, is_test).values().sum::<f64>()
        };
        let row = |truth| Action::ALL.map(|taken| count(truth, taken)).to_vec();
        Matrix { name: subject.to_string(), counts: Action::ALL.map(row).to_vec() }
    };
    let has_any = |matrix: &Matrix| matrix.counts.iter().flatten().any(|count| *count > 0.0);
    let matrices = shown.models().iter().map(matrix).filter(has_any).collect();
    let classes = Action::ALL.map(|action| action.name().to_string()).to_vec();
    let caption = "What test clips of each action (rows) were taken for (columns), in per cent of \
                   the row, over all seeds.";
    shown.exhibit("kth_confusion", caption, Body::Confusions(Confusions { classes, matrices }))
}

/// A zero-padded encoder, the paper's, beside a circular one, which is equivariant.
pub fn padding_table(shown: Shown<'_>) -> Exhibit {
    let row = |subject: &&Subject| {
        let breach = values(&shown.values(subject, &Metric::INVARIANCE_BREACH, |_| true));
        let [mean, std] = share(&values(&shown.accuracy(subject)));
        let padding = if subject.variant == Settings::CIRCULAR { "circular" } else { "zero" };
        let [breach, spread] = match estimate(&breach) {
            None => Default::default(),
            Some(e) => [short(e.mean), e.std.map(short).unwrap_or_default()],
        };
        vec![subject.model.clone(), padding.into(), mean, std, breach, spread]
    };
    let is_measured = |subject: &&&Subject| {
        let rows = shown.records.of(shown.experiment, &Metric::INVARIANCE_BREACH);
        rows.iter().any(|row| row.subject == ***subject)
    };
    let subjects = shown.records.subjects(shown.experiment);
    let rows = subjects.iter().filter(is_measured).map(row).collect();
    let caption = "What the encoder reads beyond the border of a frame: zeros, as in the paper, or \
                   the opposite side, which makes it equivariant. Test accuracy, and how far the \
                   logits change when the camera moves by (1, 1) pixels per frame, relative to \
                   how they differ between resting clips (2-norm; mean and standard deviation over seeds). What is \
                   left with a circular encoder is due to the truncated set of velocities.";
    let header = strings(&["model", "padding", "test accuracy", "std", "breach", "std"]);
    shown.exhibit("kth_padding", caption, Body::Table(Table { header, rows }))
}

/// What it does to draw the windows of the test clips anew.
pub fn redrawing_table(shown: Shown<'_>) -> Exhibit {
    let row = |subject: &&Subject| -> Option<Vec<String>> {
        let mut draws: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for row in shown.records.of(shown.experiment, &Metric::ACCURACY_REDRAWN) {
            if let (true, Some(seed), Some(value)) = (row.subject == **subject, row.seed, row.value)
            {
                draws.entry(seed).or_default().push(value);
            }
        }
        let all: Vec<f64> = draws.values().flatten().copied().collect();
        let spreads: Vec<f64> = draws.values().filter_map(|draws| estimate(draws)?.std).collect();
        // A draw that is no number shows at both ends.
        let end = |fold: fn(f64, f64) -> f64| {
            let no_number = all.iter().copied().find(|v| v.is_nan());
            no_number.or_else(|| all.iter().copied().reduce(fold)).unwrap_or(f64::NAN)
        };
        let (low, high) = (end(f64::min), end(f64::max));
        (!all.is_empty()).then(|| {
            vec![
                subject.to_string(),
                share(&values(&shown.accuracy(subject)))[0].clone(),
                three(mean(&all)),
                if spreads.is_empty() { String::new() } else { three(mean(&spreads)) },
                three(low),
                three(high),
            ]
        })
    };
    let rows = shown.models().iter().filter_map(row).collect();
    let caption = "Test accuracy through the windows fixed for the data set, and through windows \
                   drawn anew for every evaluation, as the paper's public code has it: mean, standard \
                   deviation over the draws of one trained model (mean over seeds), lowest, highest.";
    let header = strings(&["model", "fixed", "redrawn", "std by draw", "lowest", "highest"]);
    shown.exhibit("kth_redrawn_windows", caption, Body::Table(Table { header, rows }))
}

/// The largest speed N of a square set of (2N + 1)² velocities.
fn range(velocities: u32) -> i64 {
    (f64::from(velocities).sqrt().round() as i64 - 1) / 2
}

/// Velocity generalization: accuracy on faster and faster cameras.
pub fn accuracy_by_range(shown: Shown<'_>) -> Exhibit {
    let (records, experiment) = (shown.records, shown.experiment);
    let mut series =
        series(records, experiment, &Metric::ACCURACY_BY_RANGE, |r| r.velocities.map(range));
    series.retain(|line| line.subject.model != MOST_FREQUENT);
    let guesses = series.iter_mut().filter(|line| line.subject.model == CHANCE);
    guesses.for_each(|line| line.trace = Trace::Theory);
    let lines = Lines {
        x_label: "largest speed N of the test clips (velocities of V_N)".into(),
        y_label: "test accuracy".into(),
        series,
        scale: Scale::Linear,
        ..Lines::default()
    };
    let caption = "Velocity generalization: test accuracy on clips whose camera draws its velocity \
                   from V_N, after training on V_0 or V_1; line: mean over seeds, band: lowest to \
                   highest seed.";
    shown.exhibit("kth_velocity_generalization", caption, Body::Lines(lines))
}

/// The same in numbers.
pub fn range_table(shown: Shown<'_>) -> Exhibit {
    let sizes = TESTED_RANGES.map(velocities_of);
    let row = |subject: &&Subject| {
        let mut cells = vec![subject.model.clone(), subject.variant.clone()];
        for size in sizes {
            let on = |r: &Record| r.velocities == Some(size);
            let [mean, std] =
                share(&values(&shown.values(subject, &Metric::ACCURACY_BY_RANGE, on)));
            cells.push(if std.is_empty() { mean } else { format!("{mean} ± {std}") });
        }
        cells
    };
    let rows = shown.records.subjects(shown.experiment).iter().map(row).collect();
    let caption = "Test accuracy on resting clips (V_0) and on clips of a camera with velocities of \
                   V_1 and V_2 (mean ± std over seeds).";
    let header = strings(&["model", "training", "on V_0", "on V_1", "on V_2"]);
    shown.exhibit("kth_velocity_generalization", caption, Body::Table(Table { header, rows }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_square_set_is_its_largest_speed() {
        assert_eq!([1, 9, 25, 49].map(range), [0, 1, 2, 3]);
    }
}
