//! Rotations in the lab frame (in either order of turning and convolving) and in the co-moving one, with
//! plain and equivariant decoders: where the action interpolates they are different networks.

use super::claim::{Claim, Quantity, Threshold};
use super::exhibit::{Body, Exhibit, Lines, Scale, Table, Trace};
use super::experiment::{Experiment, Request, Unit};
use super::forecasting::{
    Evaluation, Half, Model, RotationWorld, Settings, World, horizon_lines, units,
};
use super::metric::Metric;
use super::number::{mean_and_std, strings};
use super::profile::Profile;
use super::query::{BySeed, Records};
use super::rotation::{choice, settings};
use super::series::series;
use super::subject::Subject;
use crate::data::Split;
use crate::error::Result;
use crate::flow::{CarryOrder, Lift};
use crate::models::Decoder;
use crate::statistics::estimate;

/// The experiment.
pub struct RotationLifts;

/// The name in records.
const NAME: &str = "rotation-lifts";

const LAB: &str = "lab";
const LAB_CONVOLVED_FIRST: &str = "lab convolve-first";
const CO_MOVING: &str = "co-moving";
const LAB_GROUP: &str = "lab group-decoder";
const CO_MOVING_GROUP: &str = "co-moving group-decoder";

/// What a variant departs in.
struct Variant {
    name: &'static str,
    lift: Lift,
    order: CarryOrder,
    decoder: Decoder,
}

const VARIANTS: [Variant; 5] = [
    variant(LAB, Lift::Trivial, CarryOrder::CarryFirst, Decoder::Plain),
    variant(LAB_CONVOLVED_FIRST, Lift::Trivial, CarryOrder::ConvolveFirst, Decoder::Plain),
    variant(CO_MOVING, Lift::CoMoving, CarryOrder::CarryFirst, Decoder::Plain),
    variant(LAB_GROUP, Lift::Trivial, CarryOrder::CarryFirst, Decoder::Equivariant),
    variant(CO_MOVING_GROUP, Lift::CoMoving, CarryOrder::CarryFirst, Decoder::Equivariant),
];

const fn variant(name: &'static str, lift: Lift, order: CarryOrder, decoder: Decoder) -> Variant {
    Variant { name, lift, order, decoder }
}

impl Variant {
    fn of(&self, settings: &Settings<RotationWorld>) -> Model<RotationWorld> {
        let mut settings = settings.clone();
        (settings.world.lift, settings.world.order) = (self.lift, self.order);
        settings.shape.decoder = self.decoder;
        let subject = RotationWorld::subject(settings.velocity_range).with_variant(self.name);
        (subject, settings)
    }
}

/// The last frame with an equivariance error.
fn last_frame(records: Records<'_>) -> Option<u32> {
    records.of(NAME, &Metric::EQUIVARIANCE_TRAINED).into_iter().filter_map(|r| r.horizon).max()
}

impl Experiment for RotationLifts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "Rotations in the lab and in the co-moving frame, plain and equivariant decoders"
    }

    fn profiles(&self) -> &'static [Profile] {
        &[Profile::Desk]
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>> {
        const EVALUATIONS: &[Evaluation] =
            &[Evaluation::Prediction, Evaluation::Horizon, Evaluation::Equivariance];
        let settings = Settings::rotation(request.profile).asked_for(NAME, request)?;
        let models = VARIANTS.iter().map(|variant| variant.of(&settings)).collect();
        Ok(units(NAME, request, request.profile.few_seeds(), models, EVALUATIONS))
    }

    /// Not a claim of the paper: the comparison of the lifts where the action interpolates.
    fn claims(&self, records: Records<'_>) -> Result<Vec<Claim>> {
        let last = last_frame(records);
        let of = |variant: &str| -> BySeed {
            let subjects = records.subjects(NAME);
            let subject = subjects.into_iter().find(|subject| subject.variant == variant);
            subject.map_or(BySeed::new(), |subject| {
                let at_last = |r: &super::Record| r.horizon == last;
                records.by_seed(NAME, subject, &Metric::EQUIVARIANCE_TRAINED, at_last)
            })
        };
        Ok(vec![Claim {
            id: format!("{NAME}/drifts-less"),
            words: "Rotation: the co-moving frame drifts less than the lab frame".into(),
            published: "not published",
            quantity: "the equivariance error of the trained state after the last frame, lab over \
                       co-moving,"
                .into(),
            value: Quantity::Ratio { above: of(LAB), below: of(CO_MOVING) },
            threshold: Threshold::AtLeast(1.0),
            why: "1 is equality",
        }])
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        let settings = settings(records, NAME)?;
        let choice = &choice(&settings);
        let half = Half { records, experiment: NAME, prefix: "rotation_lifts_", choice };
        Ok(vec![
            lifts_table(records, choice),
            drift_lines(records),
            horizon_lines(half, "mse_by_horizon", settings.predicted),
        ])
    }

    fn remarks(&self, _: Records<'_>) -> Result<Vec<String>> {
        Ok(vec![
            "Both frames of reference are the same network where the grid carries the action exactly. \
             Where it interpolates they are not: the lab frame rotates the hidden state at every step, so \
             that its errors accumulate, while the co-moving one rotates each input once and what it reads \
             out once. In the lab frame the order matters too: the paper's public code turns the state and \
             then convolves it (`lab`), the equation as printed convolves and then turns \
             (`lab convolve-first`). The table and the figure of drift show what that costs in equivariance \
             and in test error, the bench of cost what it costs in time and memory. An equivariant decoder \
             has far fewer parameters than the paper's plain one; it makes predictions commute with \
             rotations as far as the grid allows, which a plain decoder cannot."
                .into(),
        ])
    }
}

