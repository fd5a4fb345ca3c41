//! Training in plain code: batches by step, mean squared error, clipping, Adam, the best weights.

use super::moving_digits::MovingDigits;
use super::network::Network;
use super::setup::{BATCH, Case, INTERVAL, PREDICTED, SEEN, STEPS, VALIDATION_SEQUENCES, Weights};
use super::tape::Tape;

/// One evaluation: optimiser steps taken, mean training loss since the last one, validation loss.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub step: u64,
    pub train: f64,
    pub validation: f64,
}

pub struct Training {
    pub curve: Vec<Point>,
    pub best_step: u64,
    pub best: Weights,
    pub last: Weights,
}

/// Mean squared error of each predicted frame over the first sequences of a split.
pub fn errors_by_horizon(
    case: Case,
    weights: &Weights,
    data: &MovingDigits<'_>,
    (split, sequences, predicted): (&str, u64, usize),
) -> Vec<f64> {
    let mut errors = vec![0.0; predicted];
    for index in 0..sequences {
        let frames = data.frames(split, index, SEEN + predicted);
        let mut tape = Tape::default();
        let network = Network::new(case, weights, &mut tape);
        let outputs = network.run(&mut tape, &frames[..SEEN], predicted).outputs;
        for (h, output) in outputs.iter().enumerate() {
            let squares =
                tape.value(*output).iter().zip(&frames[SEEN + h]).map(|(y, f)| (y - f).powi(2));
            errors[h] += squares.sum::<f64>() / frames[0].len() as f64 / sequences as f64;
        }
    }
    errors
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The loss of a batch and its gradient by name.
pub fn loss_and_gradient(
    case: Case,
    weights: &Weights,
    sequences: &[Vec<Vec<f64>>],
) -> (f64, Weights) {
    let (mut loss, mut gradient) = (0.0, Weights::new());
    for frames in sequences {
        let mut tape = Tape::default();
        let network = Network::new(case, weights, &mut tape);
        let outputs = network.run(&mut tape, &frames[..SEEN], frames.len() - SEEN).outputs;
        let values = (sequences.len() * (frames.len() - SEEN) * frames[0].len()) as f64;
        let mut seeds = Vec::new();
        for (output, truth) in outputs.into_iter().zip(&frames[SEEN..]) {
            let errors: Vec<f64> =
                tape.value(output).iter().zip(truth).map(|(y, f)| y - f).collect();
            loss += errors.iter().map(|e| e * e).sum::<f64>() / values;
            seeds.push((output, errors.iter().map(|e| 2.0 * e / values).collect()));
        }
        let all = tape.gradients(&seeds);
        for (name, id) in &network.parameters {
            let sum = gradient.entry(name.clone()).or_insert_with(|| vec![0.0; all[*id].len()]);
            sum.iter_mut().zip(&all[*id]).for_each(|(sum, g)| *sum += g);
        }
    }
    (loss, gradient)
}

/// Gradients divided so that their common norm is the limit, where it is larger.
pub fn clip(gradient: &mut Weights, limit: Option<f64>) -> f64 {
    let norm = gradient.values().flatten().map(|g| g * g).sum::<f64>().sqrt();
    if let Some(limit) = limit.filter(|limit| norm > *limit) {
        gradient.values_mut().flatten().for_each(|g| *g *= limit / norm);
    }
    norm
}

/// First and second moments of Adam (β₁ = 0.9, β₂ = 0.999, ε = 1e-8), by name.
#[derive(Default)]
struct Adam {
    steps: i32,
    moments: std::collections::BTreeMap<String, Vec<(f64, f64)>>,
}

impl Adam {
    fn step(&mut self, weights: &mut Weights, gradient: &Weights, rate: f64) {
        self.steps += 1;
        for (name, values) in weights {
            let start = || vec![(0.0, 0.0); values.len()];
            let moments = self.moments.entry(name.clone()).or_insert_with(start);
            for ((value, (m, v)), g) in values.iter_mut().zip(moments).zip(&gradient[name]) {
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                let (m, v) =
                    (*m / (1.0 - 0.9f64.powi(self.steps)), *v / (1.0 - 0.999f64.powi(self.steps)));
                *value -= rate * m / (v.sqrt() + 1e-8);
            }
        }
    }
}

pub fn validation_loss(case: Case, weights: &Weights, data: &MovingDigits<'_>) -> f64 {
    mean(&errors_by_horizon(case, weights, data, ("validation", VALIDATION_SEQUENCES, PREDICTED)))
}

/// The whole training from the first weights of the seed.
pub fn train(case: Case, seed: u64, data: &MovingDigits<'_>) -> Training {
    let (mut weights, mut adam) = (case.first_weights(seed), Adam::default());
    let mut training =
        Training { curve: vec![], best_step: 0, best: Weights::new(), last: Weights::new() };
    let mut losses = Vec::new();
    for step in 1..=STEPS {
        let indices = (step - 1) * BATCH..step * BATCH;
        let batch: Vec<_> = indices.map(|i| data.frames("train", i, SEEN + PREDICTED)).collect();
        let (loss, mut gradient) = loss_and_gradient(case, &weights, &batch);
        clip(&mut gradient, case.clip);
        adam.step(&mut weights, &gradient, case.rate);
        losses.push(loss);
        if step % INTERVAL == 0 || step == STEPS {
            let validation = validation_loss(case, &weights, data);
            if training.curve.iter().all(|point| validation < point.validation) {
                (training.best_step, training.best) = (step, weights.clone());
            }
            training.curve.push(Point { step, train: mean(&losses), validation });
            losses.clear();
        }
    }
    training.last = weights;
    training
}
