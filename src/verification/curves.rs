//! Errors by step and by velocity, for figures.

use super::case::Case;
use super::group::Velocities;
use super::property::Property;
use super::sizes::Sizes;
use super::specimen::Specimen;
use crate::error::Result;
use crate::flow::{DegreesPerFrame, Lift, PixelsPerFrame, Rotation, Translation};
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

fn case(lift: Lift, velocities: Velocities, algorithm: ConvAlgorithm) -> Case<Translation> {
    Case::of_list(&Translation, lift, velocities, algorithm, 0)
}

/// A case over rotations whose frames are squares.
fn turned(orientations: usize, lift: Lift, range: u32, sizes: Sizes) -> Result<Case<Rotation>> {
    let (velocities, algorithm) = (Velocities::Truncated(range), ConvAlgorithm::Direct);
    Ok(Case { group: Rotation::new(orientations)?, lift, velocities, algorithm, sizes, seed: 0 })
}

/// Of one sequence of frames of one channel.
fn square(frames: usize, channels: usize, side: usize) -> Sizes {
    Sizes { batch: 1, frames, inputs: 1, channels, height: side, width: side, kernel: 3 }
}

/// Flow equivariance errors after each of 20 frames, under a flow of one pixel per frame.
///
/// # Errors
/// Those of tensor operations.
pub fn error_by_step() -> Result<Vec<ErrorPoint>> {
    use ConvAlgorithm::{Direct, Winograd};
    use Specimen::{Dense, LearnedShift, Rnn, TanhRnn, ZeroPadded};
    let v2 = Velocities::Truncated(2);
    let (state, read_out) = (Property::State, Property::ReadOut);
    let still = || case(Lift::Trivial, Velocities::Truncated(0), Direct);
    let lab = |algorithm| case(Lift::Trivial, v2, algorithm);
    let moving = case(Lift::CoMoving, v2, Winograd);
    let curves = [
        ("dense", read_out, Dense, still(), DType::F64),
        ("G-RNN", read_out, TanhRnn, still(), DType::F64),
        ("G-RNN+", state, LearnedShift, lab(Direct), DType::F64),
        ("FERNN, zero-padded", state, ZeroPadded, lab(Direct), DType::F64),
        ("FERNN, Winograd, f32", state, Rnn, lab(Winograd), DType::F32),
        ("FERNN, Winograd, f64", state, Rnn, lab(Winograd), DType::F64),
        ("FERNN, direct", state, Rnn, lab(Direct), DType::F32),
        ("FERNN, co-moving", state, Rnn, moving, DType::F32),
    ];
    let mut points = Vec::new();
    for (curve, property, cell, case, dtype) in curves {
        let case = Case { sizes: Sizes { frames: STEPS, ..case.sizes }, ..case };
        let flow = PixelsPerFrame::new(1, 0);
        let error = cell.over_translations().measure(property, &case, flow, dtype)?;
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
            let case = turned(n, lift, 1, square(STEPS, 1, 27))?;
            let (kind, flow) = (Specimen::TanhRnn.over(case.group), DegreesPerFrame(degrees));
            let error = kind.measure(Property::State, &case, flow, DType::F64)?;
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
        let case = turned(N, Lift::Trivial, 0, square(2, 2, size))?;
        let kind = Specimen::TanhRnn.over(case.group);
        for angle in (10..=180).step_by(10) {
            let (law, flow) = (Property::Static, DegreesPerFrame(angle));
            let worst = kind.measure(law, &case, flow, DType::F64)?.worst();
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
            let case = case(Lift::CoMoving, velocities, ConvAlgorithm::Direct);
            let kind = Specimen::Rnn.over_translations();
            for speed in 1..=5 {
                let flow = PixelsPerFrame::new(speed, 0);
                let worst = kind.measure(property, &case, flow, DType::F64)?.worst();
                points.push(ErrorPoint {
                    curve: format!("{law}, {velocities}"),
                    position: speed as u32,
                    largest: worst.largest,
                    two_norm: worst.two_norm,
                });
            }
        }
    }
    Ok(points)
}
