//! Flags that several commands have.

use super::tensorboard::Curves;
use fernn::experiments::DeviceKind;
use fernn::report::Format;
use std::path::{Path, PathBuf};

/// Where data come from, as a flag of several commands.
#[derive(clap::Args)]
pub(super) struct DataFlags {
    /// Folder with MNIST's four IDX files or others under their names, .gz or not, KTH's videos, video.safetensors; MNIST
    /// and KTH may lie in folders mnist and kth in it
    /// [default: the digits inside the program, and drawn actions]
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

impl DataFlags {
    /// The sources, which are read when they are first needed.
    pub(super) fn sources(&self) -> fernn::data::Sources {
        fernn::data::Sources::new(self.data_dir.clone()).noting(|note| errln!("note: {note}"))
    }
}

/// How convolutions are computed, as a flag of several commands.
#[derive(clap::Args)]
pub(super) struct AlgorithmFlags {
    /// How convolutions are computed
    #[arg(long, value_enum, default_value_t = Algorithm::Auto)]
    algorithm: Algorithm,
}

/// The algorithms as values of a flag.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Algorithm {
    /// Winograd where it pays, else direct
    Auto,
    /// Sums over taps and channels: translations commute with it bit for bit
    Direct,
    /// F(4×4, 3×3) wherever it fits: faster, and static translations commute to rounding
    Winograd,
}

impl AlgorithmFlags {
    pub(super) fn algorithm(&self) -> fernn::ops::ConvAlgorithm {
        match self.algorithm {
            Algorithm::Auto => fernn::ops::ConvAlgorithm::Auto,
            Algorithm::Direct => fernn::ops::ConvAlgorithm::Direct,
            Algorithm::Winograd => fernn::ops::ConvAlgorithm::Winograd,
        }
    }
}

/// Where tensors live, as a flag of several commands.
#[derive(clap::Args)]
pub(super) struct DeviceFlags {
    /// Where to compute; cuda needs a build with `--features cuda`
    #[arg(long, value_enum, default_value_t = DeviceName::Cpu)]
    device: DeviceName,
}

/// The devices as values of a flag.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum DeviceName {
    /// This crate's own kernels
    Cpu,
    /// The first GPU, with candle's operations
    Cuda,
}

impl DeviceFlags {
    /// What kind of device it is, whether it is here or not.
    pub(super) fn kind(&self) -> DeviceKind {
        match self.device {
            DeviceName::Cpu => DeviceKind::Cpu,
            DeviceName::Cuda => DeviceKind::Cuda,
        }
    }

    pub(super) fn device(&self) -> fernn::Result<candle_core::Device> {
        match self.device {
            DeviceName::Cpu => Ok(candle_core::Device::Cpu),
            DeviceName::Cuda => candle_core::Device::new_cuda(0).map_err(|e| {
                let reason = e.to_string();
                let first = reason.lines().next().unwrap_or_default();
                fernn::Error::configuration(
                    "--device cuda",
                    format!("is not there ({first})"),
                    "build with `--features cuda` on a machine with a GPU, or leave the flag out",
                )
            }),
        }
    }
}

/// The number of threads, as a flag of several commands.
#[derive(clap::Args)]
pub(super) struct ThreadFlags {
    /// Threads to compute with; results do not depend on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl ThreadFlags {
    /// Sets the number of threads for the whole process and returns it.
    pub(super) fn apply(&self) -> fernn::Result<usize> {
        let threads = self.threads.map_or(0, usize::from); // 0 is all cores
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().map_err(|e| {
            let reason = std::error::Error::source(&e).map_or(e.to_string(), ToString::to_string);
            let problem = format!("cannot be had: {reason}");
            let remedy = "give fewer, or let this user have more processes (ulimit -u)";
            fernn::Error::configuration("--threads", problem, remedy)
        })?;
        Ok(rayon::current_num_threads())
    }
}

/// How much memory training may take, as a flag of several commands.
#[derive(clap::Args)]
pub(super) struct MemoryFlags {
    /// Memory in GiB for the hidden states and gates that training goes back through, of which those beyond it
    /// are computed again; results do not depend on it [default: three quarters of what is free]
    #[arg(long, value_name = "GIB", value_parser = gibibytes)]
    memory: Option<usize>,
}

fn gibibytes(text: &str) -> Result<usize, String> {
    let gibibytes: f64 = text.parse().map_err(|_| "give a number of GiB, such as 8 or 0.5")?;
    match gibibytes > 0.0 && gibibytes < 1e6 {
        true => Ok((gibibytes * f64::from(1 << 30)) as usize),
        false => Err("give a positive number of GiB, such as 8 or 0.5".into()),
    }
}

impl MemoryFlags {
    /// Sets it for the whole process, in which so many models are trained at a time.
    pub(super) fn apply(&self, jobs: usize) {
        let free = match fernn::process::free_memory() {
            0 => fernn::ops::DEFAULT_HISTORY_BUDGET, // the machine does not say
            free => free / 4 * 3,
        };
        fernn::ops::set_history_budget(self.memory.unwrap_or(free) / jobs);
    }
}

/// Training curves for other programs, as a flag of several commands.
#[derive(clap::Args)]
pub(super) struct CurveFlags {
    /// Also write training curves as event files, which `tensorboard --logdir` shows while they grow: into the
    /// folder tensorboard, beside what else is written, by experiment, model and seed
    #[arg(long)]
    tensorboard: bool,
}

impl CurveFlags {
    /// The event files of a run that writes into a folder, where they are asked for.
    pub(super) fn inside(&self, out: &Path) -> fernn::Result<Option<Curves>> {
        self.tensorboard.then(|| Curves::inside(out)).transpose()
    }
}

/// What a report is written as, as flags of several commands.
#[derive(clap::Args)]
pub(super) struct FormatFlags {
    /// How wide figures are printed: neurips, icml, iclr, nature-single, nature-double, or the width of a
    /// column in inches
    #[arg(long, value_name = "WIDTH", default_value = "3.25")]
    width: fernn::report::Width,
    /// Formats of the report, separated by commas; tables as CSV and figures come with each
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORMAT", default_values_t = [FormatName::Md, FormatName::Html])]
    format: Vec<FormatName>,
}

/// The formats as values of a flag.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FormatName {
    /// REPORT.md
    Md,
    /// report.html: one page that needs nothing beside it
    Html,
    /// report.tex, with tables, captions and figures for papers
    Tex,
    /// Figures as PDF, with their font
    Pdf,
}

impl FormatFlags {
    /// How wide figures are printed.
    pub(super) fn width(&self) -> fernn::report::Width {
        self.width
    }

    /// Each format once.
    pub(super) fn formats(&self) -> Vec<Format> {
        let has = |name| self.format.contains(&name);
        let all = [
            (FormatName::Md, Format::Markdown),
            (FormatName::Html, Format::Html),
            (FormatName::Tex, Format::Latex),
            (FormatName::Pdf, Format::Pdf),
        ];
        all.into_iter().filter(|(name, _)| has(*name)).map(|(_, format)| format).collect()
    }
}
