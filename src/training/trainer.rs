//! The training loop: batches by step number, evaluation at intervals, best weights, resumption.

use super::adam::{Adam, AdamConfig};
use super::checkpoint::{Checkpoint, CheckpointFile};
use super::divided::Divided;
use super::learner::Learner;
use super::ranks::{Part, Ranks, of_the_first};
use super::step::{Step, training_step};
use crate::error::{Error, Result};
use crate::parameters::{BEST, Parameters, Tensors};
use candle_nn::Optimizer;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How long and how hard to train.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Optimiser steps in all.
    pub steps: u64,
    /// Steps between evaluations on the validation split; a checkpoint is written at each.
    pub interval: u64,
    /// Largest 2-norm of the gradient; `None` leaves it alone.
    pub clip: Option<f64>,
    /// Parts of a batch whose gradients are computed apart and added in a fixed order: as many processes at most can
    /// share a step. Values depend on it to rounding, and memory is that of a part. 1 where it is missing.
    #[serde(default = "whole")]
    pub parts: u64,
    /// The optimiser's hyper-parameters.
    pub adam: AdamConfig,
}

fn whole() -> u64 {
    1
}

/// One point of the training curves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Optimiser steps taken.
    pub step: u64,
    /// Mean training loss over the steps since the last point.
    pub train_loss: f64,
    /// The learner's score on the validation split after this step.
    pub score: f64,
}

/// Where a run stands: everything but the tensors that a resumed run needs.
///
/// There is no generator to save: every batch is a function of the seed and the step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// See [`CheckpointFile::fingerprint`].
    pub fingerprint: String,
    /// See [`CheckpointFile::origin`]: of all that took a step, in the order of their first.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Optimiser steps taken.
    pub step: u64,
    /// The curve so far.
    pub curve: Vec<CurvePoint>,
    /// The step with the best score so far; of equal ones the first.
    pub best_step: u64,
}

impl Position {
    fn best_score(&self) -> Option<f64> {
        self.curve.iter().find(|point| point.step == self.best_step).map(|point| point.score)
    }
}

/// What a training tells while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrainingEvent<'a> {
    /// It begins, or goes on from a checkpoint.
    Begins {
        /// The curve up to there; empty at the beginning.
        curve: &'a [CurvePoint],
    },
    /// An optimiser step was taken.
    Step {
        /// Optimiser steps taken.
        step: u64,
        /// The training loss of the step.
        loss: f64,
    },
    /// The model was evaluated, and a checkpoint written.
    Evaluated {
        /// The curve so far.
        curve: &'a [CurvePoint],
    },
}

/// A finished training.
#[derive(Clone, Debug)]
pub struct Training {
    /// Training loss and validation score by step.
    pub curve: Vec<CurvePoint>,
    /// The step with the best validation score.
    pub best_step: u64,
    /// The tensors of that step, by name.
    pub best_weights: Tensors,
    /// See [`Position::origins`]; none without a checkpoint.
    pub origins: Vec<String>,
}

/// What is trained, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunName {
    /// The experiment.
    pub experiment: String,
    /// The model.
    pub model: String,
    /// The seed.
    pub seed: u64,
}

/// A training run of one learner under one seed.
///
/// ```
/// use candle_core::Device;
/// use fernn::parameters::{Draw, Initial, Parameters, Tensors};
/// use fernn::training::{AdamConfig, Alone, Learner, Loss, RunName, Schedule, Trainer};
///
/// /// A number that learns to be another one.
/// struct Number;
///
/// impl Learner for Number {
///     type Batch = f64;
///
///     fn initial(&self) -> fernn::Result<Vec<Initial>> {
///         Ok(vec![Initial::trained("x", &[1], Draw::Constant(0.0))])
///     }
///
///     fn loss(&self, tensors: &Tensors, batch: &f64) -> fernn::Result<Loss> {
///         Ok((&tensors["x"] - *batch)?.sqr()?.sum_all()?.into())
///     }
///
///     fn score(&self, tensors: &Tensors, batches: &[f64]) -> fernn::Result<f64> {
///         Ok(f64::from(self.loss(tensors, &batches[0])?.value.to_scalar::<f32>()?))
///     }
///
///     fn samples(&self, _: &f64) -> usize {
///         1
///     }
/// }
///
/// # fn main() -> fernn::Result<()> {
/// let adam = AdamConfig { learning_rate: 0.1, ..AdamConfig::default() };
/// let training = Trainer {
///     name: RunName { experiment: "numbers".into(), model: "x".into(), seed: 0 },
///     learner: &Number,
///     parameters: &Parameters::draw(&Number.initial()?, 0, &Device::Cpu)?,
///     schedule: Schedule { steps: 20, interval: 10, clip: None, parts: 1, adam },
///     batch: &|_, _| Ok(1.0),
///     validation: &|_| Ok(vec![1.0].into()),
///     checkpoint: None,
///     ranks: &Alone,
///     progress: &|_| (),
/// }
/// .run()?;
/// assert!(training.curve[1].score < 0.5, "it began at 1");
/// # Ok(())
/// # }
/// ```
pub struct Trainer<'a, L: Learner<Batch: Clone>> {
    /// Named in error messages.
    pub name: RunName,
    /// What learns.
    pub learner: &'a L,
    /// Its tensors.
    pub parameters: &'a Parameters,
    /// The schedule.
    pub schedule: Schedule,
    /// The batch of an optimiser step counted from 0, or a part of it.
    pub batch: &'a dyn Fn(u64, Part) -> Result<L::Batch>,
    /// The batches of the validation split, for an evaluation after so many optimiser steps.
    pub validation: &'a dyn Fn(u64) -> Result<Cow<'a, [L::Batch]>>,
    /// Where checkpoints go; `None` keeps the run in memory.
    pub checkpoint: Option<CheckpointFile>,
    /// The processes that share each step, which all end with the same training. The first writes checkpoints; all
    /// read them.
    pub ranks: &'a dyn Ranks,
    /// Told what happens.
    pub progress: &'a dyn Fn(TrainingEvent<'_>),
}

