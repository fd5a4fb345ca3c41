//! The flags of `fernn predict`.

use crate::cli::flags::{AlgorithmFlags, DeviceFlags, ThreadFlags};
use clap::{Args, ValueEnum};
use fernn::cells::CellKind;
use std::path::PathBuf;

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
///
/// KTH: the classifiers of the public code under its names, `lstm.conv_u_first.{0,3,6}.weight` (C_out,
/// C_in, k, k), the batch normalisations' `lstm.conv_u_first.{1,4,7}.{weight,bias,running_mean,
/// running_var}`, `lstm.conv_h_layers.{0,...}.0.weight`, `fc.{weight,bias}`; `lstm.learned_kernels` (V, 1, k,
/// k) of the G-RNN+; `st1.0.weight`, ..., `head.{weight,bias}` of the 3-D CNN. In evaluation mode; the output
/// holds `logits` (B, classes).
#[derive(Args)]
#[command(
    override_usage = "fernn predict --task <TASK> --weights <FILE> --input <FILE> \\\n       \
                            --output <FILE> [--steps <N>] [OPTIONS]"
)]
pub struct Arguments {
    /// The kind of flow
    #[arg(long, value_enum)]
    pub task: Task,
    /// The weights
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// Frames seen: tensor `input_seq` (B, T, C_in, H, W); KTH: tensor `clip` (B, T, 1, H, W)
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Translation and rotation: frames to predict
    #[arg(long, value_name = "N", required_if_eq_any([("task", "translation"), ("task", "rotation")]))]
    pub steps: Option<usize>,
    /// Where `outputs` and everything else asked for is written
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Also write `hidden_encoder` (B, T, V, C, H, W) and `hidden_decoder` (B, N, V, C, H, W); KTH:
    /// `rnn_out` (V, B, T, C, H, W)
    #[arg(long)]
    pub hidden: bool,
    /// Translation: velocities {-N..N}² of the model; 0 is the G-RNN [default: 2]
    #[arg(long, value_name = "N")]
    pub velocity_range: Option<u32>,
    /// Rotation: orientations N of every hidden field
    #[arg(long, value_name = "N", required_if_eq("task", "rotation"))]
    pub orientations: Option<usize>,
    /// Rotation: velocities in degrees per frame, separated by commas, such as -45,0,45 [default: 0]
    #[arg(long, value_name = "DEGREES", value_delimiter = ',', allow_hyphen_values = true)]
    pub velocities: Option<Vec<i32>>,
    /// Rotation: take velocities between orientations too, and move orientations by the whole places
    /// in them, truncated toward zero
    #[arg(long)]
    pub truncate: bool,
    /// Rotation: the frame of reference of hidden states [default: lab, as the public code has it]
    #[arg(long, value_enum)]
    pub frame: Option<Frame>,
    /// Rotation, lab frame: what comes first at a step, turning states or convolving them [default:
    /// carry-first, as the public code has it]
    #[arg(long, value_enum)]
    pub order: Option<Order>,
    /// Translation and rotation: the cell, simple, gru, lstm, mixing or learned-shift [default: simple]
    #[arg(long, value_name = "CELL", value_parser = cell)]
    pub cell: Option<CellKind>,
    /// Translation and rotation: non-linearity of cells without gates [default: relu]
    #[arg(long, value_enum)]
    pub activation: Option<NonLinearity>,
    /// Translation and rotation: read-out over velocities [default: max]
    #[arg(long, value_enum)]
    pub pooling: Option<Pooling>,
    /// True frames: tensor `target_seq` shaped like `outputs`; adds `loss` (mean squared error, no
    /// gradient through fed-back frames) and `grads.NAME` for every weight. KTH: tensor `labels` (B);
    /// adds `loss` (cross-entropy), gradients and `statistics.NAME`, all in training mode
    #[arg(long, value_name = "FILE")]
    pub target: Option<PathBuf>,
    #[command(flatten)]
    pub kth: KthFlags,
    #[command(flatten)]
    pub algorithm: AlgorithmFlags,
    #[command(flatten)]
    pub device: DeviceFlags,
    #[command(flatten)]
    pub threads: ThreadFlags,
}

/// Flags that mean something for `--task kth` alone.
#[derive(Args)]
pub struct KthFlags {
    /// KTH: the classifier
    #[arg(long, value_enum, required_if_eq("task", "kth"))]
    pub model: Option<Model>,
    /// KTH: velocities {-N..N} of the model along x [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=64))]
    pub velocity_range_x: Option<u32>,
    /// KTH: velocities {-N..N} of the model along y [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=64))]
    pub velocity_range_y: Option<u32>,
    /// KTH: recurrent layers [default: 1]
    #[arg(long, value_name = "L", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub layers: Option<u32>,
    /// KTH: what the encoder reads beyond the border [default: zero, as the public code has it]
    #[arg(long, value_enum)]
    pub padding: Option<Border>,
}

/// The classifiers as values of a flag.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// Flow equivariant over the velocities given
    Fernn,
    /// The FERNN without velocities
    Grnn,
    /// Learned shifts in the place of velocities
    GrnnPlus,
    /// The 3-D CNN
    #[value(name = "3dcnn")]
    VideoCnn,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Border {
    Zero,
    Circular,
}

/// What is predicted, as values of a flag.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// Translations of a torus by whole pixels
    Translation,
    /// Rotations about the centre of the frame
    Rotation,
    /// The action in clips of a moving camera
    Kth,
}

impl Task {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Translation => "translation",
            Self::Rotation => "rotation",
            Self::Kth => "kth",
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Order {
    /// Convolves the turned state
    CarryFirst,
    /// Turns the convolved state, as the paper prints the equation
    ConvolveFirst,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Frame {
    /// Every remembered tensor is rotated at every step
    Lab,
    /// Each input is rotated back instead
    CoMoving,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Pooling {
    Max,
    Mean,
    Sum,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum NonLinearity {
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
