//! `fernn predict`: runs a forecaster on tensors in safetensors files.

use super::finding::Finding;
use super::flags::{AlgorithmFlags, DeviceFlags, ThreadFlags};
use candle_core::{Device, Tensor};
use clap::{Args, ValueEnum};
use fernn::Error;
use fernn::atomic_file::write_atomically;
use fernn::cells::{CellChoice, CellKind, FlowLayer, Running};
use fernn::flow::{
    CarryOrder, DegreesPerFrame, FlowGroup, FlowSpace, Lift, LiftedState, Rotation, Translation,
    VelocitySet,
};
use fernn::models::ForecasterChoice;
use fernn::ops::{Activation, VelocityPooling};
use fernn::parameters::{Parameters, Tensors, load_f32};
use std::path::{Path, PathBuf};

/// Predicts frames with weights and inputs from safetensors files, for comparison with other
/// frameworks.
///
/// Translation: weights carry the names of the paper's public code: `cell.conv_u.weight` (C, C_in, k,
/// k), `cell.conv_h.weight` (C, C, k, k), `decoder_conv.{0,2,4,...}.weight`. Rotation: expanded filters
/// `filters.conv_u` (C·N, C_in, k, k) and `filters.conv_h` (C·N, C·N, k, k), plane = field · N +
/// orientation, and `weights.decoder_conv.{0,2,4,...}.weight`, all padded with zeros. Their shapes give
/// C, kernel sizes, channels and decoder depth. Cells with gates stack theirs in the rows of both kernels
/// (GRU r, z, n; LSTM i, f, g, o); a mixing cell has a kernel in front for each neighbour; learned shifts
/// are in `cell.shift.weight` (V, k, k). The output holds `outputs` (B, N, C_out, H, W). All f32.
#[derive(Args)]
#[command(
    override_usage = "fernn predict --task <TASK> --weights <FILE> --input <FILE> \\\n       \
                            --steps <N> --output <FILE> [OPTIONS]"
)]
pub struct Arguments {
    /// The kind of flow
    #[arg(long, value_enum)]
    task: Task,
    /// The weights
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// Frames seen: tensor `input_seq` (B, T, C_in, H, W)
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Frames to predict
    #[arg(long, value_name = "N")]
    steps: usize,
    /// Where `outputs` and everything else asked for is written
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Also write `hidden_encoder` (B, T, V, C, H, W) and `hidden_decoder` (B, N, V, C, H, W)
    #[arg(long)]
    hidden: bool,
    /// Translation: velocities {-N..N}² of the model; 0 is the G-RNN [default: 2]
    #[arg(long, value_name = "N")]
    velocity_range: Option<u32>,
    /// Rotation: orientations N of every hidden field
    #[arg(long, value_name = "N", required_if_eq("task", "rotation"))]
    orientations: Option<usize>,
    /// Rotation: velocities in degrees per frame, separated by commas, such as -45,0,45 [default: 0]
    #[arg(long, value_name = "DEGREES", value_delimiter = ',', allow_hyphen_values = true)]
    velocities: Option<Vec<i32>>,
    /// Rotation: take velocities between orientations too, and move orientations by the whole places
    /// in them, truncated toward zero
    #[arg(long)]
    truncate: bool,
    /// Rotation: the frame of reference of hidden states; the public code's is lab
    #[arg(long, value_enum, default_value_t = Frame::Lab)]
    frame: Frame,
    /// Rotation, lab frame: what comes first at a step, turning states or convolving them [default:
    /// carry-first, as the public code has it]
    #[arg(long, value_enum)]
    order: Option<Order>,
    /// The cell: simple, gru, lstm, mixing or learned-shift
    #[arg(long, value_name = "CELL", value_parser = cell, default_value = "simple")]
    cell: CellKind,
    /// Non-linearity of cells without gates
    #[arg(long, value_enum, default_value_t = NonLinearity::Relu)]
    activation: NonLinearity,
    /// Read-out over velocities
    #[arg(long, value_enum, default_value_t = Pooling::Max)]
    pooling: Pooling,
    /// True frames: tensor `target_seq` shaped like `outputs`; adds `loss` (mean squared error, no
    /// gradient through fed-back frames) and `grads.NAME` for every weight
    #[arg(long, value_name = "FILE")]
    target: Option<PathBuf>,
    #[command(flatten)]
    algorithm: AlgorithmFlags,
    #[command(flatten)]
    device: DeviceFlags,
    #[command(flatten)]
    threads: ThreadFlags,
}

