//! Hyper-parameters of the experiments on Moving KTH.

use crate::data::{Action, Cut, Division, Ranges, Windows};
use crate::error::Result;
use crate::experiments::bounds::{
    CHANNELS, FRAMES, LAYERS, PIXELS, SAMPLES, VELOCITIES, check_schedule, expect_within,
};
use crate::experiments::experiment::Request;
use crate::experiments::profile::Profile;
use crate::experiments::settings_text;
use crate::experiments::subject::Subject;
use crate::models::{ClassifierChoice, ClassifierKind, ClassifierShape};
use crate::ops::Padding;
use crate::training::{AdamConfig, Schedule};
use serde::{Deserialize, Serialize};

/// Everything that decides the numbers of a unit but its seed and the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Velocities V_N of the model, N = this range; 0 is the G-RNN.
    pub velocity_range: u32,
    /// The camera draws its velocities from V_N of this range N, in training and validation.
    pub training_range: u32,
    /// Height and width of a frame in pixels.
    pub size: usize,
    /// Clips per optimiser step.
    pub batch: u64,
    /// Validation clips at most.
    pub validation_clips: u64,
    /// Test clips at most.
    pub test_clips: u64,
    /// Test clips at each velocity of accuracy by velocity.
    pub velocity_clips: u64,
    /// How many times the windows of the test clips are redrawn to measure what that does.
    pub redraws: u64,
    /// The windows of validation and test clips.
    pub windows: Windows,
    /// How persons are divided.
    pub division: Division,
    /// How KTH's annotation counts frames.
    pub ranges: Ranges,
    /// What is cut out of a clip.
    pub cut: Cut,
    /// Model, layers, padding, algorithm.
    pub model: ClassifierChoice,
    /// Extents of the model.
    pub shape: ClassifierShape,
    /// Training length, evaluation interval, clipping and Adam.
    pub schedule: Schedule,
}

/// The paper's steps of an epoch: 1,517 clips in batches of 32.
const EPOCH: u64 = 1_517u64.div_ceil(32);

impl Settings {
    /// The FERNN-V2 of a profile, trained on moving clips as in Table 2.
    pub fn of(profile: Profile) -> Self {
        match profile {
            Profile::Quick => Self::quick(),
            Profile::Desk => Self::desk(),
            Profile::Paper => Self::paper(),
        }
    }

    /// The paper's hyper-parameters (Keller 2025, §5 and appendix; its public code).
    fn paper() -> Self {
        Self {
            velocity_range: 2,
            training_range: 2,
            size: 32,
            batch: 32,
            validation_clips: 1_000,
            test_clips: 1_000,
            velocity_clips: 1_000,
            redraws: 10,
            windows: Windows::Fixed,
            division: Division::PublicCode,
            ranges: Ranges::OneBased,
            cut: Cut { frames: 16, step: 2 },
            model: ClassifierChoice::default(),
            shape: ClassifierShape::of(ClassifierKind::Flow, 128, Action::ALL.len()),
            schedule: Schedule {
                steps: 500 * EPOCH,
                interval: EPOCH,
                clip: Some(1.0),
                parts: 1,
                adam: AdamConfig { learning_rate: 3e-4, ..AdamConfig::default() },
            },
        }
    }

    fn desk() -> Self {
        let paper = Self::paper();
        Self {
            batch: 16,
            velocity_clips: 96,
            cut: Cut { frames: 12, step: 2 },
            size: 24,
            schedule: Schedule {
                steps: 6_000,
                interval: 96,
                adam: AdamConfig { learning_rate: 1e-3, ..AdamConfig::default() },
                ..paper.schedule
            },
            ..paper
        }
        .with_channels(32)
    }

    /// Small frames, and every fourth one, so that eight of them span as much time as the paper's 16.
    fn quick() -> Self {
        let desk = Self::desk();
        Self {
            validation_clips: 192,
            test_clips: 480,
            velocity_clips: 24,
            redraws: 4,
            cut: Cut { frames: 8, step: 4 },
            size: 16,
            schedule: Schedule {
                steps: 350,
                interval: 50,
                adam: AdamConfig { learning_rate: 2e-3, ..AdamConfig::default() },
                ..desk.schedule
            },
            ..desk
        }
        .with_channels(16)
    }

    /// The settings of an experiment with what a request asks for.
    ///
    /// # Errors
    /// Those of [`Changes::apply`](crate::experiments::Changes::apply); [`crate::Error::Configuration`] for
    /// sizes that cannot be run.
    pub fn asked_for(self, experiment: &str, request: &Request) -> Result<Self> {
        let mut settings = request.changes.apply(experiment, self)?;
        settings.schedule.steps = request.steps.unwrap_or(settings.schedule.steps);
        settings.model.algorithm = request.algorithm;
        settings.check()?;
        Ok(settings)
    }

