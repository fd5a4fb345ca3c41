//! Hyper-parameters of the experiments on Flowing MNIST.

use super::world::{RotationWorld, TranslationWorld, VelocityOf, VideoWorld, World};
use crate::data::Canvas;
use crate::error::Result;
use crate::experiments::bounds::{
    CHANNELS, FRAMES, LAYERS, SAMPLES, VELOCITIES, check_schedule, expect_within,
};
use crate::experiments::experiment::Request;
use crate::experiments::metric::Metric;
use crate::experiments::profile::Profile;
use crate::experiments::settings_text;
use crate::flow::{CarryOrder, Lift};
use crate::models::{Decoder, ForecasterChoice, ForecasterShape};
use crate::training::{AdamConfig, Schedule};
use serde::{Deserialize, Serialize};

/// Everything that decides the numbers of a unit but its seed and the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings<W> {
    /// Velocities V_N of the model, N = this range; 0 is the G-RNN.
    pub velocity_range: u32,
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
    /// Cell, feedback, pooling, algorithm.
    pub model: ForecasterChoice,
    /// Extents of the model.
    pub shape: ForecasterShape,
    /// Training length, evaluation interval, clipping and Adam.
    pub schedule: Schedule,
    /// The flow and its data.
    pub world: W,
}

/// Optimiser steps of an epoch of 54,000 sequences.
const fn epoch(batch: u64) -> u64 {
    54_000u64.div_ceil(batch)
}

/// Twice the paper's rate over translations, for the profile that has least time.
fn quick_adam() -> AdamConfig {
    AdamConfig { learning_rate: 2e-3, ..AdamConfig::default() }
}

impl<W: World> Settings<W> {
    /// Refuses sizes that cannot be run.
    fn check(&self) -> Result<()> {
        expect_within("velocity_range", self.velocity_range, VELOCITIES)?;
        expect_within("training_range", self.training_range, VELOCITIES)?;
        expect_within("seen", self.seen, FRAMES)?;
        expect_within("predicted", self.predicted, FRAMES)?;
        expect_within("horizon", self.horizon, FRAMES)?;
        expect_within("batch", self.batch, SAMPLES)?;
        expect_within("validation_sequences", self.validation_sequences, SAMPLES)?;
        expect_within("test_sequences", self.test_sequences, SAMPLES)?;
        expect_within("horizon_sequences", self.horizon_sequences, SAMPLES)?;
        expect_within("velocity_sequences", self.velocity_sequences, SAMPLES)?;
        let shape = &self.shape;
        expect_within("shape.channels", shape.channels, CHANNELS)?;
        expect_within("shape.decoder_layers", shape.decoder_layers, LAYERS)?;
        expect_within("model.cell.reach", self.model.cell.reach, VELOCITIES)?;
        self.world.check(shape)?;
        self.world.fields()?;
        check_schedule(&self.schedule, self.batch)
    }

    /// Velocities of training that return within the frames of a sequence: a frame that was seen comes
    /// again among those to be predicted, so that memory alone can tell it.
    pub fn repeating(&self) -> Vec<VelocityOf<W>> {
        let frames = self.seen + self.predicted;
        let returns = |v: &VelocityOf<W>| self.world.period(*v).is_some_and(|n| n < frames);
        let velocities = self.world.velocities(self.training_range);
        velocities.as_slice().iter().copied().filter(returns).collect()
    }

    /// The velocities of training that return within a sequence, and those that do not, by the metrics of
    /// errors over them; nothing where all or none return.
    pub(super) fn parted(&self) -> Vec<(Metric, Vec<VelocityOf<W>>)> {
        let repeating = self.repeating();
        let all = self.world.velocities(self.training_range);
        let others: Vec<_> =
            all.as_slice().iter().copied().filter(|v| !repeating.contains(v)).collect();
        match repeating.is_empty() || others.is_empty() {
            true => vec![],
            false => vec![(Metric::MSE_REPEATING, repeating), (Metric::MSE_NOT_REPEATING, others)],
        }
    }

