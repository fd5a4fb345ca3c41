//! Table 2: actions in clips of a moving camera.

use super::claim::Claim;
use super::classification::{
    Contest, Evaluation, Settings, Shown, accuracy_maps, accuracy_table, confusions, padding_table,
    redrawing_table, training_lines, units,
};
use super::exhibit::Exhibit;
use super::experiment::{Experiment, Request, Unit};
use super::metric::Metric;
use super::profile::Profile;
use super::query::Records;
use crate::error::Result;

/// The experiment.
pub struct MovingActions;

/// The name in records.
const NAME: &str = "kth";

/// What is measured on every model.
const EVALUATIONS: &[Evaluation] = &[
    Evaluation::Classification,
    Evaluation::Velocities,
    Evaluation::Redrawing,
    Evaluation::Invariance,
];

/// What a reader of stand-in numbers must know.
pub(super) fn remarks(records: Records<'_>, experiment: &str) -> Vec<String> {
    let rows = records.of(experiment, &Metric::IS_KTH);
    let foreign = rows.iter().find(|row| row.value != Some(1.0));
    let text = "The clips are *drawn actions*, a procedural stand-in of the same shape (25 persons, 4 \
                scenarios, 6 actions, divided by person) that ships with the crate. They are not KTH: \
                no number here may be compared with a published one. With a folder of KTH's videos \
                (`--data-dir`) the same command uses those.";
    match foreign {
        None => vec![],
        Some(row) if row.note.starts_with("drawn actions") => vec![text.into()],
        Some(row) => vec![format!("The clips are not KTH as published: {}.", row.note)],
    }
}

/// The range of velocities of training, and the clips measured at each velocity.
fn velocities(records: Records<'_>) -> Result<(u32, u64)> {
    let settings = records.settings::<Settings>(NAME)?;
    let settings = settings.unwrap_or_else(|| Settings::of(records.profile_or_paper(NAME)));
    Ok((settings.training_range, settings.velocity_clips))
}

impl Experiment for MovingActions {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Sequence classification: actions seen by a moving camera (Table 2)"
    }

    fn profiles(&self) -> &'static [Profile] {
        &Profile::ALL
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>> {
        let settings = Settings::of(request.profile).asked_for(NAME, request)?;
        let mut models = vec![settings.video_cnn(), settings.flow(0)];
        // The others take longer than a first look may.
        let is_short = request.profile == Profile::Quick;
        if !is_short {
            models.extend([settings.learned_shift(), settings.flow(1)]);
        }
        models.push(settings.flow(2));
        if !is_short {
            models.extend([0, 2].map(|range| Settings::circular(settings.flow(range))));
        }
        let seeds = request.profile.few_seeds();
        Ok(units(NAME, request, seeds, models, EVALUATIONS))
    }

    fn claims(&self, records: Records<'_>) -> Result<Vec<Claim>> {
        let contest = Contest { records, experiment: NAME };
        Ok(vec![
            contest.flow_leads(),
            contest.between(),
            contest.known_shifts_lead(),
            contest.video_cnn_trails(),
            contest.same_parameters(),
        ])
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        let shown = Shown { records, experiment: NAME };
        Ok(vec![
            accuracy_table(shown),
            training_lines(shown),
            accuracy_maps(shown, velocities(records)?),
            confusions(shown),
            padding_table(shown),
            redrawing_table(shown),
        ])
    }

    fn remarks(&self, records: Records<'_>) -> Result<Vec<String>> {
        Ok(remarks(records, NAME))
    }
}
