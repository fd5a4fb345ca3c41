//! The laws of trained models, from their weights.

use super::arguments::Arguments;
use crate::cli::model::{
    self, ModelFlags, Names, ROTATION, TRANSLATION, Task, classifier_choice, classifier_velocities,
};
use candle_core::{DType, Device};
use fernn::Error;
use fernn::cells::CellKind;
use fernn::equivariance::{MeasuredGroup, Options, Report, check};
use fernn::flow::{FlowSpace, Translation};
use fernn::models::{AnyClassifier, ClassifierKind, expanded};
use fernn::ops::ConvAlgorithm;
use fernn::parameters::{Tensors, load_weights};
use std::path::Path;

/// Checks the model of `--weights`.
pub fn check_weights(arguments: &Arguments, source: &Path) -> fernn::Result<Report> {
    let Some(task) = arguments.task else {
        let problem = "does not say what the weights belong to";
        return Err(Error::configuration("the command", problem, "give --task as well"));
    };
    let (flags, algorithm) = (&arguments.model, arguments.algorithm.algorithm());
    let cell = cell(arguments)?;
    const FORECASTS: &[Task] = &[Task::Translation, Task::Rotation];
    let others: Vec<_> = cell.map(|_| ("--cell", FORECASTS)).into_iter().collect();
    flags.refuse_foreign(task, &others)?;
    let tensors = load_weights(source, &Device::Cpu)?;
    let weights = Weights { tensors, source, cell: cell.unwrap_or_default(), algorithm };
    match task {
        Task::Translation => {
            let space = model::over_translations(flags, weights.cell);
            let is_bound = weights.cell == CellKind::LearnedShift;
            weights.check_forecaster(flags, space, &TRANSLATION, is_bound)
        }
        Task::Rotation => {
            // Its neighbourhoods are counted in steps of the set.
            let is_bound = weights.cell == CellKind::Mixing;
            let space = model::over_rotations(flags)?;
            let tensors = expanded(weights.tensors, space.group().orientations())?;
            Weights { tensors, ..weights }.check_forecaster(flags, space, &ROTATION, is_bound)
        }
        Task::Kth => weights.check_classifier(flags),
    }
}

/// The one cell of `--cell`, by its name in weights.
fn cell(arguments: &Arguments) -> fernn::Result<Option<CellKind>> {
    match arguments.cell.as_slice() {
        [] => Ok(None),
        [name] => model::cell_kind(name).map(Some).map_err(|problem| {
            Error::configuration("--cell", problem, "name the cell of the weights")
        }),
        _ => {
            let problem = "was given more than once, and weights have one cell";
            Err(Error::configuration("--cell", problem, "give it once"))
        }
    }
}

/// Weights and how they are run.
struct Weights<'a> {
    tensors: Tensors,
    source: &'a Path,
    cell: CellKind,
    algorithm: ConvAlgorithm,
}

impl Weights<'_> {
    fn in_precision(&self, dtype: DType) -> fernn::Result<Tensors> {
        let cast = |(name, tensor): (&String, &candle_core::Tensor)| {
            Ok((name.clone(), tensor.to_dtype(dtype)?))
        };
        self.tensors.iter().map(cast).collect()
    }

    /// Channels that the kernel `name` reads; what is missing is named when the model is built.
    fn inputs(&self, name: &str) -> usize {
        self.tensors.get(name).and_then(|kernel| kernel.dims().get(1).copied()).unwrap_or(1)
    }

    /// `is_bound`: whether the weights belong to their velocities, and to no other set.
    fn check_forecaster<G: MeasuredGroup + 'static>(
        &self,
        flags: &ModelFlags,
        space: FlowSpace<G>,
        names: &Names,
        is_bound: bool,
    ) -> fernn::Result<Report> {
        let choice = model::forecaster_choice(flags, self.cell, self.algorithm)?;
        let (group, velocities) = (space.group(), space.velocities().clone());
        let options = Options::over(group.clone()).with_inputs(self.inputs(names.input));
        let options = match is_bound {
            true => options.with_these_velocities_only(velocities),
            false => options.with_velocities(velocities),
        };
        let build = |dtype, velocities| {
            let space = FlowSpace::new(group.clone(), velocities, space.lift());
            choice.from_kernels(&self.in_precision(dtype)?, space, self.source)
        };
        check(build, &options.in_unit_range())
    }

    fn check_classifier(mut self, flags: &ModelFlags) -> fernn::Result<Report> {
        let choice = classifier_choice(&flags.kth, self.algorithm);
        let velocities = classifier_velocities(&flags.kth)?;
        choice.classifier(&self.tensors, &velocities, self.source)?;
        self.tensors.retain(|name, _| !name.ends_with("shift_kernels")); // those of one set alone
        let options = Options::over(Translation);
        let options = match choice.kind {
            ClassifierKind::LearnedShift => options.with_these_velocities_only(velocities),
            _ => options.with_velocities(velocities),
        };
        let build = |dtype, velocities| {
            let tensors = self.in_precision(dtype)?;
            match choice.classifier(&tensors, &velocities, self.source)? {
                AnyClassifier::Recurrent(model) => Ok(model),
                AnyClassifier::Video(_) => {
                    let problem = "names a model of which the theory claims nothing";
                    Err(Error::configuration("--model 3dcnn", problem, "check a recurrent one"))
                }
            }
        };
        check(build, &options.in_unit_range())
    }
}
