//! Tables: what each shows, and how it is written as CSV and Markdown.

use super::lines::short;
use crate::experiments::Record;
use crate::experiments::paper::{Published, table1_rotation, table1_translation};
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
        next_step(records, &TRANSLATION),
        training_speed(records, &TRANSLATION),
        by_horizon(records, "translation", "length_generalization"),
        by_velocity(records, &TRANSLATION),
        next_step(records, &ROTATION),
        training_speed(records, &ROTATION),
        by_horizon(records, "rotation", "rotation_length_generalization"),
        by_velocity(records, &ROTATION),
        lifts(records),
        by_horizon(records, "length-study", "length_study"),
        cost(records, "cost"),
        cost(records, "rotation-cost"),
    ];
    tables.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

/// One half of Table 1, and what belongs to it.
struct Half {
    experiment: &'static str,
    velocity_experiment: &'static str,
    published: fn(&str) -> Option<Published>,
    /// Validation errors of the table of training speed.
    levels: [f64; 5],
    /// Names of the tables: Table 1, training speed, velocities.
    names: [&'static str; 3],
    /// The velocities tested, in words.
    tested: &'static str,
}

const TRANSLATION: Half = Half {
    experiment: "translation",
    velocity_experiment: "velocity",
    published: table1_translation,
    levels: [0.12, 0.1, 0.06, 0.04, 0.02],
    names: ["table1_translation", "training_speed", "velocity_generalization"],
    tested: "the others of {−2..2}²",
};

const ROTATION: Half = Half {
    experiment: "rotation",
    velocity_experiment: "rotation-velocity",
    published: table1_rotation,
    levels: [0.055, 0.04, 0.03, 0.02, 0.01],
    names: ["table1_rotation", "rotation_training_speed", "rotation_velocity_generalization"],
    tested: "faster ones",
};

impl Half {
    /// What a rotation experiment of another size than the paper's chose; nothing for others.
    fn choice(&self, records: Records<'_>) -> String {
        let number = |key: &str| records.setting(self.experiment, &format!("space.rotation.{key}"));
        let (n, fields, step) =
            (number("shape.orientations"), number("shape.fields"), number("step_deg"));
        match (n, fields, step) {
            (Some(n), Some(c), Some(step)) if (n, c) != (36, 32) => format!(
                " Here N = {n} orientations, C = {c} fields and velocities in steps of {step}°, \
                 where the paper has N = 36, C = 32 and steps of 10°."
            ),
            _ => String::new(),
        }
    }
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
fn next_step(records: Records<'_>, half: &Half) -> Table {
    let experiment = half.experiment;
    let values = |model: &str| records.values(experiment, model, "mse", |r| r.split == "test");
    let baseline = values("G-RNN");
    let row = |model: &&str| {
        let (values, published) = (values(model), (half.published)(model));
        let parameters = records.values(experiment, model, "parameters", |_| true);
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
        name: half.names[0].into(),
        caption: format!(
            "Table 1, {experiment}: test MSE over the predicted frames (mean and standard deviation \
             over seeds), how many times below the G-RNN, the probability that a seed is better than \
             one of the G-RNN, and the published values (at the paper's own size and training).{}",
            half.choice(records)
        ),
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
        rows: records.models(experiment).iter().map(row).collect(),
    }
}

/// Steps that each model needs for given validation losses.
fn training_speed(records: Records<'_>, half: &Half) -> Table {
    let experiment = half.experiment;
    let models = records.models(experiment);
    let row = |model: &&str| {
        let cell = |level: f64| {
            let steps: Vec<Option<u64>> = records
                .seeds(experiment)
                .into_iter()
                .map(|seed| records.validation_curve(experiment, model, seed))
                .map(|curve| steps_to_reach(&curve, level))
                .collect();
            let reached: Vec<f64> = steps.iter().flatten().map(|&s| s as f64).collect();
            match reached.len() {
                0 => "never".to_string(),
                n if n == steps.len() => format!("{:.0}", mean(&reached)),
                n => format!("{:.0} ({n} of {} seeds)", mean(&reached), steps.len()),
            }
        };
        std::iter::once(model.to_string()).chain(half.levels.map(cell)).collect()
    };
    Table {
        name: half.names[1].into(),
        caption: format!(
            "Optimiser steps to reach a validation MSE for the first time, mean over the seeds that \
             reach it; evaluated at intervals.{}",
            half.choice(records)
        ),
        header: std::iter::once("model".to_string())
            .chain(half.levels.map(|level| format!("MSE ≤ {level}")))
            .collect(),
        rows: models.iter().map(row).collect(),
    }
}

/// Test MSE at multiples of the trained horizon.
fn by_horizon(records: Records<'_>, experiment: &'static str, name: &str) -> Table {
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
             trained horizon of {trained}, and the growth from the first to the last column.{}",
            Half { experiment, ..ROTATION }.choice(records)
        ),
        header: std::iter::once("model".to_string())
            .chain(horizons.iter().map(|h| format!("frame {h}")))
            .chain(["growth".to_string()])
            .collect(),
        rows,
    }
}

