//! Hyper-parameters of the Flowing MNIST experiments, per profile.

use crate::data::Canvas;
use crate::flow::Lift;
use crate::models::{Decoder, Feedback, ForecasterShape, RotationShape};
use crate::ops::{Activation, ConvAlgorithm, VelocityPooling};
use crate::training::{AdamConfig, Schedule};
use serde::{Deserialize, Serialize};

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A first look and CI: minutes on two cores, a small torus, embedded digits.
    Quick,
    /// The committed results: hours on two cores.
    Desk,
    /// The paper's own hyper-parameters: a GPU or a cluster.
    Paper,
}

impl Profile {
    /// All profiles, smallest first.
    pub const ALL: [Profile; 3] = [Profile::Quick, Profile::Desk, Profile::Paper];

    /// `quick`, `desk` or `paper`.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Quick => "quick",
            Profile::Desk => "desk",
            Profile::Paper => "paper",
        }
    }
}

/// A departure from the settings of a study, applied to one model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// Trained for this many times the steps.
    Longer(u64),
    /// This many times the hidden channels.
    Wider(usize),
    /// Another non-linearity in the recurrence.
    Activation(Activation),
    /// Another input while decoding.
    Feedback(Feedback),
    /// Another frame of reference and another decoder, of the rotation model.
    Rotating(Lift, Decoder),
}

/// The flow of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    /// V^T_N = {−N..N}² pixels per frame.
    Translation,
    /// V^R_N = {−N, …, N} steps of an angle per frame.
    Rotation,
}

/// A model of the experiment: its velocities and, in studies, a departure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The flow.
    pub flow: Flow,
    /// The range N of its velocities; 0 is the G-RNN.
    pub velocity_range: u32,
    /// What differs from the settings, if anything.
    pub variant: Option<Variant>,
}

impl Model {
    /// The model with the experiment's own settings.
    pub const fn plain(flow: Flow, velocity_range: u32) -> Self {
        Self { flow, velocity_range, variant: None }
    }

    /// The name in records, tables and figures.
    pub fn name(&self) -> String {
        let base = match (self.velocity_range, self.flow) {
            (0, _) => "G-RNN".to_string(),
            (n, Flow::Translation) => format!("FERNN-V{n}"),
            (n, Flow::Rotation) => format!("FERNN-VR{n}"),
        };
        match self.variant {
            None => base,
            Some(Variant::Longer(times)) => format!("{base} {times}x-steps"),
            Some(Variant::Wider(times)) => format!("{base} {times}x-channels"),
            Some(Variant::Activation(Activation::Relu)) => format!("{base} relu"),
            Some(Variant::Activation(Activation::Tanh)) => format!("{base} tanh"),
            Some(Variant::Activation(Activation::Identity)) => format!("{base} linear"),
            Some(Variant::Feedback(Feedback::Output)) => format!("{base} fed-back"),
            Some(Variant::Feedback(Feedback::Clamped)) => format!("{base} clamped-feedback"),
            Some(Variant::Feedback(Feedback::Silent)) => format!("{base} no-feedback"),
            Some(Variant::Feedback(Feedback::Flowed)) => format!("{base} flowed-feedback"),
            Some(Variant::Rotating(lift, decoder)) => {
                let lift = if lift == Lift::Trivial { "lab" } else { "co-moving" };
                let decoder = if decoder == Decoder::Plain { "" } else { " group-decoder" };
                format!("{base} {lift}{decoder}")
            }
        }
    }
}

/// Torus, digits and model of the translation experiments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TranslationSpace {
    /// Torus and digit size.
    pub canvas: Canvas,
    /// Extents of the model's parameters.
    pub shape: ForecasterShape,
}

/// Frame, digits and model of the rotation experiments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RotationSpace {
    /// The step between velocities, in degrees per frame.
    pub step_deg: i32,
    /// Velocity generalization is tested at {−N..N} of these steps.
    pub tested_range: u32,
    /// The frame of reference of hidden states; the paper's is [`Lift::Trivial`].
    pub lift: Lift,
    /// Frame and digit size.
    pub canvas: Canvas,
    /// Extents of the model's parameters.
    pub shape: RotationShape,
}

