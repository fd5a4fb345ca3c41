//! The other half of Table 1: digits that turn about the centre.

use super::claim::Claim;
use super::exhibit::Exhibit;
use super::experiment::{Experiment, Request, Unit};
use super::forecasting::{
    Comparison, Evaluation, Half, Model, RotationWorld, Settings, World, film, hidden_states,
    horizon_lines, horizon_table, next_step_table, repeating_table, training_lines,
    training_speed_table, units,
};
use super::paper;
use super::profile::Profile;
use super::query::Records;
use crate::error::Result;

/// The experiment.
pub struct RotatingDigits;

/// The name in records.
const NAME: &str = "rotation";

/// Validation errors of the table of training speed.
const LEVELS: [f64; 5] = [0.055, 0.04, 0.03, 0.02, 0.01];

/// The models with none, half and all of the velocities of Table 1.
pub(super) fn table_1(
    settings: &Settings<RotationWorld>,
    profile: Profile,
) -> Vec<Model<RotationWorld>> {
    let all = Settings::rotation(profile).training_range;
    let model = |range| (RotationWorld::subject(range), settings.clone().with_velocities(range));
    [0, all / 2, all].map(model).to_vec()
}

/// The settings of the records, those of their profile where no row has any.
pub(super) fn settings(records: Records<'_>, experiment: &str) -> Result<Settings<RotationWorld>> {
    let settings = records.settings::<Settings<RotationWorld>>(experiment)?;
    Ok(settings.unwrap_or_else(|| Settings::rotation(records.profile_or_paper(experiment))))
}

/// What the models of Table 1 are compared by; `all` is the range of all velocities.
pub(super) fn comparison<'a>(
    records: Records<'a>,
    experiment: &'static str,
    all: u32,
) -> Comparison<'a> {
    let (half, full) = (RotationWorld::subject(all / 2), RotationWorld::subject(all));
    let (kind, published) = ("Rotation: ", &paper::ROTATION);
    Comparison { records, experiment, half, full, kind, published }
}

/// How settings depart from the paper's size, as the end of a caption; nothing at the paper's.
pub(super) fn choice(settings: &Settings<RotationWorld>) -> String {
    let (n, c, step) =
        (settings.world.orientations, settings.shape.channels, settings.world.step_deg);
    match (n, c) {
        (36, 32) => String::new(),
        _ => format!(
            " Here N = {n} orientations, C = {c} fields and velocities in steps of {step}°, where the \
             paper has N = 36, C = 32 and steps of 10°."
        ),
    }
}

impl Experiment for RotatingDigits {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "The same for rotations: half of Table 1, training speed, length generalization"
    }

    fn profiles(&self) -> &'static [Profile] {
        &Profile::ALL
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>> {
        let settings = Settings::rotation(request.profile).asked_for(NAME, request)?;
        let models = table_1(&settings, request.profile);
        Ok(units(NAME, request, request.profile.few_seeds(), models, Evaluation::TABLE_1))
    }

    fn claims(&self, records: Records<'_>) -> Result<Vec<Claim>> {
        let settings = settings(records, NAME)?;
        let comparison = comparison(records, NAME, settings.training_range);
        Ok(comparison.half_of_table_1(2.0, settings.predicted))
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        let settings = settings(records, NAME)?;
        let (trained, choice) = (settings.predicted, &choice(&settings));
        let half = Half { records, experiment: NAME, prefix: "rotation_", choice };
        let mut exhibits = vec![
            next_step_table(half, &paper::ROTATION),
            repeating_table(half),
            training_speed_table(half, &LEVELS),
            horizon_table(half, "length_generalization", trained),
            training_lines(half),
            horizon_lines(half, "mse_by_horizon", trained),
        ];
        exhibits.extend(film(records, NAME, "rotation_film"));
        let motion = format!("turn by {}° per frame", settings.world.step_deg);
        exhibits.extend(hidden_states(records, NAME, ("rotation_hidden_states", &motion))?);
        Ok(exhibits)
    }

    fn remarks(&self, records: Records<'_>) -> Result<Vec<String>> {
        let settings = settings(records, NAME)?;
        let (n, c, step) =
            (settings.world.orientations, settings.shape.channels, settings.world.step_deg);
        let mut remarks: Vec<String> = settings.remark_on_repeating().into_iter().collect();
        if choice(&settings).is_empty() {
            return Ok(remarks);
        }
        remarks.push(format!(
            "The paper's 1,152 hidden planes (N = 36, C = 32) are far beyond this profile. It keeps the \
             paper's frames and digits of 28×28 pixels, and takes N = {n} orientations, C = {c} fields and \
             velocities that are multiples of {step}°, as the paper's multiples of 10° are at N = 36: each \
             step moves orientations by whole places and interpolates between pixels unless it is a quarter \
             turn. All models have the same filters, decoder, rate and data, and the same number of \
             parameters. N, step and number of frames were chosen so that no velocity returns within a \
             sequence. The quick profile's rate and number of steps were chosen by the validation loss of \
             all three models in four runs of one seed: at N = 20 after 800 steps with a rate of 2e-3 it was \
             0.069 for the G-RNN, 0.057 for FERNN-VR1 and 0.038 for FERNN-VR2, after 400 steps with 5e-3, \
             the rate taken, 0.072, 0.060 and 0.043."
        ));
        Ok(remarks)
    }
}
