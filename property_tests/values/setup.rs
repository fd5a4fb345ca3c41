//! The settings of the frozen run, written down here and nowhere read from the library.

use std::collections::BTreeMap;

pub const SEEDS: [u64; 2] = [5, 6];
pub const SIZE: usize = 9;
pub const DIGIT: usize = 7;
pub const SEEN: usize = 3;
pub const PREDICTED: usize = 4;
pub const HORIZON: usize = 9;
pub const BATCH: u64 = 2;
/// No multiple of the interval, so that the last mean of training losses is over fewer steps.
pub const STEPS: u64 = 11;
pub const INTERVAL: u64 = 2;
/// No multiple of the batch.
pub const VALIDATION_SEQUENCES: u64 = 5;
/// More than the 16 that are measured together, and no multiple.
pub const TEST_SEQUENCES: u64 = 19;
pub const HORIZON_SEQUENCES: u64 = 3;
pub const VELOCITY_SEQUENCES: u64 = 2;
/// The equivariance of a state is measured on this many test sequences.
pub const EQUIVARIANCE_SEQUENCES: u64 = 16;
pub const CHANNELS: usize = 3;
pub const FIELDS: usize = 2;
pub const ORIENTATIONS: usize = 8;
pub const STEP_DEG: i32 = 45;
/// Velocity generalization of rotations is tested up to this many steps.
pub const TESTED_STEPS: i32 = 2;
pub const DECODER_LAYERS: usize = 1;

/// (vx, vy) in pixels per frame, or one number of degrees.
pub type Velocity = Vec<i32>;

/// Values by name, row by row.
pub type Weights = BTreeMap<String, Vec<f64>>;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Flow {
    Translation,
    Rotation,
}

/// When the lab frame moves what is remembered. Rolls commute with convolutions on a torus; turns that
/// interpolate do not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Carry {
    /// W ⋆ (ψ_1(ν)·h(ν)).
    BeforeConvolution,
    /// ψ_1(ν)·[W ⋆ h(ν)].
    AfterConvolution,
}

/// What the library documents of its lab frame over rotations.
pub const CARRY: Carry = Carry::BeforeConvolution;

/// One model of one experiment.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub experiment: &'static str,
    pub model: &'static str,
    pub flow: Flow,
    /// N of the model's V_N, and of the V_N that training data draw from.
    pub range: i32,
    pub trained_range: i32,
    pub is_co_moving: bool,
    pub has_group_decoder: bool,
    pub clip: Option<f64>,
    /// Adam's; mostly so large that under one seed at least the last weights are not the best.
    pub rate: f64,
    pub measures: Measures,
}

/// What the experiment measures beside training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measures {
    /// Test error, by horizon, film and hidden states.
    Prediction,
    Velocities,
    /// Test error, by horizon, and equivariance.
    Equivariance,
}

/// V_N in the order of the velocity axis.
pub fn velocities(flow: Flow, range: i32) -> Vec<Velocity> {
    let all = -range..=range;
    match flow {
        Flow::Translation => {
            all.clone().flat_map(|x| all.clone().map(move |y| vec![x, y])).collect()
        }
        Flow::Rotation => all.map(|i| vec![i * STEP_DEG]).collect(),
    }
}

const PREDICTION: Case = Case {
    experiment: "translation",
    model: "FERNN-V1",
    flow: Flow::Translation,
    range: 1,
    trained_range: 2,
    is_co_moving: false,
    has_group_decoder: false,
    clip: Some(0.05),
    rate: 0.02,
    measures: Measures::Prediction,
};

const ROTATION: Case = Case {
    experiment: "rotation",
    model: "FERNN-VR1",
    flow: Flow::Rotation,
    trained_range: 1,
    clip: None,
    rate: 0.003,
    ..PREDICTION
};

/// Both flows, both frames of reference, both decoders, models with and without velocities.
pub const CASES: [Case; 7] = [
    Case { model: "G-RNN", range: 0, ..PREDICTION },
    PREDICTION,
    Case { experiment: "velocity", trained_range: 1, measures: Measures::Velocities, ..PREDICTION },
    ROTATION,
    Case {
        experiment: "rotation-velocity",
        model: "G-RNN",
        range: 0,
        rate: 0.01,
        measures: Measures::Velocities,
        ..ROTATION
    },
    Case {
        experiment: "rotation-lifts",
        model: "FERNN-VR1 lab",
        measures: Measures::Equivariance,
        ..ROTATION
    },
    Case {
        experiment: "rotation-lifts",
        model: "FERNN-VR1 co-moving group-decoder",
        is_co_moving: true,
        has_group_decoder: true,
        rate: 0.004,
        measures: Measures::Equivariance,
        ..ROTATION
    },
];
