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

/// Pieces that the way back is divided into where there is enough work: as many cores have something to do. Sums
/// by pieces have the same rounding for every thread count.
const PIECES: usize = 64;
/// Multiplications of a step of a piece that are worth dividing it from others.
const ENOUGH_WORK: usize = 1 << 25;
/// Pixels of a piece that are worth sums of its own, which are as large for few as for many: with 784, one slice of the
/// paper's size, a step took 11 % longer (C = 64).
const ENOUGH_PIXELS: usize = 3000;
/// Numbers that the sums of all pieces may be.
const MOST_SUMS: usize = 1 << 26;

/// Samples that go back through time together.
pub(super) fn samples_together(plane: Plane, velocities: usize) -> usize {
    enough_images(plane.height, plane.width).div_ceil(velocities)
}

/// How the way back is divided: into parts of the batch, and each step of a part into blocks of slices. A function of
/// extents alone.
#[derive(Clone, Copy, Debug)]
struct Division {
    /// Samples that go back through time together.
    group: usize,
    /// Samples of a part.
    part: usize,
    /// Slices of a block, batch and velocities counted together.
    block: usize,
    blocks: usize,
}

impl Division {
    /// Of so many samples and velocities, with so many multiplications in the convolution of a slice, whose kernel's
    /// gradient takes so many numbers.
    fn new(
        plane: Plane,
        (batch, velocities): (usize, usize),
        (multiplications, sums): (usize, usize),
    ) -> Self {
        let group = samples_together(plane, velocities);
        let part = group.max(images_per_part(batch, plane.height, plane.width));
        let (parts, slices) = (batch.div_ceil(part), group * velocities);
        let enough = enough_images(plane.height, plane.width);
        let least = enough
            .max(ENOUGH_WORK.div_ceil(multiplications))
            .max(ENOUGH_PIXELS.div_ceil(plane.pixels()));
        let blocks = match group {
            1 => (PIECES / parts).min(MOST_SUMS / (parts * sums)).clamp(1, slices.div_ceil(least)),
            _ => 1, // blocks are of one sample
        };
        let block = slices.div_ceil(blocks);
        Self { group, part, block, blocks: slices.div_ceil(block) }
    }

    /// Who computes again what a part needs of its history: others help where they have blocks of it.
    fn threads(self) -> Threads {
        if self.blocks > 1 { Threads::All } else { Threads::This }
    }
}

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
        let (slice, made, velocities) = (rollout.slice(), rollout.made(), rollout.velocities());
        let first_of = self.division.block;
        let slices = samples.len() * velocities;
        let (mut to_hidden, mut before) =
            (Buffer::zeros(slices * slice), Buffer::take(slices * slice));
        let mut to_cell = Buffer::zeros(if update.has_cell() { slices * slice } else { 0 });
        let mut to_made = Buffer::take(slices * made);
        let mut history = History::new(rollout, frames, (samples.clone(), self.division.threads()));
        for t in (0..rollout.frames()).rev() {
            let of_sample = rollout.slices_after(t);
            let count = samples.len() * of_sample;
            history.prepare(t);
            let kept = history.state(t).gates;
            let start =
                t.checked_sub(1).map(|before| Start::new(rollout, t, history.state(before)));
            let hidden = to_hidden[..count * slice].par_chunks_mut(first_of * slice);
            let blocks = hidden.len();
            let to_images: Vec<Buffer<T>> = hidden
                .zip(parallel_chunks(&mut to_cell, first_of * slice, blocks))
                .zip(to_made.par_chunks_mut(first_of * made))
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
            let is_shared = rollout.is_shared(t);
            if is_shared {
                sum_over_velocities(velocities, &mut to_hidden, slice);
                sum_over_velocities(velocities, &mut to_cell, slice);
                sum_over_velocities(velocities, &mut to_made, made);
            }
            // Those that W sees: one of each sample where velocities share it.
            let count = if is_shared { samples.len() } else { count };
            before[..count * slice]
                .par_chunks_mut(first_of * slice)
                .zip(parallel_chunks(&mut to_cell, first_of * slice, blocks))
                .zip(&mut self.sums)
                .enumerate()
                .for_each(|(block, ((before, cell), sums))| {
                    let (first, numbers) = (block * first_of, before.len());
                    let hidden = start.hidden(rollout, (first, numbers / slice));
                    let to_carried = &to_hidden[first * slice..][..numbers];
                    let to_made = &to_made[first * made..][..numbers / slice * made];
                    let to = (Some(before), Some(to_carried));
                    let sums = Some(&mut *sums.recurrent);
                    rollout.recurrent.backward(&hidden, to_made, sums, to);
                    let cells = cell.len().min(numbers);
                    rollout.recurrent.carry_back(first, &mut cell[..cells]);
                });
            if t == 1 && !is_shared {
                sum_over_velocities(velocities, &mut before, slice);
                sum_over_velocities(velocities, &mut to_cell, slice);
            }
            std::mem::swap(&mut to_hidden, &mut before);
        }
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
        let images = (first + slices).div_ceil(of_image) - first / of_image;
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

