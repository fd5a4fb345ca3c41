//! Times whole training steps on request, for a comparison interleaved with another framework.
//!
//! `cargo run --release --example training_step -- CHANNELS RANGE BATCH ALGORITHM THREADS`: answers
//! every line on standard input with the seconds of one step (forward, loss, backward, clip, Adam;
//! 28×28 pixels, 10 frames seen, 10 predicted, decoder as in the paper), and ends with the largest
//! resident memory in MB.

use anyhow::{Context, bail};
use candle_core::Device;
use candle_nn::Optimizer;
use fernn::data::{Canvas, Digits, FlowingMnist, Sequences, Split};
use fernn::flow::VelocitySet;
use fernn::models::{ForecasterShape, Parameters, TranslationForecaster, parameter_shapes};
use fernn::ops::ConvAlgorithm;
use fernn::training::{Adam, AdamConfig, training_step};
use std::path::Path;
use std::time::Instant;

/// Frames seen, and predicted.
const FRAMES: usize = 10;
/// Pixels along the side of a frame.
const SIZE: usize = 28;

fn main() -> anyhow::Result<()> {
    serve(&std::env::args().skip(1).collect::<Vec<_>>())
}

/// Answers standard input until it ends.
pub fn serve(arguments: &[String]) -> anyhow::Result<()> {
    let [channels, range, batch, algorithm, threads] = arguments else {
        bail!("usage: training_step CHANNELS RANGE BATCH auto|direct|winograd THREADS");
    };
    let algorithm = match algorithm.as_str() {
        "auto" => ConvAlgorithm::Auto,
        "direct" => ConvAlgorithm::Direct,
        "winograd" => ConvAlgorithm::Winograd,
        other => bail!("`{other}` is no algorithm; choose auto, direct or winograd"),
    };
    fernn::process::prepare();
    rayon::ThreadPoolBuilder::new().num_threads(threads.parse()?).build_global()?;
    rayon::scope(|_| answer(channels.parse()?, range.parse()?, batch.parse()?, algorithm))
}

fn answer(channels: usize, range: u32, batch: u64, algorithm: ConvAlgorithm) -> anyhow::Result<()> {
    let digits = Digits::embedded()?;
    let velocities = VelocitySet::square(range);
    let canvas = Canvas { size: SIZE, digit: SIZE };
    let data = FlowingMnist::new(&digits, canvas, 2 * FRAMES, velocities.as_slice(), 0)?;
    let (seen, target) = data.pair(Split::Train, 0..batch, FRAMES)?;
    let shape = ForecasterShape { inputs: 1, channels, outputs: 1, decoder_layers: 4 };
    let parameters = Parameters::convolutions(&parameter_shapes(&shape), 0, &Device::Cpu)?;
    let source = Path::new("training_step");
    let model = TranslationForecaster::from_tensors(&parameters.tensors(), velocities, source)?
        .with_algorithm(algorithm);
    let mut adam = Adam::new(parameters.variables(), AdamConfig::default())?;
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line)? > 0 {
        let start = Instant::now();
        training_step(&model, &parameters, &mut adam, (&seen, &target), Some(1.0))?;
        println!("{}", start.elapsed().as_secs_f64());
    }
    println!("{}", peak_memory_mb()?);
    Ok(())
}

/// Floating-point operations of a training step's square convolutions, computed directly: one a
/// state and four a predicted frame, forward and twice backward.
pub fn flops(channels: usize, velocities: usize, batch: u64) -> f64 {
    // The second state shares one convolution among all velocities, the first needs none.
    let convolutions = (FRAMES * 2 - 2) * velocities + 1 + 4 * FRAMES;
    let each = 2.0 * (SIZE * SIZE * 9 * channels * channels) as f64;
    3.0 * batch as f64 * convolutions as f64 * each
}

/// The largest resident memory of this process so far, as Linux counts it.
fn peak_memory_mb() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("needs Linux")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.context("no VmHWM")?.trim().trim_end_matches(" kB");
    Ok(kilobytes.parse::<f64>()? / 1024.0)
}
