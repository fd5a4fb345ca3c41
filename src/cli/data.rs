//! `fernn data`: fetches, checks and shows data.

use super::finding::Finding;
use super::flags::DataFlags;
use super::preview;
use clap::{Args, Subcommand};
use fernn::data::{
    Digits, FILES, IdxFile, Images, Mirrors, fetch, parse_images, parse_labels, read_maybe_gzipped,
};
use fernn::digest::sha256_hex;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Fetches, checks and shows data.
#[derive(Subcommand)]
pub enum Command {
    Fetch(FetchArguments),
    Check(DataFlags),
    Preview(preview::Arguments),
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

pub fn run(command: &Command) -> anyhow::Result<Finding> {
    match command {
        Command::Fetch(arguments) => run_fetch(arguments),
        Command::Check(flags) => run_check(flags),
        Command::Preview(arguments) => preview::run(arguments),
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