/// The states of some samples while they go back through time: those kept, and between them one stretch at
/// a time that is computed again.
struct History<'a, T> {
    rollout: &'a Rollout<T>,
    frames: &'a [T],
    samples: Range<usize>,
    threads: Threads,
    /// The frame after which the first state of the stretch is.
    first: usize,
    stretch: Vec<State<T>>,
}

impl<'a, T: Float> History<'a, T> {
    fn new(
        rollout: &'a Rollout<T>,
        frames: &'a [T],
        (samples, threads): (Range<usize>, Threads),
    ) -> Self {
        Self { rollout, frames, samples, threads, first: 0, stretch: Vec::new() }
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
            let how = (self.threads, needs_gates);
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

#[cfg(test)]
mod tests {
    use super::super::kernels::{ConvAlgorithm, Shift};
    use super::super::pooling::VelocityPooling;
    use super::super::read_out::FedAs;
    use super::super::resampling::Turn;
    use super::super::rollout::Kept;
    use super::super::rule::{Kernels, Unrolled};
    use super::super::slice_action::{SliceAction, Turning};
    use super::super::{CarryOrder, rule};
    use super::*;
    use crate::rng::Stream;
    use candle_core::{Device, Tensor};

    const PLANE: Plane = Plane { height: 5, width: 7 };
    const BATCH: usize = 2;
    const FRAMES: usize = 4;
    const CHANNELS: usize = 3;

    fn numbers(name: &str, count: usize, scale: f64) -> Vec<f64> {
        let mut stream = Stream::new(0, name, 0);
        (0..count).map(|_| scale * stream.normal()).collect()
    }

    /// The gradients to frames, U and W where the way back has so many blocks of slices in a step.
    fn gradients(
        (action, update, pooling): (SliceAction<'_>, rule::Update, VelocityPooling),
        (has_input, is_tracked, kept): (bool, bool, usize),
        blocks: usize,
    ) -> Vec<Vec<f64>> {
        let (gates, Plane { height, width }) = (update.gates(), PLANE);
        let maps = CHANNELS * gates;
        let inputs = if has_input { 1 } else { maps };
        let kernel = |name, inputs: usize| {
            let shape = (maps, inputs, 3, 3);
            Tensor::from_vec(numbers(name, maps * inputs * 9, 0.3), shape, &Device::Cpu).unwrap()
        };
        let (u, w) = (kernel("u", 1), kernel("w", CHANNELS));
        let kernels = Kernels { input: has_input.then_some(&u), recurrent: &w };
        let how = Unrolled { update, pooling, algorithm: ConvAlgorithm::Direct };
        let kept = Kept::Every(kept);
        let mut rollout =
            Rollout::<f64>::new((action, how), (PLANE, BATCH), kernels, kept).unwrap();
        let shape = (BATCH, FRAMES, height, width, inputs);
        let frames = numbers("frames", shape.0 * shape.1 * height * width * inputs, 1.0);
        let all = Tensor::from_slice(&frames, shape, &Device::Cpu).unwrap();
        for t in 0..FRAMES {
            let frame = all.narrow(1, t, 1).unwrap().squeeze(1).unwrap();
            let fed_as = if t == 3 { FedAs::Former } else { FedAs::New };
            rollout.step(&frame, fed_as).unwrap();
            rollout.read_out();
        }
        let read_outs = numbers("read-outs", FRAMES * BATCH * height * width * CHANNELS, 1.0);
        let velocities = rollout.velocities();
        let block = velocities.div_ceil(blocks);
        let blocks = velocities.div_ceil(block);
        let division = Division { group: 1, part: 1, block, blocks };
        let gradients = rollout.backward_in(division, (&frames, &read_outs), is_tracked);
        let all = [gradients.frames, gradients.input_kernel, Some(gradients.recurrent_kernel)];
        all.into_iter().flatten().collect()
    }

    #[test]
    fn blocks_of_slices_change_rounding_alone() {
        let shifts: Vec<Shift> =
            (-1..=1).flat_map(|down| (-1..=1).map(move |right| Shift { down, right })).collect();
        let turns: Vec<Turn> =
            (-2..=2).map(|n| Turn { degrees: 120.0 * n as f64, orientations: n }).collect();
        let (orientations, turns) = (CHANNELS, &turns[..]);
        let turning = |order| SliceAction::TurnedSlices(Turning { orientations, turns, order });
        let updates = [
            rule::Update::Simple(Activation::Tanh),
            rule::Update::Gated(Gated::Gru),
            rule::Update::Gated(Gated::Lstm),
        ];
        for action in [
            SliceAction::Shifts(&shifts),
            SliceAction::TurnedViews { orientations, turns },
            turning(CarryOrder::CarryFirst),
            turning(CarryOrder::ConvolveFirst),
        ] {
            for (update, pooling) in updates.into_iter().zip([
                VelocityPooling::Max,
                VelocityPooling::Mean,
                VelocityPooling::Sum,
            ]) {
                for has in [(true, true, 1), (true, false, 2), (false, true, 3), (false, false, 1)]
                {
                    let what = (action, update, pooling);
                    let whole = gradients(what, has, 1);
                    assert!(whole.iter().all(|of| of.iter().any(|&g| g != 0.0)));
                    for blocks in [2, 4, 5] {
                        let divided = gradients(what, has, blocks);
                        for (whole, divided) in whole.iter().flatten().zip(divided.iter().flatten())
                        {
                            let error = (whole - divided).abs() / (1.0 + whole.abs());
                            assert!(
                                error < 1e-12,
                                "{update:?} {has:?} {blocks}: {whole} {divided}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_division_covers_all_and_does_not_divide_what_is_small() {
        for batch in [1, 2, 7, 16, 128, 1000] {
            for velocities in [1, 5, 9, 25] {
                for side in [4, 15, 28] {
                    for channels in [1, 16, 64, 128] {
                        let plane = Plane { height: side, width: side };
                        let work = plane.pixels() * 9 * channels * channels;
                        let sums = 36 * channels * channels;
                        let d = Division::new(plane, (batch, velocities), (work, sums));
                        let (parts, slices) = (batch.div_ceil(d.part), d.group * velocities);
                        assert!(d.block * d.blocks >= slices && d.block * (d.blocks - 1) < slices);
                        assert!(d.blocks == 1 || (parts * d.blocks <= PIECES && d.group == 1));
                        assert!(d.blocks == 1 || 2 * d.block * work >= ENOUGH_WORK, "{d:?}");
                        assert!(d.blocks == 1 || parts * d.blocks * sums <= MOST_SUMS, "{d:?}");
                    }
                }
            }
        }
        let paper = |batch| {
            let d = Division::new(
                Plane { height: 28, width: 28 },
                (batch, 25),
                (784 * 9 * 128 * 128, 36 * 128 * 128),
            );
            (usize::div_ceil(batch, d.part), d.blocks)
        };
        assert_eq!([1, 2, 8, 16, 128].map(paper), [(1, 7), (2, 7), (8, 7), (8, 7), (16, 4)]);
    }
}
