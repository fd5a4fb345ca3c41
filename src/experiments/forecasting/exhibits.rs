//! Tables and charts of the experiments on Flowing MNIST.

use super::baselines::Baseline;
use crate::data::Split;
use crate::experiments::exhibit::{
    Body, Colours, Exhibit, HeatMaps, Lines, Scale, Series, Table, Trace,
};
use crate::experiments::metric::Metric;
use crate::experiments::number::{mean_and_std, short, strings};
use crate::experiments::paper::Table1;
use crate::experiments::query::{BySeed, Records, joined};
use crate::experiments::record::Record;
use crate::experiments::series::{panel, series};
use crate::experiments::subject::Subject;
use crate::statistics::{estimate, mean, probability_of_improvement, steps_to_reach};
use std::collections::BTreeMap;

/// An experiment's exhibits: where they take their numbers from, how their files are named, what every
/// caption ends with.
#[derive(Clone, Copy)]
pub struct Half<'a> {
    /// The records.
    pub records: Records<'a>,
    /// The experiment.
    pub experiment: &'static str,
    /// What file names begin with: `rotation_`, or nothing.
    pub prefix: &'static str,
    /// What every caption ends with: how the settings depart from the paper's.
    pub choice: &'a str,
}

fn values(by_seed: &BySeed) -> Vec<f64> {
    by_seed.values().copied().collect()
}

impl Half<'_> {
    fn table(
        &self,
        name: &str,
        caption: String,
        header: Vec<String>,
        rows: Vec<Vec<String>>,
    ) -> Exhibit {
        Exhibit {
            name: format!("{}{name}", self.prefix),
            caption: caption + self.choice,
            body: Body::Table(Table { header, rows }),
        }
    }

    /// The models, and behind them what is no model, where it was measured.
    fn subjects(&self) -> Vec<&Subject> {
        let all = self.records.subjects(self.experiment).into_iter();
        let (baselines, mut models): (Vec<_>, Vec<_>) = all.partition(|s| Baseline::is_one(s));
        models.extend(baselines);
        models
    }

    /// The models alone.
    fn models(&self) -> Vec<&Subject> {
        self.subjects().into_iter().filter(|subject| !Baseline::is_one(subject)).collect()
    }

    /// Test MSE over the predicted frames.
    fn test_mse(&self, subject: &Subject) -> BySeed {
        self.values(subject, &Metric::MSE, |r| r.split == Some(Split::Test))
    }

    /// The cells below [`ERROR_HEADER`].
    fn error_cells(&self, subject: &Subject, baseline: &BySeed) -> Vec<String> {
        let errors = self.test_mse(subject);
        let parameters = self.values(subject, &Metric::PARAMETERS, |_| true);
        let [mse, std] = mean_and_std(estimate(&values(&errors)));
        vec![
            subject.to_string(),
            parameters.values().next().map(|p| format!("{p:.0}")).unwrap_or_default(),
            errors.len().to_string(),
            mse,
            std,
            times_below(baseline, &errors),
        ]
    }

    fn values(&self, subject: &Subject, metric: &Metric, keep: impl Fn(&Record) -> bool) -> BySeed {
        self.records.by_seed(self.experiment, subject, metric, keep)
    }
}

/// How many times errors lie below those of the baseline, over the seeds that both have, as claims have it.
fn times_below(baseline: &BySeed, errors: &BySeed) -> String {
    let (above, below): (Vec<f64>, Vec<f64>) = joined(baseline, errors).into_values().unzip();
    if above.is_empty() { String::new() } else { short(mean(&above) / mean(&below)) }
}

/// What tables of test errors begin with.
const ERROR_HEADER: [&str; 6] =
    ["model", "parameters", "seeds", "test MSE", "std", "times below G-RNN"];