    /// The settings of a text.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] when they are not those of a classifier, or cannot be run.
    pub fn read(text: &str) -> Result<Self> {
        let settings: Self = settings_text::read(text)?;
        settings.check()?;
        Ok(settings)
    }

    /// Refuses sizes that cannot be run.
    fn check(&self) -> Result<()> {
        expect_within("velocity_range", self.velocity_range, VELOCITIES)?;
        expect_within("training_range", self.training_range, VELOCITIES)?;
        // Three stages halve what the 3-D CNN sees.
        expect_within("size", self.size, 8..=*PIXELS.end())?;
        expect_within("batch", self.batch, SAMPLES)?;
        expect_within("validation_clips", self.validation_clips, SAMPLES)?;
        expect_within("test_clips", self.test_clips, SAMPLES)?;
        expect_within("velocity_clips", self.velocity_clips, SAMPLES)?;
        expect_within("redraws", self.redraws, 0..=10_000)?;
        expect_within("cut.frames", self.cut.frames, FRAMES)?;
        expect_within("cut.step", self.cut.step, FRAMES)?;
        expect_within("model.layers", self.model.layers, LAYERS)?;
        expect_within("shape.inputs", self.shape.inputs, 1..=1)?; // frames are grey
        expect_within("shape.classes", self.shape.classes, 6..=6)?;
        for width in self.shape.widths {
            expect_within("shape.widths", width, CHANNELS)?;
        }
        // Classifiers normalise over the samples of a whole batch.
        check_schedule(&self.schedule, 1)
    }

    fn with_channels(self, channels: usize) -> Self {
        let shape = ClassifierShape::of(self.model.kind, channels, self.shape.classes);
        Self { shape, ..self }
    }

    /// The FERNN with velocities V_N, N = `range`, and its name; the G-RNN for 0.
    pub fn flow(&self, range: u32) -> (Subject, Self) {
        let subject = match range {
            0 => Subject::g_rnn(),
            n => Subject::new(format!("FERNN-V{n}")),
        };
        (subject, Self { velocity_range: range, ..self.clone() })
    }

    /// The G-RNN+ with as many slices; the paper trains it at a third of the rate.
    pub fn learned_shift(&self) -> (Subject, Self) {
        let mut settings = self.clone();
        settings.model.kind = ClassifierKind::LearnedShift;
        settings.schedule.adam.learning_rate /= 3.0;
        (Subject::new("G-RNN+"), settings)
    }

    /// The 3-D CNN; the paper trains it at ten thirds of the rate.
    pub fn video_cnn(&self) -> (Subject, Self) {
        let [.., channels] = self.shape.widths;
        let mut settings = self.clone();
        settings.model.kind = ClassifierKind::VideoCnn;
        settings.velocity_range = 0;
        settings.schedule.adam.learning_rate *= 10.0 / 3.0;
        (Subject::new("3D-CNN"), settings.with_channels(channels))
    }

    /// The variant with a circular encoder.
    pub const CIRCULAR: &'static str = "circular";

    /// The variant trained on velocities V_N, N = `range`.
    pub fn variant_trained_on(range: u32) -> String {
        format!("trained on V{range}")
    }

    /// A model with a circular encoder, as a variant of it.
    pub fn circular((subject, mut settings): (Subject, Self)) -> (Subject, Self) {
        settings.model.padding = Padding::Circular;
        (subject.with_variant(Self::CIRCULAR), settings)
    }

    /// A model trained on velocities V_N, N = `range`, as a variant of it.
    pub fn trained_on((subject, settings): (Subject, Self), range: u32) -> (Subject, Self) {
        let variant = Self::variant_trained_on(range);
        (subject.with_variant(variant), Self { training_range: range, ..settings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_rates_are_as_published() {
        let paper = Settings::of(Profile::Paper);
        let rate = |(_, settings): (Subject, Settings)| settings.schedule.adam.learning_rate;
        assert_eq!((rate(paper.flow(2)), rate(paper.flow(0))), (3e-4, 3e-4));
        assert!((rate(paper.learned_shift()) - 1e-4).abs() < 1e-12);
        assert!((rate(paper.video_cnn()) - 1e-3).abs() < 1e-12);
        assert_eq!(paper.video_cnn().1.shape.widths, [16, 32, 64]);
        assert_eq!(paper.schedule.steps, 24_000, "500 epochs of 48 steps");
    }
}
