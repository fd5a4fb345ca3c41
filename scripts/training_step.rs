//! Times whole training steps on request, for a comparison interleaved with another framework.
//!
//! `cargo run --release --example training_step -- CHANNELS RANGE BATCH ALGORITHM THREADS [FRAME]`:
//! answers every line on standard input with the seconds of one step (forward, loss, backward, clip,
//! Adam; 28×28 pixels, 10 frames seen, 10 predicted, decoder as in the paper), and ends with the largest
//! resident memory in MB. With FRAME (lab, lab-convolve-first or co-moving) over rotations in 8
//! orientations, CHANNELS being all planes.
//!
//! `... -- classifier CHANNELS RANGE BATCH ALGORITHM THREADS FRAMES SIZE`: the same of a classifier of
//! clips, the FERNN with its encoder of C/4, C/2 and C channels and the cross-entropy of 6 classes.

use anyhow::{Context, bail};
use candle_core::{Device, Tensor};
use candle_nn::Optimizer;
use fernn::cells::{Fields, Running};
use fernn::data::{Canvas, RotatingMnist, Sequences, Sources, Split, TranslatingMnist};
use fernn::flow::{
    CarryOrder, DegreesPerFrame, FlowGroup, FlowSpace, Lift, Rotation, Translation, VelocitySet,
};
use fernn::models::{
    ClassificationLearner, ClassifierChoice, ClassifierKind, ClassifierShape, Decoder,
    ForecastLearner, ForecasterChoice, ForecasterShape,
};
use fernn::ops::{ConvAlgorithm, SteerableBasis};
use fernn::parameters::{Parameters, Tensors};
use fernn::rng::Stream;
use fernn::training::{Adam, AdamConfig, Learner, training_step};
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
    if let [first, rest @ ..] = arguments
        && first == "classifier"
    {
        return serve_classifier(rest);
    }
    let (arguments, frame) = match arguments {
        [first @ .., frame] if first.len() == 5 => (first, Some(frame.as_str())),
        all => (all, None),
    };
    let [channels, range, batch, algorithm, threads] = arguments else {
        bail!("usage: training_step CHANNELS RANGE BATCH auto|direct|winograd THREADS [FRAME]");
    };
    let frame = match frame {
        None => None,
        Some("lab") => Some((Lift::Trivial, CarryOrder::CarryFirst)),
        Some("lab-convolve-first") => Some((Lift::Trivial, CarryOrder::ConvolveFirst)),
        Some("co-moving") => Some((Lift::CoMoving, CarryOrder::default())),
        Some(other) => {
            bail!("`{other}` is no frame; choose lab, lab-convolve-first or co-moving")
        }
    };
    let algorithm = algorithm_named(algorithm)?;
    prepare(threads)?;
    let (channels, range, batch) = (channels.parse()?, range.parse()?, batch.parse()?);
    rayon::scope(|_| match frame {
        None => translation(channels, range, batch, algorithm),
        Some(frame) => rotation(channels, range, batch, (algorithm, frame)),
    })
}

fn algorithm_named(name: &str) -> anyhow::Result<ConvAlgorithm> {
    Ok(match name {
        "auto" => ConvAlgorithm::Auto,
        "direct" => ConvAlgorithm::Direct,
        "winograd" => ConvAlgorithm::Winograd,
        other => bail!("`{other}` is no algorithm; choose auto, direct or winograd"),
    })
}

fn prepare(threads: &str) -> anyhow::Result<()> {
    // SAFETY: called by `main` before rayon has begun its threads, and nothing else begins any.
    unsafe { fernn::process::prepare() };
    Ok(rayon::ThreadPoolBuilder::new().num_threads(threads.parse()?).build_global()?)
}

fn serve_classifier(arguments: &[String]) -> anyhow::Result<()> {
    let [channels, range, batch, algorithm, threads, frames, size] = arguments else {
        bail!(
            "usage: training_step classifier CHANNELS RANGE BATCH auto|direct|winograd THREADS \
             FRAMES SIZE"
        );
    };
    let algorithm = algorithm_named(algorithm)?;
    let (batch, frames, size): (usize, usize, usize) =
        (batch.parse()?, frames.parse()?, size.parse()?);
    let (channels, range) = (channels.parse()?, range.parse()?);
    prepare(threads)?;
    rayon::scope(|_| classifier((channels, range), (batch, frames, size), algorithm))
}