/// Table 1: test MSE beside the published value.
pub fn next_step_table(half: Half<'_>, published: &Table1) -> Exhibit {
    let of_baseline = half.test_mse(&Subject::g_rnn());
    let baseline = values(&of_baseline);
    let row = |subject: &&Subject| {
        let (of_it, published) = (half.test_mse(subject), published.value(&subject.to_string()));
        let errors = values(&of_it);
        let is_compared =
            **subject != Subject::g_rnn() && !baseline.is_empty() && !errors.is_empty();
        let better = || short(probability_of_improvement(&errors, &baseline));
        let mut cells = half.error_cells(subject, &of_baseline);
        cells.extend([
            if is_compared { better() } else { String::new() },
            published.map(|p| format!("{:.1e}", p.mean)).unwrap_or_default(),
            published.map(|p| format!("{:.0e}", p.std)).unwrap_or_default(),
            published.map(|p| p.source.to_string()).unwrap_or_default(),
        ]);
        cells
    };
    let experiment = half.experiment;
    let caption = format!(
        "Table 1, {experiment}: test MSE over the predicted frames (mean and standard deviation \
         over seeds), how many times below the G-RNN, the probability that a seed is better than \
         one of the G-RNN, and the published values (at the paper's own size and training)."
    );
    let further = ["P(better)", "published MSE", "published std", "source"];
    let header = strings(&[&ERROR_HEADER[..], &further].concat());
    let rows = half.subjects().iter().map(row).collect();
    Exhibit {
        name: format!("table1_{experiment}"),
        caption: caption + half.choice,
        body: Body::Table(Table { header, rows }),
    }
}

/// Test MSE where nothing is published.
pub fn error_table(half: Half<'_>) -> Exhibit {
    let baseline = half.test_mse(&Subject::g_rnn());
    let row = |subject: &&Subject| half.error_cells(subject, &baseline);
    let caption = "Test MSE over the predicted frames (mean and standard deviation over seeds), and how many times \
                   below the G-RNN.";
    let header = strings(&ERROR_HEADER);
    let rows = half.subjects().iter().map(row).collect();
    half.table("mse", caption.into(), header, rows)
}

/// Errors over velocities that return within a sequence, and over the others; nothing where none do.
pub fn repeating_table(half: Half<'_>) -> Exhibit {
    let of = |subject: &Subject, metric: &Metric| values(&half.values(subject, metric, |_| true));
    let is_measured = |subject: &&Subject| !of(subject, &Metric::MSE_REPEATING).is_empty();
    let row = |subject: &Subject| {
        let (repeating, others) =
            (of(subject, &Metric::MSE_REPEATING), of(subject, &Metric::MSE_NOT_REPEATING));
        let mut cells = vec![subject.to_string(), repeating.len().to_string()];
        cells.extend(mean_and_std(estimate(&repeating)));
        cells.extend(mean_and_std(estimate(&others)));
        let factor = mean(&repeating) / mean(&others);
        cells.push(if factor.is_nan() { String::new() } else { short(factor) });
        cells
    };
    let rows = half.subjects().into_iter().filter(is_measured).map(row).collect();
    let caption = "Test MSE over the predicted frames (mean and standard deviation over seeds) of sequences \
                   whose digits return within the sequence, so that memory alone can tell what comes, and \
                   of those whose digits do not.";
    let header =
        strings(&["model", "seeds", "returning", "std", "others", "std", "returning / others"]);
    half.table("repeating_velocities", caption.into(), header, rows)
}

/// Steps that each model needs for given validation losses.
pub fn training_speed_table(half: Half<'_>, levels: &[f64]) -> Exhibit {
    let (records, experiment) = (half.records, half.experiment);
    let row = |subject: &&Subject| {
        let cell = |level: &f64| {
            let steps: Vec<Option<u64>> = records
                .seeds(experiment, subject)
                .into_iter()
                .map(|seed| records.validation_curve(experiment, subject, seed))
                .filter(|curve| !curve.is_empty())
                .map(|curve| steps_to_reach(&curve, *level))
                .collect();
            let reached: Vec<f64> = steps.iter().flatten().map(|&s| s as f64).collect();
            match reached.len() {
                0 if steps.is_empty() => String::new(),
                0 => "never".to_string(),
                n if n == steps.len() => format!("{:.0}", mean(&reached)),
                n => format!("{:.0} ({n} of {} seeds)", mean(&reached), steps.len()),
            }
        };
        std::iter::once(subject.to_string()).chain(levels.iter().map(cell)).collect()
    };
    let caption = "Optimiser steps to reach a validation MSE for the first time, mean over the seeds \
                   that reach it; evaluated at intervals.";
    let header = std::iter::once("model".to_string())
        .chain(levels.iter().map(|level| format!("MSE ≤ {level}")));
    let rows = half.models().iter().map(row).collect();
    half.table("training_speed", caption.into(), header.collect(), rows)
}

