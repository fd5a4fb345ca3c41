//! Hyper-parameters of the Flowing MNIST experiments, per profile.

use crate::data::Canvas;
use crate::models::{Feedback, ForecasterShape};
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
}

/// A model of the experiment: its velocity range N and, in studies, a departure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The range N of V^T_N = {−N..N}²; 0 is the G-RNN.
    pub velocity_range: u32,
    /// What differs from the settings, if anything.
    pub variant: Option<Variant>,
}

impl Model {
    /// The model with the experiment's own settings.
    pub const fn plain(velocity_range: u32) -> Self {
        Self { velocity_range, variant: None }
    }

    /// The name in records, tables and figures.
    pub fn name(&self) -> String {
        let base = match self.velocity_range {
            0 => "G-RNN".to_string(),
            n => format!("FERNN-V{n}"),
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
        }
    }
}

/// Everything that decides the numbers of a Flowing MNIST (translation) experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TranslationSettings {
    /// Torus and digit size.
    pub canvas: Canvas,
    /// Extents of the model's parameters.
    pub shape: ForecasterShape,
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
    /// Digits draw their training velocities from {−N..N}².
    pub training_range: u32,
    /// Training length, evaluation interval, clipping and Adam.
    pub schedule: Schedule,
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
}

impl TranslationSettings {
    /// Training on velocities of V^T_2, as in Table 1.
    pub fn for_profile(profile: Profile) -> Self {
        match profile {
            Profile::Quick => Self::quick(),
            Profile::Desk => Self::desk(),
            Profile::Paper => Self::paper(),
        }
    }

    /// The paper's exact hyper-parameters (Keller 2025, appendix; 54,000 sequences, 50 epochs).
    fn paper() -> Self {
        let epoch = 54_000u64.div_ceil(128);
        Self {
            canvas: Canvas { size: 28, digit: 28 },
            shape: ForecasterShape { inputs: 1, channels: 128, outputs: 1, decoder_layers: 4 },
            activation: Activation::Relu,
            pooling: VelocityPooling::Max,
            feedback: Feedback::Output,
            algorithm: ConvAlgorithm::Auto,
            seen: 10,
            predicted: 10,
            batch: 128,
            training_range: 2,
            schedule: Schedule {
                steps: 50 * epoch,
                interval: epoch,
                clip: Some(1.0),
                adam: AdamConfig::default(),
            },
            validation_sequences: 6_000,
            test_sequences: 10_000,
            horizon: 70,
            horizon_sequences: 10_000,
            velocity_sequences: 10_000,
            seeds: 5,
        }
    }

    fn desk() -> Self {
        let paper = Self::paper();
        Self {
            canvas: Canvas { size: 14, digit: 14 },
            shape: ForecasterShape { channels: 16, ..paper.shape },
            batch: 16,
            schedule: Schedule { steps: 1500, interval: 50, ..paper.schedule },
            validation_sequences: 256,
            test_sequences: 1024,
            horizon_sequences: 256,
            velocity_sequences: 128,
            seeds: 3,
            ..paper
        }
    }

    fn quick() -> Self {
        let desk = Self::desk();
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

    /// The settings with a model's departure applied.
    pub fn with_variant(&self, variant: Option<Variant>) -> Self {
        let mut settings = self.clone();
        match variant {
            None => {}
            Some(Variant::Longer(times)) => settings.schedule.steps *= times,
            Some(Variant::Wider(times)) => settings.shape.channels *= times,
            Some(Variant::Activation(activation)) => settings.activation = activation,
            Some(Variant::Feedback(feedback)) => settings.feedback = feedback,
        }
        settings
    }
}