    /// What a reader must know where velocities return.
    pub fn remark_on_repeating(&self) -> Option<String> {
        let (some, all) =
            (self.repeating().len(), self.world.velocities(self.training_range).len());
        let frames = self.seen + self.predicted;
        (some > 0).then(|| {
            format!(
                "{some} of the {all} velocities of the data return within the {frames} frames of a \
                 sequence: frames to be predicted were seen before, and memory alone can tell them. The \
                 errors of those and of the other velocities are listed apart."
            )
        })
    }

    /// The settings of an experiment with what a request asks for.
    ///
    /// # Errors
    /// Those of [`Changes::apply`](crate::experiments::Changes::apply); [`crate::Error::Configuration`] for
    /// sizes that cannot be run.
    pub fn asked_for(self, experiment: &str, request: &Request) -> Result<Self> {
        let mut settings = request.changes.apply(experiment, self)?;
        settings.schedule.steps = request.steps.unwrap_or(settings.schedule.steps);
        settings.model.running.algorithm = request.algorithm;
        settings.check()?;
        Ok(settings)
    }

    /// The settings of a text.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] when they are not of this world, or cannot be run.
    pub fn read(text: &str) -> Result<Self> {
        let settings: Self = settings_text::read(text)?;
        settings.check()?;
        Ok(settings)
    }
}

impl<W> Settings<W> {
    /// The settings of the model with velocities V_N, N = `range`.
    pub fn with_velocities(self, range: u32) -> Self {
        Self { velocity_range: range, ..self }
    }

    /// The same of another flow.
    fn in_world<V>(self, world: V) -> Settings<V> {
        Settings {
            velocity_range: self.velocity_range,
            seen: self.seen,
            predicted: self.predicted,
            batch: self.batch,
            training_range: self.training_range,
            validation_sequences: self.validation_sequences,
            test_sequences: self.test_sequences,
            horizon: self.horizon,
            horizon_sequences: self.horizon_sequences,
            velocity_sequences: self.velocity_sequences,
            model: self.model,
            shape: self.shape,
            schedule: self.schedule,
            world,
        }
    }
}

/// Optimiser steps of the desk profile where a whole training would take days.
const SHORT: u64 = 1_500;

impl Settings<TranslationWorld> {
    /// Training on velocities of V^T_2, as in Table 1.
    pub fn translation(profile: Profile) -> Self {
        match profile {
            Profile::Quick => Self::quick_translation(),
            Profile::Desk => Self::desk_translation(),
            Profile::Paper => Self::paper_translation(),
        }
    }

    /// The same for studies of many models, which the desk profile trains for 1,500 steps only.
    pub fn translation_study(profile: Profile) -> Self {
        let full = Self::translation(profile);
        match profile {
            Profile::Desk => {
                Self { schedule: Schedule { steps: SHORT, interval: 50, ..full.schedule }, ..full }
            }
            Profile::Quick | Profile::Paper => full,
        }
    }

    /// The paper's exact hyper-parameters (Keller 2025, appendix; 54,000 sequences, 50 epochs).
    fn paper_translation() -> Self {
        Self {
            velocity_range: 2,
            seen: 10,
            predicted: 10,
            batch: 128,
            training_range: 2,
            validation_sequences: 6_000,
            test_sequences: 10_000,
            horizon: 70,
            horizon_sequences: 10_000,
            velocity_sequences: 10_000,
            model: ForecasterChoice::default(),
            shape: ForecasterShape {
                inputs: 1,
                channels: 128,
                outputs: 1,
                decoder_layers: 4,
                decoder: Decoder::Plain,
            },
            schedule: Schedule {
                steps: 50 * epoch(128),
                interval: epoch(128),
                clip: Some(1.0),
                parts: 1,
                adam: AdamConfig::default(),
            },
            world: TranslationWorld {
                // The same numbers as in the paper's lab frame.
                lift: Lift::CoMoving,
                canvas: Canvas { size: 28, digit: 28 },
            },
        }
    }

