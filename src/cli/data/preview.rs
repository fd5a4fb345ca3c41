//! `fernn data preview`: shows sequences as a picture and as an animation.

use crate::cli::apart::expect_ours;
use crate::cli::finding::Finding;
use crate::cli::flags::DataFlags;
use clap::{Args, ValueEnum};
use fernn::atomic_file::{read_if_there, write_atomically};
use fernn::data::{
    Action, Canvas, Ranges, RotatingMnist, Sequences, Split, TranslatingMnist, Window,
};
use fernn::experiments::exhibit::{Film, FilmRow, Tone};
use fernn::flow::{DegreesPerFrame, VelocitySet};
use fernn::report::{Drawing, Width, animated_gif, film_strip};
use fernn::rng::Stream;
use std::path::PathBuf;

/// Writes a picture and an animated GIF of some sequences.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn data preview --task rotation\n\
    \x20 fernn data preview --task kth --seed 3 --out actions")]
pub struct Arguments {
    /// What moves
    #[arg(long, value_enum, default_value_t = Task::Translation)]
    task: Task,
    /// Output folder
    #[arg(long, value_name = "FOLDER", default_value = "results/local/preview")]
    out: PathBuf,
    /// Digits: number of sequences [default: 6]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=64))]
    sequences: Option<u64>,
    /// Frames per sequence; kth: every second of the footage's 25 per second [default: 20; kth: 16]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=200))]
    frames: Option<u64>,
    /// Height and width of a frame in pixels [default: 28; kth: 32]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=256))]
    canvas: Option<u64>,
    /// Digits: height and width of one in pixels [default: 28]
    #[arg(long)]
    digit: Option<usize>,
    /// Digits draw their velocities from {-N..N}², or from N multiples of a step either way
    /// [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=64))]
    velocity_range: Option<u32>,
    /// Rotation: the step between velocities in degrees per frame [default: 10]
    #[arg(long, value_name = "DEGREES", value_parser = clap::value_parser!(i32).range(1..=180))]
    step_deg: Option<i32>,
    /// Seed of the sequences; kth: of the choice of persons and clips
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    data: DataFlags,
}

/// What moves, as values of a flag.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Task {
    /// Digits that move on a torus by whole pixels
    Translation,
    /// Digits that turn about the centre of the frame
    Rotation,
    /// Persons in KTH's six actions: the data set's where `--data-dir` has them, else drawn
    Kth,
}

impl Task {
    /// The value as it is written.
    fn name(self) -> &'static str {
        match self {
            Self::Translation => "translation",
            Self::Rotation => "rotation",
            Self::Kth => "kth",
        }
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    refuse_meaningless(arguments)?;
    let [svg, png, gif] = ["preview.svg", "preview.png", "preview.gif"];
    // Beside a drawing of ours the others are taken for ours.
    let drawing = read_if_there(&arguments.out.join(svg)).ok().flatten().unwrap_or_default();
    let is_ours = Drawing::is_svg(&String::from_utf8_lossy(&drawing));
    for name in [svg, png, gif] {
        expect_ours(&arguments.out.join(name), |_| is_ours)?;
    }
    let reel = match arguments.task {
        Task::Translation => translation(arguments)?,
        Task::Rotation => rotation(arguments)?,
        Task::Kth => actions(arguments)?,
    };
    let sequences: Vec<Vec<f32>> = reel.sequences.iter().map(|(_, s)| s.clone()).collect();
    let grid = (sequences.len().div_ceil(3), sequences.len().min(3));
    let scale = (112 / reel.extents.0.max(reel.extents.1)).max(1);
    let picture = strip(&reel);
    for (name, bytes) in [
        (svg, picture.svg()?.into_bytes()),
        (png, picture.png()?),
        (gif, animated_gif(&sequences, reel.extents, grid, scale)?),
    ] {
        let path = arguments.out.join(name);
        write_atomically(&path, &bytes)?;
        outln!("{}", path.display())?;
    }
    Ok(Finding::Fine)
}

/// Refuses flags that the task does not read.
fn refuse_meaningless(arguments: &Arguments) -> fernn::Result<()> {
    let is_kth = arguments.task == Task::Kth;
    let is_rotation = arguments.task == Task::Rotation;
    for (flag, is_given, has_meaning) in [
        ("--step-deg", arguments.step_deg.is_some(), is_rotation),
        ("--sequences", arguments.sequences.is_some(), !is_kth),
        ("--digit", arguments.digit.is_some(), !is_kth),
        ("--velocity-range", arguments.velocity_range.is_some(), !is_kth),
    ] {
        if is_given && !has_meaning {
            let problem = format!("means nothing for --task {}", arguments.task.name());
            return Err(fernn::Error::configuration(
                flag,
                problem,
                "leave it out, or change --task",
            ));
        }
    }
    Ok(())
}

