//! The forecaster in plain code: steerable filters, recurrence over V, read-out, decoder.

use super::moving_digits::turning_terms;
use super::setup::{
    CARRY, CHANNELS, Carry, Case, DECODER_LAYERS, FIELDS, Flow, ORIENTATIONS, SIZE, Velocity,
    Weights, velocities,
};
use super::tape::{Border, Id, Linear, Tape};
use fernn::rng::Stream;
use std::f64::consts::TAU;
use std::rc::Rc;

/// Functions that a filter over rotations is a sum of: the centre pixel and five on the ring.
const FUNCTIONS: usize = 6;
const PIXELS: usize = SIZE * SIZE;

impl Case {
    /// Whether kernels are expanded from coefficients.
    pub fn has_filters(&self) -> bool {
        self.flow == Flow::Rotation
    }

    /// Planes of a slice of the hidden state.
    fn planes(&self) -> usize {
        if self.flow == Flow::Translation { CHANNELS } else { FIELDS * ORIENTATIONS }
    }

    /// Name, number of values, and number of values that one output reads, of every parameter.
    fn parameters(&self) -> Vec<(String, usize, usize)> {
        let c = self.planes();
        let ending = if self.has_group_decoder { "coefficients" } else { "weight" };
        let decoder = |layer: usize| format!("decoder_conv.{}.{ending}", 2 * layer);
        let (lifting, regular) = (FUNCTIONS, FIELDS * ORIENTATIONS * FUNCTIONS);
        let mut all = match self.flow {
            Flow::Translation => vec![
                ("cell.conv_u.weight".to_string(), c * 9, 9),
                ("cell.conv_h.weight".to_string(), c * c * 9, c * 9),
            ],
            Flow::Rotation => vec![
                ("cell.conv_u.coefficients".to_string(), FIELDS * lifting, lifting),
                ("cell.conv_h.coefficients".to_string(), FIELDS * regular, regular),
            ],
        };
        for layer in 0..DECODER_LAYERS {
            all.push(match self.has_group_decoder {
                true => (decoder(layer), FIELDS * regular, regular),
                false => (decoder(layer), c * c * 9, c * 9),
            });
        }
        let last = decoder(DECODER_LAYERS);
        all.push(match self.has_group_decoder {
            true => (last, FIELDS * FUNCTIONS, FIELDS * FUNCTIONS),
            false => (last, c * 9, c * 9),
        });
        all
    }

    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(|(_, count, _)| count).sum()
    }

    /// The first values under a seed: kernels uniform in ±1/√(values read), steerable coefficients
    /// normal with that deviation, each from the stream of its name.
    pub fn first_weights(&self, seed: u64) -> Weights {
        let draw = |(name, count, read): (String, usize, usize)| {
            let mut stream = Stream::new(seed, &format!("initialisation/{name}"), 0);
            let bound = 1.0 / (read as f64).sqrt();
            let mut value = || match name.ends_with("weight") {
                true => stream.uniform_in(-bound, bound) as f32,
                false => (bound * stream.normal()) as f32,
            };
            let values = (0..count).map(|_| f64::from(value())).collect();
            (name, values)
        };
        self.parameters().into_iter().map(draw).collect()
    }
}

/// What a network computed for one sequence.
pub struct Rollout {
    /// The hidden state after each frame seen, per velocity, in the case's frame of reference.
    pub states: Vec<Vec<Id>>,
    /// Predicted frames.
    pub outputs: Vec<Id>,
}

/// How slices become a read-out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pooling {
    Max,
    Mean,
    Sum,
}

/// A case's network with kernels made of weights on a tape.
pub struct Network {
    case: Case,
    velocities: Vec<Velocity>,
    pub pooling: Pooling,
    pub carry: Carry,
    /// Kernels, expanded where the weights are coefficients.
    pub input: Id,
    pub recurrent: Id,
    pub decoder: Vec<Id>,
    /// Of every parameter, in the order of the names.
    pub parameters: Vec<(String, Id)>,
}

