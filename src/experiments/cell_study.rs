//! Every cell of the list on translating digits, at equal width: what else than the simple cell learns to
//! flow, and at how many parameters.

use super::exhibit::{Body, Exhibit, Table};
use super::experiment::{Experiment, Request, Unit};
use super::forecasting::{
    Evaluation, Half, Model, Settings, TranslationWorld, World, horizon_lines, training_lines,
    units,
};
use super::metric::Metric;
use super::number::{mean_and_std, short, strings};
use super::profile::Profile;
use super::query::Records;
use super::subject::Subject;
use super::translation::trained_horizon;
use crate::cells::{CellChoice, CellKind};
use crate::data::Split;
use crate::error::Result;
use crate::flow::Lift;
use crate::statistics::{estimate, mean};

/// The experiment.
pub struct CellStudy;

/// The name in records.
const NAME: &str = "cells";

/// The cells by their names here: with velocities V_1 of the data, and without any the G-RNN that the
/// others are compared with.
fn models(settings: &Settings<TranslationWorld>) -> Vec<Model<TranslationWorld>> {
    let range = settings.training_range;
    let of = |subject: Subject, kind: CellKind| {
        let mut settings = settings.clone().with_velocities(range);
        settings.model.cell = CellChoice::of(kind);
        if kind == CellKind::LearnedShift {
            // Its shifts are learned in the lab frame, as far as the fastest velocity moves.
            settings.model.cell.reach = range;
            settings.world.lift = Lift::Trivial;
        }
        (subject, settings)
    };
    let fernn = TranslationWorld::subject(range);
    vec![
        (Subject::g_rnn(), settings.clone().with_velocities(0)),
        of(fernn.clone(), CellKind::Simple),
        of(fernn.clone().with_variant("gru"), CellKind::Gru),
        of(fernn.clone().with_variant("lstm"), CellKind::Lstm),
        of(fernn.with_variant("mixing"), CellKind::Mixing),
        of(Subject::new("G-RNN+"), CellKind::LearnedShift),
    ]
}

impl Experiment for CellStudy {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Simple cell, GRU, LSTM, mixing velocities and G-RNN+ on translating digits, equally wide"
    }

    fn profiles(&self) -> &'static [Profile] {
        &[Profile::Desk]
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>> {
        let settings = Settings::translation_study(request.profile).asked_for(NAME, request)?;
        let settings = Settings { training_range: 1, ..settings };
        let seeds = if request.profile == Profile::Quick { 2 } else { 3 };
        let evaluations = &[Evaluation::Prediction, Evaluation::Horizon];
        Ok(units(NAME, request, seeds, models(&settings), evaluations))
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        let half = Half { records, experiment: NAME, prefix: "cells_", choice: "" };
        let trained = trained_horizon(records, NAME)?;
        Ok(vec![
            cells_table(records),
            training_lines(half),
            horizon_lines(half, "mse_by_horizon", trained),
        ])
    }

    fn remarks(&self, _: Records<'_>) -> Result<Vec<String>> {
        Ok(vec![
            "Not an experiment of the paper. All models have the same number of hidden channels, the \
             same decoder, rate, steps and data (velocities V1), and V1 themselves; the G-RNN has no \
             velocities, the G-RNN+ learns a kernel in the place of each shift. Gated cells have three \
             and four times the kernels, the mixing cell one for each of nine neighbours: the table says \
             how many parameters stand behind each error. The rate was chosen for the simple cell."
                .into(),
        ])
    }
}

/// Parameters beside errors.
fn cells_table(records: Records<'_>) -> Exhibit {
    let values = |subject: &Subject, metric: &Metric| -> Vec<f64> {
        let keep = |r: &super::Record| r.split.is_none_or(|split| split == Split::Test);
        records.by_seed(NAME, subject, metric, keep).into_values().collect()
    };
    let baseline = values(&Subject::g_rnn(), &Metric::MSE);
    let row = |subject: &&Subject| {
        let (errors, parameters) =
            (values(subject, &Metric::MSE), values(subject, &Metric::PARAMETERS));
        let [mse, std] = mean_and_std(estimate(&errors));
        let factor = mean(&baseline) / mean(&errors);
        vec![
            subject.to_string(),
            parameters.first().map(|p| format!("{p:.0}")).unwrap_or_default(),
            errors.len().to_string(),
            mse,
            std,
            if factor.is_nan() { String::new() } else { short(factor) },
        ]
    };
    let header = ["model", "parameters", "seeds", "test MSE", "std", "times below G-RNN"];
    let rows = records.subjects(NAME).iter().map(row).collect();
    Exhibit {
        name: "cells".into(),
        caption:
            "Test MSE over the predicted frames (mean and standard deviation over seeds) of cells \
                  with the same number of hidden channels, beside their parameters."
                .into(),
        body: Body::Table(Table { header: strings(&header), rows }),
    }
}