/// Accuracy, and how far the state drifts.
fn lifts_table(records: Records<'_>, choice: &str) -> Exhibit {
    let last = last_frame(records);
    let row = |subject: &&Subject| {
        let at = |metric: &Metric, h: Option<u32>| -> Vec<f64> {
            let keep = |r: &super::Record| r.split == Some(Split::Test) && r.horizon == h;
            records.by_seed(NAME, subject, metric, keep).into_values().collect()
        };
        let parameters = records.by_seed(NAME, subject, &Metric::PARAMETERS, |_| true);
        let mse = at(&Metric::MSE, None);
        let [mean, std] = mean_and_std(estimate(&mse));
        let error = |metric| mean_and_std(estimate(&at(metric, last)))[0].clone();
        vec![
            subject.to_string(),
            parameters.values().next().map(|p| format!("{p:.0}")).unwrap_or_default(),
            mse.len().to_string(),
            mean,
            std,
            error(&Metric::EQUIVARIANCE_UNTRAINED),
            error(&Metric::EQUIVARIANCE_TRAINED),
        ]
    };
    let caption = "Rotations in the lab frame, whose states are resampled at every step, and in the \
                   co-moving one, where each input is resampled once and the read-out once; with the \
                   paper's plain decoder and an equivariant one. Equivariance errors of the hidden state \
                   (2-norm) after the last frame, before and after training.";
    let header =
        ["model", "parameters", "seeds", "test MSE", "std", "error untrained", "error trained"];
    let rows = records.subjects(NAME).iter().map(row).collect();
    Exhibit {
        name: "rotation_lifts".into(),
        caption: format!("{caption}{choice}"),
        body: Body::Table(Table { header: strings(&header), rows }),
    }
}

/// Equivariance errors of hidden states by frame, before and after training.
fn drift_lines(records: Records<'_>) -> Exhibit {
    let mut lines = Vec::new();
    for (metric, trace) in [
        (Metric::EQUIVARIANCE_UNTRAINED, Trace::Untrained),
        (Metric::EQUIVARIANCE_TRAINED, Trace::Line),
    ] {
        let all = series(records, NAME, &metric, |r| r.horizon.map(i64::from));
        for mut line in all {
            // What was not trained does not know its decoder.
            let is_told = trace == Trace::Untrained
                && [LAB_GROUP, CO_MOVING_GROUP].contains(&line.subject.variant.as_str());
            // The first frame has moved nothing yet.
            line.points.retain(|point| point.mean > 0.0);
            if !is_told && !line.points.is_empty() {
                line.trace = trace;
                lines.push(line);
            }
        }
    }
    Exhibit {
        name: "rotation_drift".into(),
        caption: "Flow equivariance error of the hidden state by frame, when test sequences flow by one \
                  step of angular velocity: the lab frame resamples the state at every step, the \
                  co-moving one each input once; broken lines before training, whole ones after it. \
                  Line: mean over seeds, band: lowest to highest seed."
            .into(),
        body: Body::Lines(Lines {
            x_label: "frame".into(),
            y_label: "equivariance error (2-norm)".into(),
            series: lines,
            scale: Scale::Logarithmic,
            ..Lines::default()
        }),
    }
}
