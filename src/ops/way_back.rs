//! The way back through time of a rollout, and the states that it needs on it.

use super::activation::Activation;
use super::carried::Reads;
use super::gated_rollout::{Start, StepGradients};
use super::gates::KEPT;
use super::kernels::{Buffer, Convolution, Float, Plane};
use super::parts::{Threads, enough_images, images_per_part};
use super::pointwise;
use super::rollout::{Gradients, Rollout, State, StateView};
use super::rule::{Gated, Update};
use super::turning::Way;
use rayon::prelude::*;
use std::ops::Range;

/// Samples that a thread takes back through time at once.
pub(super) fn samples_together(plane: Plane, velocities: usize) -> usize {
    enough_images(plane.height, plane.width).div_ceil(velocities)
}

impl<T: Float> Rollout<T> {
    /// The way back: `read_outs` (S, B, H, W, C) holds the gradients to the read-outs in their order.
    pub fn backward(&self, frames: &[T], read_outs: &[T], is_frame_tracked: bool) -> Gradients<T> {
        let per_sample = frames.len() / self.batch;
        let per_group = samples_together(self.plane, self.velocities());
        let per_part =
            per_group.max(images_per_part(self.batch, self.plane.height, self.plane.width));
        let mut to_frames = vec![T::default(); if is_frame_tracked { frames.len() } else { 0 }];
        let mut targets: Vec<&mut [T]> = to_frames.chunks_mut(per_part * per_sample).collect();
        targets.resize_with(self.batch.div_ceil(per_part), Default::default);
        let input_sums = self.input.as_ref().map_or(0, Convolution::sums_len);
        let (inputs, recurrents): (Vec<_>, Vec<_>) = targets
            .into_par_iter()
            .enumerate()
            .map(|(part, to_frames)| {
                let samples = part * per_part..self.batch.min((part + 1) * per_part);
                let mut way_back = WayBack {
                    rollout: self,
                    frames,
                    read_outs,
                    to_frames,
                    first_of_part: samples.start,
                    input_sums: Buffer::zeros(input_sums),
                    recurrent_sums: Buffer::zeros(self.recurrent.convolution.sums_len()),
                };
                for first in samples.clone().step_by(per_group) {
                    let samples = first..samples.end.min(first + per_group);
                    match self.how.update {
                        Update::Simple(activation) => way_back.run(activation, samples),
                        Update::Gated(update) => way_back.run_gated(update, samples),
                    }
                }
                (way_back.input_sums, way_back.recurrent_sums)
            })
            .unzip();
        Gradients {
            frames: is_frame_tracked.then_some(to_frames),
            input_kernel: self
                .input
                .as_ref()
                .map(|input| self.gate_maps.rows_given(input.weight_gradient(&inputs))),
            recurrent_kernel: self
                .gate_maps
                .rows_given(self.recurrent.convolution.weight_gradient(&recurrents)),
        }
    }
}

/// Backward through time for some samples, on one thread.
struct WayBack<'a, T> {
    rollout: &'a Rollout<T>,
    frames: &'a [T],
    read_outs: &'a [T],
    /// The gradient to the frames of this part's samples; empty where it is not asked for.
    to_frames: &'a mut [T],
    first_of_part: usize,
    input_sums: Buffer<T>,
    recurrent_sums: Buffer<T>,
}

impl<'a, T: Float> WayBack<'a, T> {
    /// From the last state of `samples` to their first frame.
    fn run(&mut self, activation: Activation, samples: Range<usize>) {
        let rollout = self.rollout;
        let slice = rollout.slice();
        let length = samples.len() * rollout.velocities() * slice;
        // The gradient to the newest state not yet passed, and to the one before it.
        let (mut inner, mut before) = (Buffer::zeros(length), Buffer::take(length));
        let mut history = History::new(rollout, self.frames, samples.clone());
        for t in (0..rollout.frames()).rev() {
            let inner_of_t = &mut inner[..samples.len() * rollout.slices_after(t) * slice];
            rollout.add_read_out(t, &samples, self.read_outs, inner_of_t);
            history.prepare(t);
            pointwise::chain(activation, history.state(t).hidden, inner_of_t);
            self.input_backward(t, &samples, inner_of_t);
            let Some(before_t) = t.checked_sub(1) else { break };
            history.prepare(before_t);
            let state = history.state(before_t).hidden;
            let wide = rollout.wide(t, state);
            let slices = rollout.recurrent.remembered(
                0,
                wide.as_deref().unwrap_or(state),
                Reads::KernelAlone,
            );
            if rollout.is_shared(t) {
                self.sum_over_velocities(&mut inner, slice);
            }
            let numbers = slices.carried().len();
            let (to_made, to_slices) = (&inner[..numbers], &mut before[..numbers]);
            let sums = Some(&mut *self.recurrent_sums);
            rollout.recurrent.backward(&slices, to_made, sums, (Some(to_slices), None));
            if wide.is_some() {
                self.sum_over_velocities(&mut before, slice);
            }
            std::mem::swap(&mut inner, &mut before);
        }
    }