fn translation(
    channels: usize,
    range: u32,
    batch: u64,
    algorithm: ConvAlgorithm,
) -> anyhow::Result<()> {
    let digits = Sources::embedded().digits()?;
    let velocities = VelocitySet::square(range);
    let canvas = Canvas { size: SIZE, digit: SIZE };
    let data = TranslatingMnist::new(digits, canvas, 2 * FRAMES, velocities.as_slice(), 0)?;
    let batch = data.pair(Split::Train, 0..batch, FRAMES)?;
    let space = FlowSpace::new(Translation, velocities, Lift::CoMoving);
    forecaster((algorithm, channels), &Fields::Plain, space, batch)
}

fn rotation(
    planes: usize,
    range: u32,
    batch: u64,
    (algorithm, (lift, order)): (ConvAlgorithm, (Lift, CarryOrder)),
) -> anyhow::Result<()> {
    const ORIENTATIONS: usize = 8;
    let digits = Sources::embedded().digits()?;
    let velocities = VelocitySet::multiples(DegreesPerFrame(45), range);
    let canvas = Canvas { size: SIZE, digit: SIZE };
    let data = RotatingMnist::new(digits, canvas, 2 * FRAMES, velocities.as_slice(), 0)?;
    let batch = data.pair(Split::Train, 0..batch, FRAMES)?;
    let fields = Fields::Steerable(SteerableBasis::new(ORIENTATIONS, 3)?);
    let space = FlowSpace::new(Rotation::new(ORIENTATIONS)?.with_order(order), velocities, lift);
    forecaster((algorithm, planes / ORIENTATIONS), &fields, space, batch)
}

/// On noise: no time depends on what clips show.
fn classifier(
    (channels, range): (usize, u32),
    (batch, frames, size): (usize, usize, usize),
    algorithm: ConvAlgorithm,
) -> anyhow::Result<()> {
    const CLASSES: usize = 6;
    let mut noise = Stream::new(0, "training_step/clips", 0);
    let numbers = (0..batch * frames * size * size).map(|_| noise.uniform() as f32).collect();
    let clips = Tensor::from_vec(numbers, (batch, frames, 1, size, size), &Device::Cpu)?;
    let labels: Vec<u32> = (0..batch).map(|clip| (clip % CLASSES) as u32).collect();
    let batch = (clips, Tensor::from_vec(labels, batch, &Device::Cpu)?);
    let velocities = VelocitySet::square(range);
    let choice = ClassifierChoice { algorithm, ..ClassifierChoice::default() };
    let shape = ClassifierShape::of(ClassifierKind::Flow, channels, CLASSES);
    let source = Path::new("training_step");
    let build = |tensors: &Tensors| choice.classifier(tensors, &velocities, source);
    let initial = choice.parameters(&shape, &velocities);
    answer(&ClassificationLearner { initial, classes: CLASSES, build: &build }, &batch)
}

/// The simple cell with hidden maps of some fields.
fn forecaster<G: FlowGroup + 'static>(
    (algorithm, channels): (ConvAlgorithm, usize),
    fields: &Fields,
    space: FlowSpace<G>,
    batch: (Tensor, Tensor),
) -> anyhow::Result<()> {
    let running = Running { algorithm, ..Running::default() };
    let choice = ForecasterChoice { running, ..ForecasterChoice::default() };
    let (inputs, outputs, decoder_layers, decoder) = (1, 1, 4, Decoder::Plain);
    let shape = ForecasterShape { inputs, channels, outputs, decoder_layers, decoder };
    let source = Path::new("training_step");
    let build =
        |tensors: &Tensors| choice.forecaster((&shape, fields), tensors, space.clone(), source);
    let initial = choice.parameters(&shape, fields, space.velocities());
    answer(&ForecastLearner { initial, build: &build }, &batch)
}

/// A training step for every line.
fn answer<L: Learner>(learner: &L, batch: &L::Batch) -> anyhow::Result<()> {
    let parameters = Parameters::draw(&learner.initial()?, 0, &Device::Cpu)?;
    let mut adam = Adam::new(parameters.variables(), AdamConfig::default())?;
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line)? > 0 {
        let start = Instant::now();
        training_step(learner, &parameters, &mut adam, batch, Some(1.0))?;
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
