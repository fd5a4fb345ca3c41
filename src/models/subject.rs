//! Forecasters and classifiers as subjects of the equivariance check.

use super::choice::AnyForecaster;
use super::classifier::{AnyClassifier, Classifier, ClassifierKind, Mode, RecurrentClassifier};
use super::forecaster::{Feedback, Forecaster};
use crate::cells::{CellChoice, CellKind, FlowCell};
use crate::equivariance::{
    Claim, Line, MeasuredGroup, Options, Report, Stage, Subject, Values, Verdict, after_silence,
    check,
};
use crate::error::{Error, Result};
use crate::flow::{
    FlowGroup, FlowSpace, PixelsPerFrame, Sequence, Translation, Velocity, VelocitySet,
};
use candle_core::DType;

/// Checks a trained forecaster of frames with so many channels, which `build` makes over a space in a
/// precision; with other velocities than its own as well, unless its weights belong to them. Where the group
/// interpolates its decoder and its forecast are measured under the flows alone that the grid carries exactly, as
/// quarter turns: the layers of a decoder add the grid's error to that of what they read, and under others a breach of
/// theirs cannot be told from it. Where there are no such flows they are not measured; where the group has more than
/// 16 elements such flows are all that is measured. Layers on the way that are silent are left out.
///
/// # Errors
/// Those of `build` and of the runs.
///
/// ```
/// use candle_core::Device;
/// use fernn::cells::Fields;
/// use fernn::flow::{FlowSpace, Lift, Translation, VelocitySet};
/// use fernn::models::{Decoder, ForecasterChoice, ForecasterShape, check_forecaster};
/// use fernn::parameters::{Parameters, in_precision};
/// use std::path::Path;
///
/// # fn main() -> fernn::Result<()> {
/// let (choice, decoder) = (ForecasterChoice::default(), Decoder::Plain);
/// let shape = ForecasterShape { inputs: 1, channels: 8, outputs: 1, decoder_layers: 0, decoder };
/// let space = FlowSpace::new(Translation, VelocitySet::square(1), Lift::CoMoving);
/// let all = choice.parameters(&shape, &Fields::Plain, space.velocities());
/// let weights = Parameters::draw(&all, 0, &Device::Cpu)?.detached();
/// let build = |dtype, space| {
///     let weights = in_precision(&weights, dtype)?;
///     choice.forecaster((&shape, &Fields::Plain), &weights, space, Path::new("drawn"))
/// };
/// check_forecaster(build, &space, choice.cell, shape.inputs)?.assert_holds();
/// # Ok(())
/// # }
/// ```
pub fn check_forecaster<G: MeasuredGroup + 'static>(
    build: impl Fn(DType, FlowSpace<G>) -> Result<AnyForecaster<G>>,
    space: &FlowSpace<G>,
    cell: CellChoice,
    inputs: usize,
) -> Result<Report> {
    let (group, velocities) = (space.group(), space.velocities());
    let neighbours = |set: &[G::Velocity]| G::Velocity::neighbourhood(set, cell.reach);
    let belongs_to_them = match cell.kind {
        CellKind::LearnedShift => true,
        CellKind::Mixing => neighbours(velocities.as_slice()) != neighbours(&[G::Velocity::ZERO]),
        CellKind::Simple | CellKind::Gru | CellKind::Lstm => false,
    };
    let options = Options::over(group.clone()).with_inputs(inputs);
    let options = match group.is_exact() {
        true => options.in_unit_range(),
        false => options, // of one sign alone a rectifier may leave nothing but what nearly cancels
    };
    let options = match belongs_to_them {
        true => options.with_these_velocities_only(velocities.clone()),
        false => options.with_velocities(velocities.clone()),
    };
    let over = |velocities| FlowSpace::new(group.clone(), velocities, space.lift());
    let built = |dtype, velocities| build(dtype, over(velocities));
    if group.is_exact() {
        return check_model(built, &options);
    }
    let exact = options.clone().with_exact_flows_only().in_unit_range();
    if is_large(group)? && exact.has_flows() {
        return check_model(built, &exact);
    }
    let cell = |dtype, velocities| Ok(built(dtype, velocities)?.into_cell());
    let mut report = check(cell, &options)?;
    if exact.has_flows() {
        let of_the_cell: Vec<_> = report.lines.iter().map(|line| line.stage.clone()).collect();
        let whole = check_model(built, &exact)?.lines.into_iter();
        report.lines.extend(whole.filter(|line| !of_the_cell.contains(&line.stage)));
    }
    Ok(report)
}

/// What the stages of an encoder's layers begin with.
const ENCODER: &str = "encoder's layer";
/// What the stages between a decoder's layers begin with.
const DECODER: &str = "decoder's layer";

/// The check, without layers on the way whose rectifiers let through too little to prove anything, as some do in
/// right models: what comes out of the model is measured all the same.
fn check_model<S: Subject>(
    build: impl Fn(DType, VelocitySet<<S::Group as FlowGroup>::Velocity>) -> Result<S>,
    options: &Options<S::Group>,
) -> Result<Report>
where
    S::Group: MeasuredGroup,
{
    let mut report = check(build, options)?;
    let is_layer = |line: &Line| [ENCODER, DECODER].iter().any(|of| line.stage.starts_with(of));
    let is_vacuous = |line: &Line| matches!(line.verdict, Verdict::Vacuous(_));
    report.lines.retain(|line| !(is_layer(line) && is_vacuous(line)));
    Ok(report)
}

