//! Every row that a case's records must hold, computed in plain code from the weights that were kept.

use super::moving_digits::MovingDigits;
use super::network::{Network, action};
use super::run::{Ran, Row};
use super::setup::{
    Case, EQUIVARIANCE_SEQUENCES, Flow, HORIZON, HORIZON_SEQUENCES, Measures, PREDICTED, SEEN,
    SIZE, STEP_DEG, TEST_SEQUENCES, TESTED_STEPS, VELOCITY_SEQUENCES, Velocity, Weights,
    velocities,
};
use super::tape::{Id, Tape};
use super::training::{Training, errors_by_horizon, mean};

/// A row, and how far a measured value may be from it.
pub struct Expected {
    pub row: Row,
    pub tolerance: f64,
}

/// Roundings of f32 in one forward pass, relative to the result: a sum has up to 16 planes of 9 taps, and
/// a value goes through at most 12 steps of two sums and a decoder of two more. Roundings of
/// √(144 · 26) terms add up like a random walk: 61 · 2⁻²⁴ = 3.7e-6. The largest seen is a seventh of it.
pub const FORWARD: f64 = 3.7e-6;

pub struct Plain<'a> {
    pub case: Case,
    pub seed: u64,
    pub data: MovingDigits<'a>,
    pub is_first_seed: bool,
}

