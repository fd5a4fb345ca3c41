//! `fernn predict`: runs a forecaster on tensors in safetensors files.

use super::{AlgorithmFlags, DeviceFlags, Finding, ThreadFlags};
use candle_core::{Device, Tensor};
use clap::{Args, ValueEnum};
use fernn::Error;
use fernn::atomic_file::write_atomically;
use fernn::cells::{FlowLayer, TranslationRnn};
use fernn::flow::{LiftedState, VelocitySet};
use fernn::models::{Parameters, TranslationForecaster, load_f32};
use fernn::ops::VelocityPooling;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Predicts frames with weights and inputs from safetensors files, for comparison with other
/// frameworks.
///
/// Weights carry the names of the paper's public code: `cell.conv_u.weight` (C, C_in, k, k),
/// `cell.conv_h.weight` (C, C, k, k), `decoder_conv.{0,2,4,...}.weight`; their shapes give C, kernel
/// sizes, channels and decoder depth. The output holds `outputs` (B, N, C_out, H, W). All f32.
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
    /// Velocities {-N..N}² of the model; 0 is the G-RNN
    #[arg(long, value_name = "N", default_value_t = 2)]
    velocity_range: u32,
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

#[derive(Clone, Copy, ValueEnum)]
enum Task {
    /// Translations of a torus by whole pixels
    Translation,
}

#[derive(Clone, Copy, ValueEnum)]
enum Pooling {
    Max,
    Mean,
    Sum,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let Task::Translation = arguments.task;
    arguments.threads.apply()?;
    let device = arguments.device.device()?;
    let parameters = Parameters::from_tensors(load_f32(&arguments.weights, &device)?)?;
    let velocities = VelocitySet::square(arguments.velocity_range);
    let pooling = match arguments.pooling {
        Pooling::Max => VelocityPooling::Max,
        Pooling::Mean => VelocityPooling::Mean,
        Pooling::Sum => VelocityPooling::Sum,
    };
    let build = |tensors| {
        TranslationForecaster::from_tensors(&tensors, velocities.clone(), &arguments.weights)
    };
    let input = sequence(&arguments.input, "input_seq", &device)?;
    let target =
        arguments.target.as_deref().map(|f| sequence(f, "target_seq", &device)).transpose()?;
    // History is only kept for a gradient.
    let tensors = if target.is_some() { parameters.tensors() } else { parameters.detached() };
    let algorithm = arguments.algorithm.algorithm();
    let model = build(tensors)?.with_pooling(pooling).with_algorithm(algorithm);
    check_channels(&parameters, &input, &arguments.input)?;
    let mut results = BTreeMap::new();
    let outputs = if arguments.hidden {
        let forecast = model.forecast_with_states(&input, arguments.steps)?;
        results
            .insert("hidden_encoder".to_string(), stack(model.cell(), &forecast.encoder_states)?);
        results
            .insert("hidden_decoder".to_string(), stack(model.cell(), &forecast.decoder_states)?);
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

fn check_channels(parameters: &Parameters, input: &Tensor, path: &Path) -> fernn::Result<()> {
    let kernel = parameters.get("cell.conv_u.weight").expect("the model was built from it");
    let (expected, got) = (kernel.dims()[1], input.dims()[2]);
    if expected == got {
        return Ok(());
    }
    let problem = format!("`input_seq` has {got} channels, the weights expect {expected}");
    Err(Error::Weights { path: path.to_path_buf(), problems: vec![problem] })
}

/// States over time in the lab frame, as (B, T, V, C, H, W).
fn stack(cell: &TranslationRnn, states: &[LiftedState]) -> fernn::Result<Tensor> {
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
) -> fernn::Result<BTreeMap<String, Tensor>> {
    if target.dims() != outputs.dims() {
        let (expected, got) = (outputs.dims(), target.dims());
        let problem = format!("`target_seq` has shape {got:?}, the outputs have {expected:?}");
        return Err(Error::Weights { path: path.to_path_buf(), problems: vec![problem] });
    }
    let loss = candle_nn::loss::mse(outputs, target)?;
    let gradients = loss.backward()?;
    let mut results = BTreeMap::from([("loss".to_string(), loss.detach())]);
    for (name, variable) in parameters.iter() {
        let gradient = match gradients.get(variable) {
            Some(gradient) => gradient.contiguous()?,
            None => variable.zeros_like()?,
        };
        results.insert(format!("grads.{name}"), gradient);
    }
    Ok(results)
}