impl Network {
    pub fn new(case: Case, weights: &Weights, tape: &mut Tape) -> Self {
        let parameters: Vec<(String, Id)> =
            weights.iter().map(|(name, w)| (name.clone(), tape.given(w.clone()))).collect();
        let find = |name: &str| parameters.iter().find(|(n, _)| n.starts_with(name)).unwrap().1;
        let (input, recurrent) = (find("cell.conv_u."), find("cell.conv_h."));
        let decoder: Vec<Id> = (0..=DECODER_LAYERS)
            .map(|layer| find(&format!("decoder_conv.{}.", 2 * layer)))
            .collect();
        let mut network = Self {
            case,
            velocities: velocities(case.flow, case.range),
            pooling: Pooling::Max,
            carry: CARRY,
            input,
            recurrent,
            decoder,
            parameters,
        };
        if case.flow == Flow::Rotation {
            let regular = regular_filters();
            network.input = tape.mapped(input, &lifting_filters());
            network.recurrent = tape.mapped(recurrent, &regular);
            if case.has_group_decoder {
                let last = network.decoder.pop().unwrap();
                let hidden = network.decoder.iter().map(|&kernel| tape.mapped(kernel, &regular));
                network.decoder = hidden.collect();
                network.decoder.push(tape.mapped(last, &projecting_filters()));
            }
        }
        network
    }

    /// Sees frames and predicts `steps` more. The last frame is fed again, then what was predicted,
    /// both without a gradient.
    pub fn run(&self, tape: &mut Tape, seen: &[Vec<f64>], steps: usize) -> Rollout {
        let zero = tape.given(vec![0.0; self.case.planes() * PIXELS]);
        let mut state = vec![zero; self.velocities.len()];
        let (mut states, mut outputs) = (Vec::new(), Vec::new());
        for (t, frame) in seen.iter().enumerate() {
            state = self.step(tape, frame, &state, t);
            states.push(state.clone());
        }
        let mut fed = seen.last().unwrap().clone();
        for t in seen.len()..seen.len() + steps {
            state = self.step(tape, &fed, &state, t);
            let lab = self.in_lab(tape, &state, t);
            let read_out = self.pool(tape, &lab);
            let output = self.decode(tape, read_out);
            fed = tape.value(output).to_vec();
            outputs.push(output);
        }
        Rollout { states, outputs }
    }

    /// relu(ψ_1(ν)·[W ⋆ h(ν)] + U ⋆ frame), or in the co-moving frame
    /// relu(W ⋆ h(ν) + U ⋆ (ψ_t(ν)⁻¹·frame)) after t frames.
    fn step(&self, tape: &mut Tape, frame: &[f64], state: &[Id], t: usize) -> Vec<Id> {
        let next = |(velocity, h): (&Velocity, &Id)| {
            let moved = tape.given(frame.to_vec());
            let (read, w) = if self.case.is_co_moving {
                let back = action(self.case.flow, velocity, -(t as i32), 1);
                (tape.mapped(moved, &back), self.recur(tape, *h))
            } else {
                let carry = action(self.case.flow, velocity, 1, self.case.planes());
                let w = match self.carry {
                    Carry::BeforeConvolution => {
                        let carried = tape.mapped(*h, &carry);
                        self.recur(tape, carried)
                    }
                    Carry::AfterConvolution => {
                        let convolved = self.recur(tape, *h);
                        tape.mapped(convolved, &carry)
                    }
                };
                (moved, w)
            };
            let u = tape.convolution(read, self.input, SIZE, self.border());
            let sum = tape.sum(u, w);
            tape.relu(sum)
        };
        self.velocities.iter().zip(state).map(next).collect()
    }

    fn recur(&self, tape: &mut Tape, h: Id) -> Id {
        tape.convolution(h, self.recurrent, SIZE, self.border())
    }

    fn border(&self) -> Border {
        if self.case.flow == Flow::Translation { Border::Wraps } else { Border::Zero }
    }

