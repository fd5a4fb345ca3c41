//! A recurrence that runs forward frame by frame and, in one pass, backward through time.
//!
//! In a frame of reference that moves with ν, slice ν of the state is stored moved by −t·ν after frames
//! 0..=t. There W acts as if nothing moved, frame t is seen moved by −t·ν (a frame of the step before by
//! (1 − t)·ν), and the state read out moved by t·ν. In the lab frame each step carries the state on by ν
//! instead, and a frame of the step before is seen moved by ν. After the first frame all slices are equal,
//! and stored once.

use super::activation::Activation;
use super::carried::{Carried, Reads, Remembered};
use super::gate_maps::GateMaps;
use super::kernels::{
    Buffer, ConvAlgorithm, Convolution, Float, KernelView, Plane, stored_channels,
};
use super::parts::{Threads, enough_images};
use super::pointwise::{self, Moved};
use super::read_out::FedAs;
use super::rule::{Gated, Kernels, Unrolled, Update};
use super::slice_action::SliceAction;
use super::storage::CpuView;
use super::turning::Way;
use super::views::{Images, Views};
use crate::error::{Result, expect_shape};
use candle_core::Tensor;
use rayon::prelude::*;

pub(super) struct Rollout<T> {
    pub(super) how: Unrolled,
    pub(super) views: Views<T>,
    pub(super) plane: Plane,
    pub(super) batch: usize,
    /// Channels of an input frame, of the state, and of the state as stored.
    pub(super) inputs: usize,
    pub(super) channels: usize,
    pub(super) stored: usize,
    /// How the maps that U and W make lie in a pixel.
    pub(super) gate_maps: GateMaps,
    /// U and W.
    pub(super) input: Option<Convolution<T>>,
    pub(super) recurrent: Carried<T>,
    /// The state after each frame; of those before the newest, the ones that are kept.
    states: Vec<Option<State<T>>>,
    /// By how many steps of its own velocity each slice moves each frame back to see it.
    pub(super) moved_back: Vec<i64>,
    pub(super) kept: Kept,
    pub(super) pooled: Vec<Pooled<T>>,
}

/// Which states are kept for a backward pass.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kept {
    /// The newest alone: there is no way back.
    Newest,
    /// Every so-manieth.
    Every(usize),
}

/// What is remembered after a frame: maps (B, V, H, W, stored), after the first (B, H, W, stored).
pub(super) struct State<T> {
    pub hidden: Buffer<T>,
    /// c of the LSTM; empty otherwise.
    pub cell: Buffer<T>,
    /// What the step before it keeps for the way back of a gated update, (B, V, kept, H, W, stored); empty
    /// where it is computed again.
    pub gates: Buffer<T>,
}

/// A [`State`] of some samples.
#[derive(Clone, Copy)]
pub(super) struct StateView<'a, T> {
    pub hidden: &'a [T],
    pub cell: &'a [T],
    pub gates: &'a [T],
}

impl<T: Float> State<T> {
    /// Of a simple recurrence.
    pub fn of_hidden(hidden: Buffer<T>) -> Self {
        Self { hidden, cell: Buffer::take(0), gates: Buffer::take(0) }
    }

    pub fn view(&self) -> StateView<'_, T> {
        StateView { hidden: &self.hidden, cell: &self.cell, gates: &self.gates }
    }
}

/// Which state was pooled, and the number of the velocity that won every maximum, (B, H, W, stored); empty where
/// there was no choice.
pub(super) struct Pooled<T> {
    pub frame: usize,
    pub winners: Buffer<T>,
}

/// Gradients of a rollout.
pub(super) struct Gradients<T> {
    /// (B, T, H, W, C_in), where asked for.
    pub frames: Option<Vec<T>>,
    /// Where there is one.
    pub input_kernel: Option<Vec<T>>,
    pub recurrent_kernel: Vec<T>,
}