    /// The same of a gated recurrence.
    fn run_gated(&mut self, update: Gated, samples: Range<usize>) {
        let rollout = self.rollout;
        let (slice, made) = (rollout.slice(), rollout.made());
        let slices = samples.len() * rollout.velocities();
        let (mut to_hidden, mut before) =
            (Buffer::zeros(slices * slice), Buffer::take(slices * slice));
        let mut to_cell = Buffer::zeros(if update.has_cell() { slices * slice } else { 0 });
        let mut to_made = Buffer::take(slices * made);
        let mut history = History::new(rollout, self.frames, samples.clone());
        for t in (0..rollout.frames()).rev() {
            let count = samples.len() * rollout.slices_after(t);
            let hidden = &mut to_hidden[..count * slice];
            rollout.add_read_out(t, &samples, self.read_outs, hidden);
            history.prepare(t);
            let start =
                t.checked_sub(1).map(|before| Start::new(rollout, t, history.state(before)));
            let memories = start.as_ref().map(|start| start.memories(rollout, (0, count)));
            let cells = to_cell.len().min(count * slice);
            let ways = StepGradients {
                hidden,
                cell: &mut to_cell[..cells],
                made: &mut to_made[..count * made],
            };
            let read = (history.state(t).gates, memories.as_ref());
            rollout.gated_back((update, t), read, ways, |image, to_input| {
                self.lifted_backward(t, &samples, image, to_input);
            });
            let Some(memories) = memories else { break };
            if rollout.is_shared(t) {
                self.sum_over_velocities(&mut to_hidden, slice);
                self.sum_over_velocities(&mut to_cell, slice);
                self.sum_over_velocities(&mut to_made, made);
            }
            let numbers = memories.hidden.carried().len();
            let (to_carried, to_slices) = (&to_hidden[..numbers], &mut before[..numbers]);
            let to_made = &to_made[..numbers / slice * made];
            let (sums, to) = (Some(&mut *self.recurrent_sums), (Some(to_slices), Some(to_carried)));
            rollout.recurrent.backward(&memories.hidden, to_made, sums, to);
            let cells = memories.cell.carried().len();
            rollout.recurrent.carry_back(&mut to_cell[..cells]);
            if t == 1 && !rollout.is_shared(t) {
                self.sum_over_velocities(&mut before, slice);
                self.sum_over_velocities(&mut to_cell, slice);
            }
            std::mem::swap(&mut to_hidden, &mut before);
        }
    }

    /// Passes the gradient of every slice's view of frame `t` on to U and to the frame.
    fn input_backward(&mut self, t: usize, samples: &Range<usize>, inner: &[T]) {
        let r = self.rollout;
        let (slice, of_image) = (r.slice(), r.slices_of_image(t));
        let mut to_lifted = Buffer::take(slice);
        for (image, slices) in inner.chunks(of_image * slice).enumerate() {
            if r.images_of(t) > 1 {
                self.lifted_backward(t, samples, image, slices); // each is seen as it is
                continue;
            }
            to_lifted.fill(T::default());
            for (number, slice) in slices.chunks(slice).enumerate() {
                r.moved(number, r.moved_back[t]).add(slice, &mut to_lifted);
            }
            self.lifted_backward(t, samples, image, &to_lifted);
        }
    }

