//! Forecasters: frames that follow frames.

use super::arguments::Arguments;
use super::tensors::{expect_room, sequence, with_gradients, write};
use crate::cli::finding::Finding;
use crate::cli::model;
use candle_core::Tensor;
use fernn::Error;
use fernn::cells::FlowLayer;
use fernn::flow::{FlowGroup, FlowSpace, LiftedState};
use fernn::models::{KernelNames, expanded};
use fernn::parameters::{Parameters, Tensors};
use std::path::Path;

/// Frames of digits on a torus.
pub fn over_translations(arguments: &Arguments) -> anyhow::Result<Finding> {
    let space = model::over_translations(&arguments.model, arguments.cell.unwrap_or_default());
    predict(arguments, space, &KernelNames::TRAINED, 1, |_| ())
}

/// Frames of digits that turn.
pub fn over_rotations(arguments: &Arguments) -> anyhow::Result<Finding> {
    let space = model::over_rotations(&arguments.model)?;
    let orientations = space.group().orientations();
    let velocities = space.velocities().clone();
    predict(arguments, space, &KernelNames::EXPANDED, orientations, |(height, width)| {
        if height != width && velocities.as_slice().iter().any(|v| v.0 % 180 != 0) {
            errln!(
                "warning: frames of {height}×{width} pixels are not square: what turns is interpolated, \
                 quarter turns too, and lost where it leaves the frame"
            );
        }
    })
}

/// Runs the model over a space, once `look_at` has seen the extents (H, W) of the frames.
fn predict<G: FlowGroup + 'static>(
    arguments: &Arguments,
    space: FlowSpace<G>,
    names: &KernelNames,
    orientations: usize,
    look_at: impl Fn((usize, usize)),
) -> anyhow::Result<Finding> {
    let (cell, algorithm) = (arguments.cell.unwrap_or_default(), arguments.algorithm.algorithm());
    let choice = model::forecaster_choice(&arguments.model, cell, algorithm)?;
    arguments.memory.apply(1);
    arguments.threads.apply()?;
    let device = arguments.device.device()?;
    let (source, steps) = (&arguments.weights, arguments.steps.unwrap_or(0));
    let parameters =
        Parameters::from_tensors(expanded(model::weights(source, &device)?, orientations)?)?;
    let input = sequence(&arguments.input, ("input_seq", "target_seq"), &device)?;
    let target = arguments
        .target
        .as_deref()
        .map(|f| sequence(f, ("target_seq", "input_seq"), &device))
        .transpose()?;
    check_fields(&parameters, names.recurrent, orientations, source)?;
    // History is only kept for a gradient.
    let tensors = if target.is_some() { parameters.tensors() } else { parameters.detached() };
    let model = choice.from_kernels(&tensors, space, source)?;
    check_channels(&parameters, names.input, &input, &arguments.input)?;
    let (batch, _, channels, height, width) = input.dims5()?;
    look_at((height, width));
    expect_room("--steps", [steps, batch, channels, height, width])?;
    let hidden =
        [model.cell().space().velocities().len(), model.cell().channels(), batch, height, width];
    expect_room("the velocities of the model", hidden)?;
    if arguments.hidden {
        expect_room("--hidden", hidden.into_iter().chain([steps.saturating_add(input.dims()[1])]))?;
    }
    let mut results = Tensors::new();
    let outputs = if arguments.hidden {
        let forecast = model.forecast_with_states(&input, steps)?;
        let mut keep = |name: &str, states: &[LiftedState]| -> fernn::Result<()> {
            results.insert(name.to_string(), stack(model.cell(), states)?);
            Ok(())
        };
        keep("hidden_encoder", &forecast.encoder_states)?;
        keep("hidden_decoder", &forecast.decoder_states)?;
        forecast.outputs
    } else {
        model.forecast(&input, steps)?
    };
    results.insert("outputs".to_string(), outputs.detach());
    if let (Some(target), Some(path)) = (target, &arguments.target) {
        let loss = squared_error(&outputs, &target, path)?;
        results.extend(with_gradients(&loss, &parameters)?);
    }
    write(&results, &arguments.output)
}

/// Refuses hidden maps that are no whole fields of so many orientations.
fn check_fields(
    parameters: &Parameters,
    recurrent: &str,
    orientations: usize,
    path: &Path,
) -> fernn::Result<()> {
    let dims = parameters.get(recurrent).map_or(&[][..], |kernel| kernel.dims());
    let planes = dims.len().checked_sub(4).map(|place| dims[place]);
    match planes {
        Some(planes) if planes % orientations != 0 => Err(Error::Weights {
            path: path.to_path_buf(),
            problems: vec![format!(
                "`{recurrent}` makes {planes} planes, no multiple of --orientations {orientations}"
            )],
        }),
        _ => Ok(()), // what is missing is named with everything else
    }
}

fn check_channels(
    parameters: &Parameters,
    input_kernel: &str,
    input: &Tensor,
    path: &Path,
) -> fernn::Result<()> {
    let kernel = parameters.get(input_kernel).expect("the model was built from it");
    let (expected, got) = (kernel.dims()[1], input.dims()[2]);
    if expected == got {
        return Ok(());
    }
    let problem = format!("`input_seq` has {got} channels, the weights expect {expected}");
    Err(Error::Weights { path: path.to_path_buf(), problems: vec![problem] })
}

/// States over time in the lab frame, as (B, T, V, C, H, W).
fn stack<L: FlowLayer>(cell: &L, states: &[LiftedState]) -> fernn::Result<Tensor> {
    let states: Vec<Tensor> = states
        .iter()
        .map(|state| {
            let lab = cell.space().in_lab(&state.detach())?;
            Ok(lab.permute((0, 1, 4, 2, 3))?.contiguous()?)
        })
        .collect::<fernn::Result<_>>()?;
    Ok(Tensor::stack(&states, 1)?)
}

/// The mean squared error beside the target of a file.
fn squared_error(outputs: &Tensor, target: &Tensor, path: &Path) -> fernn::Result<Tensor> {
    if target.dims() != outputs.dims() {
        let (expected, got) = (outputs.dims(), target.dims());
        let problem = format!("`target_seq` has shape {got:?}, the outputs have {expected:?}");
        return Err(Error::Weights { path: path.to_path_buf(), problems: vec![problem] });
    }
    Ok(candle_nn::loss::mse(outputs, target)?)
}
