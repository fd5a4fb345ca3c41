//! Forecasters: frames that follow frames.

use super::arguments::{Arguments, Frame, NonLinearity, Order, Pooling};
use super::tensors::{sequence, with_gradients, write};
use crate::cli::finding::Finding;
use candle_core::Tensor;
use fernn::Error;
use fernn::cells::{CellChoice, CellKind, FlowLayer, Running};
use fernn::flow::{
    CarryOrder, DegreesPerFrame, FlowGroup, FlowSpace, Lift, LiftedState, Rotation, Translation,
    VelocitySet,
};
use fernn::models::ForecasterChoice;
use fernn::ops::{Activation, VelocityPooling};
use fernn::parameters::{Parameters, Tensors, load_f32};
use std::path::Path;

/// Frames of digits on a torus.
pub fn over_translations(arguments: &Arguments) -> anyhow::Result<Finding> {
    let velocities = VelocitySet::square(arguments.velocity_range.unwrap_or(2));
    // Learned shifts take the place of the lab frame's; elsewhere the other frame is faster.
    let lift = match cell(arguments) {
        CellKind::LearnedShift => Lift::Trivial,
        _ => Lift::CoMoving,
    };
    let space = FlowSpace::new(Translation, velocities, lift);
    let [input, recurrent] = ["cell.conv_u.weight", "cell.conv_h.weight"];
    predict(arguments, space, &Names { input, recurrent, orientations: 1 })
}

/// Frames of digits that turn.
pub fn over_rotations(arguments: &Arguments) -> anyhow::Result<Finding> {
    let space = rotations(arguments)?;
    let orientations = space.group().orientations();
    let [input, recurrent] = ["filters.conv_u", "filters.conv_h"];
    predict(arguments, space, &Names { input, recurrent, orientations })
}

fn cell(arguments: &Arguments) -> CellKind {
    arguments.cell.unwrap_or_default()
}

fn refuse_activation_of_gates(arguments: &Arguments) -> fernn::Result<()> {
    let kind = cell(arguments);
    let is_gated = matches!(kind, CellKind::Gru | CellKind::Lstm);
    if !is_gated || arguments.activation.is_none_or(|a| a == NonLinearity::Relu) {
        return Ok(());
    }
    let problem = format!("means nothing for --cell {}, whose gates have their own", kind.name());
    Err(Error::configuration("--activation", problem, "leave it out, or change --cell"))
}

/// The space of the rotation flags.
fn rotations(arguments: &Arguments) -> fernn::Result<FlowSpace<Rotation>> {
    let group = Rotation::new(arguments.orientations.unwrap_or(0))?;
    let group = if arguments.truncate { group.truncating() } else { group };
    let group = group.with_order(match arguments.order {
        None => CarryOrder::default(),
        Some(Order::CarryFirst) => CarryOrder::CarryFirst,
        Some(Order::ConvolveFirst) => CarryOrder::ConvolveFirst,
    });
    let degrees = arguments.velocities.clone().unwrap_or_else(|| vec![0]);
    let velocities: Vec<DegreesPerFrame> = degrees.into_iter().map(DegreesPerFrame).collect();
    group.check(&velocities).map_err(|e| match e {
        Error::Configuration { problem, .. } => Error::configuration(
            "--velocities",
            problem,
            "change --orientations, or pass --truncate as the public code does",
        ),
        other => other,
    })?;
    let lift = match arguments.frame {
        None | Some(Frame::Lab) => Lift::Trivial,
        Some(Frame::CoMoving) => Lift::CoMoving,
    };
    Ok(FlowSpace::new(group, VelocitySet::truncated(velocities)?, lift))
}

/// The model of the flags, apart from its space.
fn choice(arguments: &Arguments) -> ForecasterChoice {
    let pooling = match arguments.pooling.unwrap_or(Pooling::Max) {
        Pooling::Max => VelocityPooling::Max,
        Pooling::Mean => VelocityPooling::Mean,
        Pooling::Sum => VelocityPooling::Sum,
    };
    let activation = match arguments.activation.unwrap_or(NonLinearity::Relu) {
        NonLinearity::Relu => Activation::Relu,
        NonLinearity::Tanh => Activation::Tanh,
        NonLinearity::Identity => Activation::Identity,
    };
    ForecasterChoice {
        cell: CellChoice { activation, ..CellChoice::of(cell(arguments)) },
        running: Running { pooling, algorithm: arguments.algorithm.algorithm() },
        ..ForecasterChoice::default()
    }
}

/// What the weights of a task are called.
struct Names {
    /// The kernel that reads frames.
    input: &'static str,
    /// The kernel between hidden maps, which are whole fields of so many orientations.
    recurrent: &'static str,
    orientations: usize,
}

/// Runs the model over a space.
fn predict<G: FlowGroup + 'static>(
    arguments: &Arguments,
    space: FlowSpace<G>,
    names: &Names,
) -> anyhow::Result<Finding> {
    refuse_activation_of_gates(arguments)?;
    arguments.threads.apply()?;
    let device = arguments.device.device()?;
    let (source, steps) = (&arguments.weights, arguments.steps.unwrap_or(0));
    let parameters = Parameters::from_tensors(load_f32(source, &device)?)?;
    let input = sequence(&arguments.input, ("input_seq", "target_seq"), &device)?;
    let target = arguments
        .target
        .as_deref()
        .map(|f| sequence(f, ("target_seq", "input_seq"), &device))
        .transpose()?;
    check_fields(&parameters, names, source)?;
    // History is only kept for a gradient.
    let tensors = if target.is_some() { parameters.tensors() } else { parameters.detached() };
    let model = choice(arguments).from_kernels(&tensors, space, source)?;
    check_channels(&parameters, names.input, &input, &arguments.input)?;
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

fn check_fields(parameters: &Parameters, names: &Names, path: &Path) -> fernn::Result<()> {
    let Names { recurrent, orientations, .. } = names;
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