/// What differs between the flows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    /// Digits that move on a torus.
    Translation(TranslationSpace),
    /// Digits that turn about the centre.
    Rotation(RotationSpace),
}

/// Everything that decides the numbers of a Flowing MNIST experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Non-linearity of the recurrence.
    pub activation: Activation,
    /// Read-out over V.
    pub pooling: VelocityPooling,
    /// What is fed back while decoding.
    pub feedback: Feedback,
    /// How convolutions are computed.
    pub algorithm: ConvAlgorithm,
    /// Frames seen.
    pub seen: usize,
    /// Frames predicted in training, and in the test of Table 1.
    pub predicted: usize,
    /// Sequences per optimiser step.
    pub batch: u64,
    /// Digits draw their training velocities from V_N of this range N.
    pub training_range: u32,
    /// Validation sequences.
    pub validation_sequences: u64,
    /// Test sequences of Table 1.
    pub test_sequences: u64,
    /// Longest horizon of length generalization.
    pub horizon: usize,
    /// Test sequences of length generalization.
    pub horizon_sequences: u64,
    /// Test sequences per velocity of velocity generalization.
    pub velocity_sequences: u64,
    /// Number of seeds, from `--seed` upwards.
    pub seeds: u64,
    /// Training length, evaluation interval, clipping and Adam.
    pub schedule: Schedule,
    /// Data and model.
    pub space: Space,
}

/// Optimiser steps of an epoch of 54,000 sequences.
const fn epoch(batch: u64) -> u64 {
    54_000u64.div_ceil(batch)
}

impl Settings {
    /// Training on velocities of V^T_2, as in Table 1.
    pub fn translation(profile: Profile) -> Self {
        match profile {
            Profile::Quick => Self::quick_translation(),
            Profile::Desk => Self::desk_translation(),
            Profile::Paper => Self::paper_translation(),
        }
    }

    /// Training on the largest V^R of Table 1.
    pub fn rotation(profile: Profile) -> Self {
        match profile {
            Profile::Quick => Self::quick_rotation(),
            Profile::Desk => Self::desk_rotation(),
            Profile::Paper => Self::paper_rotation(),
        }
    }

    /// The paper's exact hyper-parameters (Keller 2025, appendix; 54,000 sequences, 50 epochs).
    fn paper_translation() -> Self {
        let shape = ForecasterShape { inputs: 1, channels: 128, outputs: 1, decoder_layers: 4 };
        Self {
            activation: Activation::Relu,
            pooling: VelocityPooling::Max,
            feedback: Feedback::Output,
            algorithm: ConvAlgorithm::Auto,
            seen: 10,
            predicted: 10,
            batch: 128,
            training_range: 2,
            validation_sequences: 6_000,
            test_sequences: 10_000,
            horizon: 70,
            horizon_sequences: 10_000,
            velocity_sequences: 10_000,
            seeds: 5,
            schedule: Schedule {
                steps: 50 * epoch(128),
                interval: epoch(128),
                clip: Some(1.0),
                adam: AdamConfig::default(),
            },
            space: Space::Translation(TranslationSpace {
                canvas: Canvas { size: 28, digit: 28 },
                shape,
            }),
        }
    }

    fn desk_translation() -> Self {
        let paper = Self::paper_translation();
        let shape = ForecasterShape { inputs: 1, channels: 16, outputs: 1, decoder_layers: 4 };
        Self {
            batch: 16,
            schedule: Schedule { steps: 1500, interval: 50, ..paper.schedule },
            validation_sequences: 256,
            test_sequences: 1024,
            horizon_sequences: 256,
            velocity_sequences: 128,
            seeds: 3,
            space: Space::Translation(TranslationSpace {
                canvas: Canvas { size: 14, digit: 14 },
                shape,
            }),
            ..paper
        }
    }

    fn quick_translation() -> Self {
        let desk = Self::desk_translation();
        Self {
            // Half the frames, small batches and twice the rate: the most learning per second.
            seen: 6,
            predicted: 6,
            horizon: 42,
            batch: 4,
            schedule: Schedule {
                steps: 500,
                interval: 50,
                adam: AdamConfig { learning_rate: 2e-3, ..AdamConfig::default() },
                ..desk.schedule
            },
            validation_sequences: 32,
            test_sequences: 256,
            horizon_sequences: 32,
            velocity_sequences: 16,
            ..desk
        }
    }