    /// About as many steps as the paper takes, of an eighth of its batch.
    fn desk_translation() -> Self {
        let paper = Self::paper_translation();
        Self {
            batch: 16,
            schedule: Schedule { steps: 20_000, interval: 250, ..paper.schedule },
            validation_sequences: 256,
            test_sequences: 1024,
            horizon_sequences: 256,
            velocity_sequences: 128,
            shape: ForecasterShape { channels: 16, ..paper.shape },
            // No velocity of V_2 returns within 20 frames on a torus of 21 pixels.
            world: TranslationWorld { canvas: Canvas { size: 21, digit: 14 }, ..paper.world },
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
            schedule: Schedule { steps: 500, interval: 50, adam: quick_adam(), ..desk.schedule },
            validation_sequences: 32,
            test_sequences: 256,
            horizon_sequences: 32,
            velocity_sequences: 16,
            // The same within 12 frames.
            world: TranslationWorld { canvas: Canvas { size: 15, digit: 14 }, ..desk.world },
            ..desk
        }
    }
}

impl Settings<VideoWorld> {
    /// As over translations, beyond what is of the digits; tested twice as far as trained, if clips last.
    pub fn video(profile: Profile) -> Self {
        let like = Settings::translation(profile);
        let world = VideoWorld { lift: like.world.lift };
        Self { horizon: 2 * like.predicted, ..like.in_world(world) }
    }
}

impl Settings<RotationWorld> {
    /// Training on the largest V^R of Table 1.
    pub fn rotation(profile: Profile) -> Self {
        match profile {
            Profile::Quick => Self::quick_rotation(),
            Profile::Desk => Self::desk_rotation(),
            Profile::Paper => Self::paper_rotation(),
        }
    }

    /// The paper's hyper-parameters (Keller 2025, §5 and appendix): 1,152 planes, no clipping.
    fn paper_rotation() -> Self {
        let world = RotationWorld {
            step_deg: 10,
            tested_range: 5,
            lift: Lift::Trivial,
            order: CarryOrder::default(),
            orientations: 36,
            filter_size: 3,
            canvas: Canvas { size: 28, digit: 28 },
        };
        let paper = Settings::paper_translation().in_world(world);
        Self {
            velocity_range: 4,
            batch: 32,
            training_range: 4,
            schedule: Schedule {
                steps: 50 * epoch(32),
                interval: epoch(32),
                clip: None,
                parts: 1,
                adam: AdamConfig { learning_rate: 1e-4, ..AdamConfig::default() },
            },
            shape: ForecasterShape { channels: 32, ..paper.shape },
            ..paper
        }
    }

    /// The paper's frames and digits, N = 40 orientations and 1 field instead of 36 and 32.
    ///
    /// Velocities are multiples of 9°, the angle between orientations: every ψ_1(ν) moves orientations
    /// by whole places, as the paper's 10° do at N = 36, and interpolates between pixels. The fastest
    /// velocity, 18°, returns after 20 frames: no frame of a sequence is another one again. The choice is
    /// the same for all models, and the G-RNN has the same filters.
    fn desk_rotation() -> Self {
        let paper = Self::paper_rotation();
        let desk = Settings::desk_translation();
        Self {
            velocity_range: 2,
            batch: 16,
            training_range: 2,
            schedule: Schedule {
                steps: SHORT,
                interval: 50,
                adam: AdamConfig { learning_rate: 1e-3, ..AdamConfig::default() },
                ..paper.schedule
            },
            validation_sequences: desk.validation_sequences,
            test_sequences: desk.test_sequences,
            horizon_sequences: desk.horizon_sequences,
            velocity_sequences: desk.velocity_sequences,
            shape: ForecasterShape { channels: 1, ..paper.shape },
            world: RotationWorld {
                step_deg: 9,
                tested_range: 3,
                orientations: 40,
                ..paper.world.clone()
            },
            ..paper
        }
    }

    fn quick_rotation() -> Self {
        let desk = Self::desk_rotation();
        let quick = Settings::quick_translation();
        let adam = AdamConfig { learning_rate: 5e-3, ..AdamConfig::default() };
        Self {
            // Within 10 frames 36°, twice 18° = 360°/20, does not return.
            seen: 5,
            predicted: 5,
            horizon: 35,
            batch: quick.batch,
            schedule: Schedule { steps: 600, adam, ..desk.schedule },
            validation_sequences: 32,
            test_sequences: 128,
            horizon_sequences: 16,
            velocity_sequences: 16,
            world: RotationWorld { step_deg: 18, orientations: 20, ..desk.world.clone() },
            ..desk
        }
    }
}