/// Test MSE at multiples of the `trained` horizon.
pub fn horizon_table(half: Half<'_>, name: &str, trained: usize) -> Exhibit {
    let horizons: Vec<u32> = [1, 2, 4, 7].iter().map(|times| times * trained as u32).collect();
    let at = |subject: &Subject, h: u32| {
        values(&half.values(subject, &Metric::MSE_BY_HORIZON, |r| r.horizon == Some(h)))
    };
    let mean_frame = Baseline::MeanFrame.subject();
    let has_reference = !at(&mean_frame, 1).is_empty();
    let row = |subject: &&Subject| {
        let mut cells = vec![subject.to_string()];
        for &h in &horizons {
            let [mean, std] = mean_and_std(estimate(&at(subject, h)));
            cells.push(if std.is_empty() { mean } else { format!("{mean} ± {std}") });
        }
        let growth = mean(&at(subject, horizons[3])) / mean(&at(subject, horizons[0]));
        cells.push(if growth.is_nan() { String::new() } else { short(growth) });
        cells.extend(has_reference.then(|| useful_horizon(&half, subject)));
        cells
    };
    let subjects = half.subjects();
    let measured = subjects.iter().filter(|subject| !at(subject, horizons[0]).is_empty());
    let rows: Vec<_> = measured.map(row).collect();
    let caption = format!(
        "Test MSE of single predicted frames (mean ± std over seeds), up to 7 times the \
         trained horizon of {trained}, and the growth from the first to the last column.{}",
        if has_reference { USEFUL } else { "" }
    );
    let header = std::iter::once("model".to_string())
        .chain(horizons.iter().map(|h| format!("frame {h}")))
        .chain(["growth".to_string()])
        .chain(has_reference.then(|| "useful horizon".to_string()));
    half.table(name, caption, header.collect(), rows)
}

const USEFUL: &str = " The useful horizon is the number of predicted frames before the error first exceeds that of \
     the mean frame (mean over seeds; ≥ where that never happens within the test).";

/// The predicted frames of a model before one is worse than the mean frame, seed by seed.
fn useful_horizon(half: &Half<'_>, subject: &Subject) -> String {
    let by_frame = |subject: &Subject, seed: u64| -> BTreeMap<u32, f64> {
        let rows = half.records.of(half.experiment, &Metric::MSE_BY_HORIZON).into_iter();
        let own = rows.filter(|r| r.subject == *subject && r.seed == Some(seed));
        own.filter_map(|r| Some((r.horizon?, r.value?))).collect()
    };
    let reference = Baseline::MeanFrame.subject();
    let (mut horizons, mut is_censored) = (Vec::new(), false);
    for seed in half.records.seeds(half.experiment, subject) {
        let (errors, limits) = (by_frame(subject, seed), by_frame(&reference, seed));
        // What is no number is worse than anything.
        let is_worse = |&(h, error): &(&u32, &f64)| {
            limits.get(h).is_some_and(|limit| error > limit || error.is_nan())
        };
        match errors.iter().find(is_worse) {
            Some((h, _)) => horizons.push(f64::from(*h) - 1.0),
            None => {
                is_censored = true;
                horizons.extend(errors.keys().last().map(|h| f64::from(*h)));
            }
        }
    }
    match horizons.is_empty() || *subject == reference {
        true => String::new(),
        false => format!("{}{:.1}", if is_censored { "≥ " } else { "" }, mean(&horizons)),
    }
}

/// Test MSE at seen and unseen velocities.
pub fn velocity_table(
    half: Half<'_>,
    is_inside: &dyn Fn(&Record) -> bool,
    tested: &str,
) -> Exhibit {
    let over = |subject: &Subject, is_seen: bool| {
        values(&half.values(subject, &Metric::MSE_BY_VELOCITY, |r| is_inside(r) == is_seen))
    };
    let row = |subject: &&Subject| {
        let (seen, unseen) = (over(subject, true), over(subject, false));
        let mut cells = vec![subject.to_string(), seen.len().to_string()];
        cells.extend(mean_and_std(estimate(&seen)));
        cells.extend(mean_and_std(estimate(&unseen)));
        let factor = mean(&unseen) / mean(&seen);
        cells.push(if factor.is_nan() { String::new() } else { short(factor) });
        cells
    };
    let caption = format!(
        "Test MSE at the velocities seen in training and at {tested} (mean and standard deviation \
         over seeds)."
    );
    let header = strings(&["model", "seeds", "seen", "std", "unseen", "std", "unseen / seen"]);
    let rows = half.subjects().iter().map(row).collect();
    half.table("velocity_generalization", caption, header, rows)
}