/// Sequences to show, of one length.
struct Reel {
    /// Each with its name: (T, H, W) values.
    sequences: Vec<(String, Vec<f32>)>,
    frames: usize,
    /// (Height, width).
    extents: (usize, usize),
}

impl Arguments {
    /// Canvas, frames and range of velocities of digits.
    fn digits(&self) -> (Canvas, usize, u32) {
        let size = self.canvas.unwrap_or(28) as usize;
        let canvas = Canvas { size, digit: self.digit.unwrap_or(28) };
        (canvas, self.frames.unwrap_or(20) as usize, self.velocity_range.unwrap_or(2))
    }
}

fn translation(arguments: &Arguments) -> fernn::Result<Reel> {
    let (canvas, frames, range) = arguments.digits();
    let (digits, velocities) = (arguments.data.sources().digits()?, VelocitySet::square(range));
    let velocities = velocities.as_slice();
    let data = TranslatingMnist::new(digits, canvas, frames, velocities, arguments.seed)?;
    Ok(first_of_training(&data, arguments))
}

fn rotation(arguments: &Arguments) -> fernn::Result<Reel> {
    let (canvas, frames, range) = arguments.digits();
    let step = DegreesPerFrame(arguments.step_deg.unwrap_or(10));
    let digits = arguments.data.sources().digits()?;
    let velocities = VelocitySet::multiples(step, range);
    let velocities = velocities.as_slice();
    let data = RotatingMnist::new(digits, canvas, frames, velocities, arguments.seed)?;
    Ok(first_of_training(&data, arguments))
}

/// The first sequences of the training split.
fn first_of_training(data: &impl Sequences, arguments: &Arguments) -> Reel {
    let count = arguments.sequences.unwrap_or(6);
    let sequence = |i| (format!("sequence {i}"), data.sample(Split::Train, i));
    Reel {
        sequences: (0..count).map(sequence).collect(),
        frames: data.frames(),
        extents: data.extents(),
    }
}

/// Frames of the footage from one that is shown to the next.
const FRAME_STEP: usize = 2;

/// A clip of each action, from its middle; `--seed` chooses among all clips.
fn actions(arguments: &Arguments) -> fernn::Result<Reel> {
    let size = arguments.canvas.unwrap_or(32) as usize;
    let count = arguments.frames.unwrap_or(16) as usize;
    let footage = arguments.data.sources().clips((size, size), Ranges::default())?;
    let sequence = |action: Action| {
        let first_to_last = (count - 1) * FRAME_STEP;
        let is_fit = |&index: &usize| {
            let clip = footage.clips()[index];
            clip.action == action && clip.length > first_to_last
        };
        let fit: Vec<usize> = (0..footage.clips().len()).filter(is_fit).collect();
        if fit.is_empty() {
            let problem = format!("{count} is more than any clip of {} has", action.name());
            return Err(fernn::Error::configuration("--frames", problem, "show fewer"));
        }
        let mut stream = Stream::new(arguments.seed, "preview", action.label().into());
        let index = fit[stream.below(fit.len())];
        let first = (footage.clips()[index].length - 1 - first_to_last) / 2;
        let window = Window { first, count, step: FRAME_STEP };
        Ok((action.name().to_string(), footage.window(index, window)))
    };
    let sequences = Action::ALL.into_iter().map(sequence).collect::<fernn::Result<_>>()?;
    Ok(Reel { sequences, frames: count, extents: footage.extents() })
}

/// Up to eight frames of each sequence, evenly spaced.
fn strip(reel: &Reel) -> Drawing {
    let (height, width) = reel.extents;
    let shown: Vec<usize> = (0..reel.frames).step_by(reel.frames.div_ceil(8)).collect();
    let columns: Vec<String> = shown.iter().map(|t| format!("t = {t}")).collect();
    let frame = |sequence: &[f32], t: usize| -> Vec<Vec<f64>> {
        let pixels = &sequence[t * height * width..][..height * width];
        pixels.chunks(width).map(|row| row.iter().map(|&v| f64::from(v)).collect()).collect()
    };
    let row = |(name, sequence): &(String, Vec<f32>)| FilmRow {
        name: name.clone(),
        frames: shown.iter().map(|t| Some(frame(sequence, *t))).collect(),
        tone: Tone::Intensity,
    };
    let rows = reel.sequences.iter().map(row).collect();
    film_strip(&Film { columns, rows, in_motion: false }, Width::default())
}
