//! Reverse-mode differentiation of the few operations that forecasters are made of, in loops over f64.

use std::rc::Rc;

/// What a 3×3 convolution reads beyond the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Border {
    Wraps,
    Zero,
}

/// A linear map: `to += weight · from` for every term (to, from, weight).
#[derive(Debug)]
pub struct Linear {
    pub outputs: usize,
    pub terms: Vec<(usize, usize, f64)>,
}

/// A value on the tape.
pub type Id = usize;

enum Operation {
    Given,
    /// Cross-correlation of square maps (inputs, size, size) with kernels (outputs, inputs, 3, 3).
    Convolution {
        x: Id,
        w: Id,
        size: usize,
        border: Border,
    },
    Sum(Id, Id),
    Relu(Id),
    Mapped(Id, Rc<Linear>),
    Max(Vec<Id>),
}

/// Values in the order in which they were computed, each with what it was computed from.
#[derive(Default)]
pub struct Tape {
    nodes: Vec<(Vec<f64>, Operation)>,
}

impl Tape {
    pub fn value(&self, id: Id) -> &[f64] {
        &self.nodes[id].0
    }

    fn push(&mut self, value: Vec<f64>, operation: Operation) -> Id {
        self.nodes.push((value, operation));
        self.nodes.len() - 1
    }

    pub fn given(&mut self, value: Vec<f64>) -> Id {
        self.push(value, Operation::Given)
    }

    pub fn convolution(&mut self, x: Id, w: Id, size: usize, border: Border) -> Id {
        let inputs = self.value(x).len() / (size * size);
        let outputs = self.value(w).len() / (9 * inputs);
        let mut sum = vec![0.0; outputs * size * size];
        each_tap((outputs, inputs, size), border, |w_at, y_at, x_at| {
            sum[y_at] += self.value(w)[w_at] * self.value(x)[x_at];
        });
        self.push(sum, Operation::Convolution { x, w, size, border })
    }

    pub fn sum(&mut self, a: Id, b: Id) -> Id {
        let sum = self.value(a).iter().zip(self.value(b)).map(|(a, b)| a + b).collect();
        self.push(sum, Operation::Sum(a, b))
    }

    pub fn relu(&mut self, x: Id) -> Id {
        let positive = self.value(x).iter().map(|x| x.max(0.0)).collect();
        self.push(positive, Operation::Relu(x))
    }

    pub fn mapped(&mut self, x: Id, map: &Rc<Linear>) -> Id {
        let mut result = vec![0.0; map.outputs];
        map.terms.iter().for_each(|&(to, from, w)| result[to] += w * self.value(x)[from]);
        self.push(result, Operation::Mapped(x, map.clone()))
    }

    pub fn max(&mut self, all: &[Id]) -> Id {
        let places = 0..self.value(all[0]).len();
        let largest = places.map(|i| self.value(self.holder(all, i))[i]).collect();
        self.push(largest, Operation::Max(all.to_vec()))
    }

    /// Which of several values is the largest at a place; the first of equals.
    fn holder(&self, all: &[Id], place: usize) -> Id {
        let larger =
            |a: Id, b: &Id| if self.value(*b)[place] > self.value(a)[place] { *b } else { a };
        all.iter().fold(all[0], larger)
    }

    /// The gradient to every value, from gradients to some.
    pub fn gradients(&self, seeds: &[(Id, Vec<f64>)]) -> Vec<Vec<f64>> {
        let mut all: Vec<Vec<f64>> = self.nodes.iter().map(|(v, _)| vec![0.0; v.len()]).collect();
        for (id, seed) in seeds {
            all[*id].iter_mut().zip(seed).for_each(|(sum, s)| *sum += s);
        }
        for (id, (_, operation)) in self.nodes.iter().enumerate().rev() {
            let (before, rest) = all.split_at_mut(id);
            self.send_back(operation, &rest[0], before);
        }
        all
    }

    fn send_back(&self, operation: &Operation, gradient: &[f64], all: &mut [Vec<f64>]) {
        match operation {
            Operation::Given => {}
            Operation::Convolution { x, w, size, border } => {
                let inputs = self.value(*x).len() / (size * size);
                let outputs = gradient.len() / (size * size);
                each_tap((outputs, inputs, *size), *border, |w_at, y_at, x_at| {
                    all[*w][w_at] += gradient[y_at] * self.value(*x)[x_at];
                    all[*x][x_at] += gradient[y_at] * self.value(*w)[w_at];
                });
            }
            Operation::Sum(a, b) => {
                for id in [*a, *b] {
                    all[id].iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
                }
            }
            Operation::Relu(x) => {
                for (i, g) in gradient.iter().enumerate().filter(|(i, _)| self.value(*x)[*i] > 0.0)
                {
                    all[*x][i] += g;
                }
            }
            Operation::Mapped(x, map) => {
                map.terms.iter().for_each(|&(to, from, w)| all[*x][from] += w * gradient[to]);
            }
            Operation::Max(ids) => {
                for (i, g) in gradient.iter().enumerate() {
                    all[self.holder(ids, i)][i] += g;
                }
            }
        }
    }
}

/// Visits every product of a convolution: the places of its weight, its result and its input.
fn each_tap(
    (outputs, inputs, size): (usize, usize, usize),
    border: Border,
    mut visit: impl FnMut(usize, usize, usize),
) {
    let beside = |at: usize, tap: usize| match (at + tap, border) {
        (0, Border::Wraps) => Some(size - 1),
        (0, Border::Zero) => None,
        (place, Border::Wraps) => Some((place - 1) % size),
        (place, Border::Zero) => (place <= size).then(|| place - 1),
    };
    for pair in 0..outputs * inputs {
        let (o, i) = (pair / inputs, pair % inputs);
        for tap in 0..9 {
            for row in 0..size {
                let Some(from_row) = beside(row, tap / 3) else { continue };
                for column in 0..size {
                    let Some(from_column) = beside(column, tap % 3) else { continue };
                    let y_at = (o * size + row) * size + column;
                    visit(pair * 9 + tap, y_at, (i * size + from_row) * size + from_column);
                }
            }
        }
    }
}