    /// Passes the gradient to what U made of an image of the samples' frame `t` on to U and to the frame.
    fn lifted_backward(&mut self, t: usize, samples: &Range<usize>, image: usize, to_lifted: &[T]) {
        let r = self.rollout;
        let (sample, number) = (samples.start + image / r.images_of(t), image % r.images_of(t));
        let length = r.plane.pixels() * r.inputs;
        let frame = &self.frames[(sample * r.frames() + t) * length..][..length];
        let place = ((sample - self.first_of_part) * r.frames() + t) * length;
        let target = self.to_frames.get_mut(place..place + length);
        match (&r.input, target, r.views.of_frame(t)) {
            (Some(input), target, None) => {
                input.backward(frame, to_lifted, Some(&mut *self.input_sums), target);
            }
            (Some(input), target, Some(turns)) => {
                let mut to_image = target.is_some().then(|| Buffer::take(length));
                let sums = Some(&mut *self.input_sums);
                let seen = r.turned((t, number), frame);
                let image = seen.as_deref().unwrap_or(frame);
                input.backward(image, to_lifted, sums, to_image.as_deref_mut());
                if let (Some(target), Some(to_image)) = (target, to_image) {
                    turns.add_turned(number, &to_image, target, Way::Adjoint);
                }
            }
            (None, Some(target), None) => r.gate_maps.give(to_lifted, target),
            (None, Some(target), Some(turns)) => {
                let mut to_map = Buffer::take(to_lifted.len());
                turns.turn(number, to_lifted, &mut to_map, Way::Adjoint);
                r.gate_maps.give(&to_map, target);
            }
            (None, None, _) => {}
        }
    }

    /// Each sample's slices, of so many numbers each, become Σ_ν of them, one after the other.
    fn sum_over_velocities(&self, inner: &mut [T], slice: usize) {
        let velocities = self.rollout.velocities();
        let mut sum = Buffer::take(slice);
        for sample in 0..inner.len() / (velocities * slice) {
            sum.fill(T::default());
            for slice in inner[sample * velocities * slice..][..velocities * slice].chunks(slice) {
                pointwise::add(slice, &mut sum);
            }
            inner[sample * slice..][..slice].copy_from_slice(&sum);
        }
    }
}

/// The states of some samples while they go back through time: those kept, and between them one stretch at
/// a time that is computed again.
struct History<'a, T> {
    rollout: &'a Rollout<T>,
    frames: &'a [T],
    samples: Range<usize>,
    /// The frame after which the first state of the stretch is.
    first: usize,
    stretch: Vec<State<T>>,
}

impl<'a, T: Float> History<'a, T> {
    fn new(rollout: &'a Rollout<T>, frames: &'a [T], samples: Range<usize>) -> Self {
        Self { rollout, frames, samples, first: 0, stretch: Vec::new() }
    }

    /// Makes sure that [`History::state`] has the state after frame `t`, with the gates of its step where
    /// there are any, and that before it.
    fn prepare(&mut self, t: usize) {
        let needs_gates = self.rollout.gated().is_some();
        let is_kept = self.kept(t).is_some_and(|state| !needs_gates || !state.gates.is_empty());
        if is_kept || self.in_stretch(t).is_some() {
            return;
        }
        self.stretch.clear();
        self.first = (0..t).rev().find(|&t| self.kept(t).is_some()).map_or(0, |kept| kept + 1);
        for t in self.first..=t {
            let before = t.checked_sub(1).map(|t| self.state(t));
            let how = (Threads::This, needs_gates);
            let next = self.rollout.state_after(t, &self.frame(t), before, how);
            self.stretch.push(next);
        }
    }

    /// The samples' slices after frame `t`.
    fn state(&self, t: usize) -> StateView<'_, T> {
        let state = self.in_stretch(t).or_else(|| self.kept(t));
        state.expect("the state was prepared")
    }

    fn kept(&self, t: usize) -> Option<StateView<'a, T>> {
        let slices = self.rollout.slices_after(t) * self.rollout.slice();
        let state = self.rollout.kept(t)?;
        let of_samples = |all: &'a [T], maps: usize| match all.is_empty() {
            true => all,
            false => {
                let sample = maps * slices;
                &all[self.samples.start * sample..self.samples.end * sample]
            }
        };
        Some(StateView {
            hidden: of_samples(state.hidden, 1),
            cell: of_samples(state.cell, 1),
            gates: of_samples(state.gates, KEPT),
        })
    }

    fn in_stretch(&self, t: usize) -> Option<StateView<'_, T>> {
        self.stretch.get(t.checked_sub(self.first)?).map(State::view)
    }

    /// Frame `t` of the samples, (B', H, W, C_in).
    fn frame(&self, t: usize) -> Vec<T> {
        let frame = self.rollout.plane.pixels() * self.rollout.inputs;
        let of_sample =
            |sample: usize| &self.frames[(sample * self.rollout.frames() + t) * frame..][..frame];
        self.samples.clone().flat_map(of_sample).copied().collect()
    }
}
