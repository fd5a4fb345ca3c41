//! The way back through time of a rollout.

use super::activation::Activation;
use super::carried::Reads;
use super::division::Division;
use super::gated_rollout::{Start, StepGradients};
use super::gates::KEPT;
use super::history::History;
use super::kernels::{Buffer, Convolution, Float};
use super::pointwise;
use super::rollout::{Gradients, Rollout};
use super::rule::{Gated, Update};
use super::turning::Way;
use rayon::prelude::*;
use std::ops::Range;

/// Sums over what a block of slices contributes to the gradients of U and W, in the convolutions' own orders.
struct Sums<T> {
    input: Buffer<T>,
    recurrent: Buffer<T>,
}

impl<T: Float> Rollout<T> {
    /// The way back: `read_outs` (S, B, H, W, C) holds the gradients to the read-outs in their order.
    pub fn backward(&self, frames: &[T], read_outs: &[T], is_frame_tracked: bool) -> Gradients<T> {
        let convolution = &self.recurrent.convolution;
        let work = (convolution.geometry().multiplications(), convolution.sums_len());
        let division = Division::new(self.plane, (self.batch, self.velocities()), work);
        self.backward_in(division, (frames, read_outs), is_frame_tracked)
    }

    fn backward_in(
        &self,
        division: Division,
        (frames, read_outs): (&[T], &[T]),
        is_frame_tracked: bool,
    ) -> Gradients<T> {
        let per_sample = frames.len() / self.batch;
        let mut to_frames = vec![T::default(); if is_frame_tracked { frames.len() } else { 0 }];
        let mut targets: Vec<&mut [T]> = to_frames.chunks_mut(division.part * per_sample).collect();
        targets.resize_with(self.batch.div_ceil(division.part), Default::default);
        let input_sums = self.input.as_ref().map_or(0, Convolution::sums_len);
        let recurrent_sums = self.recurrent.convolution.sums_len();
        let sums =
            || Sums { input: Buffer::zeros(input_sums), recurrent: Buffer::zeros(recurrent_sums) };
        let parts: Vec<Vec<Sums<T>>> = targets
            .into_par_iter()
            .enumerate()
            .map(|(part, to_frames)| {
                let samples = part * division.part..self.batch.min((part + 1) * division.part);
                let seen = Seen { rollout: self, frames, first_of_part: samples.start };
                let sums = (0..division.blocks).map(|_| sums()).collect();
                let mut way_back = WayBack { seen, division, read_outs, to_frames, sums };
                for first in samples.clone().step_by(division.group) {
                    let samples = first..samples.end.min(first + division.group);
                    match self.how.update {
                        Update::Simple(activation) => way_back.run(activation, samples),
                        Update::Gated(update) => way_back.run_gated(update, samples),
                    }
                }
                way_back.sums
            })
            .collect();
        let all = parts.into_iter().flatten().map(|sums| (sums.input, sums.recurrent));
        let (inputs, recurrents): (Vec<_>, Vec<_>) = all.unzip();
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

/// Gradients on the way back of a gated recurrence, for all slices.
struct MemoryGradients<T> {
    /// To the newest hidden state not yet passed, and to the one before it.
    hidden: Buffer<T>,
    before: Buffer<T>,
    /// To c; empty without one.
    cell: Buffer<T>,
    /// To W ⋆ h.
    made: Buffer<T>,
}

/// Backward through time for some samples: one step after the other, and in each all blocks side by side.
struct WayBack<'a, T> {
    seen: Seen<'a, T>,
    division: Division,
    read_outs: &'a [T],
    /// The gradient to the frames of this part's samples; empty where it is not asked for.
    to_frames: &'a mut [T],
    /// Of each block.
    sums: Vec<Sums<T>>,
}

impl<T: Float> WayBack<'_, T> {
    /// From the last state of `samples` to their first frame.
    fn run(&mut self, activation: Activation, samples: Range<usize>) {
        let (Seen { rollout, frames, .. }, read_outs) = (self.seen, self.read_outs);
        let (slice, first_of) = (rollout.slice(), self.division.block);
        let per_block = first_of * slice;
        let length = samples.len() * rollout.velocities() * slice;
        // The gradient to the newest state not yet passed, and to the one before it.
        let (mut inner, mut before) = (Buffer::zeros(length), Buffer::take(length));
        let mut history = History::new(rollout, frames, (samples.clone(), self.division.threads()));
        for t in (0..rollout.frames()).rev() {
            let of_sample = rollout.slices_after(t);
            let inner_of_t = &mut inner[..samples.len() * of_sample * slice];
            history.prepare(t);
            let state = history.state(t).hidden;
            let to_images: Vec<Buffer<T>> = inner_of_t
                .par_chunks_mut(per_block)
                .zip(state.par_chunks(per_block))
                .enumerate()
                .map(|(block, (inner, state))| {
                    let first = block * first_of;
                    rollout.add_read_out((t, samples.start * of_sample + first), read_outs, inner);
                    pointwise::chain(activation, state, inner);
                    rollout.to_images((t, first), inner)
                })
                .collect();
            self.input_backward(t, &samples, to_images);
            let Some(before_t) = t.checked_sub(1) else { break };
            history.prepare(before_t);
            let state = history.state(before_t).hidden;
            let wide = rollout.wide(t, state);
            if rollout.is_shared(t) {
                sum_over_velocities(rollout.velocities(), &mut inner, slice);
            }
            let start = wide.as_deref().unwrap_or(state);
            start
                .par_chunks(per_block)
                .zip(inner.par_chunks(per_block))
                .zip(before.par_chunks_mut(per_block))
                .zip(&mut self.sums)
                .enumerate()
                .for_each(|(block, (((start, inner), before), sums))| {
                    let first = block * first_of;
                    let slices = rollout.recurrent.remembered(first, start, Reads::KernelAlone);
                    let (to_made, to_slices) = (&inner[..start.len()], &mut before[..start.len()]);
                    let sums = Some(&mut *sums.recurrent);
                    rollout.recurrent.backward(&slices, to_made, sums, (Some(to_slices), None));
                });
            if wide.is_some() {
                sum_over_velocities(rollout.velocities(), &mut before, slice);
            }
            std::mem::swap(&mut inner, &mut before);
        }
    }

