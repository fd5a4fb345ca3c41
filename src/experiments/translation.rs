//! Half of Table 1: digits that move on a torus. Next-step prediction, training speed, length
//! generalization.

use super::claim::Claim;
use super::exhibit::Exhibit;
use super::experiment::{Experiment, Request, Unit};
use super::forecasting::{
    Comparison, Evaluation, Half, Settings, TranslationWorld, World, film, hidden_states,
    horizon_lines, horizon_table, next_step_table, repeating_table, training_lines,
    training_speed_table, units,
};
use super::paper;
use super::profile::Profile;
use super::query::Records;
use crate::error::Result;

/// The experiment.
pub struct TranslatingDigits;

/// The name in records.
const NAME: &str = "translation";

/// Validation errors of the table of training speed.
const LEVELS: [f64; 5] = [0.12, 0.1, 0.06, 0.04, 0.02];

/// The models with velocities V_0, V_1 and V_2.
pub(super) fn table_1(
    settings: &Settings<TranslationWorld>,
) -> Vec<super::forecasting::Model<TranslationWorld>> {
    let model = |range| (TranslationWorld::subject(range), settings.clone().with_velocities(range));
    [0, 1, 2].map(model).to_vec()
}

/// What the models of Table 1 are compared by.
pub(super) fn comparison<'a>(records: Records<'a>, experiment: &'static str) -> Comparison<'a> {
    let (half, full) = (TranslationWorld::subject(1), TranslationWorld::subject(2));
    Comparison { records, experiment, half, full, kind: "", published: &paper::TRANSLATION }
}

/// The trained horizon of the records, that of their profile where no row has settings.
pub(super) fn trained_horizon(records: Records<'_>, experiment: &str) -> Result<usize> {
    let settings = records.settings::<Settings<TranslationWorld>>(experiment)?;
    let settings =
        settings.unwrap_or_else(|| Settings::translation(records.profile_or_paper(experiment)));
    Ok(settings.predicted)
}

impl Experiment for TranslatingDigits {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Next-step prediction, training speed and length generalization (Table 1)"
    }

    fn profiles(&self) -> &'static [Profile] {
        &Profile::ALL
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>> {
        let settings = Settings::translation(request.profile).asked_for(NAME, request)?;
        let seeds = if request.profile == Profile::Paper { 5 } else { 3 };
        Ok(units(NAME, request, seeds, table_1(&settings), Evaluation::TABLE_1))
    }

    fn claims(&self, records: Records<'_>) -> Result<Vec<Claim>> {
        let (comparison, trained) = (comparison(records, NAME), trained_horizon(records, NAME)?);
        Ok(comparison.half_of_table_1(4.0, trained))
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        let half = Half { records, experiment: NAME, prefix: "", choice: "" };
        let trained = trained_horizon(records, NAME)?;
        let mut exhibits = vec![
            next_step_table(half, &paper::TRANSLATION),
            repeating_table(half),
            training_speed_table(half, &LEVELS),
            horizon_table(half, "length_generalization", trained),
            training_lines(half),
            horizon_lines(half, "mse_by_horizon", trained),
        ];
        exhibits.extend(film(records, NAME, "film"));
        let motion = "move by (1, 1) pixels per frame";
        exhibits.extend(hidden_states(records, NAME, ("hidden_states", motion))?);
        Ok(exhibits)
    }

    fn remarks(&self, records: Records<'_>) -> Result<Vec<String>> {
        let settings = records.settings::<Settings<TranslationWorld>>(NAME)?;
        Ok(settings.and_then(|settings| settings.remark_on_repeating()).into_iter().collect())
    }
}
