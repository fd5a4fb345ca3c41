//! Steps of a gated recurrence over a sequence, and their way back.

use super::carried::{Reads, Remembered};
use super::gates::{Back, Gates, KEPT, Next, Read};
use super::kernels::{Buffer, Float};
use super::parts::{Threads, enough_images};
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
        let count = lifted.len() / made * self.slices_of_image(t);
        let optional = |is_there, numbers| Buffer::take(if is_there { numbers } else { 0 });
        let mut next = State {
            hidden: Buffer::take(count * slice),
            cell: optional(update.has_cell(), count * slice),
            gates: optional(keeps_gates, count * KEPT * slice),
        };
        // Before the first frame nothing is remembered.
        let nothing = Buffer::zeros(made);
        let start = before.map(|before| Start::new(self, t, before));
        let common = before.and_then(|before| self.common(t, before.hidden, threads));
        let mut slices: Vec<Next<'_, T>> = chunks(&mut next.hidden, slice, count)
            .zip(chunks(&mut next.cell, slice, count))
            .zip(chunks(&mut next.gates, KEPT * slice, count))
            .map(|((hidden, cell), kept)| Next { hidden, cell, kept })
            .collect();
        let per_task = enough_images(self.plane.height, self.plane.width);
        let tasks = slices.par_chunks_mut(per_task).with_min_len(threads.least());
        tasks.enumerate().for_each(|(task, slices)| {
            let first = task * per_task;
            let memories = start.as_ref().map(|start| start.memories(self, (first, slices.len())));
            let mut convolved = optional(memories.is_some(), slices.len() * made);
            if let Some(Memories { hidden, .. }) = &memories {
                self.convolved(common.as_deref(), (first, hidden), &mut convolved);
            }
            let mut spare = optional(!keeps_gates, KEPT * slice);
            for (number, next) in slices.iter_mut().enumerate() {
                let (hidden, cell) = match &memories {
                    Some(memories) => memories.of(number, slice),
                    None => (&nothing[..slice], &nothing[..slice]),
                };
                let recurrent =
                    if memories.is_some() { &convolved[number * made..] } else { &nothing };
                let (input, moved) = self.seen((first + number, t), lifted);
                let read = Read { input, recurrent, hidden, cell };
                let kept = if keeps_gates { &mut *next.kept } else { &mut spare };
                let next = Next { hidden: next.hidden, cell: next.cell, kept };
                Gates { update, moved, made: self.gate_maps.made() }.advance(read, next);
            }
        });
        next
    }

    /// The way back of a step of some slices, from `first` on: gradients to their memories after frame `t` become
    /// those to the memories before it as the step read them, as far as they do not go through W; those to what
    /// W made are written. Returns those to what U made of the images that they see, each as far as these slices
    /// see it.
    pub(super) fn gated_back(
        &self,
        (update, t, first): (Gated, usize, usize),
        (kept, memories): (&[T], Option<&Memories<'_, T>>),
        to: StepGradients<'_, T>,
    ) -> Buffer<T> {
        let (slice, made) = (self.slice(), self.made());
        let (velocities, of_image) = (self.slices_after(t), self.slices_of_image(t));
        let slices = to.hidden.len() / slice;
        let images = self.images_seen(t, first, slices);
        let (nothing, mut to_images) = (Buffer::zeros(slice), Buffer::zeros(images * made));
        let cells = chunks(to.cell, slice, slices);
        let each = to.hidden.chunks_mut(slice).zip(cells).zip(to.made.chunks_mut(made));
        for (place, ((hidden, cell), to_recurrent)) in each.enumerate() {
            let number = first + place;
            let image = number / of_image - first / of_image;
            let moved = self.moved(number % velocities, -self.moved_back[t]);
            Gates { update, moved, made: self.gate_maps.made() }.back(Back {
                kept: &kept[place * KEPT * slice..][..KEPT * slice],
                before: match memories {
                    Some(memories) => memories.of(place, slice),
                    None => (&nothing, &nothing),
                },
                hidden,
                cell,
                to_recurrent,
                to_input: &mut to_images[image * made..][..made],
            });
        }
        to_images
    }
}

/// What a gated step starts from.
pub(super) struct Start<'a, T> {
    t: usize,
    before: StateView<'a, T>,
    /// Once for each velocity, where these part.
    wide: Option<[Buffer<T>; 2]>,
}

impl<'a, T: Float> Start<'a, T> {
    pub fn new(rollout: &Rollout<T>, t: usize, before: StateView<'a, T>) -> Self {
        let [hidden, cell] = [before.hidden, before.cell].map(|memory| rollout.wide(t, memory));
        Self { t, before, wide: hidden.zip(cell).map(|(hidden, cell)| [hidden, cell]) }
    }

    /// The memories of so many slices from `first` on, as the step reads them.
    pub fn memories(
        &self,
        rollout: &Rollout<T>,
        (first, count): (usize, usize),
    ) -> Memories<'_, T> {
        let cell = self.wide.as_ref().map_or(self.before.cell, |[_, cell]| cell);
        let is_shared = rollout.is_shared(self.t);
        Memories {
            hidden: self.hidden(rollout, (first, count)),
            cell: self.remembered(rollout, cell, (first, count)),
            first: if is_shared { first } else { 0 },
            sharing: if is_shared { rollout.velocities() } else { 1 },
        }
    }

    /// Of these the hidden states alone.
    pub fn hidden(
        &self,
        rollout: &Rollout<T>,
        (first, count): (usize, usize),
    ) -> Remembered<'_, T> {
        let all = self.wide.as_ref().map_or(self.before.hidden, |[hidden, _]| hidden);
        self.remembered(rollout, all, (first, count))
    }

    fn remembered<'b>(
        &self,
        rollout: &Rollout<T>,
        all: &'b [T],
        (first, count): (usize, usize),
    ) -> Remembered<'b, T> {
        let here = match all.is_empty() {
            true => all,
            false => rollout.part((self.t, first), all, count * rollout.slice()),
        };
        rollout.recurrent.remembered(first, here, Reads::Update)
    }
}

/// Memories as a step reads them.
pub(super) struct Memories<'a, T> {
    pub hidden: Remembered<'a, T>,
    /// Empty without one.
    pub cell: Remembered<'a, T>,
    /// Slices before those asked for.
    first: usize,
    /// Slices of the step that share one.
    sharing: usize,
}

impl<T: Float> Memories<'_, T> {
    /// h and c of the slice of a number.
    fn of(&self, number: usize, slice: usize) -> (&[T], &[T]) {
        let place = (self.first + number) / self.sharing;
        let here = place * slice..(place + 1) * slice;
        let (h, c) = (self.hidden.carried(), self.cell.carried());
        (&h[here.clone()], if c.is_empty() { c } else { &c[here] })
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
