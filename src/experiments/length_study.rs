//! What decides length generalization: steps, width, activation, feedback.

use super::exhibit::{Body, Exhibit, Lines};
use super::experiment::{Experiment, Request, Unit};
use super::forecasting::{
    Evaluation, Half, Model, Settings, TranslationWorld, World, horizon_lines, horizon_table, units,
};
use super::profile::Profile;
use super::query::Records;
use super::translation::trained_horizon;
use crate::error::Result;
use crate::models::Feedback;
use crate::ops::Activation;

/// The experiment.
pub struct LengthStudy;

/// The name in records.
const NAME: &str = "length-study";

/// Changes settings.
type Departure = fn(&mut Settings<TranslationWorld>);

/// Departures from the settings, by name.
const VARIANTS: [(&str, Departure); 7] = [
    ("", |_| ()),
    ("4x-steps", |s| s.schedule.steps *= 4),
    ("2x-channels", |s| s.shape.channels *= 2),
    ("tanh", |s| s.model.cell.activation = Activation::Tanh),
    ("clamped-feedback", |s| s.model.feedback = Feedback::Clamped),
    ("no-feedback", |s| s.model.feedback = Feedback::Silent),
    ("flowed-feedback", |s| s.model.feedback = Feedback::Flowed),
];

impl Experiment for LengthStudy {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "What decides length generalization: steps, width, activation, feedback"
    }

    fn profiles(&self) -> &'static [Profile] {
        &[Profile::Desk]
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>> {
        let settings = Settings::translation_study(request.profile).asked_for(NAME, request)?;
        let model = |(name, depart): (&str, Departure)| -> Model<TranslationWorld> {
            let mut settings = settings.clone();
            depart(&mut settings);
            (TranslationWorld::subject(settings.velocity_range).with_variant(name), settings)
        };
        let seeds = if request.profile == Profile::Quick { 1 } else { 3 };
        let evaluations = &[Evaluation::Prediction, Evaluation::Horizon];
        Ok(units(NAME, request, seeds, VARIANTS.map(model).to_vec(), evaluations))
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        let half = Half { records, experiment: NAME, prefix: "", choice: "" };
        let trained = trained_horizon(records, NAME)?;
        Ok(vec![
            horizon_table(half, NAME_OF_FILES, trained),
            in_panels(horizon_lines(half, NAME_OF_FILES, trained)),
        ])
    }
}

const NAME_OF_FILES: &str = "length_study";

/// The variants of what is fed back; all others are of training and width.
fn is_of_feedback(variant: &str) -> bool {
    variant.ends_with("feedback")
}

/// Departures in training and width, and in feedback, each beside the model that they depart from.
fn in_panels(exhibit: Exhibit) -> Exhibit {
    let Body::Lines(lines) = exhibit.body else { return exhibit };
    let panel = |title: &str, keep: &dyn Fn(&str) -> bool| {
        let is_kept = |variant: &str| variant.is_empty() || keep(variant);
        let all = lines.series.iter().filter(|series| is_kept(&series.subject.variant));
        Lines { title: title.into(), series: all.cloned().collect(), ..lines.clone() }
    };
    let body = Body::Charts(vec![
        panel("training, width and activation", &|variant| !is_of_feedback(variant)),
        panel("what is fed back", &is_of_feedback),
    ]);
    Exhibit { body, ..exhibit }
}