    /// The state after frame t (from 0) where the frame shows it: ψ_t(ν)·h(ν) of a co-moving one.
    pub fn in_lab(&self, tape: &mut Tape, state: &[Id], t: usize) -> Vec<Id> {
        if !self.case.is_co_moving {
            return state.to_vec();
        }
        let lab = |(velocity, h): (&Velocity, &Id)| {
            tape.mapped(*h, &action(self.case.flow, velocity, t as i32, self.case.planes()))
        };
        self.velocities.iter().zip(state).map(lab).collect()
    }

    fn pool(&self, tape: &mut Tape, slices: &[Id]) -> Id {
        if self.pooling == Pooling::Max {
            return tape.max(slices);
        }
        let sum = slices[1..].iter().fold(slices[0], |sum, &slice| tape.sum(sum, slice));
        let outputs = tape.value(sum).len();
        let weight = match self.pooling {
            Pooling::Mean => 1.0 / slices.len() as f64,
            _ => 1.0,
        };
        let terms = (0..outputs).map(|i| (i, i, weight)).collect();
        tape.mapped(sum, &Rc::new(Linear { outputs, terms }))
    }

    fn decode(&self, tape: &mut Tape, read_out: Id) -> Id {
        let (last, hidden) = self.decoder.split_last().unwrap();
        let layer = |x: Id, kernel: &Id| {
            let y = tape.convolution(x, *kernel, SIZE, self.border());
            tape.relu(y)
        };
        let x = hidden.iter().fold(read_out, layer);
        tape.convolution(x, *last, SIZE, self.border())
    }

    /// The pairs (ν, ν − ν̂) of places in V.
    pub fn pairs_apart(&self, flow: &Velocity) -> Vec<(usize, usize)> {
        let less = |v: &Velocity| -> Velocity { v.iter().zip(flow).map(|(a, b)| a - b).collect() };
        let partner = |v: &Velocity| self.velocities.iter().position(|w| *w == less(v));
        let places = self.velocities.iter().enumerate();
        places.filter_map(|(place, v)| Some((place, partner(v)?))).collect()
    }

    /// The place of a velocity in V, or the first.
    pub fn slice(&self, velocity: &Velocity) -> usize {
        self.velocities.iter().position(|v| v == velocity).unwrap_or(0)
    }
}

/// ψ_t(ν) on maps of so many planes: a roll on the torus, or a turn that moves orientations on. A frame
/// is a single plane, and its orientations are none.
pub fn action(flow: Flow, velocity: &Velocity, t: i32, planes: usize) -> Rc<Linear> {
    let turn = |degrees: i32| turning_terms(SIZE, f64::from(degrees));
    let within = match flow {
        Flow::Translation => {
            let place = |from: usize, at: usize, v: i32| {
                (from as i32 / at as i32 % SIZE as i32 + v * t).rem_euclid(SIZE as i32) as usize
            };
            let to = |from| place(from, SIZE, velocity[1]) * SIZE + place(from, 1, velocity[0]);
            (0..PIXELS).map(|from| (to(from), from, 1.0)).collect()
        }
        Flow::Rotation => turn(velocity[0] * t),
    };
    let on = match flow {
        Flow::Rotation if planes > 1 => velocity[0] * t * ORIENTATIONS as i32 / 360,
        _ => 0,
    };
    let mut terms = Vec::new();
    for plane in 0..planes {
        let (field, o) = (plane / ORIENTATIONS, plane % ORIENTATIONS);
        let moved = (o as i32 + on).rem_euclid(ORIENTATIONS as i32) as usize;
        let target = if on == 0 { plane } else { field * ORIENTATIONS + moved };
        let term =
            |&(to, from, w): &(usize, usize, f64)| (target * PIXELS + to, plane * PIXELS + from, w);
        terms.extend(within.iter().map(term));
    }
    Rc::new(Linear { outputs: planes * PIXELS, terms })
}