/// Whether a group has so many elements that frames fine enough for interpolation cost a trained model, with
/// its planes for each of them, hours: then the exact flows are all that is measured.
fn is_large<G: MeasuredGroup>(group: &G) -> Result<bool> {
    const MOST_ELEMENTS: usize = 16;
    let Some(trial) = group.exact_trials().first().copied() else { return Ok(false) };
    Ok(group.closed(trial.extents)?.len() > MOST_ELEMENTS)
}

/// The stage of what is predicted.
pub const FORECAST: &str = "forecast";

/// Checks a trained classifier, which `build` makes with velocities in a precision; as
/// [`check_forecaster`].
///
/// # Errors
/// Those of `build` and of the runs; [`Error::Configuration`] for the 3-D CNN, of which nothing is claimed.
///
/// ```
/// use candle_core::Device;
/// use fernn::flow::VelocitySet;
/// use fernn::models::{ClassifierChoice, ClassifierShape, check_classifier};
/// use fernn::ops::Padding;
/// use fernn::parameters::{Parameters, in_precision};
/// use std::path::Path;
///
/// # fn main() -> fernn::Result<()> {
/// let (paper, velocities) = (ClassifierChoice::default(), VelocitySet::square(1));
/// let all = paper.parameters(&ClassifierShape::of(paper.kind, 16, 3), &velocities);
/// let weights = Parameters::draw(&all, 0, &Device::Cpu)?.detached();
/// for (padding, begins_at) in [(Padding::Circular, None), (Padding::Zero, Some("encoder's layer 1"))] {
///     let choice = ClassifierChoice { padding, ..paper };
///     let build = |dtype, velocities| {
///         choice.classifier(&in_precision(&weights, dtype)?, &velocities, Path::new("drawn"))
///     };
///     let report = check_classifier(build, choice.kind, velocities.clone())?;
///     assert_eq!(report.begins_at(), begins_at, "{report}");
/// }
/// # Ok(())
/// # }
/// ```
pub fn check_classifier(
    build: impl Fn(DType, VelocitySet<PixelsPerFrame>) -> Result<AnyClassifier>,
    kind: ClassifierKind,
    velocities: VelocitySet<PixelsPerFrame>,
) -> Result<Report> {
    let options = Options::over(Translation).in_unit_range();
    let options = match kind {
        ClassifierKind::LearnedShift => options.with_these_velocities_only(velocities),
        _ => options.with_velocities(velocities),
    };
    let recurrent = |dtype, velocities| match build(dtype, velocities)? {
        AnyClassifier::Recurrent(model) => Ok(model),
        AnyClassifier::Video(_) => {
            let problem = "is a model of which the theory claims nothing";
            Err(Error::configuration("the 3-D CNN", problem, "check a recurrent classifier"))
        }
    };
    check_model(recurrent, &options)
}

/// Frames that a forecaster is asked for where its laws are measured.
pub(crate) const PREDICTED: usize = 3;

/// The stages of the cell over the frames seen; where they are fields, the maps between the decoder's layers for the
/// first predicted frame (what is fed back later carries a breach of the last layer to the first); then the
/// frames seen with those predicted after them. What is predicted flows with the input over a closed set if what
/// is fed back does ([`Feedback::Flowed`]).
impl<C: FlowCell> Subject for Forecaster<C> {
    type Group = C::Group;

    fn observe(&self, sequence: Sequence<'_>) -> Result<Vec<Stage>> {
        let mut stages = self.cell().observe(sequence)?;
        let claim = match self.feedback() {
            Feedback::Flowed => Claim::FlowsOfClosedSets,
            _ => Claim::StillMotions,
        };
        let seen = sequence.tensor();
        for (place, maps) in self.between_layers(seen)?.iter().enumerate() {
            let values = Values::Maps(after_silence(maps, seen.dims()[1])?);
            stages.push(Stage { name: format!("{DECODER} {}", place + 1), values, claim });
        }
        let all = Values::Frames(self.continued(seen, PREDICTED)?);
        stages.push(Stage { name: FORECAST.into(), values: all, claim });
        Ok(stages)
    }

    fn compared(
        &self,
        velocities: &VelocitySet<<C::Group as FlowGroup>::Velocity>,
        flow: <C::Group as FlowGroup>::Velocity,
        t: usize,
    ) -> Vec<(usize, usize)> {
        self.cell().compared(velocities, flow, t)
    }
}

/// The feature maps after every layer of the encoder, the hidden states of all layers, and the logits, which no
/// still transformation changes, and no flow over a closed set; in evaluation mode.
impl Subject for RecurrentClassifier {
    type Group = Translation;

    fn observe(&self, sequence: Sequence<'_>) -> Result<Vec<Stage>> {
        let clips = sequence.tensor();
        let mut encoded = Vec::new(); // (B, T, H, W, C)
        self.encode_showing(clips, &mut Mode::Evaluation, &mut |maps| encoded.push(maps.clone()))?;
        let stage = |name: String, values, claim| Stage { name, values, claim };
        let mut stages = Vec::new();
        for (place, maps) in encoded.into_iter().enumerate() {
            let maps = Values::Maps(maps.permute((0, 1, 4, 2, 3))?.contiguous()?);
            let name = format!("{ENCODER} {}", place + 1);
            stages.push(stage(name, maps, Claim::EveryFlow));
        }
        for (place, after) in self.states_of_layers(clips)?.into_iter().enumerate() {
            let values = Values::States(self.space().lift(), after);
            stages.push(stage(format!("state of layer {}", place + 1), values, Claim::EveryFlow));
        }
        let logits = Values::Invariant(self.logits(clips, &mut Mode::Evaluation)?);
        stages.push(stage("logits".into(), logits, Claim::FlowsOfClosedSets));
        Ok(stages)
    }
}