impl Half<'_> {
    fn lines(&self, name: &str, caption: &str, lines: Lines) -> Exhibit {
        let name = format!("{}{name}", self.prefix);
        Exhibit { name, caption: caption.into(), body: Body::Lines(lines) }
    }

    fn series(&self, metric: &Metric, position: impl Fn(&Record) -> Option<i64>) -> Vec<Series> {
        let mut all = series(self.records, self.experiment, metric, position);
        let mean_frame = Baseline::MeanFrame.subject();
        // The others are in the tables: what is no error at all has no place on an axis of powers of ten.
        all.retain(|line| line.subject == mean_frame || !Baseline::is_one(&line.subject));
        let reference = all.iter_mut().filter(|line| line.subject == mean_frame);
        reference.for_each(|line| line.trace = Trace::Theory);
        all
    }
}

/// Validation loss by optimiser step.
pub fn training_lines(half: Half<'_>) -> Exhibit {
    let lines = Lines {
        x_label: "optimiser step".into(),
        y_label: "validation MSE".into(),
        series: half.series(&Metric::LOSS, |r| Some(r.step? as i64)),
        scale: Scale::Logarithmic,
        ..Lines::default()
    };
    let caption = "Validation loss by optimiser step; line: mean over seeds, band: lowest to highest \
                   seed.";
    half.lines("training_curves", caption, lines)
}

/// Test error by predicted frame.
pub fn horizon_lines(half: Half<'_>, name: &str, trained: usize) -> Exhibit {
    let lines = Lines {
        x_label: "predicted frame".into(),
        y_label: "test MSE".into(),
        series: half.series(&Metric::MSE_BY_HORIZON, |r| r.horizon.map(i64::from)),
        scale: Scale::Logarithmic,
        trained: Some(trained as f64),
        ..Lines::default()
    };
    let caption = "Test error by predicted frame, far beyond the trained horizon (dashed); line: \
                   mean over seeds, band: lowest to highest seed. A line ends where a seed is no \
                   longer finite.";
    half.lines(name, caption, lines)
}

/// Test error over the velocities of a torus.
pub fn velocity_maps(half: Half<'_>, trained: u32) -> Exhibit {
    let panel = |subject: &&Subject| {
        panel(half.records, half.experiment, &Metric::MSE_BY_VELOCITY, subject)
    };
    let panels = half.models().iter().map(panel).collect();
    Exhibit {
        name: format!("{}mse_by_velocity", half.prefix),
        caption: "Test MSE by velocity of the test sequences (mean over seeds), after training on \
                  the velocities inside the square; one colour scale for all panels."
            .into(),
        body: Body::HeatMaps(HeatMaps {
            panels,
            trained,
            colours: Colours::Error,
            label: "test MSE".into(),
        }),
    }
}

/// Test error by angular velocity, with the trained ones shaded up to `reach` degrees per frame.
pub fn angular_velocity_lines(half: Half<'_>, reach: f64) -> Exhibit {
    let degrees = |r: &Record| Some(i64::from(r.velocity?.degrees()?.0));
    let lines = Lines {
        x_label: "degrees per frame".into(),
        y_label: "test MSE".into(),
        series: half.series(&Metric::MSE_BY_VELOCITY, degrees),
        scale: Scale::Logarithmic,
        shade: Some((-reach, reach)),
        ..Lines::default()
    };
    let caption = "Test MSE by angular velocity of both digits, after training on the velocities of \
                   the shaded range alone; line: mean over seeds, band: lowest to highest seed.";
    half.lines("mse_by_velocity", caption, lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::Evidence;
    use crate::flow::PixelsPerFrame;

    #[test]
    fn a_map_has_the_mean_over_seeds_at_its_own_velocity() {
        let row = |seed, (x, y), value| Record {
            experiment: "a".into(),
            subject: Subject::g_rnn(),
            seed: Some(seed),
            metric: Metric::MSE_BY_VELOCITY,
            velocity: Some(PixelsPerFrame::new(x, y).into()),
            value: Some(value),
            ..Record::default()
        };
        let records = vec![row(0, (1, -2), 1.0), row(1, (1, -2), 4.0), row(0, (0, 1), 8.0)];
        let evidence = Evidence { records, pictures: vec![] };
        let half = Half { records: Records(&evidence), experiment: "a", prefix: "", choice: "" };
        let Body::HeatMaps(maps) = velocity_maps(half, 1).body else { panic!("no maps") };
        let [panel] = maps.panels.as_slice() else { panic!("one model") };
        assert_eq!((panel.name.as_str(), maps.trained), ("G-RNN", 1));
        assert_eq!(panel.cells, [(0, 1, 8.0), (1, -2, 2.5)]);
    }
}
