//! Velocity generalization of rotations: trained on the slowest, tested beyond the fastest.

use super::claim::Claim;
use super::exhibit::Exhibit;
use super::experiment::{Experiment, Request, Unit};
use super::forecasting::{
    Evaluation, Half, RotationWorld, Settings, angular_velocity_lines, units, velocity_table,
};
use super::profile::Profile;
use super::query::Records;
use super::record::Record;
use super::rotation::{choice, comparison, table_1};
use crate::error::Result;

/// The experiment.
pub struct UnseenAngularVelocities;

/// The name in records.
const NAME: &str = "rotation-velocity";

/// The fastest trained velocity, in degrees per frame.
fn reach(settings: &Settings<RotationWorld>) -> u32 {
    settings.training_range * settings.world.step_deg.unsigned_abs()
}

/// Whether a row's velocity is one of the trained ones.
fn is_inside(reach: u32) -> impl Fn(&Record) -> bool {
    move |r| {
        let velocity = r.velocity.and_then(|v| v.degrees());
        velocity.is_some_and(|v| v.0.unsigned_abs() <= reach)
    }
}

/// The settings of the records, those of their profile where no row has any.
fn own_settings(records: Records<'_>) -> Result<Settings<RotationWorld>> {
    let of_profile = || Settings::rotation(records.profile_or_paper(NAME));
    let found = records.settings::<Settings<RotationWorld>>(NAME)?;
    Ok(found.unwrap_or_else(|| Settings { training_range: 1, ..of_profile() }))
}

/// The range of all velocities of the models, which exceeds that of the training.
fn all_velocities(records: Records<'_>) -> Result<u32> {
    let mut largest = 0;
    for subject in records.subjects(NAME) {
        let settings = records.settings_of::<Settings<RotationWorld>>(NAME, subject)?;
        largest = largest.max(settings.map_or(0, |settings| settings.velocity_range));
    }
    Ok(match largest {
        0 => Settings::rotation(records.profile_or_paper(NAME)).velocity_range,
        _ => largest,
    })
}

impl Experiment for UnseenAngularVelocities {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Velocity generalization of rotations: trained on VR1, tested beyond"
    }

    fn profiles(&self) -> &'static [Profile] {
        &Profile::ALL
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>> {
        let mut settings = Settings::rotation(request.profile);
        settings.training_range = 1;
        if request.profile == Profile::Quick {
            settings.schedule.steps = 250;
        }
        let models = table_1(&settings.asked_for(NAME, request)?, request.profile);
        let evaluations = &[Evaluation::Velocities];
        Ok(units(NAME, request, request.profile.few_seeds(), models, evaluations))
    }

    fn claims(&self, records: Records<'_>) -> Result<Vec<Claim>> {
        let comparison = comparison(records, NAME, all_velocities(records)?);
        let is_inside = is_inside(reach(&own_settings(records)?));
        let over = "the unseen velocities over that on the 3 seen";
        Ok(vec![
            comparison.unseen_velocities(&is_inside, over),
            comparison.beats_at_unseen(&is_inside),
        ])
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        let settings = own_settings(records)?;
        let (reach, choice) = (reach(&settings), &choice(&settings));
        let half = Half { records, experiment: NAME, prefix: "rotation_", choice };
        Ok(vec![
            velocity_table(half, &is_inside(reach), "faster ones"),
            angular_velocity_lines(half, f64::from(reach)),
        ])
    }
}
