//! Tables: what each shows, and how it is written as CSV and Markdown.

use super::lines::short;
use crate::experiments::Record;
use crate::experiments::paper::table1_translation;
use crate::experiments::query::Records;
use crate::experiments::steps_to_reach;
use crate::statistics::{Estimate, estimate, mean, probability_of_improvement};

/// A table with a header.
pub(super) struct Table {
    pub name: String,
    pub caption: String,
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Comma-separated values with a header line.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in std::iter::once(&self.header).chain(&self.rows) {
            writer.write_record(row).expect("rows are as wide as the header; memory does not fail");
        }
        writer.into_inner().expect("memory does not fail")
    }

    /// A Markdown table.
    pub fn to_markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = vec!["---".to_string(); self.header.len()];
        let mut text = line(&self.header) + &line(&rule);
        self.rows.iter().for_each(|row| text += &line(row));
        text
    }
}

/// Every table that the records allow.
pub(super) fn all(records: &[Record]) -> Vec<Table> {
    let records = Records(records);
    let tables = [
        next_step(records),
        training_speed(records),
        by_horizon(records, "translation", "length_generalization"),
        by_velocity(records),
        by_horizon(records, "length-study", "length_study"),
        cost(records),
    ];
    tables.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

fn strings(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| cell.to_string()).collect()
}

fn mean_and_std(estimate: Option<Estimate>) -> [String; 2] {
    match estimate {
        None => [String::new(), String::new()],
        Some(e) => [precise(e.mean), e.std.map(precise).unwrap_or_default()],
    }
}

/// Four significant digits.
fn precise(value: f64) -> String {
    if value.is_finite() { format!("{value:.3e}") } else { value.to_string() }
}

/// Table 1: test MSE beside the published value.
fn next_step(records: Records<'_>) -> Table {
    let values = |model: &str| records.values("translation", model, "mse", |r| r.split == "test");
    let baseline = values("G-RNN");
    let row = |model: &&str| {
        let (values, published) = (values(model), table1_translation(model));
        let parameters = records.values("translation", model, "parameters", |_| true);
        let [mse, std] = mean_and_std(estimate(&values));
        let factor = if baseline.is_empty() || values.is_empty() {
            String::new()
        } else {
            short(mean(&baseline) / mean(&values))
        };
        let improves = if *model == "G-RNN" || baseline.is_empty() || values.is_empty() {
            String::new()
        } else {
            short(probability_of_improvement(&values, &baseline))
        };
        vec![
            model.to_string(),
            parameters.first().map(|p| format!("{p:.0}")).unwrap_or_default(),
            values.len().to_string(),
            mse,
            std,
            factor,
            improves,
            published.map(|p| format!("{:.1e}", p.mean)).unwrap_or_default(),
            published.map(|p| format!("{:.0e}", p.std)).unwrap_or_default(),
            published.map(|p| p.source.to_string()).unwrap_or_default(),
        ]
    };
    Table {
        name: "table1_translation".into(),
        caption: "Table 1, translation: test MSE over the predicted frames (mean and standard \
                  deviation over seeds), how many times below the G-RNN, the probability that a \
                  seed is better than one of the G-RNN, and the published values (at the paper's \
                  own size and training)."
            .into(),
        header: strings(&[
            "model",
            "parameters",
            "seeds",
            "test MSE",
            "std",
            "times below G-RNN",
            "P(better)",
            "published MSE",
            "published std",
            "source",
        ]),
        rows: records.models("translation").iter().map(row).collect(),
    }
}

/// Steps that each model needs for given validation losses.
fn training_speed(records: Records<'_>) -> Table {
    const LEVELS: [f64; 5] = [0.12, 0.1, 0.06, 0.04, 0.02];
    let models = records.models("translation");
    let row = |model: &&str| {
        let cell = |level: f64| {
            let steps: Vec<Option<u64>> = records
                .seeds("translation")
                .into_iter()
                .map(|seed| records.validation_curve("translation", model, seed))
                .map(|curve| steps_to_reach(&curve, level))
                .collect();
            let reached: Vec<f64> = steps.iter().flatten().map(|&s| s as f64).collect();
            match reached.len() {
                0 => "never".to_string(),
                n if n == steps.len() => format!("{:.0}", mean(&reached)),
                n => format!("{:.0} ({n} of {} seeds)", mean(&reached), steps.len()),
            }
        };
        std::iter::once(model.to_string()).chain(LEVELS.map(cell)).collect()
    };
    Table {
        name: "training_speed".into(),
        caption: "Optimiser steps to reach a validation MSE for the first time, mean over the \
                  seeds that reach it; evaluated at intervals."
            .into(),
        header: std::iter::once("model".to_string())
            .chain(LEVELS.map(|level| format!("MSE ≤ {level}")))
            .collect(),
        rows: models.iter().map(row).collect(),
    }
}

