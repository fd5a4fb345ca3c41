//! The passes over a slice between two convolutions, compiled for every instruction set.

use super::activation::Activation;
use super::kernels::{Float, InstructionSet, Kernel, Lanes, Plane, Shift};

/// y = σ(y) over whole images.
pub(super) fn activate<T: Float>(activation: Activation, y: &mut [T]) {
    T::run(InstructionSet::best(), Activate { activation, y });
}

/// inner ← inner · σ'(x), from the result y = σ(x).
pub(super) fn chain<T: Float>(activation: Activation, y: &[T], inner: &mut [T]) {
    T::run(InstructionSet::best(), Chain { activation, y, inner });
}

/// sum += x.
pub(super) fn add<T: Float>(x: &[T], sum: &mut [T]) {
    let plane = Plane { height: 1, width: sum.len() };
    Moved::new(plane, 1, Shift::default()).add(x, sum);
}

struct Activate<'a, T> {
    activation: Activation,
    y: &'a mut [T],
}

impl<T: Float> Kernel<T> for Activate<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        self.activation.apply(self.y);
    }
}

struct Chain<'a, T> {
    activation: Activation,
    y: &'a [T],
    inner: &'a mut [T],
}

impl<T: Float> Kernel<T> for Chain<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        self.activation.chain(self.y, self.inner);
    }
}

/// A slice (H, W, C) of a hidden state, or some rows of it, beside a map that is read where `shift` moves it from.
#[derive(Clone, Copy)]
pub(super) struct Moved {
    pub plane: Plane,
    pub channels: usize,
    pub shift: Shift,
    /// The first row, and the one behind the last.
    pub rows: (usize, usize),
}

impl Moved {
    /// A whole slice.
    pub fn new(plane: Plane, channels: usize, shift: Shift) -> Self {
        Self { plane, channels, shift, rows: (0, plane.height) }
    }

    /// So many rows from `first` on.
    pub fn rows(self, first: usize, count: usize) -> Self {
        Self { rows: (first, first + count), ..self }
    }

    /// The way back of a whole slice.
    pub fn inverse(self) -> Self {
        debug_assert_eq!(self.rows, (0, self.plane.height), "a map of rows alone has no inverse");
        Self { shift: self.shift.inverse(), ..self }
    }

    /// y = σ(y + shift·u).
    pub fn add_and_activate<T: Float>(self, activation: Activation, u: &[T], y: &mut [T]) {
        T::run(InstructionSet::best(), AddAndActivate { moved: self, activation, u, y });
    }

    /// sum += shift·x.
    pub fn add<T: Float>(self, x: &[T], sum: &mut [T]) {
        T::run(InstructionSet::best(), Add { moved: self, x, sum });
    }

    /// best = max(best, shift·x), where the winner is `number` from then on; a NaN wins, and goes on winning.
    pub fn maximum<T: Float>(self, number: usize, x: &[T], best: &mut [T], winners: &mut [T]) {
        let number = as_value(number);
        T::run(InstructionSet::best(), Maximum { moved: self, number, x, best, winners });
    }

    /// to_x += shift⁻¹·gradient, wherever `number` won.
    pub fn give_to_winner<T: Float>(
        self,
        number: usize,
        gradient: &[T],
        winners: &[T],
        to_x: &mut [T],
    ) {
        let number = as_value(number);
        T::run(
            InstructionSet::best(),
            GiveToWinner { moved: self, number, gradient, winners, to_x },
        );
    }

    /// Calls `visit(first number here, first number of what moves there, numbers)`. A closure within a kernel has to
    /// be inlined, or it is compiled for the least of the CPUs.
    #[inline(always)]
    pub(super) fn stretches(self, mut visit: impl FnMut(usize, usize, usize)) {
        let c = self.channels;
        self.plane.moved_rows(
            self.rows.0..self.rows.1,
            self.shift,
            #[inline(always)]
            |to, from, run| visit(to * c, from * c, run * c),
        );
    }
}

/// A velocity's number as winners are held: like the values, so that one mask selects among both.
fn as_value<T: Float>(number: usize) -> T {
    T::from_f64(number as f64)
}

struct AddAndActivate<'a, T> {
    moved: Moved,
    activation: Activation,
    u: &'a [T],
    y: &'a mut [T],
}

impl<T: Float> Kernel<T> for AddAndActivate<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        let Self { moved, activation, u, y } = self;
        moved.stretches(
            #[inline(always)]
            |to, from, run| {
                activation.apply_to_sum(&u[from..from + run], &mut y[to..to + run]);
            },
        );
    }
}

struct Add<'a, T> {
    moved: Moved,
    x: &'a [T],
    sum: &'a mut [T],
}

impl<T: Float> Kernel<T> for Add<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        let Self { moved, x, sum } = self;
        moved.stretches(
            #[inline(always)]
            |to, from, run| {
                let sum = &mut sum[to..to + run];
                sum.iter_mut().zip(&x[from..from + run]).for_each(|(sum, &x)| *sum += x);
            },
        );
    }
}

struct Maximum<'a, T> {
    moved: Moved,
    number: T,
    x: &'a [T],
    best: &'a mut [T],
    winners: &'a mut [T],
}

impl<T: Float> Kernel<T> for Maximum<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        let Self { moved, number, x, best, winners } = self;
        let zero = T::default();
        moved.stretches(
            #[inline(always)]
            |to, from, run| {
                let (best, winners) = (&mut best[to..to + run], &mut winners[to..to + run]);
                for ((best, winner), &x) in best.iter_mut().zip(winners).zip(&x[from..from + run]) {
                    let wins = x > *best || x.is_nan();
                    // Added to 0: see `Activation::apply`.
                    let (before, winner_before) = (*best + zero, *winner + zero);
                    *best = if wins { x } else { before };
                    *winner = if wins { number } else { winner_before };
                }
            },
        );
    }
}

struct GiveToWinner<'a, T> {
    moved: Moved,
    number: T,
    gradient: &'a [T],
    winners: &'a [T],
    to_x: &'a mut [T],
}

impl<T: Float> Kernel<T> for GiveToWinner<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        let Self { moved, number, gradient, winners, to_x } = self;
        moved.stretches(
            #[inline(always)]
            |to, from, run| {
                let read = gradient[to..to + run].iter().zip(&winners[to..to + run]);
                for (to_x, (&gradient, &winner)) in to_x[from..from + run].iter_mut().zip(read) {
                    *to_x += if winner == number { gradient } else { T::default() };
                }
            },
        );
    }
}
