//! Steps of a gated recurrence over a sequence, and their way back.

use super::gates::{Back, Gates, KEPT, Next, Read};
use super::kernels::{Buffer, Float};
use super::parts::enough_images;
use super::recurrence::Threads;
use super::rollout::{Rollout, State, StateView};
use super::rule::Gated;
use rayon::prelude::*;

impl<T: Float> Rollout<T> {
    /// The state of some samples after frame `t`, from what U makes of it.
    pub(super) fn gated_state(
        &self,
        (update, t): (Gated, usize),
        lifted: &[T],
        before: Option<StateView<'_, T>>,
        (threads, keeps_gates): (Threads, bool),
    ) -> State<T> {
        let (slice, made) = (self.slice(), self.made());
        let samples = lifted.len() / made;
        let count = samples * self.slices_after(t);
        let optional = |is_there, numbers| Buffer::take(if is_there { numbers } else { 0 });
        let mut next = State {
            hidden: Buffer::take(count * slice),
            cell: optional(update.has_cell(), count * slice),
            gates: optional(keeps_gates, count * KEPT * slice),
        };
        // Before the first frame nothing is remembered; after it all velocities remember the same.
        let nothing = Buffer::zeros(made);
        let common = before.filter(|_| t == 1).map(|h| self.convolved_once(h.hidden, threads));
        let mut slices: Vec<Next<'_, T>> = chunks(&mut next.hidden, slice, count)
            .zip(chunks(&mut next.cell, slice, count))
            .zip(chunks(&mut next.gates, KEPT * slice, count))
            .map(|((hidden, cell), kept)| Next { hidden, cell, kept })
            .collect();
        let per_task = enough_images(self.plane.height, self.plane.width);
        let tasks = slices.par_chunks_mut(per_task).with_min_len(threads.least());
        tasks.enumerate().for_each(|(task, slices)| {
            let first = task * per_task;
            let convolved = before.filter(|_| t > 1).map(|before| {
                let mut convolved = Buffer::take(slices.len() * made);
                let h = &before.hidden[first * slice..(first + slices.len()) * slice];
                self.recurrent.forward(h, &mut convolved);
                convolved
            });
            let mut spare = optional(!keeps_gates, KEPT * slice);
            for (number, next) in slices.iter_mut().enumerate() {
                let place = first + number;
                let sample = place / self.slices_after(t);
                let recurrent = match (&convolved, &common) {
                    (Some(convolved), _) => &convolved[number * made..],
                    (None, Some(common)) => &common[sample * made..],
                    (None, None) => &nothing[..],
                };
                let (hidden, cell) = self.remembered((place, t), before, &nothing);
                let input = &lifted[sample * made..][..made];
                let read = Read { input, recurrent, hidden, cell };
                let kept = if keeps_gates { &mut *next.kept } else { &mut spare };
                let next = Next { hidden: next.hidden, cell: next.cell, kept };
                self.gates(update, (place, t)).advance(read, next);
            }
        });
        next
    }

    /// Memories of the slice at a place after frame `t`, from those before it.
    fn remembered<'a>(
        &self,
        (place, t): (usize, usize),
        before: Option<StateView<'a, T>>,
        nothing: &'a [T],
    ) -> (&'a [T], &'a [T]) {
        let slice = self.slice();
        let place = if t == 1 { place / self.velocities() } else { place };
        let of = |all: &'a [T]| if all.is_empty() { all } else { &all[place * slice..][..slice] };
        before.map_or((&nothing[..slice], &nothing[..slice]), |b| (of(b.hidden), of(b.cell)))
    }

    /// The gates of the slice at a place at the step of frame `t`.
    fn gates(&self, update: Gated, (place, t): (usize, usize)) -> Gates {
        let moved = self.moved(place % self.slices_after(t), -self.moved_back[t]);
        Gates { update, moved, made: self.gate_maps.made() }
    }

    /// The way back of a step of some samples: gradients to their memories after frame `t` become those to
    /// the memories before it, as far as they do not go through W; those to what W made are written, and the
    /// way goes on from those to what U made by `lifted` (sample, gradient).
    pub(super) fn gated_back(
        &self,
        (update, t): (Gated, usize),
        (after, before): (StateView<'_, T>, Option<StateView<'_, T>>),
        to: StepGradients<'_, T>,
        mut lifted: impl FnMut(usize, &[T]),
    ) {
        let (slice, made, count) = (self.slice(), self.made(), self.slices_after(t));
        let (nothing, mut to_input) = (Buffer::zeros(slice), Buffer::take(made));
        let slices = to.hidden.len() / slice;
        let cells = chunks(to.cell, slice, slices);
        let each = to.hidden.chunks_mut(slice).zip(cells).zip(to.made.chunks_mut(made));
        for (place, ((hidden, cell), to_recurrent)) in each.enumerate() {
            if place.is_multiple_of(count) {
                to_input.fill(T::default());
            }
            self.gates(update, (place, t)).back(Back {
                kept: &after.gates[place * KEPT * slice..][..KEPT * slice],
                before: self.remembered((place, t), before, &nothing),
                hidden,
                cell,
                to_recurrent,
                to_input: &mut to_input,
            });
            if (place + 1).is_multiple_of(count) {
                lifted(place / count, &to_input);
            }
        }
    }
}

/// Gradients on their way back through a gated step.
pub(super) struct StepGradients<'a, T> {
    /// To h' and then to h.
    pub hidden: &'a mut [T],
    /// To c' and then to c; empty without one.
    pub cell: &'a mut [T],
    /// To W ⋆ h.
    pub made: &'a mut [T],
}

/// `count` chunks of a length, empty ones where there is nothing.
fn chunks<T>(all: &mut [T], length: usize, count: usize) -> impl Iterator<Item = &mut [T]> {
    let mut chunks: Vec<&mut [T]> = all.chunks_mut(length).collect();
    chunks.resize_with(count, Default::default);
    chunks.into_iter()
}