/// Test MSE at multiples of the trained horizon.
fn by_horizon(records: Records<'_>, experiment: &str, name: &str) -> Table {
    let trained = records.setting(experiment, "predicted").unwrap_or(10) as u32;
    let horizons: Vec<u32> = [1, 2, 4, 7].iter().map(|times| times * trained).collect();
    let at = |model: &str, h: u32| {
        records.values(experiment, model, "mse_by_horizon", |r| r.horizon == Some(h))
    };
    let row = |model: &&str| {
        let mut cells = vec![model.to_string()];
        for &h in &horizons {
            let [mean, std] = mean_and_std(estimate(&at(model, h)));
            cells.push(if std.is_empty() { mean } else { format!("{mean} ± {std}") });
        }
        let growth = mean(&at(model, horizons[3])) / mean(&at(model, horizons[0]));
        cells.push(if growth.is_nan() { String::new() } else { short(growth) });
        cells
    };
    let rows: Vec<_> = records
        .models(experiment)
        .iter()
        .filter(|model| !at(model, horizons[0]).is_empty())
        .map(row)
        .collect();
    Table {
        name: name.into(),
        caption: format!(
            "Test MSE of single predicted frames (mean ± std over seeds), up to 7 times the \
             trained horizon of {trained}, and the growth from the first to the last column."
        ),
        header: std::iter::once("model".to_string())
            .chain(horizons.iter().map(|h| format!("frame {h}")))
            .chain(["growth".to_string()])
            .collect(),
        rows,
    }
}

/// Test MSE at seen and unseen velocities.
fn by_velocity(records: Records<'_>) -> Table {
    let trained = records.setting("velocity", "training_range").unwrap_or(1) as i32;
    let inside = |v: Option<i32>| v.is_some_and(|v| v.abs() <= trained);
    let over = |model: &str, is_seen: bool| -> Vec<f64> {
        let keep = |r: &Record| (inside(r.velocity_x) && inside(r.velocity_y)) == is_seen;
        let means = records.mean_by_seed("velocity", model, "mse_by_velocity", keep);
        means.into_iter().map(|(_, value)| value).collect()
    };
    let row = |model: &&str| {
        let (seen, unseen) = (over(model, true), over(model, false));
        let mut cells = vec![model.to_string(), seen.len().to_string()];
        cells.extend(mean_and_std(estimate(&seen)));
        cells.extend(mean_and_std(estimate(&unseen)));
        let factor = mean(&unseen) / mean(&seen);
        cells.push(if factor.is_nan() { String::new() } else { short(factor) });
        cells
    };
    Table {
        name: "velocity_generalization".into(),
        caption: "Test MSE at the velocities seen in training and at the others of {−2..2}² (mean \
                  and standard deviation over seeds)."
            .into(),
        header: strings(&["model", "seeds", "seen", "std", "unseen", "std", "unseen / seen"]),
        rows: records.models("velocity").iter().map(row).collect(),
    }
}

/// Time and memory of a training step by |V| and algorithm.
fn cost(records: Records<'_>) -> Table {
    let value = |metric: &str, of: &Record| {
        let same = |r: &&&Record| r.model == of.model && r.velocities == of.velocities;
        records.of("cost", metric).iter().find(same).and_then(|r| r.value)
    };
    let one = |of: &Record| {
        records.of("cost", "seconds").into_iter().find(|r| r.model == of.model)?.value
    };
    let row = |of: &&Record| {
        let seconds = of.value.unwrap_or(f64::NAN);
        let count = of.velocities.unwrap_or(0);
        vec![
            of.model.clone(),
            count.to_string(),
            short(seconds),
            value("peak_mb", of).map_or(String::new(), |mb| format!("{mb:.0}")),
            one(of).map_or(String::new(), |one| short(seconds / one)),
            value("gigaflops", of).map_or(String::new(), |speed| format!("{speed:.0}")),
        ]
    };
    Table {
        name: "cost".into(),
        caption: "A whole training step against the number of velocities; GF/s counts the \
                  multiplications and additions of the direct convolution."
            .into(),
        header: ["algorithm", "velocities", "seconds", "peak MB", "times one velocity", "GF/s"]
            .map(String::from)
            .to_vec(),
        rows: records.of("cost", "seconds").iter().map(row).collect(),
    }
}
