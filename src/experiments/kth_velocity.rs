//! Velocity generalization of classifiers: trained on V_0 and on V_1, tested on V_0, V_1 and V_2.

use super::claim::Claim;
use super::classification::{
    Contest, Evaluation, Settings, Shown, accuracy_by_range, range_table, units,
};
use super::exhibit::Exhibit;
use super::experiment::{Experiment, Request, Unit};
use super::kth::remarks;
use super::profile::Profile;
use super::query::Records;
use crate::error::Result;

/// The experiment.
pub struct UnseenCameraVelocities;

/// The name in records.
const NAME: &str = "kth-velocity";

impl Experiment for UnseenCameraVelocities {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Velocity generalization of classification: trained on V0 and V1, tested on V0, V1 and V2"
    }

    fn profiles(&self) -> &'static [Profile] {
        &Profile::ALL
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>> {
        let settings = Settings::of(request.profile).asked_for(NAME, request)?;
        let (trained, models): (&[u32], &[u32]) = match request.profile {
            Profile::Quick => (&[0], &[0, 2]),
            Profile::Desk | Profile::Paper => (&[0, 1], &[0, 1, 2]),
        };
        let of_range = |&range: &u32| {
            let model = |&velocities: &u32| Settings::trained_on(settings.flow(velocities), range);
            models.iter().map(model).collect::<Vec<_>>()
        };
        let models = trained.iter().flat_map(of_range).collect();
        let seeds = request.profile.few_seeds();
        Ok(units(NAME, request, seeds, models, &[Evaluation::Ranges]))
    }

    fn claims(&self, records: Records<'_>) -> Result<Vec<Claim>> {
        Ok(vec![
            Contest { records, experiment: NAME }.keeps_accuracy(&Settings::variant_trained_on(0)),
        ])
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        let shown = Shown { records, experiment: NAME };
        Ok(vec![range_table(shown), accuracy_by_range(shown)])
    }

    fn remarks(&self, records: Records<'_>) -> Result<Vec<String>> {
        Ok(remarks(records, NAME))
    }
}
