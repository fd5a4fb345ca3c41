//! The flags of `fernn predict`.

use crate::cli::flags::{AlgorithmFlags, DeviceFlags, MemoryFlags, ThreadFlags};
use crate::cli::model::{ModelFlags, Task, cell_kind};
use clap::Args;
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
/// are in `cell.shift.weight` (V, k, k). What wrappers put before all names (`module.`) is left out. The output holds `outputs` (B, N, C_out, H, W). All f32.
///
/// KTH: the classifiers of the public code under its names, `lstm.conv_u_first.{0,3,6}.weight` (C_out,
/// C_in, k, k), the batch normalisations' `lstm.conv_u_first.{1,4,7}.{weight,bias,running_mean,
/// running_var}`, `lstm.conv_h_layers.{0,...}.0.weight`, `fc.{weight,bias}`; `lstm.learned_kernels` (V, 1, k,
/// k) of the G-RNN+; `st1.0.weight`, ..., `head.{weight,bias}` of the 3-D CNN. In evaluation mode; the output
/// holds `logits` (B, classes).
#[derive(Args)]
#[command(
    after_help = "Examples:\n\
    \x20 fernn predict --task translation --weights W.safetensors \\\n\
    \x20     --input X.safetensors --steps 20 --output Y.safetensors",
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
    /// Translation and rotation: the cell, simple, gru, lstm, mixing or learned-shift [default: simple]
    #[arg(long, value_name = "CELL", value_parser = cell_kind)]
    pub cell: Option<CellKind>,
    /// True frames: tensor `target_seq` shaped like `outputs`; adds `loss` (mean squared error, no
    /// gradient through fed-back frames) and `grads.NAME` for every weight. KTH: tensor `labels` (B);
    /// adds `loss` (cross-entropy), gradients and `statistics.NAME`, all in training mode
    #[arg(long, value_name = "FILE")]
    pub target: Option<PathBuf>,
    #[command(flatten)]
    pub model: ModelFlags,
    #[command(flatten)]
    pub algorithm: AlgorithmFlags,
    #[command(flatten)]
    pub device: DeviceFlags,
    #[command(flatten)]
    pub threads: ThreadFlags,
    #[command(flatten)]
    pub memory: MemoryFlags,
}
