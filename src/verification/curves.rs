//! Errors by step and by velocity, for figures.

use super::case::{Case, Sizes};
use super::kinds::{GroupKind, Specimen, Velocities};
use super::property::Property;
use crate::error::Result;
use crate::flow::{AnyVelocity, DegreesPerFrame, Lift, PixelsPerFrame};
use crate::ops::ConvAlgorithm;
use candle_core::DType;
use serde::{Deserialize, Serialize};

/// A point of a curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorPoint {
    /// The curve.
    pub curve: String,
    /// The frame number from 0, or the speed of the flow in pixels per frame.
    pub position: u32,
    /// The error, relative to the largest value.
    pub largest: f64,
    /// The error in the 2-norm.
    pub two_norm: f64,
}

const STEPS: usize = 20;

fn case(cell: Specimen, lift: Lift, velocities: Velocities, algorithm: ConvAlgorithm) -> Case {
    let (group, seed) = (GroupKind::Translation, 0);
    let sizes = Sizes::of_suite(group, velocities);
    Case { group, cell, lift, velocities, algorithm, sizes, seed }
}

/// AnyVelocity equivariance errors after each of 20 frames, under a flow of one pixel per frame.
///
/// # Errors
/// Those of tensor operations.
pub fn error_by_step() -> Result<Vec<ErrorPoint>> {
    use ConvAlgorithm::{Direct, Winograd};
    use Specimen::{Dense, LearnedShift, Rnn, TanhRnn, ZeroPadded};
    let v2 = Velocities::Truncated(2);
    let (state, read_out) = (Property::State, Property::ReadOut);
    let g_rnn = case(TanhRnn, Lift::Trivial, Velocities::Truncated(0), Direct);
    let dense = case(Dense, Lift::Trivial, Velocities::Truncated(0), Direct);
    let lab = |cell, algorithm| case(cell, Lift::Trivial, v2, algorithm);
    let moving = case(Rnn, Lift::CoMoving, v2, Winograd);
    let curves = [
        ("dense", read_out, dense, DType::F64),
        ("G-RNN", read_out, g_rnn, DType::F64),
        ("G-RNN+", state, lab(LearnedShift, Direct), DType::F64),
        ("FERNN, zero-padded", state, lab(ZeroPadded, Direct), DType::F64),
        ("FERNN, Winograd, f32", state, lab(Rnn, Winograd), DType::F32),
        ("FERNN, Winograd, f64", state, lab(Rnn, Winograd), DType::F64),
        ("FERNN, direct", state, lab(Rnn, Direct), DType::F32),
        ("FERNN, co-moving", state, moving, DType::F32),
    ];
    let mut points = Vec::new();
    for (curve, property, case, dtype) in curves {
        let case = Case { sizes: Sizes { frames: STEPS, ..case.sizes }, ..case };
        let error =
            property.measure(&case, AnyVelocity::Translation(PixelsPerFrame::new(1, 0)), dtype)?;
        for (t, step) in error.by_step.iter().enumerate() {
            let Some(step) = step else { continue };
            let (largest, two_norm) = (step.largest, step.two_norm);
            points.push(ErrorPoint { curve: curve.into(), position: t as u32, largest, two_norm });
        }
    }
    Ok(points)
}

/// Equivariance errors over rotations in 36 orientations, after each of 20 frames that flow by 10° or by
/// a quarter turn per frame, in both frames of reference.
///
/// # Errors
/// Those of tensor operations.
pub fn rotation_error_by_step() -> Result<Vec<ErrorPoint>> {
    let mut points = Vec::new();
    for (lift, name) in [(Lift::Trivial, "lab"), (Lift::CoMoving, "co-moving")] {
        for (n, degrees) in [(36, 10), (8, 45), (4, 90)] {
            let case = Case {
                group: GroupKind::Rotation(n),
                sizes: Sizes {
                    batch: 1,
                    frames: STEPS,
                    inputs: 1,
                    channels: 1,
                    height: 27,
                    width: 27,
                    kernel: 3,
                },
                ..case(Specimen::TanhRnn, lift, Velocities::Truncated(1), ConvAlgorithm::Direct)
            };
            let flow = AnyVelocity::Rotation(DegreesPerFrame(degrees));
            let error = Property::State.measure(&case, flow, DType::F64)?;
            for (t, step) in error.by_step.iter().enumerate() {
                let Some(step) = step else { continue };
                let (largest, two_norm) = (step.largest, step.two_norm);
                let curve = format!("{name}, {degrees}°");
                points.push(ErrorPoint { curve, position: t as u32, largest, two_norm });
            }
        }
    }
    Ok(points)
}

/// Errors of convolutions between rotated fields by angle: a quarter turn apart nothing but rounding.
///
/// # Errors
/// Those of tensor operations.
pub fn error_by_angle() -> Result<Vec<ErrorPoint>> {
    const N: usize = 36;
    let mut points = Vec::new();
    for size in [13usize, 27, 53] {
        let case = Case {
            group: GroupKind::Rotation(N),
            sizes: Sizes {
                batch: 1,
                frames: 2,
                inputs: 1,
                channels: 2,
                height: size,
                width: size,
                kernel: 3,
            },
            ..case(
                Specimen::TanhRnn,
                Lift::Trivial,
                Velocities::Truncated(0),
                ConvAlgorithm::Direct,
            )
        };
        for angle in (10..=180).step_by(10) {
            let flow = AnyVelocity::Rotation(DegreesPerFrame(angle));
            let worst = Property::Static.measure(&case, flow, DType::F64)?.worst();
            points.push(ErrorPoint {
                curve: format!("{size} × {size} pixels"),
                position: angle as u32,
                largest: worst.largest,
                two_norm: worst.two_norm,
            });
        }
    }
    Ok(points)
}

/// How far a truncated set carries: errors of a forecaster's predictions and of the read-out under
/// flows of 1 to 5 pixels per frame to the right.
///
/// # Errors
/// Those of tensor operations.
pub fn error_by_velocity() -> Result<Vec<ErrorPoint>> {
    let sets = [
        Velocities::Truncated(0),
        Velocities::Truncated(1),
        Velocities::Truncated(2),
        Velocities::Truncated(4),
        Velocities::Closed,
    ];
    let laws =
        [("read-out", Property::ReadOut), ("forecast, flowed feedback", Property::FlowedForecast)];
    let mut points = Vec::new();
    for (law, property) in laws {
        for velocities in sets {
            let case = case(Specimen::Rnn, Lift::CoMoving, velocities, ConvAlgorithm::Direct);
            for speed in 1..=5 {
                let flow = AnyVelocity::Translation(PixelsPerFrame::new(speed, 0));
                let worst = property.measure(&case, flow, DType::F64)?.worst();
                points.push(ErrorPoint {
                    curve: format!("{law}, {}", velocities.name()),
                    position: speed as u32,
                    largest: worst.largest,
                    two_norm: worst.two_norm,
                });
            }
        }
    }
    Ok(points)
}