impl<T: Float> Rollout<T> {
    pub fn new(
        (action, how): (SliceAction<'_>, Unrolled),
        (plane, batch): (Plane, usize),
        kernels: Kernels<'_>,
        kept: Kept,
    ) -> Result<Self> {
        let channels = kernels.recurrent.dims()[1];
        let stored = stored_channels::<T>(channels);
        let gate_maps = GateMaps::new::<T>(how.update.gates(), channels);
        let plan = |kernel: &Tensor, algorithm, inputs| -> Result<Convolution<T>> {
            let (_, kernel_inputs, height, width) = kernel.dims4()?;
            let view = CpuView::of(kernel);
            let (values, outputs) = (gate_maps.rows_stored(view.slice()?), gate_maps.rows());
            let kernel =
                KernelView { values: &values, outputs, inputs: kernel_inputs, height, width };
            let channels = (inputs, gate_maps.made());
            Ok(Convolution::new(algorithm, (plane, action.padding()), kernel, channels))
        };
        let lifted = kernels.input.map(|kernel| kernel.dims()[1]);
        let inputs = lifted.unwrap_or(gate_maps.maps());
        let input = |kernel| plan(kernel, ConvAlgorithm::Direct, inputs);
        let recurrent = plan(kernels.recurrent, how.algorithm, stored)?;
        let images = Images { lifted, maps: gate_maps };
        Ok(Self {
            views: Views::new(action, (plane.height, plane.width), images),
            plane,
            batch,
            inputs,
            channels,
            stored,
            input: kernels.input.map(input).transpose()?,
            recurrent: match action {
                SliceAction::TurnedSlices(turning) => {
                    Carried::turned(recurrent, gate_maps, turning)?
                }
                SliceAction::Shifts(_) | SliceAction::TurnedViews { .. } => {
                    Carried::still(recurrent)
                }
            },
            how,
            gate_maps,
            states: Vec::new(),
            moved_back: Vec::new(),
            kept,
            pooled: Vec::new(),
        })
    }

    /// C.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Numbers of one slice as stored.
    pub(super) fn slice(&self) -> usize {
        self.plane.pixels() * self.stored
    }

    /// Numbers of what U and W make of one slice.
    pub(super) fn made(&self) -> usize {
        self.plane.pixels() * self.gate_maps.made()
    }

    /// Of a gated update.
    pub(super) fn gated(&self) -> Option<Gated> {
        match self.how.update {
            Update::Gated(update) => Some(update),
            Update::Simple(_) => None,
        }
    }

    pub(super) fn velocities(&self) -> usize {
        self.views.velocities()
    }

    /// Slices of a sample after frame `t`.
    pub(super) fn slices_after(&self, t: usize) -> usize {
        if t == 0 { 1 } else { self.velocities() }
    }

    /// Frames that the newest state has seen.
    pub(super) fn frames(&self) -> usize {
        self.moved_back.len()
    }

    /// Advances the state by one frame (B, H, W, C_in).
    pub fn step(&mut self, frame: &Tensor, taken_as: FedAs) -> Result<()> {
        let Plane { height, width } = self.plane;
        expect_shape(
            "input frame",
            frame,
            &[
                ("B", Some(self.batch)),
                ("H", Some(height)),
                ("W", Some(width)),
                ("C_in", Some(self.inputs)),
            ],
        )?;
        let frame = frame.contiguous()?;
        let view = CpuView::of(&frame);
        let t = self.frames();
        self.moved_back.push(self.views.add_frame(t, taken_as)?);
        let next = {
            let before = t.checked_sub(1).and_then(|t| self.kept(t));
            self.state_after(t, view.slice()?, before, (Threads::All, self.kept == Kept::Every(1)))
        };
        if t > 0 && !self.keeps(t - 1) {
            self.states[t - 1] = None;
        }
        self.states.push(Some(next));
        Ok(())
    }

    /// Whether the state after frame `t` is kept when a newer one comes.
    fn keeps(&self, t: usize) -> bool {
        match self.kept {
            Kept::Newest => false,
            Kept::Every(stride) => (t + 1).is_multiple_of(stride),
        }
    }

    /// The state after frame `t`, where it is kept.
    pub(super) fn kept(&self, t: usize) -> Option<StateView<'_, T>> {
        self.states[t].as_ref().map(State::view)
    }

