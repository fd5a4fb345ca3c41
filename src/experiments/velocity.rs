//! Velocity generalization: trained on V_1, tested at each velocity of V_2.

use super::claim::Claim;
use super::exhibit::Exhibit;
use super::experiment::{Experiment, Request, Unit};
use super::forecasting::{
    Evaluation, Half, Settings, TranslationWorld, units, velocity_maps, velocity_table,
};
use super::profile::Profile;
use super::query::Records;
use super::record::Record;
use super::translation::{comparison, table_1};
use crate::error::Result;

/// The experiment.
pub struct UnseenVelocities;

/// The name in records.
const NAME: &str = "velocity";

/// The largest component of a trained velocity.
fn trained_range(records: Records<'_>) -> Result<u32> {
    let settings = records.settings::<Settings<TranslationWorld>>(NAME)?;
    Ok(settings.map_or(1, |settings| settings.training_range))
}

/// Whether a row's velocity is one of the trained ones.
fn is_inside(range: u32) -> impl Fn(&Record) -> bool {
    move |r| {
        let velocity = r.velocity.and_then(|v| v.pixels());
        velocity.is_some_and(|v| v.x.unsigned_abs().max(v.y.unsigned_abs()) <= range)
    }
}

impl Experiment for UnseenVelocities {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Velocity generalization: trained on V1, tested at each velocity of V2"
    }

    fn profiles(&self) -> &'static [Profile] {
        &Profile::ALL
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>> {
        let settings = Settings::translation(request.profile).asked_for(NAME, request)?;
        let settings = Settings { training_range: 1, ..settings };
        let seeds = request.profile.few_seeds();
        Ok(units(NAME, request, seeds, table_1(&settings), &[Evaluation::Velocities]))
    }

    fn claims(&self, records: Records<'_>) -> Result<Vec<Claim>> {
        let (comparison, is_inside) =
            (comparison(records, NAME), is_inside(trained_range(records)?));
        let over = "the 16 unseen velocities over that on the 9 seen";
        Ok(vec![
            comparison.unseen_velocities(&is_inside, over),
            comparison.beats_at_unseen(&is_inside),
        ])
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        let half = Half { records, experiment: NAME, prefix: "", choice: "" };
        let range = trained_range(records)?;
        Ok(vec![
            velocity_table(half, &is_inside(range), "the others of {−2..2}²"),
            velocity_maps(half, range),
        ])
    }
}