    /// The same of a gated recurrence.
    fn run_gated(&mut self, update: Gated, samples: Range<usize>) {
        let (Seen { rollout, frames, .. }, read_outs) = (self.seen, self.read_outs);
        let (slice, made) = (rollout.slice(), rollout.made());
        let first_of = self.division.block;
        let slices = samples.len() * rollout.velocities();
        let mut to = MemoryGradients {
            hidden: Buffer::zeros(slices * slice),
            before: Buffer::take(slices * slice),
            cell: Buffer::zeros(if update.has_cell() { slices * slice } else { 0 }),
            made: Buffer::take(slices * made),
        };
        let mut history = History::new(rollout, frames, (samples.clone(), self.division.threads()));
        for t in (0..rollout.frames()).rev() {
            let of_sample = rollout.slices_after(t);
            let count = samples.len() * of_sample;
            history.prepare(t);
            let kept = history.state(t).gates;
            let start =
                t.checked_sub(1).map(|before| Start::new(rollout, t, history.state(before)));
            let hidden = to.hidden[..count * slice].par_chunks_mut(first_of * slice);
            let cells = parallel_chunks(&mut to.cell, first_of * slice, hidden.len());
            let to_images: Vec<Buffer<T>> = hidden
                .zip(cells)
                .zip(to.made.par_chunks_mut(first_of * made))
                .zip(kept.par_chunks(first_of * KEPT * slice))
                .enumerate()
                .map(|(block, (((hidden, cell), to_made), kept))| {
                    let (first, number) = (block * first_of, hidden.len() / slice);
                    rollout.add_read_out((t, samples.start * of_sample + first), read_outs, hidden);
                    let memories =
                        start.as_ref().map(|start| start.memories(rollout, (first, number)));
                    let cells = cell.len().min(number * slice);
                    let made = &mut to_made[..number * made];
                    let ways = StepGradients { hidden, cell: &mut cell[..cells], made };
                    rollout.gated_back((update, t, first), (kept, memories.as_ref()), ways)
                })
                .collect();
            self.input_backward(t, &samples, to_images);
            let Some(start) = start else { break };
            self.memories_backward((t, samples.len()), &start, &mut to);
        }
    }

    /// Passes the gradients to what W made of a gated step, and to what its update read of memories, on to the memories
    /// before it.
    fn memories_backward(
        &mut self,
        (t, samples): (usize, usize),
        start: &Start<'_, T>,
        to: &mut MemoryGradients<T>,
    ) {
        let rollout = self.seen.rollout;
        let (slice, made, velocities) = (rollout.slice(), rollout.made(), rollout.velocities());
        let is_shared = rollout.is_shared(t);
        if is_shared {
            sum_over_velocities(velocities, &mut to.hidden, slice);
            sum_over_velocities(velocities, &mut to.cell, slice);
            sum_over_velocities(velocities, &mut to.made, made);
        }
        // Those that W sees: one of each sample where velocities share it.
        let count = if is_shared { samples } else { samples * rollout.slices_after(t) };
        let first_of = self.division.block;
        let before = to.before[..count * slice].par_chunks_mut(first_of * slice);
        let cells = parallel_chunks(&mut to.cell, first_of * slice, before.len());
        let blocks = before.zip(cells).zip(&mut self.sums).enumerate();
        blocks.for_each(|(block, ((before, cell), sums))| {
            let (first, numbers) = (block * first_of, before.len());
            let hidden = start.hidden(rollout, (first, numbers / slice));
            let to_carried = &to.hidden[first * slice..][..numbers];
            let to_made = &to.made[first * made..][..numbers / slice * made];
            let ways = (Some(before), Some(to_carried));
            rollout.recurrent.backward(&hidden, to_made, Some(&mut *sums.recurrent), ways);
            let cells = cell.len().min(numbers);
            rollout.recurrent.carry_back(first, &mut cell[..cells]);
        });
        if t == 1 && !is_shared {
            sum_over_velocities(velocities, &mut to.before, slice);
            sum_over_velocities(velocities, &mut to.cell, slice);
        }
        std::mem::swap(&mut to.hidden, &mut to.before);
    }