    /// The state of some samples after their frame `t` (B', H, W, C_in), from that `before` it, with the
    /// gates of the step if they are wanted: the same bits whichever samples come together.
    pub(super) fn state_after(
        &self,
        t: usize,
        frame: &[T],
        before: Option<StateView<'_, T>>,
        (threads, keeps_gates): (Threads, bool),
    ) -> State<T> {
        let lifted = self.lifted(t, frame, threads);
        match self.how.update {
            Update::Gated(update) => {
                self.gated_state((update, t), &lifted, before, (threads, keeps_gates))
            }
            Update::Simple(activation) => {
                let before = before.map(|before| before.hidden);
                State::of_hidden(self.simple_state((activation, t), lifted, before, threads))
            }
        }
    }

    /// Images of each sample that the slices see frame `t` as.
    pub(super) fn images_of(&self, t: usize) -> usize {
        if self.views.of_frame(t).is_some() { self.velocities() } else { 1 }
    }

    /// Slices that see one image of frame `t`.
    pub(super) fn slices_of_image(&self, t: usize) -> usize {
        self.slices_after(t) / self.images_of(t)
    }

    /// Images of frame `t` that some slices from `first` on see.
    pub(super) fn images_seen(&self, t: usize, first: usize, slices: usize) -> usize {
        let of_image = self.slices_of_image(t);
        (first + slices).div_ceil(of_image) - first / of_image
    }

    /// U ⋆ frame as the slices see it, or the frame itself: (B', images, H, W, made).
    fn lifted(&self, t: usize, frame: &[T], threads: Threads) -> Buffer<T> {
        let (pixels, made) = (self.plane.pixels(), self.made());
        let image = pixels * self.inputs;
        let Some(input) = &self.input else {
            let maps = self.gate_maps.stored(frame);
            return match self.views.of_frame(t) {
                None => maps,
                Some(turns) => {
                    let mut seen = Buffer::take(maps.len() * turns.velocities());
                    let images = seen.par_chunks_mut(made).with_min_len(threads.least());
                    images.enumerate().for_each(|(number, seen)| {
                        let map = &maps[number / turns.velocities() * made..][..made];
                        turns.turn(number % turns.velocities(), map, seen, Way::Forward);
                    });
                    seen
                }
            };
        };
        let images = self.images_of(t);
        let mut lifted = Buffer::take(frame.len() / image * images * made);
        let each = lifted.par_chunks_mut(made).with_min_len(threads.least());
        each.enumerate().for_each(|(number, lifted)| {
            let frame = &frame[number / images * image..][..image];
            let seen = self.turned((t, number % images), frame);
            input.forward(seen.as_deref().unwrap_or(frame), lifted);
        });
        lifted
    }

    /// What slices see of one sample's frame `t` as their image of a number, where that is not the frame as it
    /// is.
    pub(super) fn turned(&self, (t, number): (usize, usize), frame: &[T]) -> Option<Buffer<T>> {
        let turns = self.views.of_frame(t)?;
        let mut seen = Buffer::take(frame.len());
        turns.turn(number, frame, &mut seen, Way::Forward);
        Some(seen)
    }

