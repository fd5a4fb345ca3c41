//! `fernn data`: fetches, checks and shows data.

mod check;
mod check_kth;
mod check_mnist;
mod fetch;
mod set;

use super::finding::Finding;
use super::flags::DataFlags;
use super::predict::Task;
use clap::{Args, Subcommand};
use fernn::atomic_file::write_atomically;
use fernn::data::{Canvas, RotatingMnist, Sequences, Split, TranslatingMnist};
use fernn::experiments::exhibit::{Film, FilmRow};
use fernn::flow::{DegreesPerFrame, VelocitySet};
use fernn::report::{Drawing, animated_gif, film_strip};
use std::path::PathBuf;

/// Fetches, checks and shows data.
#[derive(Subcommand)]
pub enum Command {
    Fetch(fetch::FetchArguments),
    Check(check::CheckArguments),
    Preview(PreviewArguments),
}

/// Writes a picture and an animated GIF of some sequences.
#[derive(Args)]
pub struct PreviewArguments {
    /// How digits move
    #[arg(long, value_enum, default_value_t = Task::Translation)]
    task: Task,
    /// Output folder
    #[arg(long, value_name = "FOLDER", default_value = "results/local/preview")]
    out: PathBuf,
    /// Number of sequences
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=64))]
    sequences: u64,
    /// Frames per sequence
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=200))]
    frames: u64,
    /// Height and width of a frame in pixels
    #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(u64).range(1..=256))]
    canvas: u64,
    /// Height and width of a digit in pixels, a divisor of 28
    #[arg(long, default_value_t = 28)]
    digit: usize,
    /// Digits draw their velocities from {-N..N}², or from N multiples of a step either way
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=64))]
    velocity_range: u32,
    /// Rotation: the step between velocities in degrees per frame [default: 10]
    #[arg(long, value_name = "DEGREES", value_parser = clap::value_parser!(i32).range(1..=180))]
    step_deg: Option<i32>,
    /// Seed of the sequences
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    data: DataFlags,
}

pub fn run(command: &Command) -> anyhow::Result<Finding> {
    match command {
        Command::Fetch(arguments) => fetch::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Preview(arguments) => run_preview(arguments),
    }
}

fn run_preview(arguments: &PreviewArguments) -> anyhow::Result<Finding> {
    let sources = arguments.data.sources();
    let canvas = Canvas { size: arguments.canvas as usize, digit: arguments.digit };
    let (frames, seed) = (arguments.frames as usize, arguments.seed);
    match (arguments.task, arguments.step_deg) {
        (Task::Translation, Some(_)) => Err(fernn::Error::configuration(
            "--step-deg",
            "means nothing for --task translation",
            "leave it out, or change --task",
        ))?,
        (Task::Translation, None) => {
            let velocities = VelocitySet::square(arguments.velocity_range);
            let (digits, velocities) = (sources.digits()?, velocities.as_slice());
            preview(&TranslatingMnist::new(digits, canvas, frames, velocities, seed)?, arguments)
        }
        (Task::Rotation, step) => {
            let step = DegreesPerFrame(step.unwrap_or(10));
            let velocities = VelocitySet::multiples(step, arguments.velocity_range);
            let (digits, velocities) = (sources.digits()?, velocities.as_slice());
            preview(&RotatingMnist::new(digits, canvas, frames, velocities, seed)?, arguments)
        }
    }
}

/// Writes the first sequences of the training split as a strip of frames and as an animation.
fn preview(data: &impl Sequences, arguments: &PreviewArguments) -> anyhow::Result<Finding> {
    let sequences: Vec<Vec<f32>> =
        (0..arguments.sequences).map(|i| data.sample(Split::Train, i)).collect();
    let extents = data.extents();
    let picture = strip(&sequences, data.frames(), extents)?;
    let grid = (sequences.len().div_ceil(3), sequences.len().min(3));
    let gif = animated_gif(&sequences, extents, grid, (112 / extents.0.max(extents.1)).max(1))?;
    for (name, bytes) in [
        ("preview.svg", picture.svg().into()),
        ("preview.png", picture.png()?),
        ("preview.gif", gif),
    ] {
        let path = arguments.out.join(name);
        write_atomically(&path, &bytes)?;
        outln!("{}", path.display())?;
    }
    Ok(Finding::Fine)
}

/// Up to eight frames of each sequence, evenly spaced.
fn strip(
    sequences: &[Vec<f32>],
    frames: usize,
    (height, width): (usize, usize),
) -> fernn::Result<Drawing> {
    let shown: Vec<usize> = (0..frames).step_by(frames.div_ceil(8)).collect();
    let columns: Vec<String> = shown.iter().map(|t| format!("t = {t}")).collect();
    let frame = |sequence: &[f32], t: usize| -> Vec<Vec<f64>> {
        let pixels = &sequence[t * height * width..][..height * width];
        pixels.chunks(width).map(|row| row.iter().map(|&v| f64::from(v)).collect()).collect()
    };
    let row = |(i, sequence): (usize, &Vec<f32>)| FilmRow {
        name: format!("sequence {i}"),
        frames: shown.iter().map(|t| Some(frame(sequence, *t))).collect(),
        is_error: false,
    };
    let rows = sequences.iter().enumerate().map(row).collect();
    film_strip(&Film { columns, rows, in_motion: false })
}
