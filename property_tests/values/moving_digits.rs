//! The sequences in plain code: splits, draws from the documented streams, and pictures.

use super::setup::{DIGIT, Flow, SIZE, Velocity};
use fernn::data::Digits;
use fernn::rng::Stream;

/// The places of the training images: (training split, validation split), the last tenth of a shuffle
/// that belongs to the data set.
pub fn split_places(images: usize) -> (Vec<usize>, Vec<usize>) {
    let mut places: Vec<usize> = (0..images).collect();
    let mut stream = Stream::new(0, "mnist/validation-split", 0);
    for last in (1..images).rev() {
        places.swap(last, stream.below(last + 1));
    }
    let validation = places.split_off(images - images / 10);
    (places, validation)
}

/// Sequences of a flow under a seed, whose digits draw their velocities from a list.
#[derive(Clone)]
pub struct MovingDigits<'a> {
    digits: &'a Digits,
    splits: (Vec<usize>, Vec<usize>),
    flow: Flow,
    seed: u64,
    velocities: Vec<Velocity>,
}

impl<'a> MovingDigits<'a> {
    pub fn new(digits: &'a Digits, flow: Flow, seed: u64, velocities: Vec<Velocity>) -> Self {
        let splits = split_places(digits.train().len());
        Self { digits, splits, flow, seed, velocities }
    }

    /// The same digits at other velocities.
    pub fn at(&self, velocities: Vec<Velocity>) -> Self {
        Self { velocities, ..self.clone() }
    }

    /// The frames (SIZE, SIZE) of a sample.
    pub fn frames(&self, split: &str, index: u64, count: usize) -> Vec<Vec<f64>> {
        let name = if self.flow == Flow::Translation { "flowing" } else { "rotating" };
        let mut stream = Stream::new(self.seed, &format!("{name}-mnist/{split}"), index);
        let mut frames = vec![vec![0.0; SIZE * SIZE]; count];
        for _ in 0..2 {
            let digit = averaged_down(self.image(split, &mut stream));
            let draw = match self.flow {
                Flow::Translation => {
                    let x = stream.below(SIZE) as i32;
                    (f64::from(x), stream.below(SIZE) as i32)
                }
                Flow::Rotation => (stream.uniform_in(0.0, 360.0), 0),
            };
            let velocity = &self.velocities[stream.below(self.velocities.len())];
            for (t, frame) in frames.iter_mut().enumerate() {
                let t = t as i32;
                match self.flow {
                    Flow::Translation => {
                        let corner = [draw.0 as i32 + velocity[0] * t, draw.1 + velocity[1] * t];
                        add_wrapped(frame, &digit, corner);
                    }
                    Flow::Rotation => {
                        let angle = draw.0 + f64::from(velocity[0] * t);
                        let turned = turned(&centred(&digit), SIZE, angle);
                        frame.iter_mut().zip(turned).for_each(|(sum, ink)| *sum += ink);
                    }
                }
            }
        }
        frames.iter_mut().flatten().for_each(|ink| *ink = ink.min(1.0));
        frames
    }

    fn image(&self, split: &str, stream: &mut Stream) -> &[u8] {
        let places = match split {
            "train" => &self.splits.0,
            "validation" => &self.splits.1,
            _ => return self.digits.test().pixels(stream.below(self.digits.test().len())),
        };
        self.digits.train().pixels(places[stream.below(places.len())])
    }
}

/// A digit of 28×28 bytes as DIGIT×DIGIT means of blocks, in [0, 1].
fn averaged_down(pixels: &[u8]) -> Vec<f64> {
    let block = 28 / DIGIT;
    let mean = |row: usize, column: usize| {
        let mut sum = 0.0;
        for y in 0..block {
            for x in 0..block {
                sum += f64::from(pixels[(row * block + y) * 28 + column * block + x]);
            }
        }
        sum / (255 * block * block) as f64
    };
    (0..DIGIT * DIGIT).map(|i| mean(i / DIGIT, i % DIGIT)).collect()
}

fn add_wrapped(frame: &mut [f64], digit: &[f64], corner: [i32; 2]) {
    for (i, ink) in digit.iter().enumerate() {
        let column = (corner[0] + (i % DIGIT) as i32).rem_euclid(SIZE as i32) as usize;
        let row = (corner[1] + (i / DIGIT) as i32).rem_euclid(SIZE as i32) as usize;
        frame[row * SIZE + column] += ink;
    }
}

fn centred(digit: &[f64]) -> Vec<f64> {
    let margin = ((SIZE - DIGIT) / 2) as i32;
    let mut frame = vec![0.0; SIZE * SIZE];
    add_wrapped(&mut frame, digit, [margin, margin]);
    frame
}

/// A plane turned counter-clockwise about its centre.
pub fn turned(plane: &[f64], size: usize, degrees: f64) -> Vec<f64> {
    let mut result = vec![0.0; size * size];
    for (to, from, weight) in turning_terms(size, degrees) {
        result[to] += weight * plane[from];
    }
    result
}

/// What every pixel of a turned plane is made of: bilinear between pixel centres, zero outside.
pub fn turning_terms(size: usize, degrees: f64) -> Vec<(usize, usize, f64)> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let middle = (size as f64 - 1.0) / 2.0;
    let mut terms = Vec::new();
    for to in 0..size * size {
        let (right, up) = ((to % size) as f64 - middle, middle - (to / size) as f64);
        // The content at angle φ comes from φ − degrees.
        let (x, y) = (middle + right * cos + up * sin, middle - (up * cos - right * sin));
        for from in 0..size * size {
            let weight = |distance: f64| (1.0 - distance.abs()).max(0.0);
            let w = weight(x - (from % size) as f64) * weight(y - (from / size) as f64);
            if w > 0.0 {
                terms.push((to, from, w));
            }
        }
    }
    terms
}