/// The kinds of flow as values of a flag.
#[derive(Clone, Copy, ValueEnum)]
enum Task {
    /// Translations of a torus by whole pixels
    Translation,
    /// Rotations about the centre of the frame
    Rotation,
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    /// Convolves the turned state
    CarryFirst,
    /// Turns the convolved state, as the paper prints the equation
    ConvolveFirst,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Frame {
    /// Every remembered tensor is rotated at every step
    Lab,
    /// Each input is rotated back instead
    CoMoving,
}

#[derive(Clone, Copy, ValueEnum)]
enum Pooling {
    Max,
    Mean,
    Sum,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum NonLinearity {
    Relu,
    Tanh,
    Identity,
}

fn cell(name: &str) -> Result<CellKind, String> {
    CellKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let names: Vec<_> = CellKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("there is no such cell; choose from {}", names.join(", "))
    })
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    refuse_flags_of_the_other_task(arguments)?;
    match arguments.task {
        Task::Translation => {
            let velocities = VelocitySet::square(arguments.velocity_range.unwrap_or(2));
            // Learned shifts take the place of the lab frame's; elsewhere the other frame is faster.
            let lift = match arguments.cell {
                CellKind::LearnedShift => Lift::Trivial,
                _ => Lift::CoMoving,
            };
            let space = FlowSpace::new(Translation, velocities, lift);
            let [input, recurrent] = ["cell.conv_u.weight", "cell.conv_h.weight"];
            predict(arguments, space, &Names { input, recurrent, orientations: 1 })
        }
        Task::Rotation => {
            let space = rotations(arguments)?;
            let orientations = space.group().orientations();
            let [input, recurrent] = ["filters.conv_u", "filters.conv_h"];
            predict(arguments, space, &Names { input, recurrent, orientations })
        }
    }
}

fn refuse_flags_of_the_other_task(arguments: &Arguments) -> fernn::Result<()> {
    let refuse = |flag: &str, task: &str| {
        let remedy = "leave it out, or change --task";
        Err(Error::configuration(flag, format!("means nothing for --task {task}"), remedy))
    };
    match arguments.task {
        Task::Translation if arguments.orientations.is_some() => {
            refuse("--orientations", "translation")
        }
        Task::Translation if arguments.velocities.is_some() => {
            refuse("--velocities", "translation")
        }
        Task::Translation if arguments.truncate => refuse("--truncate", "translation"),
        Task::Translation if arguments.order.is_some() => refuse("--order", "translation"),
        Task::Rotation if arguments.velocity_range.is_some() => {
            refuse("--velocity-range", "rotation")
        }
        Task::Rotation if arguments.order.is_some() && arguments.frame == Frame::CoMoving => {
            let problem = "means nothing in the co-moving frame, where no state turns";
            Err(Error::configuration("--order", problem, "leave it out, or change --frame"))
        }
        _ => refuse_activation_of_gates(arguments),
    }
}

fn refuse_activation_of_gates(arguments: &Arguments) -> fernn::Result<()> {
    let is_gated = matches!(arguments.cell, CellKind::Gru | CellKind::Lstm);
    if !is_gated || arguments.activation == NonLinearity::Relu {
        return Ok(());
    }
    let problem =
        format!("means nothing for --cell {}, whose gates have their own", arguments.cell.name());
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
        Frame::Lab => Lift::Trivial,
        Frame::CoMoving => Lift::CoMoving,
    };
    Ok(FlowSpace::new(group, VelocitySet::truncated(velocities)?, lift))
}

