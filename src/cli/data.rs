//! `fernn data`: fetches, checks and shows data.

use super::finding::Finding;
use super::flags::DataFlags;
use super::predict::Task;
use clap::{Args, Subcommand};
use fernn::atomic_file::write_atomically;
use fernn::data::{
    Canvas, Digits, FILES, IdxFile, Images, Mirrors, RotatingMnist, Sequences, Split,
    TranslatingMnist, fetch, parse_images, parse_labels, read_maybe_gzipped,
};
use fernn::digest::sha256_hex;
use fernn::experiments::exhibit::{Film, FilmRow};
use fernn::flow::{DegreesPerFrame, VelocitySet};
use fernn::report::{Drawing, animated_gif, film_strip};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Fetches, checks and shows data.
#[derive(Subcommand)]
pub enum Command {
    Fetch(FetchArguments),
    Check(DataFlags),
    Preview(PreviewArguments),
}

/// Downloads MNIST's four files; an interrupted download is continued, and a file appears under its
/// own name only after its digest was verified.
#[derive(Args)]
pub struct FetchArguments {
    /// Folder to download to
    #[arg(long, value_name = "FOLDER", default_value = "data/mnist")]
    data_dir: PathBuf,
    /// Address of a folder with the .gz files, instead of the known mirrors; may be repeated
    #[arg(long, value_name = "URL")]
    mirror: Vec<String>,
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
        Command::Fetch(arguments) => run_fetch(arguments),
        Command::Check(flags) => run_check(flags),
        Command::Preview(arguments) => run_preview(arguments),
    }
}

fn run_fetch(arguments: &FetchArguments) -> anyhow::Result<Finding> {
    let mirrors = match arguments.mirror.is_empty() {
        true => Mirrors::default(),
        false => Mirrors(arguments.mirror.clone()),
    };
    let bar = if std::io::stderr().is_terminal() {
        let style = "{msg:30} {bar:20} {bytes}/{total_bytes} left {eta}";
        ProgressBar::new(1).with_style(ProgressStyle::with_template(style)?)
    } else {
        ProgressBar::hidden()
    };
    let paths = fetch(&FILES, &arguments.data_dir, &mirrors, &|file, so_far, all| {
        bar.set_message(file.to_string());
        bar.set_length(all.unwrap_or(so_far));
        bar.set_position(so_far);
    })?;
    bar.finish_and_clear();
    for path in paths {
        outln!("{}", path.display())?;
    }
    Ok(Finding::Fine)
}

fn run_check(flags: &DataFlags) -> anyhow::Result<Finding> {
    let digits = Digits::embedded()?;
    let Some(folder) = &flags.data_dir else {
        outln!("{}", digits.description())?;
        return Ok(Finding::Fine);
    };
    let mut is_fine = true;
    for file in FILES {
        is_fine &= check_file(&file, folder)?;
    }
    let full = flags.sources().digits()?;
    outln!("{}", full.description())?;
    let (train, test) = Digits::embedded_source_indices();
    let matches = |embedded: &Images, full: &Images, places: &[usize]| {
        places.len() == embedded.len()
            && places.iter().enumerate().all(|(i, &place)| {
                embedded.pixels(i) == full.pixels(place) && embedded.label(i) == full.label(place)
            })
    };
    let is_subset =
        matches(digits.train(), full.train(), &train) && matches(digits.test(), full.test(), &test);
    outln!("embedded digits are those of the recorded source indices: {}", yes(is_subset))?;
    let is_fine = is_fine && is_subset;
    Ok(if is_fine { Finding::Fine } else { Finding::CheckFailed })
}

/// Prints digest and count of one file; whether the digest is the published one.
fn check_file(file: &IdxFile, folder: &Path) -> anyhow::Result<bool> {
    let path = file.find(folder)?;
    let bytes = read_maybe_gzipped(&path)?;
    let count = if file.name.contains("images") {
        parse_images(&bytes, Some(file.count), &path)?.len() / 784
    } else {
        parse_labels(&bytes, Some(file.count), &path)?.len()
    };
    let digest = sha256_hex(&bytes);
    let is_published = digest == file.sha256;
    outln!("{}: {count} items", path.display())?;
    outln!("  SHA-256 of the content {digest}")?;
    outln!("  as published: {}", yes(is_published))?;
    Ok(is_published)
}

fn yes(is_true: bool) -> &'static str {
    if is_true { "yes" } else { "NO" }
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
        (Task::Kth, _) => anyhow::bail!("not yet"),
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