impl<L: Learner<Batch: Clone>> Trainer<'_, L> {
    /// Trains to the end of the schedule, from the checkpoint if there is one.
    ///
    /// # Errors
    /// [`Error::NonFinite`] as soon as a loss or a score is not finite; [`Error::Format`] when the
    /// checkpoint belongs to another run; [`Error::Configuration`] for a schedule without steps, and for
    /// batches that the processes cannot share.
    pub fn run(&self) -> Result<Training> {
        let Schedule { steps, interval, parts, .. } = self.schedule;
        if steps == 0 || interval == 0 || parts == 0 {
            let remedy = "give at least one step, an interval of one and one part";
            let problem = "has no steps, never evaluates, or has batches of no part";
            return Err(Error::configuration("the schedule", problem, remedy));
        }
        self.divided().check(self.parameters)?;
        let mut optimiser = Adam::new(self.parameters.variables(), self.schedule.adam)?;
        let (mut position, mut best) = self.resume(&mut optimiser)?;
        self.expect_alike(&position)?;
        (self.progress)(TrainingEvent::Begins { curve: &position.curve });
        if let Some(CheckpointFile { origin, .. }) = &self.checkpoint
            && position.step < self.schedule.steps
            && !position.origins.contains(origin)
        {
            position.origins.push(origin.clone());
        }
        while position.step < self.schedule.steps {
            let train_loss = self.interval(&mut position.step, &mut optimiser)?;
            let validation = (self.validation)(position.step)?;
            let score = self.finite(self.score(&validation)?, position.step)?;
            if self.learner.best().is_better(score, position.best_score()) {
                position.best_step = position.step;
                best = self.parameters.snapshot()?;
            }
            position.curve.push(CurvePoint { step: position.step, train_loss, score });
            if let Some(file) = self.checkpoint.as_ref().filter(|_| self.ranks.rank() == 0) {
                self.save(file, &position, &optimiser, &best)?;
            }
            (self.progress)(TrainingEvent::Evaluated { curve: &position.curve });
        }
        let Position { curve, best_step, origins, .. } = position;
        Ok(Training { curve, best_step, best_weights: best, origins })
    }

    /// Steps to the next evaluation; returns the mean training loss.
    fn interval(&self, step: &mut u64, optimiser: &mut Adam) -> Result<f64> {
        let count = self.schedule.interval.min(self.schedule.steps - *step);
        let mut sum = 0.0;
        for _ in 0..count {
            let measured = self.step(*step, optimiser)?;
            *step += 1;
            sum += self.finite(measured.loss, *step)?;
            (self.progress)(TrainingEvent::Step { step: *step, loss: measured.loss });
        }
        Ok(sum / count as f64)
    }

    fn divided(&self) -> Divided<'_> {
        Divided { parts: self.schedule.parts, ranks: self.ranks }
    }

    fn step(&self, step: u64, optimiser: &mut Adam) -> Result<Step> {
        let (learner, parameters, clip) = (self.learner, self.parameters, self.schedule.clip);
        if self.schedule.parts == 1 {
            let batch = (self.batch)(step, Part::WHOLE)?;
            return training_step(learner, parameters, optimiser, &batch, clip);
        }
        let part = |part| (self.batch)(step, part);
        self.divided().step((learner, parameters), optimiser, &part, clip)
    }

    fn score(&self, validation: &[L::Batch]) -> Result<f64> {
        let tensors = self.parameters.detached();
        match self.schedule.parts {
            1 => self.learner.score(&tensors, validation),
            _ => self.divided().score(self.learner, &tensors, validation),
        }
    }

    /// Refuses processes that would go on from different places.
    fn expect_alike(&self, position: &Position) -> Result<()> {
        let own = position.step.to_le_bytes();
        if of_the_first(self.ranks, own)? == own {
            return Ok(());
        }
        let problem = format!("goes on from step {}, and the first from another", position.step);
        let remedy = "give all of them the same --out on a file system that they share";
        Err(Error::configuration("a process", problem, remedy))
    }

    fn finite(&self, loss: f64, step: u64) -> Result<f64> {
        if loss.is_finite() {
            return Ok(loss);
        }
        let RunName { experiment, model, seed } = self.name.clone();
        Err(Error::NonFinite { experiment, model, seed, step, loss })
    }

    fn save(
        &self,
        file: &CheckpointFile,
        position: &Position,
        optimiser: &Adam,
        best: &Tensors,
    ) -> Result<()> {
        let mut tensors = optimiser.moments(MOMENTS);
        let prefixed = |prefix: &str, name: &str| format!("{prefix}{name}");
        tensors.extend(
            self.parameters.detached().into_iter().map(|(n, t)| (prefixed(WEIGHTS, &n), t)),
        );
        tensors.extend(best.iter().map(|(n, t)| (prefixed(BEST, n), t.clone())));
        let state = serde_json::to_string(position).expect("a position is plain data");
        Checkpoint { tensors, state }.save(&file.path)
    }

    /// The position and best weights to start from.
    fn resume(&self, optimiser: &mut Adam) -> Result<(Position, Tensors)> {
        let Some(CheckpointFile { path, fingerprint, .. }) = &self.checkpoint else {
            return Ok(Default::default());
        };
        let fresh = Position { fingerprint: fingerprint.clone(), ..Position::default() };
        let Some(checkpoint) = Checkpoint::load(path)? else { return Ok((fresh, Tensors::new())) };
        let foreign = |problem: &str| Error::Format {
            path: path.clone(),
            line: None,
            problem: format!("{problem}; remove it to train from the beginning"),
        };
        let position: Position = serde_json::from_str(&checkpoint.state)
            .map_err(|_| foreign("the checkpoint's state cannot be read"))?;
        if position.fingerprint != *fingerprint {
            return Err(foreign("the checkpoint belongs to a run with another configuration"));
        }
        if position.step > self.schedule.steps {
            return Err(foreign("the checkpoint is of a longer training"));
        }
        let with_prefix = |prefix: &str| -> Tensors {
            let stripped = |name: &String| Some(name.strip_prefix(prefix)?.to_string());
            let all = checkpoint.tensors.iter();
            all.filter_map(|(name, tensor)| Some((stripped(name)?, tensor.clone()))).collect()
        };
        optimiser
            .restore(&checkpoint.tensors, MOMENTS, position.step)
            .ok_or_else(|| foreign("the checkpoint lacks the optimiser's moments"))?;
        self.parameters.assign(&with_prefix(WEIGHTS), path)?;
        Ok((position, with_prefix(BEST)))
    }
}

