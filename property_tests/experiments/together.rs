//! Processes that train one model together, as threads of this one: whatever their number, the same bits.

use super::threads::Threads;
use candle_core::{DType, Device, Tensor};
use fernn::Result;
use fernn::parameters::{Draw, Initial, Parameters, Tensors};
use fernn::rng::Stream;
use fernn::training::{
    AdamConfig, Alone, CheckpointFile, Learner, Loss, Ranks, RunName, Schedule, Trainer, Training,
};
use std::path::Path;

/// Learns x of Σ (tanh(a·x) − b)² over samples (a, b).
struct Line;

/// Numbers a and b of some samples.
fn samples(range: std::ops::Range<u64>) -> Result<Tensor> {
    let mut stream = Stream::new(3, "samples", 0);
    let all: Vec<f32> = (0..2 * range.end).map(|_| stream.normal() as f32).collect();
    let rows = (range.end - range.start) as usize;
    let all = Tensor::from_slice(&all[2 * range.start as usize..], (rows, 2), &Device::Cpu)?;
    Ok(all)
}

impl Learner for Line {
    type Batch = Tensor;

    fn initial(&self) -> Result<Vec<Initial>> {
        Ok(vec![
            Initial::trained("unused", &[2], Draw::Constant(0.5)),
            Initial::trained("x", &[3], Draw::Constant(0.1)),
        ])
    }

    fn loss(&self, tensors: &Tensors, batch: &Tensor) -> Result<Loss> {
        let (a, b) = (batch.narrow(1, 0, 1)?, batch.narrow(1, 1, 1)?);
        let outputs = a.broadcast_mul(&tensors["x"].unsqueeze(0)?)?.tanh()?;
        Ok(outputs.broadcast_sub(&b)?.sqr()?.mean_all()?.into())
    }

    fn score(&self, tensors: &Tensors, batches: &[Tensor]) -> Result<f64> {
        let score = |batch: &Tensor| -> Result<f64> {
            Ok(f64::from(
                self.loss(tensors, batch)?.value.to_dtype(DType::F32)?.to_scalar::<f32>()?,
            ))
        };
        let (mut sum, mut weight) = (0.0, 0.0);
        for batch in batches {
            let samples = self.samples(batch) as f64;
            sum += samples * score(batch)?;
            weight += samples;
        }
        Ok(sum / weight)
    }

    fn samples(&self, batch: &Tensor) -> usize {
        batch.dims()[0]
    }
}

const STEPS: u64 = 9;

fn train(parts: u64, ranks: &dyn Ranks, checkpoint: Option<&Path>) -> Result<Training> {
    train_for(STEPS, parts, ranks, checkpoint)
}

fn train_for(
    steps: u64,
    parts: u64,
    ranks: &dyn Ranks,
    checkpoint: Option<&Path>,
) -> Result<Training> {
    let parameters = Parameters::draw(&Line.initial()?, 0, &Device::Cpu)?;
    // Batches of ten in four parts of two and three, scores of batches of four, four and two.
    let validation = [samples(0..4)?, samples(4..8)?, samples(8..10)?];
    let adam = AdamConfig { learning_rate: 0.05, ..AdamConfig::default() };
    Trainer {
        name: RunName::default(),
        learner: &Line,
        parameters: &parameters,
        schedule: Schedule { steps, interval: 3, clip: Some(0.1), parts, adam },
        batch: &|step, part| samples(part.within(&(step * 10..(step + 1) * 10))),
        validation: &|_| Ok(std::borrow::Cow::Borrowed(&validation)),
        checkpoint: checkpoint
            .map(|path| CheckpointFile { path: path.into(), ..CheckpointFile::default() }),
        ranks,
        progress: &|_| (),
    }
    .run()
}

/// What every one of some processes trains.
fn together(size: usize, parts: u64, checkpoint: Option<&Path>) -> Vec<Result<Training>> {
    together_for(STEPS, size, parts, checkpoint)
}

fn together_for(
    steps: u64,
    size: usize,
    parts: u64,
    checkpoint: Option<&Path>,
) -> Vec<Result<Training>> {
    Threads::new(size).each(|ranks| train_for(steps, parts, ranks, checkpoint))
}

fn bits(training: &Training) -> (Vec<[u64; 2]>, Vec<u32>) {
    let curve = training.curve.iter();
    let x = training.best_weights["x"].to_vec1::<f32>().expect("three numbers");
    (
        curve.map(|point| [point.train_loss.to_bits(), point.score.to_bits()]).collect(),
        x.into_iter().map(f32::to_bits).collect(),
    )
}

#[test]
fn one_two_and_four_processes_train_to_the_same_bits() -> Result<()> {
    let alone = bits(&train(4, &Alone, None)?);
    for size in [2, 4] {
        for training in together(size, 4, None) {
            assert_eq!(bits(&training?), alone, "{size}");
        }
    }
    Ok(())
}

#[test]
fn parts_change_rounding_alone() -> Result<()> {
    let (whole, parted) = (train(1, &Alone, None)?, train(4, &Alone, None)?);
    for (a, b) in whole.curve.iter().zip(&parted.curve) {
        for (a, b) in [(a.train_loss, b.train_loss), (a.score, b.score)] {
            assert!((a / b - 1.0).abs() < 1e-5, "{a} {b}");
        }
    }
    let x = |training: &Training| training.best_weights["x"].to_vec1::<f32>();
    for (a, b) in x(&whole)?.into_iter().zip(x(&parted)?) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    assert!(whole.curve[2].train_loss < whole.curve[0].train_loss, "it learns");
    Ok(())
}

#[test]
fn processes_go_on_from_the_checkpoint_of_the_first_and_other_numbers_of_them_too() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("c.safetensors");
    let whole = bits(&train(4, &Alone, None)?);
    train_for(3, 4, &Alone, Some(&path))?;
    for (size, steps) in [(4, 6), (2, STEPS), (1, STEPS)] {
        for training in together_for(steps, size, 4, Some(&path)) {
            let (curve, x) = bits(&training?);
            let all = (steps / 3) as usize;
            assert_eq!(curve, whole.0[..all], "{size}");
            assert!(steps < STEPS || x == whole.1);
        }
    }
    Ok(())
}

#[test]
fn processes_that_cannot_share_the_parts_are_refused() {
    for (size, parts) in [(3, 12), (2, 1), (4, 6)] {
        for refusal in together(size, parts, None) {
            let refusal = refusal.expect_err("they cannot").to_string();
            assert!(refusal.contains("schedule.parts"), "{refusal}");
        }
    }
}