/// Test MSE at seen and unseen velocities.
fn by_velocity(records: Records<'_>, half: &Half) -> Table {
    let experiment = half.velocity_experiment;
    let is_inside = records.trained_velocities(experiment);
    let over = |model: &str, is_seen: bool| -> Vec<f64> {
        let keep = |r: &Record| is_inside(r) == is_seen;
        let means = records.mean_by_seed(experiment, model, "mse_by_velocity", keep);
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
        name: half.names[2].into(),
        caption: format!(
            "Test MSE at the velocities seen in training and at {} (mean and standard deviation over \
             seeds).{}",
            half.tested,
            half.choice(records)
        ),
        header: strings(&["model", "seeds", "seen", "std", "unseen", "std", "unseen / seen"]),
        rows: records.models(experiment).iter().map(row).collect(),
    }
}

/// Both lifts and both decoders over rotations: accuracy, and how far the state drifts.
fn lifts(records: Records<'_>) -> Table {
    const EXPERIMENT: &str = "rotation-lifts";
    let row = |model: &&str| {
        let at = |metric: &str, h: Option<u32>| {
            records.values(EXPERIMENT, model, metric, |r| r.split == "test" && r.horizon == h)
        };
        let last = records.of(EXPERIMENT, "equivariance_trained");
        let last = last.iter().filter_map(|r| r.horizon).max();
        let parameters = records.values(EXPERIMENT, model, "parameters", |_| true);
        let mse = at("mse", None);
        let [mean_mse, std] = mean_and_std(estimate(&mse));
        vec![
            model.to_string(),
            parameters.first().map(|p| format!("{p:.0}")).unwrap_or_default(),
            mse.len().to_string(),
            mean_mse,
            std,
            mean_and_std(estimate(&at("equivariance_untrained", last)))[0].clone(),
            mean_and_std(estimate(&at("equivariance_trained", last)))[0].clone(),
        ]
    };
    Table {
        name: "rotation_lifts".into(),
        caption: format!(
            "Rotations in the lab frame, whose states are resampled at every step, and in the \
             co-moving one, where each input is resampled once and the read-out once; with the \
             paper's plain decoder and an equivariant one. Equivariance errors of the hidden state \
             (2-norm) after the last frame, before and after training.{}",
            Half { experiment: EXPERIMENT, ..ROTATION }.choice(records)
        ),
        header: strings(&[
            "model",
            "parameters",
            "seeds",
            "test MSE",
            "std",
            "error untrained",
            "error trained",
        ]),
        rows: records.models(EXPERIMENT).iter().map(row).collect(),
    }
}

/// Time and memory of a training step by |V| and algorithm, or lift.
fn cost(records: Records<'_>, experiment: &str) -> Table {
    let value = |metric: &str, of: &Record| {
        let same = |r: &&&Record| r.model == of.model && r.velocities == of.velocities;
        records.of(experiment, metric).iter().find(same).and_then(|r| r.value)
    };
    let one = |of: &Record| {
        records.of(experiment, "seconds").into_iter().find(|r| r.model == of.model)?.value
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
        name: experiment.replace('-', "_"),
        caption: match experiment {
            "cost" => {
                "A whole training step against the number of velocities; GF/s counts the \
                       multiplications and additions of the direct convolution."
            }
            _ => {
                "A whole training step of the rotation model (8 orientations, the same number of \
                  planes) against the number of velocities, in either frame of reference."
            }
        }
        .into(),
        header: ["algorithm", "velocities", "seconds", "peak MB", "times one velocity", "GF/s"]
            .map(String::from)
            .to_vec(),
        rows: records.of(experiment, "seconds").iter().map(row).collect(),
    }
}