    /// Passes the gradients that the blocks have to what U made of the images of frame `t` on to U and to the frame.
    fn input_backward(&mut self, t: usize, samples: &Range<usize>, mut blocks: Vec<Buffer<T>>) {
        let Self { seen, to_frames, sums, division, .. } = self;
        let made = seen.rollout.made();
        if seen.rollout.images_of(t) == 1 {
            // Blocks of one sample see the same image.
            let rest = blocks.split_off(1);
            let to_images = &mut blocks[0];
            let per_sum = if rest.is_empty() { to_images.len() } else { PER_SUM };
            to_images.par_chunks_mut(per_sum).enumerate().for_each(|(chunk, sum)| {
                rest.iter()
                    .for_each(|more| pointwise::add(&more[chunk * PER_SUM..][..sum.len()], sum));
            });
            for (image, to_lifted) in to_images.chunks(made).enumerate() {
                seen.backward((t, samples.start, image), to_lifted, &mut sums[0], to_frames);
            }
            return;
        }
        let one = |(block, (to_images, sums)): (usize, (&Buffer<T>, &mut Sums<T>)),
                   target: &mut [T]| {
            for (place, to_lifted) in to_images.chunks(made).enumerate() {
                let image = block * division.block + place;
                seen.backward((t, samples.start, image), to_lifted, sums, target);
            }
        };
        if to_frames.is_empty() {
            blocks.par_iter().zip(sums).enumerate().for_each(|block| one(block, &mut []));
        } else {
            blocks.iter().zip(sums).enumerate().for_each(|block| one(block, to_frames));
        }
    }
}

/// Numbers of a map that are added up at a time.
const PER_SUM: usize = 1 << 12;

impl<T: Float> Rollout<T> {
    /// Gradients to what U made of the images of frame `t`, from those of some slices, from `first` on, as far as these
    /// see them.
    fn to_images(&self, (t, first): (usize, usize), inner: &[T]) -> Buffer<T> {
        let (slice, of_image) = (self.slice(), self.slices_of_image(t));
        let slices = inner.len() / slice;
        if self.images_of(t) > 1 {
            let mut to_images = Buffer::take(inner.len());
            to_images.copy_from_slice(inner); // each is seen as it is
            return to_images;
        }
        let images = self.images_seen(t, first, slices);
        let mut to_images = Buffer::zeros(images * slice);
        for (number, inner) in (first..).zip(inner.chunks(slice)) {
            let image = number / of_image - first / of_image;
            let moved = self.moved(number % self.slices_after(t), self.moved_back[t]);
            moved.add(inner, &mut to_images[image * slice..][..slice]);
        }
        to_images
    }
}

/// What slices see of frames.
struct Seen<'a, T> {
    rollout: &'a Rollout<T>,
    frames: &'a [T],
    first_of_part: usize,
}

impl<T> Clone for Seen<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Seen<'_, T> {}

impl<T: Float> Seen<'_, T> {
    /// Passes the gradient to what U made of an image of the samples' frame `t`, `first` the first of them, on to U
    /// and to the frame.
    fn backward(
        self,
        (t, first, image): (usize, usize, usize),
        to_lifted: &[T],
        sums: &mut Sums<T>,
        to_frames: &mut [T],
    ) {
        let r = self.rollout;
        let (sample, number) = (first + image / r.images_of(t), image % r.images_of(t));
        let length = r.plane.pixels() * r.inputs;
        let frame = &self.frames[(sample * r.frames() + t) * length..][..length];
        let place = ((sample - self.first_of_part) * r.frames() + t) * length;
        let target = to_frames.get_mut(place..place + length);
        let sums = Some(&mut *sums.input);
        match (&r.input, target, r.views.of_frame(t)) {
            (Some(input), target, None) => input.backward(frame, to_lifted, sums, target),
            (Some(input), target, Some(turns)) => {
                let mut to_image = target.is_some().then(|| Buffer::take(length));
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
}

/// `count` chunks of a length side by side, empty ones where there is nothing.
fn parallel_chunks<T: Send>(
    all: &mut [T],
    length: usize,
    count: usize,
) -> impl IndexedParallelIterator<Item = &mut [T]> {
    let mut chunks: Vec<&mut [T]> = all.chunks_mut(length).take(count).collect();
    chunks.resize_with(count, Default::default);
    chunks.into_par_iter()
}

/// Each sample's slices, of so many numbers each, become Σ_ν of them, one after the other.
fn sum_over_velocities<T: Float>(velocities: usize, inner: &mut [T], slice: usize) {
    let mut sum = Buffer::take(slice);
    for sample in 0..inner.len() / (velocities * slice) {
        sum.fill(T::default());
        for slice in inner[sample * velocities * slice..][..velocities * slice].chunks(slice) {
            pointwise::add(slice, &mut sum);
        }
        inner[sample * slice..][..slice].copy_from_slice(&sum);
    }
}

#[cfg(test)]
mod tests;