    /// The paper's hyper-parameters (Keller 2025, §5 and appendix): 1,152 planes, no clipping.
    fn paper_rotation() -> Self {
        let paper = Self::paper_translation();
        Self {
            batch: 32,
            training_range: 4,
            schedule: Schedule {
                steps: 50 * epoch(32),
                interval: epoch(32),
                clip: None,
                adam: AdamConfig { learning_rate: 1e-4, ..AdamConfig::default() },
            },
            space: Space::Rotation(RotationSpace {
                step_deg: 10,
                tested_range: 5,
                lift: Lift::Trivial,
                canvas: Canvas { size: 28, digit: 28 },
                shape: RotationShape {
                    inputs: 1,
                    fields: 32,
                    orientations: 36,
                    filter_size: 3,
                    outputs: 1,
                    decoder_layers: 4,
                    decoder: Decoder::Plain,
                },
            }),
            ..paper
        }
    }

    /// The paper's frames and digits, N = 8 orientations instead of 36 and 4 fields instead of 32.
    ///
    /// Velocities are multiples of 45°, the angle between orientations: every ψ_1(ν) moves orientations
    /// by whole places, as the paper's 10° do at N = 36, and every second one interpolates between
    /// pixels. The choice is the same for all models, and the G-RNN has the same filters.
    fn desk_rotation() -> Self {
        let paper = Self::paper_rotation();
        let desk = Self::desk_translation();
        Self {
            batch: 16,
            training_range: 2,
            schedule: Schedule {
                steps: 1500,
                interval: 50,
                adam: AdamConfig { learning_rate: 1e-3, ..AdamConfig::default() },
                ..paper.schedule
            },
            validation_sequences: desk.validation_sequences,
            test_sequences: desk.test_sequences,
            horizon_sequences: desk.horizon_sequences,
            velocity_sequences: desk.velocity_sequences,
            seeds: desk.seeds,
            space: Space::Rotation(RotationSpace {
                step_deg: 45,
                tested_range: 3,
                lift: Lift::Trivial,
                canvas: Canvas { size: 28, digit: 28 },
                shape: RotationShape {
                    inputs: 1,
                    fields: 4,
                    orientations: 8,
                    filter_size: 3,
                    outputs: 1,
                    decoder_layers: 4,
                    decoder: Decoder::Plain,
                },
            }),
            ..paper
        }
    }

    fn quick_rotation() -> Self {
        let desk = Self::desk_rotation();
        let quick = Self::quick_translation();
        let mut space = desk.space.clone();
        if let Space::Rotation(space) = &mut space {
            space.shape.fields = 2;
        }
        Self {
            seen: quick.seen,
            predicted: quick.predicted,
            horizon: quick.horizon,
            batch: quick.batch,
            schedule: Schedule {
                steps: 400,
                interval: 50,
                adam: AdamConfig { learning_rate: 2e-3, ..AdamConfig::default() },
                ..desk.schedule
            },
            validation_sequences: 32,
            test_sequences: 128,
            horizon_sequences: 16,
            velocity_sequences: 16,
            seeds: 2,
            space,
            ..desk
        }
    }

    /// The settings with a model's departure applied.
    pub fn with_variant(&self, variant: Option<Variant>) -> Self {
        let mut settings = self.clone();
        match (variant, &mut settings.space) {
            (Some(Variant::Longer(times)), _) => settings.schedule.steps *= times,
            (Some(Variant::Wider(times)), Space::Translation(s)) => s.shape.channels *= times,
            (Some(Variant::Wider(times)), Space::Rotation(s)) => s.shape.fields *= times,
            (Some(Variant::Activation(activation)), _) => settings.activation = activation,
            (Some(Variant::Feedback(feedback)), _) => settings.feedback = feedback,
            (Some(Variant::Rotating(lift, decoder)), Space::Rotation(s)) => {
                (s.lift, s.shape.decoder) = (lift, decoder);
            }
            (Some(Variant::Rotating(..)), Space::Translation(_)) | (None, _) => {}
        }
        settings
    }
}
