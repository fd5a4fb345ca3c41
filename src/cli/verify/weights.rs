//! The laws of trained models, from their weights.

use super::arguments::Arguments;
use crate::cli::model::{self, ModelFlags, Task, classifier_choice, classifier_velocities};
use candle_core::Device;
use fernn::Error;
use fernn::cells::CellKind;
use fernn::equivariance::{MeasuredGroup, Report};
use fernn::flow::FlowSpace;
use fernn::models::{FORECAST, KernelNames, check_classifier, check_forecaster, expanded};
use fernn::ops::ConvAlgorithm;
use fernn::parameters::{Tensors, in_precision};
use std::path::Path;

/// Checks the model of `--weights`.
pub fn check_weights(arguments: &Arguments, source: &Path) -> fernn::Result<Report> {
    let Some(task) = arguments.task else {
        let problem = "does not say what the weights belong to";
        return Err(Error::configuration("the command", problem, "give --task as well"));
    };
    let (flags, algorithm) = (&arguments.model, arguments.algorithm.algorithm());
    let cell = cell(arguments)?;
    let others: Vec<_> = cell.map(|_| ("--cell", Task::FORECASTS)).into_iter().collect();
    flags.refuse_foreign(task, &others)?;
    let tensors = model::weights(source, &Device::Cpu)?;
    let weights = Weights { tensors, source, cell: cell.unwrap_or_default(), algorithm };
    match task {
        Task::Translation => {
            let space = model::over_translations(flags, weights.cell);
            weights.check_forecaster(flags, space, &KernelNames::TRAINED)
        }
        Task::Rotation => {
            let space = model::over_rotations(flags)?;
            let tensors = expanded(weights.tensors, space.group().orientations())?;
            Weights { tensors, ..weights }.check_forecaster(flags, space, &KernelNames::EXPANDED)
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
    /// Channels that the kernel `name` reads; what is missing is named when the model is built.
    fn inputs(&self, name: &str) -> usize {
        self.tensors.get(name).and_then(|kernel| kernel.dims().get(1).copied()).unwrap_or(1)
    }

    fn check_forecaster<G: MeasuredGroup + 'static>(
        &self,
        flags: &ModelFlags,
        space: FlowSpace<G>,
        names: &KernelNames,
    ) -> fernn::Result<Report> {
        let choice = model::forecaster_choice(flags, self.cell, self.algorithm)?;
        let build = |dtype, space| {
            choice.from_kernels(&in_precision(&self.tensors, dtype)?, space, self.source)
        };
        let report = check_forecaster(build, &space, choice.cell, self.inputs(names.input))?;
        if !report.lines.iter().any(|line| line.stage == FORECAST) {
            let group = space.group().name();
            errln!(
                "The decoder is not checked: {group} has no flow that the grid carries exactly."
            );
        }
        Ok(report)
    }

    fn check_classifier(mut self, flags: &ModelFlags) -> fernn::Result<Report> {
        let choice = classifier_choice(&flags.kth, self.algorithm);
        let velocities = classifier_velocities(&flags.kth)?;
        choice.classifier(&self.tensors, &velocities, self.source)?;
        self.tensors.retain(|name, _| !name.ends_with("shift_kernels")); // those of one set alone
        let build = |dtype, velocities| {
            choice.classifier(&in_precision(&self.tensors, dtype)?, &velocities, self.source)
        };
        check_classifier(build, choice.kind, velocities)
    }
}
