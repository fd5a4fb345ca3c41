//! Classifiers as flags describe them.

use super::flags::{Border, KthFlags, Model};
use fernn::Error;
use fernn::flow::{PixelsPerFrame, VelocitySet};
use fernn::models::{ClassifierChoice, ClassifierKind};
use fernn::ops::{ConvAlgorithm, Padding};

/// The classifier of the flags, apart from its velocities.
pub fn classifier_choice(flags: &KthFlags, algorithm: ConvAlgorithm) -> ClassifierChoice {
    let kind = match flags.model {
        Some(Model::GrnnPlus) => ClassifierKind::LearnedShift,
        Some(Model::VideoCnn) => ClassifierKind::VideoCnn,
        Some(Model::Fernn | Model::Grnn) | None => ClassifierKind::Flow,
    };
    let padding = match flags.padding {
        Some(Border::Circular) => Padding::Circular,
        Some(Border::Zero) | None => Padding::Zero,
    };
    let layers = flags.layers.unwrap_or(1) as usize;
    ClassifierChoice { kind, layers, padding, algorithm }
}

/// The velocities of the flags in the order of the public code, whose velocities (vy, vx), vx the outer
/// loop, move slices by *minus* themselves.
pub fn classifier_velocities(flags: &KthFlags) -> fernn::Result<VelocitySet<PixelsPerFrame>> {
    let [x, y] =
        [flags.velocity_range_x, flags.velocity_range_y].map(|range| range.unwrap_or(0) as i32);
    let has_none = matches!(flags.model, Some(Model::Grnn | Model::VideoCnn));
    if has_none && (x, y) != (0, 0) {
        let problem = "means nothing for a model without velocities";
        let flag = if x > 0 { "--velocity-range-x" } else { "--velocity-range-y" };
        return Err(Error::configuration(flag, problem, "leave it out, or change --model"));
    }
    let all = (-x..=x).flat_map(|vx| (-y..=y).map(move |vy| PixelsPerFrame::new(-vx, -vy)));
    VelocitySet::truncated(all.collect())
}
