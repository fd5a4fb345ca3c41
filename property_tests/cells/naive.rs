//! The equations of every cell in plain loops.

use super::common::{naive_convolution, roll};
use super::{Kind, neighbourhood};
use fernn::flow::{PixelsPerFrame, VelocitySet};

/// Maps (C, H, W) of plain numbers, one per velocity.
pub type Maps = Vec<Vec<f64>>;

/// The lab-frame equations of each cell in plain loops over a single sequence.
pub struct Naive {
    pub kind: Kind,
    pub set: VelocitySet<PixelsPerFrame>,
    pub inputs: usize,
    pub channels: usize,
    pub extents: (usize, usize),
    pub parameters: Vec<Vec<f64>>,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Naive {
    fn pixels(&self) -> usize {
        self.extents.0 * self.extents.1
    }

    fn convolve(&self, x: &[f64], inputs: usize, w: &[f64], outputs: usize) -> Vec<f64> {
        let (height, width) = self.extents;
        naive_convolution(x, (inputs, height, width), w, (outputs, 3, 3))
    }

    fn moved(&self, x: &[f64], v: PixelsPerFrame) -> Vec<f64> {
        let (height, width) = self.extents;
        roll(x, (x.len() / self.pixels(), height, width), (v.x as i64, v.y as i64))
    }

    /// The next (h, c) from the last and from what each velocity reads.
    fn step(&self, read: &Maps, (h, c): (&Maps, &Maps)) -> (Maps, Maps) {
        let next = (0..self.set.len()).map(|v| {
            let ours = self.set.as_slice()[v];
            let gates = match self.kind {
                Kind::Gru => 3,
                Kind::Lstm => 4,
                _ => 1,
            };
            let rows = gates * self.channels;
            let u = self.convolve(&read[v], self.inputs, &self.parameters[0], rows);
            let m = self.moved(&h[v], ours);
            let convolved = |x: &[f64]| self.convolve(x, self.channels, &self.parameters[1], rows);
            let size = self.channels * self.pixels();
            match self.kind {
                Kind::Relu => (add(&u, &convolved(&m), |x| x.max(0.0)), vec![]),
                Kind::Tanh => (add(&u, &convolved(&m), f64::tanh), vec![]),
                Kind::Gru => (gru(&u, &convolved(&m), &m, size), vec![]),
                Kind::Lstm => lstm(&u, &convolved(&m), &self.moved(&c[v], ours), size),
                Kind::Mixing => {
                    (add(&u, &self.moved(&self.mix(h, v), ours), |x| x.max(0.0)), vec![])
                }
                Kind::LearnedShift => {
                    let shifted = self.learned_shift(&h[v], v);
                    (add(&u, &convolved(&shifted), |x| x.max(0.0)), vec![])
                }
            }
        });
        next.unzip()
    }

    /// Σ_δ W_δ ⋆ h(ν + δ).
    fn mix(&self, h: &Maps, v: usize) -> Vec<f64> {
        let per_offset = self.channels * self.channels * 9;
        let mut sum = vec![0.0; self.channels * self.pixels()];
        for (number, offset) in neighbourhood().into_iter().enumerate() {
            let ours = self.set.as_slice()[v];
            let wanted = PixelsPerFrame::new(ours.x + offset.x, ours.y + offset.y);
            let Some(neighbour) = self.set.index_of(wanted) else { continue };
            let w = &self.parameters[1][number * per_offset..][..per_offset];
            let term = self.convolve(&h[neighbour], self.channels, w, self.channels);
            sum.iter_mut().zip(term).for_each(|(sum, term)| *sum += term);
        }
        sum
    }

    /// Σ_d D_ν(d)·h(p + d), 5×5.
    fn learned_shift(&self, h: &[f64], v: usize) -> Vec<f64> {
        let mut sum = vec![0.0; h.len()];
        for (tap, weight) in self.parameters[2][v * 25..][..25].iter().enumerate() {
            let d = PixelsPerFrame::new(tap as i32 % 5 - 2, tap as i32 / 5 - 2);
            let moved = self.moved(h, PixelsPerFrame::new(-d.x, -d.y)); // h(p + d) at p
            sum.iter_mut().zip(moved).for_each(|(sum, x)| *sum += weight * x);
        }
        sum
    }

    /// h(ν) after every frame, in the lab frame, from what each velocity reads at each time.
    pub fn run(&self, read: &[Maps]) -> Vec<Maps> {
        let zero = vec![vec![0.0; self.channels * self.pixels()]; self.set.len()];
        let (mut h, mut c) = (zero.clone(), zero);
        let step = |read: &Maps| {
            (h, c) = self.step(read, (&h, &c));
            h.clone()
        };
        read.iter().map(step).collect()
    }
}

pub fn add(a: &[f64], b: &[f64], activation: impl Fn(f64) -> f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| activation(a + b)).collect()
}

/// r, z, n stacked in this order.
fn gru(u: &[f64], w: &[f64], m: &[f64], size: usize) -> Vec<f64> {
    let unit = |i: usize| {
        let r = sigmoid(u[i] + w[i]);
        let z = sigmoid(u[size + i] + w[size + i]);
        let n = (u[2 * size + i] + r * w[2 * size + i]).tanh();
        (1.0 - z) * n + z * m[i]
    };
    (0..size).map(unit).collect()
}

/// i, forget, g, o stacked in this order.
fn lstm(u: &[f64], w: &[f64], k: &[f64], size: usize) -> (Vec<f64>, Vec<f64>) {
    let gate = |number: usize, i: usize| u[number * size + i] + w[number * size + i];
    let c = |i: usize| sigmoid(gate(1, i)) * k[i] + sigmoid(gate(0, i)) * gate(2, i).tanh();
    let h = |i: usize| sigmoid(gate(3, i)) * c(i).tanh();
    ((0..size).map(h).collect(), (0..size).map(c).collect())
}
