//! Next-step prediction on video of one's own: the models of Table 1 where no paper says what to expect.

use super::claim::Claim;
use super::exhibit::Exhibit;
use super::experiment::{Experiment, Request, Unit};
use super::forecasting::{
    Evaluation, Half, Model, Settings, VideoWorld, World, error_table, film, horizon_lines,
    training_lines, units,
};
use super::profile::Profile;
use super::query::Records;
use crate::error::Result;

/// The experiment.
pub struct OwnVideo;

/// The name in records.
const NAME: &str = "video";

/// The models with velocities V_0, V_1 and V_2.
fn models(settings: &Settings<VideoWorld>) -> Vec<Model<VideoWorld>> {
    let model = |range| (VideoWorld::subject(range), settings.clone().with_velocities(range));
    [0, 1, 2].map(model).to_vec()
}

impl Experiment for OwnVideo {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Next-step prediction on video of your own (--data-dir FOLDER with video.safetensors)"
    }

    /// None, for it needs what only its user has: it runs when it is named.
    fn profiles(&self) -> &'static [Profile] {
        &[]
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>> {
        let settings = Settings::video(request.profile).asked_for(NAME, request)?;
        let seeds = request.profile.few_seeds();
        const MEASURED: &[Evaluation] =
            &[Evaluation::Prediction, Evaluation::Horizon, Evaluation::Film];
        Ok(units(NAME, request, seeds, models(&settings), MEASURED))
    }

    fn claims(&self, _: Records<'_>) -> Result<Vec<Claim>> {
        Ok(vec![])
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        let half = Half { records, experiment: NAME, prefix: "video_", choice: "" };
        let settings = records.settings::<Settings<VideoWorld>>(NAME)?;
        let trained = settings.map_or(1, |settings| settings.predicted);
        let mut exhibits = vec![
            error_table(half),
            training_lines(half),
            horizon_lines(half, "mse_by_horizon", trained),
        ];
        exhibits.extend(film(records, NAME, "video_film"));
        Ok(exhibits)
    }
}