impl Plain<'_> {
    pub fn rows(&self, ran: &Ran, training: &Training, tolerance: f64) -> Vec<Expected> {
        let mut rows = self.training(training, tolerance);
        match self.case.measures {
            Measures::Velocities => rows.extend(self.by_velocity(&ran.best)),
            Measures::Prediction | Measures::Equivariance => {
                rows.extend(self.test_error(&ran.best));
                rows.extend(self.by_horizon(&ran.best));
            }
        }
        if self.case.measures == Measures::Equivariance {
            rows.extend(self.equivariance("untrained", &self.case.first_weights(self.seed)));
            rows.extend(self.equivariance("trained", &ran.best));
        }
        if self.case.measures == Measures::Prediction && self.is_first_seed {
            rows.extend(self.film(&ran.best));
            rows.extend(self.hidden_states(&ran.best));
        }
        rows
    }

    fn row(&self, split: &str, metric: &str, value: f64) -> Row {
        Row {
            experiment: self.case.experiment.into(),
            model: self.case.model.into(),
            seed: self.seed,
            split: split.into(),
            metric: metric.into(),
            value,
            ..Row::default()
        }
    }

    /// A row of the test split whose value may be wrong by the roundings of a forward pass.
    fn tested(&self, metric: &str, value: f64) -> Expected {
        // An error is a difference of prediction and truth, squared.
        Expected { row: self.row("test", metric, value), tolerance: 2.0 * FORWARD * value }
    }

    fn training(&self, training: &Training, tolerance: f64) -> Vec<Expected> {
        let exactly = |row| Expected { row, tolerance: 0.0 };
        let mut rows = vec![
            exactly(self.row("", "parameters", self.case.parameter_count() as f64)),
            exactly(self.row("validation", "best_step", training.best_step as f64)),
        ];
        for point in &training.curve {
            for (split, loss) in [("train", point.train), ("validation", point.validation)] {
                let row = Row { step: Some(point.step), ..self.row(split, "loss", loss) };
                rows.push(Expected { row, tolerance: tolerance * loss });
            }
        }
        rows
    }

    fn test_error(&self, weights: &Weights) -> Vec<Expected> {
        let over = ("test", TEST_SEQUENCES, PREDICTED);
        let errors = errors_by_horizon(self.case, weights, &self.data, over);
        vec![self.tested("mse", mean(&errors))]
    }

    fn by_horizon(&self, weights: &Weights) -> Vec<Expected> {
        let over = ("test", HORIZON_SEQUENCES, HORIZON);
        let errors = errors_by_horizon(self.case, weights, &self.data, over);
        let at = |(h, error): (usize, &f64)| {
            let mut expected = self.tested("mse_by_horizon", *error);
            expected.row.horizon = Some(h as u32 + 1);
            expected
        };
        errors.iter().enumerate().map(at).collect()
    }

    fn by_velocity(&self, weights: &Weights) -> Vec<Expected> {
        let furthest = if self.case.flow == Flow::Translation { 2 } else { TESTED_STEPS };
        let at = |velocity: Velocity| {
            let data = self.data.at(vec![velocity.clone()]);
            let over = ("test", VELOCITY_SEQUENCES, PREDICTED);
            let errors = errors_by_horizon(self.case, weights, &data, over);
            let mut expected = self.tested("mse_by_velocity", mean(&errors));
            expected.row.velocity = velocity;
            expected
        };
        velocities(self.case.flow, furthest).into_iter().map(at).collect()
    }

    /// The velocity at which states are shown and compared.
    fn shown(&self) -> Velocity {
        if self.case.flow == Flow::Translation { vec![1, 1] } else { vec![STEP_DEG] }
    }

    fn film(&self, weights: &Weights) -> Vec<Expected> {
        let frames = self.data.frames("test", 0, SEEN + HORIZON);
        let mut tape = Tape::default();
        let network = Network::new(self.case, weights, &mut tape);
        let outputs = network.run(&mut tape, &frames[..SEEN], HORIZON).outputs;
        let mut rows = self.picture("film_truth", 0, &frames[SEEN - 1]);
        // 1, half and all of the predicted frames, twice as many; four and seven times is too far.
        for h in [1, 2, 4, 8] {
            rows.extend(self.picture("film_truth", h, &frames[SEEN + h - 1]));
            rows.extend(self.picture("film_prediction", h, tape.value(outputs[h - 1])));
        }
        rows
    }

    fn picture(&self, metric: &str, horizon: usize, pixels: &[f64]) -> Vec<Expected> {
        let brightest = pixels.iter().fold(0.0, |max: f64, v| max.max(v.abs()));
        assert!(brightest > 0.0, "{metric} {horizon} shows nothing");
        let pixel = |(i, value): (usize, &f64)| {
            let at = Some(((i % SIZE) as u32, (i / SIZE) as u32));
            let row = self.row("test", metric, *value);
            let row = Row { horizon: Some(horizon as u32), pixel: at, ..row };
            Expected { row, tolerance: FORWARD * brightest }
        };
        pixels.iter().enumerate().map(pixel).collect()
    }

    /// The plane of the shown velocity's slice that varies most in the end, as it is and moved back.
    fn hidden_states(&self, weights: &Weights) -> Vec<Expected> {
        let velocity = self.shown();
        let frames = self.data.at(vec![velocity.clone()]).frames("test", 0, SEEN);
        let mut tape = Tape::default();
        let network = Network::new(self.case, weights, &mut tape);
        let states = network.run(&mut tape, &frames, 1).states;
        let slice = network.slice(&velocity);
        let labs: Vec<Id> =
            (0..SEEN).map(|t| network.in_lab(&mut tape, &states[t], t)[slice]).collect();
        let planes =
            tape.value(labs[SEEN - 1]).chunks(SIZE * SIZE).map(variance).collect::<Vec<_>>();
        let liveliest = (0..planes.len()).max_by(|a, b| planes[*a].total_cmp(&planes[*b])).unwrap();
        let mut rows = Vec::new();
        for (t, lab) in labs.into_iter().enumerate() {
            let count = tape.value(lab).len() / (SIZE * SIZE);
            let back = action(self.case.flow, &velocity, -(t as i32), count);
            let back = tape.mapped(lab, &back);
            let plane = |id: Id| tape.value(id)[liveliest * SIZE * SIZE..][..SIZE * SIZE].to_vec();
            rows.extend(self.picture("hidden_input", t + 1, &frames[t]));
            rows.extend(self.picture("hidden_lab", t + 1, &plane(lab)));
            rows.extend(self.picture("hidden_stabilised", t + 1, &plane(back)));
        }
        rows
    }

    /// ‖h'(ν) − ψ_t(ν̂)·h(ν − ν̂)‖ / ‖ψ_t(ν̂)·h(ν − ν̂)‖ after each frame, over all sequences and all ν
    /// with ν − ν̂ in V, where h' saw frame t moved by ψ_t(ν̂); without ψ_t in the co-moving frame.
    fn equivariance(&self, when: &str, weights: &Weights) -> Vec<Expected> {
        let velocity = self.shown();
        let count = SEEN + PREDICTED;
        let mut sums = vec![(0.0, 0.0); count];
        for index in 0..EQUIVARIANCE_SEQUENCES {
            let frames = self.data.frames("test", index, count);
            let flowed: Vec<Vec<f64>> = (0..count)
                .map(|t| {
                    let mut tape = Tape::default();
                    let frame = tape.given(frames[t].clone());
                    let moved = action(self.case.flow, &velocity, t as i32, 1);
                    let id = tape.mapped(frame, &moved);
                    tape.value(id).to_vec()
                })
                .collect();
            let mut tape = Tape::default();
            let network = Network::new(self.case, weights, &mut tape);
            let ours = network.run(&mut tape, &flowed, 0).states;
            let theirs = network.run(&mut tape, &frames, 0).states;
            for (t, sum) in sums.iter_mut().enumerate() {
                for (place, partner) in network.pairs_apart(&velocity) {
                    let mut reference = theirs[t][partner];
                    if !self.case.is_co_moving {
                        let planes = tape.value(reference).len() / (SIZE * SIZE);
                        let act = action(self.case.flow, &velocity, t as i32, planes);
                        reference = tape.mapped(reference, &act);
                    }
                    let (got, want) = (tape.value(ours[t][place]), tape.value(reference));
                    sum.0 += got.iter().zip(want).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
                    sum.1 += want.iter().map(|v| v * v).sum::<f64>();
                }
            }
        }
        let after = |(t, (difference, reference)): (usize, &(f64, f64))| {
            let value = (difference / reference).sqrt();
            let row = self.row("test", &format!("equivariance_{when}"), value);
            let row = Row { horizon: Some(t as u32 + 1), ..row };
            Expected { row, tolerance: FORWARD }
        };
        sums.iter().enumerate().map(after).collect()
    }
}

fn variance(plane: &[f64]) -> f64 {
    let mean = mean(plane);
    plane.iter().map(|v| (v - mean).powi(2)).sum()
}