const WEIGHTS: &str = "weights/";
const MOMENTS: &str = "adam/";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{Draw, Initial};
    use crate::training::{Alone, Best, Loss};
    use candle_core::Device;
    use std::path::Path;

    /// Learns a number x: its loss is the square of its distance from the batch, its score x itself, of
    /// which the highest is best. Counts the batches that it has seen.
    struct Number;

    impl Learner for Number {
        type Batch = f64;

        fn initial(&self) -> Result<Vec<Initial>> {
            let x = Initial::trained("x", &[1], Draw::Constant(0.0));
            Ok(vec![x, Initial::statistic("batches", &[1], 0.0)])
        }

        fn loss(&self, tensors: &Tensors, batch: &f64) -> Result<Loss> {
            let value = (&tensors["x"] - *batch)?.sqr()?.sum_all()?;
            let counted = (&tensors["batches"] + 1.0)?;
            Ok(Loss { value, statistics: Tensors::from([("batches".into(), counted)]) })
        }

        fn score(&self, tensors: &Tensors, batches: &[f64]) -> Result<f64> {
            assert_eq!(batches, [7.0], "the validation batches");
            Ok(f64::from(tensors["x"].to_vec1::<f32>()?[0]))
        }

        fn samples(&self, _: &f64) -> usize {
            1
        }

        fn best(&self) -> Best {
            Best::Highest
        }
    }

    fn checkpoint(path: &Path, origin: &str) -> Option<CheckpointFile> {
        let (path, fingerprint) = (path.to_path_buf(), "number".into());
        Some(CheckpointFile { path, fingerprint, origin: origin.into() })
    }

    fn train(steps: u64, checkpoint: Option<CheckpointFile>) -> Result<(Training, Tensors)> {
        train_telling(steps, checkpoint, &|_| ())
    }

    /// Pulls x up for four steps and down from then on, evaluating after every second one.
    fn train_telling(
        steps: u64,
        checkpoint: Option<CheckpointFile>,
        progress: &dyn Fn(TrainingEvent<'_>),
    ) -> Result<(Training, Tensors)> {
        let parameters = Parameters::draw(&Number.initial()?, 0, &Device::Cpu)?;
        let adam = AdamConfig { learning_rate: 0.1, ..AdamConfig::default() };
        let training = Trainer {
            name: RunName::default(),
            learner: &Number,
            parameters: &parameters,
            schedule: Schedule { steps, interval: 2, clip: None, parts: 1, adam },
            batch: &|step, _| Ok(if step < 4 { 10.0 } else { -1000.0 }),
            validation: &|_| Ok(Cow::Borrowed(&[7.0])),
            checkpoint,
            ranks: &Alone,
            progress,
        }
        .run()?;
        Ok((training, parameters.snapshot()?))
    }

    fn number(tensors: &Tensors, name: &str) -> f32 {
        tensors[name].to_vec1::<f32>().expect("one number")[0]
    }

    #[test]
    fn the_best_step_is_the_learners_and_its_tensors_are_kept_with_their_statistics() -> Result<()>
    {
        let (training, last) = train(8, None)?;
        assert_eq!(training.best_step, 4, "from then on x falls");
        let scores: Vec<f64> = training.curve.iter().map(|point| point.score).collect();
        assert_eq!(scores[1], f64::from(number(&training.best_weights, "x")));
        assert!(scores[0] < scores[1] && scores[2] < scores[1] && scores[3] < scores[2]);
        assert_eq!(number(&training.best_weights, "batches"), 4.0);
        assert_eq!(number(&last, "batches"), 8.0);
        Ok(())
    }

    #[test]
    fn a_resumed_training_goes_on_with_its_statistics() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("c.safetensors");
        let (whole, last) = train(8, None)?;
        train(6, checkpoint(&path, "a"))?;
        let (resumed, resumed_last) = train(8, checkpoint(&path, "a"))?;
        assert_eq!((resumed.curve, resumed.best_step), (whole.curve, whole.best_step));
        for name in ["x", "batches"] {
            assert_eq!(number(&resumed_last, name), number(&last, name));
            assert_eq!(number(&resumed.best_weights, name), number(&whole.best_weights, name));
        }
        Ok(())
    }

    #[test]
    fn a_training_knows_all_that_took_a_step_of_it() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("c.safetensors");
        let origins =
            |steps, origin| Ok::<_, Error>(train(steps, checkpoint(&path, origin))?.0.origins);
        assert_eq!(origins(2, "a")?, ["a"]);
        assert_eq!(origins(4, "b")?, ["a", "b"]);
        assert_eq!(origins(6, "a")?, ["a", "b"]);
        assert_eq!(origins(6, "c")?, ["a", "b"], "there was no step left to take");
        Ok(())
    }

    #[test]
    fn a_training_tells_its_steps_and_its_curve_from_where_it_goes_on() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("c.safetensors");
        train(4, checkpoint(&path, "a"))?;
        let told = std::cell::RefCell::new(Vec::new());
        let (training, _) = train_telling(8, checkpoint(&path, "a"), &|event| {
            told.borrow_mut().push(match event {
                TrainingEvent::Begins { curve } => ("begins", curve.to_vec()),
                TrainingEvent::Step { step, loss } => {
                    assert!(loss > 0.0);
                    ("step", vec![CurvePoint { step, train_loss: 0.0, score: 0.0 }])
                }
                TrainingEvent::Evaluated { curve } => ("evaluated", curve.to_vec()),
            });
        })?;
        let last = |curve: &Vec<CurvePoint>| curve.last().map_or(0, |point| point.step);
        let places: Vec<_> =
            told.borrow().iter().map(|(what, curve)| (*what, last(curve))).collect();
        let step = |step| ("step", step);
        let (six, eight) = (("evaluated", 6), ("evaluated", 8));
        assert_eq!(places, [("begins", 4), step(5), step(6), six, step(7), step(8), eight]);
        assert_eq!(told.borrow()[0].1, training.curve[..2]);
        assert_eq!(told.borrow()[6].1, training.curve);
        Ok(())
    }

    #[test]
    fn a_position_comes_back_from_its_text_bit_for_bit() {
        // A loss that the JSON parser used to round to its neighbour.
        let train_loss = 0.13469495639204979;
        let point = CurvePoint { step: 50, train_loss, score: 0.1 + 0.2 };
        let position = Position { curve: vec![point], ..Position::default() };
        let text = serde_json::to_string(&position).unwrap();
        assert_eq!(serde_json::from_str::<Position>(&text).unwrap(), position);
    }
}