    /// σ(W ⋆ h + u) of all slices.
    fn simple_state(
        &self,
        (activation, t): (Activation, usize),
        mut lifted: Buffer<T>,
        before: Option<&[T]>,
        threads: Threads,
    ) -> Buffer<T> {
        let slice = self.slice();
        let Some(before) = before else {
            lifted.par_chunks_mut(slice).with_min_len(threads.least()).for_each(|u| {
                pointwise::activate(activation, u);
            });
            return lifted;
        };
        let wide = self.wide(t, before);
        let start = wide.as_deref().unwrap_or(before);
        let common = self.common(t, before, threads);
        let mut next = Buffer::take(before.len() / self.slices_after(t - 1) * self.slices_after(t));
        let per_task = enough_images(self.plane.height, self.plane.width);
        let tasks = next.par_chunks_mut(per_task * slice).with_min_len(threads.least());
        tasks.enumerate().for_each(|(task, next)| {
            let first = task * per_task;
            let here = self.part((t, first), start, next.len());
            let slices = self.recurrent.remembered(first, here, Reads::KernelAlone);
            self.convolved(common.as_deref(), (first, &slices), next);
            for (number, next) in next.chunks_mut(slice).enumerate() {
                let (u, moved) = self.seen((first + number, t), &lifted);
                moved.add_and_activate(activation, u, next);
            }
        });
        next
    }

    /// What the slice at a place sees of frame `t`.
    pub(super) fn seen<'a>(&self, (place, t): (usize, usize), lifted: &'a [T]) -> (&'a [T], Moved) {
        let image = place / self.slices_of_image(t);
        let moved = self.moved(place % self.slices_after(t), -self.moved_back[t]);
        (&lifted[image * self.made()..][..self.made()], moved)
    }

    /// Whether all velocities remember the same before the step of frame `t`, as it reads it.
    pub(super) fn is_shared(&self, t: usize) -> bool {
        t == 1 && !self.recurrent.moves()
    }

    /// What is remembered before the step of frame `t`, once for each velocity, where it is stored once for
    /// all and the step parts them.
    pub(super) fn wide(&self, t: usize, common: &[T]) -> Option<Buffer<T>> {
        if t != 1 || self.is_shared(t) {
            return None;
        }
        let (slice, velocities) = (self.slice(), self.velocities());
        let mut wide = Buffer::take(common.len() * velocities);
        for (number, to) in wide.chunks_mut(slice).enumerate() {
            to.copy_from_slice(&common[number / velocities * slice..][..slice]);
        }
        Some(wide)
    }

    /// W ⋆ h before the step of frame `t`, where all velocities have it in common.
    pub(super) fn common(&self, t: usize, before: &[T], threads: Threads) -> Option<Buffer<T>> {
        let (slice, made) = (self.slice(), self.made());
        self.is_shared(t).then(|| {
            let mut common = Buffer::take(before.len() / slice * made);
            common
                .par_chunks_mut(made)
                .zip(before.par_chunks(slice))
                .with_min_len(threads.least())
                .for_each(|(common, h)| self.recurrent.convolution.forward(h, common));
            common
        })
    }

    /// What some slices of the step of frame `t`, `numbers` long from `first` on, start from: theirs, or all
    /// where velocities share it.
    pub(super) fn part<'a>(
        &self,
        (t, first): (usize, usize),
        all: &'a [T],
        numbers: usize,
    ) -> &'a [T] {
        if self.is_shared(t) { all } else { &all[first * self.slice()..][..numbers] }
    }

    /// What W makes of slices from `first` on.
    pub(super) fn convolved(
        &self,
        common: Option<&[T]>,
        (first, slices): (usize, &Remembered<'_, T>),
        made: &mut [T],
    ) {
        let Some(common) = common else { return self.recurrent.forward(slices, made) };
        for (number, made) in made.chunks_mut(self.made()).enumerate() {
            let sample = (first + number) / self.velocities();
            made.copy_from_slice(&common[sample * self.made()..][..self.made()]);
        }
    }

    /// Slice `velocity` as it is stored after frame `t`, beside maps that do not move.
    pub(super) fn stored_slice(&self, velocity: usize, t: usize) -> Moved {
        self.moved(velocity, t as i64)
    }

    /// A slice beside what `steps` of its velocity move.
    pub(super) fn moved(&self, velocity: usize, steps: i64) -> Moved {
        let shift = self.views.shift(velocity, steps);
        Moved::new(self.plane, self.stored, shift)
    }
}