/// The functions at the nine taps in orientation g: the centre, then exp(−(r − 1)²/0.32) times 1,
/// cos φ, sin φ, cos 2φ, sin 2φ, where φ counts from the orientation, scaled to norm 1 in the mean over
/// orientations.
fn functions(g: usize) -> [[f64; 9]; FUNCTIONS] {
    let unscaled = (0..ORIENTATIONS).map(unscaled_functions).collect::<Vec<_>>();
    let mut scaled = unscaled[g];
    for (number, taps) in scaled.iter_mut().enumerate() {
        let square = |f: &[[f64; 9]; FUNCTIONS]| f[number].iter().map(|v| v * v).sum::<f64>();
        let norm = (unscaled.iter().map(square).sum::<f64>() / ORIENTATIONS as f64).sqrt();
        taps.iter_mut().for_each(|v| *v /= norm);
    }
    scaled
}

fn unscaled_functions(g: usize) -> [[f64; 9]; FUNCTIONS] {
    let mut all = [[0.0; 9]; FUNCTIONS];
    for tap in 0..9 {
        let (right, up) = ((tap % 3) as f64 - 1.0, 1.0 - (tap / 3) as f64);
        let angle = up.atan2(right) - TAU * g as f64 / ORIENTATIONS as f64;
        let profile = (-(right.hypot(up) - 1.0).powi(2) / 0.32).exp();
        let is_centre = tap == 4;
        all[0][tap] = f64::from(u8::from(is_centre));
        all[1][tap] = profile;
        let waves = [angle.cos(), angle.sin(), (2.0 * angle).cos(), (2.0 * angle).sin()];
        for (function, wave) in all[2..].iter_mut().zip(waves) {
            function[tap] = if is_centre { 0.0 } else { profile * wave };
        }
    }
    all
}

/// Adds the terms of a filter in orientation g whose coefficients begin at `from`.
fn add_filter(terms: &mut Vec<(usize, usize, f64)>, filter: usize, from: usize, g: usize) {
    for (d, taps) in functions(g).iter().enumerate() {
        terms.extend(taps.iter().enumerate().map(|(tap, v)| (filter * 9 + tap, from + d, *v)));
    }
}

/// W[(o, g)](x) = k[o](R_g⁻¹x).
fn lifting_filters() -> Rc<Linear> {
    let mut terms = Vec::new();
    for filter in 0..FIELDS * ORIENTATIONS {
        let (o, g) = (filter / ORIENTATIONS, filter % ORIENTATIONS);
        add_filter(&mut terms, filter, o * FUNCTIONS, g);
    }
    Rc::new(Linear { outputs: FIELDS * ORIENTATIONS * 9, terms })
}

/// W[(o, g), (i, h)](x) = k[o, i, (h − g) mod N](R_g⁻¹x).
fn regular_filters() -> Rc<Linear> {
    let planes = FIELDS * ORIENTATIONS;
    let mut terms = Vec::new();
    for filter in 0..planes * planes {
        let (out, read) = (filter / planes, filter % planes);
        let (o, g) = (out / ORIENTATIONS, out % ORIENTATIONS);
        let (i, h) = (read / ORIENTATIONS, read % ORIENTATIONS);
        let relative = (h + ORIENTATIONS - g) % ORIENTATIONS;
        add_filter(&mut terms, filter, ((o * FIELDS + i) * ORIENTATIONS + relative) * FUNCTIONS, g);
    }
    Rc::new(Linear { outputs: planes * planes * 9, terms })
}

/// W[(i, h)](x) = k[i](R_h⁻¹x), from regular fields to a single plane.
fn projecting_filters() -> Rc<Linear> {
    let mut terms = Vec::new();
    for filter in 0..FIELDS * ORIENTATIONS {
        let (i, h) = (filter / ORIENTATIONS, filter % ORIENTATIONS);
        add_filter(&mut terms, filter, i * FUNCTIONS, h);
    }
    Rc::new(Linear { outputs: FIELDS * ORIENTATIONS * 9, terms })
}