/// The model of the flags, apart from its space.
fn choice(arguments: &Arguments) -> ForecasterChoice {
    let pooling = match arguments.pooling {
        Pooling::Max => VelocityPooling::Max,
        Pooling::Mean => VelocityPooling::Mean,
        Pooling::Sum => VelocityPooling::Sum,
    };
    let activation = match arguments.activation {
        NonLinearity::Relu => Activation::Relu,
        NonLinearity::Tanh => Activation::Tanh,
        NonLinearity::Identity => Activation::Identity,
    };
    ForecasterChoice {
        cell: CellChoice { activation, ..CellChoice::of(arguments.cell) },
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
    arguments.threads.apply()?;
    let device = arguments.device.device()?;
    let source = &arguments.weights;
    let parameters = Parameters::from_tensors(load_f32(source, &device)?)?;
    let input = sequence(&arguments.input, "input_seq", &device)?;
    let target =
        arguments.target.as_deref().map(|f| sequence(f, "target_seq", &device)).transpose()?;
    check_fields(&parameters, names, source)?;
    // History is only kept for a gradient.
    let tensors = if target.is_some() { parameters.tensors() } else { parameters.detached() };
    let model = choice(arguments).from_kernels(&tensors, space, source)?;
    check_channels(&parameters, names.input, &input, &arguments.input)?;
    let mut results = Tensors::new();
    let outputs = if arguments.hidden {
        let forecast = model.forecast_with_states(&input, arguments.steps)?;
        let mut keep = |name: &str, states: &[LiftedState]| -> fernn::Result<()> {
            results.insert(name.to_string(), stack(model.cell(), states)?);
            Ok(())
        };
        keep("hidden_encoder", &forecast.encoder_states)?;
        keep("hidden_decoder", &forecast.decoder_states)?;
        forecast.outputs
    } else {
        model.forecast(&input, arguments.steps)?
    };
    results.insert("outputs".to_string(), outputs.detach());
    if let (Some(target), Some(path)) = (target, &arguments.target) {
        results.extend(gradients(&parameters, &outputs, &target, path)?);
    }
    let bytes = safetensors::serialize(&results, None)?;
    write_atomically(&arguments.output, &bytes)?;
    outln!("{}", arguments.output.display())?;
    Ok(Finding::Fine)
}

/// The tensor `name` (five dimensions) of a file that may also hold the other sequence.
fn sequence(path: &Path, name: &str, device: &Device) -> fernn::Result<Tensor> {
    let tensors = load_f32(path, device)?;
    let mut problems: Vec<String> = tensors
        .keys()
        .filter(|key| !["input_seq", "target_seq"].contains(&key.as_str()))
        .map(|key| format!("`{key}` is unexpected"))
        .collect();
    match tensors.get(name) {
        None => problems.push(format!("`{name}` is missing")),
        Some(t) if t.rank() != 5 || t.elem_count() == 0 => problems.push(format!(
            "`{name}` has shape {:?}, expected five extents (B, T, C, H, W), none of them 0",
            t.dims()
        )),
        Some(t) if problems.is_empty() => return Ok(t.clone()),
        Some(_) => {}
    }
    Err(Error::Weights { path: path.to_path_buf(), problems })
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

/// `loss` and `grads.NAME`.
fn gradients(
    parameters: &Parameters,
    outputs: &Tensor,
    target: &Tensor,
    path: &Path,
) -> fernn::Result<Tensors> {
    if target.dims() != outputs.dims() {
        let (expected, got) = (outputs.dims(), target.dims());
        let problem = format!("`target_seq` has shape {got:?}, the outputs have {expected:?}");
        return Err(Error::Weights { path: path.to_path_buf(), problems: vec![problem] });
    }
    let loss = candle_nn::loss::mse(outputs, target)?;
    let gradients = loss.backward()?;
    let mut results = Tensors::from([("loss".to_string(), loss.detach())]);
    for (name, variable) in parameters.iter() {
        let gradient = match gradients.get(variable) {
            Some(gradient) => gradient.contiguous()?,
            None => variable.zeros_like()?,
        };
        results.insert(format!("grads.{name}"), gradient);
    }
    Ok(results)
}
