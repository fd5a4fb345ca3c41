//! `fernn check`: judges what was computed elsewhere.

use super::finding::Finding;
use super::flags::ThreadFlags;
use super::model::Frame;
use super::print_report::{Format, print_report};
use candle_core::Device;
use clap::Args;
use fernn::equivariance::{MeasuredGroup, Recording, Report, check_recorded};
use fernn::flow::{Rotation, Translation};
use fernn::parameters::load;
use std::path::PathBuf;

/// Judges by the laws of flow equivariance what a model computed in another framework; exit code 1 when one
/// does not hold.
///
/// The file holds `reference.STAGE`, a stage of the model for some input; `flow.VELOCITY.STAGE`, the same for
/// that input flowing, frame t moved by t times the velocity; and `still.VELOCITY.STAGE`, the same for every
/// frame moved by it once. A velocity is `1,-1` in pixels per frame, right and down, or `45deg`. By its shape
/// a stage is hidden states (V, B, T, C, H, W), maps (B, T, C, H, W), or numbers that nothing should change
/// (B, K); stages called `output` or `forecast` are frames. T counts from time 0, at which no flow has moved
/// anything. `velocities` (V, 2), right and down, or (V) in degrees, lists those of the states; all of the torus
/// or of the rotations, in any order, are a closed set. With `reference.input` (B, T, C, H, W) the error of
/// interpolation is known; without it nothing is excused by it, and above 2.5 % it proves nothing.
///
/// A read-out or an output flows with the input where the velocities are a closed set; leave its flows out
/// where they are not.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn check --input hidden.safetensors --group rotation-8 --frame lab\n\
    \x20 fernn check --input f32.safetensors --input f64.safetensors")]
pub struct Arguments {
    /// The file, all stages f32 or all f64; give one of each to tell rounding from a small breach
    #[arg(long, value_name = "FILE", required = true)]
    input: Vec<PathBuf>,
    /// The group: `translation`, or `rotation-N` in N orientations, plane = field · N + orientation
    #[arg(long, value_name = "GROUP", value_parser = group, default_value = "translation")]
    group: Group,
    /// The frame of reference of hidden states
    #[arg(long, value_enum, default_value_t = Frame::Lab)]
    frame: Frame,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    threads: ThreadFlags,
}

#[derive(Clone, Copy)]
enum Group {
    Translation,
    Rotation(Rotation),
}

fn group(text: &str) -> Result<Group, String> {
    if text == "translation" {
        return Ok(Group::Translation);
    }
    let orientations = text.strip_prefix("rotation-").and_then(|n| n.parse().ok());
    let rotation = orientations.and_then(|n| Rotation::new(n).ok());
    rotation
        .map(Group::Rotation)
        .ok_or_else(|| "give `translation`, or such as `rotation-8`".into())
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    arguments.threads.apply()?;
    let report = match arguments.group {
        Group::Translation => judge(arguments, &Translation)?,
        Group::Rotation(rotation) => judge(arguments, &rotation)?,
    };
    print_report(arguments.format, &report, "recorded")?;
    Ok(if report.holds() { Finding::Fine } else { Finding::CheckFailed })
}

fn judge<G: MeasuredGroup>(arguments: &Arguments, group: &G) -> fernn::Result<Report> {
    let lift = arguments.frame.lift();
    let read = |path: &PathBuf| Recording::read(&load(path, &Device::Cpu)?, group, lift, path);
    let recordings = arguments.input.iter().map(read).collect::<fernn::Result<Vec<_>>>()?;
    check_recorded(group, &recordings)
}
