//! The recurrent convolution of slices that are carried to the next step.

use super::CarryOrder;
use super::gate_maps::GateMaps;
use super::kernels::{Buffer, Convolution, Float, Plane};
use super::pointwise;
use super::slice_action::Turning;
use super::turning::{Rotations, Turns, Way};
use crate::error::Result;

/// W ⋆ h(ν), or where slices turn in each step W ⋆ (turn_ν h(ν)) or turn_ν [W ⋆ h(ν)].
pub(super) struct Carried<T> {
    pub convolution: Convolution<T>,
    carrying: Option<Carrying<T>>,
}

struct Carrying<T> {
    order: CarryOrder,
    /// Of what is remembered, and of what W makes.
    hidden: Turns<T>,
    made: Turns<T>,
}

impl<T: Float> Carried<T> {
    /// Of slices that stay where they are.
    pub fn still(convolution: Convolution<T>) -> Self {
        Self { convolution, carrying: None }
    }

    /// Of slices that turn; W makes `maps`.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] when the maps are no whole fields.
    pub fn turned(
        convolution: Convolution<T>,
        maps: GateMaps,
        Turning { orientations, turns, order }: Turning<'_>,
    ) -> Result<Self> {
        let Plane { height, width } = convolution.geometry().plane;
        let mut rotations = Rotations::new((height, width));
        let mut ready = |maps| rotations.turns(maps, orientations, turns.iter().copied());
        let (hidden, made) = (ready(maps.one())?, ready(maps)?);
        Ok(Self { convolution, carrying: Some(Carrying { order, hidden, made }) })
    }

    /// Whether slices move between steps.
    pub fn moves(&self) -> bool {
        self.carrying.is_some()
    }

    /// Remembered slices that a step starts from, numbered from `first` on, batch and velocities counted
    /// together; carried where they are read so.
    pub fn remembered<'a>(&self, first: usize, here: &'a [T], reads: Reads) -> Remembered<'a, T> {
        let of = |Carrying { order, hidden, .. }: &Carrying<T>| {
            let is_read = reads == Reads::Update || *order == CarryOrder::CarryFirst;
            is_read.then(|| turned(hidden, first, here, Way::Forward))
        };
        Remembered { first, here, carried: self.carrying.as_ref().and_then(of) }
    }

    /// What W makes of them.
    pub fn forward(&self, slices: &Remembered<'_, T>, made: &mut [T]) {
        match &self.carrying {
            Some(Carrying { order: CarryOrder::ConvolveFirst, made: turns, .. }) => {
                let mut unmoved = Buffer::take(made.len());
                self.convolution.forward(slices.here, &mut unmoved);
                turn(turns, slices.first, &unmoved, made, Way::Forward);
            }
            _ => self.convolution.forward(slices.carried(), made),
        }
    }

    /// The way back: adds to the sums of W's gradient and writes the gradient to the slices, each if wanted.
    /// `to_carried` is the gradient to what an update reads of them beside what W made.
    pub fn backward(
        &self,
        slices: &Remembered<'_, T>,
        to_made: &[T],
        sums: Option<&mut [T]>,
        (to_slices, to_carried): (Option<&mut [T]>, Option<&[T]>),
    ) {
        let first = slices.first;
        match &self.carrying {
            Some(Carrying { order: CarryOrder::CarryFirst, hidden, .. }) => {
                let mut to_read = Buffer::take(slices.here.len());
                let wanted = to_slices.is_some().then_some(&mut *to_read);
                self.convolution.backward(slices.carried(), to_made, sums, wanted);
                if let Some(to_slices) = to_slices {
                    to_carried.inspect(|to_carried| pointwise::add(to_carried, &mut to_read));
                    turn(hidden, first, &to_read, to_slices, Way::Adjoint);
                }
            }
            Some(Carrying { order: CarryOrder::ConvolveFirst, hidden, made }) => {
                let to_unmoved = turned(made, first, to_made, Way::Adjoint);
                let to_here = to_carried.map(|g| turned(hidden, first, g, Way::Adjoint));
                self.back_through(slices.here, &to_unmoved, sums, (to_slices, to_here.as_deref()));
            }
            None => self.back_through(slices.here, to_made, sums, (to_slices, to_carried)),
        }
    }

    /// The way back through the convolution of slices as they are.
    fn back_through(
        &self,
        here: &[T],
        to_made: &[T],
        sums: Option<&mut [T]>,
        (to_slices, also): (Option<&mut [T]>, Option<&[T]>),
    ) {
        let Some(to_slices) = to_slices else {
            return self.convolution.backward(here, to_made, sums, None);
        };
        self.convolution.backward(here, to_made, sums, Some(&mut *to_slices));
        if let Some(also) = also {
            pointwise::add(also, to_slices);
        }
    }

    /// The adjoint of carrying slices, numbered from `first` on, of what an update alone reads.
    pub fn carry_back(&self, first: usize, to_carried: &mut [T]) {
        if let Some(Carrying { hidden, .. }) = &self.carrying {
            let back = turned(hidden, first, to_carried, Way::Adjoint);
            to_carried.copy_from_slice(&back);
        }
    }
}

/// What reads remembered slices.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// W.
    KernelAlone,
    /// The point-wise update, after they were carried; and W, if it does.
    Update,
}

/// Remembered slices that a step starts from.
pub(super) struct Remembered<'a, T> {
    first: usize,
    here: &'a [T],
    carried: Option<Buffer<T>>,
}

impl<T: Float> Remembered<'_, T> {
    /// As the step reads them.
    pub fn carried(&self) -> &[T] {
        self.carried.as_deref().unwrap_or(self.here)
    }
}

/// Slices numbered from `first` on, batch and velocities counted together, turned on this thread.
fn turn<T: Float>(turns: &Turns<T>, first: usize, x: &[T], y: &mut [T], way: Way) {
    let slices = x.chunks_exact(turns.slice()).zip(y.chunks_exact_mut(turns.slice()));
    for (number, (x, y)) in slices.enumerate() {
        turns.turn((first + number) % turns.velocities(), x, y, way);
    }
}

fn turned<T: Float>(turns: &Turns<T>, first: usize, x: &[T], way: Way) -> Buffer<T> {
    let mut y = Buffer::take(x.len());
    turn(turns, first, x, &mut y, way);
    y
}
