//! A recurrence that runs forward frame by frame and, in one pass, backward through time.
//!
//! Slice ν of the state is kept in a frame of reference that moves with ν: after frames 0..=t it is
//! stored displaced by −t·ν. There W acts as if nothing moved, frame t is read displaced by −t·ν (a
//! frame of the step before by (1 − t)·ν), and the read-out displaced by t·ν. After the first frame
//! all slices are equal, and stored once.

use super::kernels::{
    Buffer, ConvAlgorithm, Convolution, Float, KernelView, Padding, Plane, Shift, stored_channels,
};
use super::parts::{enough_images, images_per_part};
use super::pointwise::{self, Moved};
use super::pooling::VelocityPooling;
use super::read_out::FedAs;
use super::recurrence::{Step, stored};
use super::rule::{Kernels, Recurrence};
use super::storage::{CpuView, restore_channels};
use crate::error::{Result, expect_shape};
use candle_core::Tensor;
use rayon::prelude::*;
use std::ops::Range;

pub(super) struct Rollout<T> {
    recurrence: Recurrence,
    /// Displacement of each slice per frame.
    shifts: Vec<Shift>,
    plane: Plane,
    batch: usize,
    /// Channels of an input frame, of the state, and of the state as stored.
    inputs: usize,
    channels: usize,
    stored: usize,
    /// U and W.
    input: Option<Convolution<T>>,
    recurrent: Convolution<T>,
    /// The state after each frame, (B, V, H, W, stored), the first (B, H, W, stored); only the last
    /// one where nothing is kept for a backward pass.
    states: Vec<Buffer<T>>,
    /// By how many steps of its own velocity each slice moves each frame back to read it.
    moved_back: Vec<i64>,
    keep: bool,
    pooled: Vec<Pooled>,
}

/// Which state was pooled, and the winner of every maximum (B, H, W, stored).
struct Pooled {
    frame: usize,
    winners: Buffer<u16>,
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
        (shifts, recurrence): (&[Shift], Recurrence),
        (plane, batch): (Plane, usize),
        kernels: Kernels<'_>,
        keep: bool,
    ) -> Result<Self> {
        let channels = kernels.recurrent.dims()[0];
        let stored = stored_channels::<T>(channels);
        let plan = |kernel: &Tensor, algorithm, inputs| -> Result<Convolution<T>> {
            let (outputs, kernel_inputs, height, width) = kernel.dims4()?;
            let view = CpuView::of(kernel);
            let values = view.slice()?;
            let kernel = KernelView { values, outputs, inputs: kernel_inputs, height, width };
            Ok(Convolution::new(algorithm, (plane, Padding::Circular), kernel, (inputs, stored)))
        };
        let inputs = kernels.input.map_or(channels, |kernel| kernel.dims()[1]);
        let input = |kernel| plan(kernel, ConvAlgorithm::Direct, inputs);
        Ok(Self {
            plane,
            batch,
            inputs,
            channels,
            stored,
            input: kernels.input.map(input).transpose()?,
            recurrent: plan(kernels.recurrent, recurrence.algorithm, stored)?,
            recurrence,
            shifts: shifts.to_vec(),
            states: Vec::new(),
            moved_back: Vec::new(),
            keep,
            pooled: Vec::new(),
        })
    }

    /// C.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Numbers of one slice as stored.
    fn slice(&self) -> usize {
        self.plane.pixels() * self.stored
    }

    fn velocities(&self) -> usize {
        self.shifts.len()
    }

    /// Slices of a sample after frame `t`.
    fn slices_after(&self, t: usize) -> usize {
        if t == 0 { 1 } else { self.velocities() }
    }

    /// Frames that the newest state has seen.
    fn frames(&self) -> usize {
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
        let lifted = self.lifted(view.slice()?);
        let frames = self.frames();
        self.moved_back.push(frames as i64 - i64::from(taken_as == FedAs::Former));
        let next = match frames {
            0 => self.first_state(lifted),
            1 => self.second_state(&lifted),
            _ => self.next_state(&lifted),
        };
        if !self.keep {
            self.states.clear();
        }
        self.states.push(next);
        Ok(())
    }

    /// U ⋆ frame (B, H, W, stored), or the frame itself.
    fn lifted(&self, frame: &[T]) -> Buffer<T> {
        let Some(input) = &self.input else { return stored(frame, self.channels) };
        let mut lifted = Buffer::take(self.batch * self.slice());
        let images = frame.par_chunks(self.plane.pixels() * self.inputs);
        lifted
            .par_chunks_mut(self.slice())
            .zip(images)
            .for_each(|(lifted, frame)| input.forward(frame, lifted));
        lifted
    }

    /// h_1 = σ(u_0), the same for every velocity.
    fn first_state(&self, mut lifted: Buffer<T>) -> Buffer<T> {
        lifted.par_chunks_mut(self.slice()).for_each(|u| {
            pointwise::activate(self.recurrence.activation, u);
        });
        lifted
    }

    /// h_2: W ⋆ h_1 is computed once, then seen by every velocity beside its own view of u_1.
    fn second_state(&self, lifted: &[T]) -> Buffer<T> {
        let slice = self.slice();
        let mut common = Buffer::take(self.batch * slice);
        common
            .par_chunks_mut(slice)
            .zip(self.states[0].par_chunks(slice))
            .for_each(|(common, h)| self.recurrent.forward(h, common));
        let mut next = Buffer::take(self.batch * self.velocities() * slice);
        let shifts = self.views();
        let step = self.recurrent_step(&shifts);
        next.par_chunks_mut(slice).enumerate().for_each(|(number, next)| {
            next.copy_from_slice(&common[number / self.velocities() * slice..][..slice]);
            step.finish(number, lifted, next);
        });
        next
    }

    fn next_state(&self, lifted: &[T]) -> Buffer<T> {
        let state = self.states.last().expect("there was a frame");
        let mut next = Buffer::take(state.len());
        let shifts = self.views();
        self.recurrent_step(&shifts).advance(&self.recurrent, state, lifted, &mut next);
        next
    }

    fn recurrent_step<'a>(&self, shifts: &'a [Shift]) -> Step<'a> {
        Step { plane: self.plane, shifts, activation: self.recurrence.activation }
    }

    /// How each slice sees what the newest frame brings.
    fn views(&self) -> Vec<Shift> {
        let back = self.moved_back.last().expect("there was a frame");
        self.shifts.iter().map(|shift| shift.times(-back)).collect()
    }

    /// Slice `velocity` as it is stored after frame `t`, beside maps that do not move.
    fn stored_slice(&self, velocity: usize, t: usize) -> Moved {
        self.moved(velocity, t as i64)
    }

    /// A slice beside what `steps` of its velocity move.
    fn moved(&self, velocity: usize, steps: i64) -> Moved {
        let shift = self.shifts[velocity].times(steps);
        Moved { plane: self.plane, channels: self.stored, shift }
    }

    /// The newest state pooled over its velocities, (B, H, W, C).
    pub fn read_out(&mut self) -> Vec<T> {
        let (slice, frame) = (self.slice(), self.frames() - 1);
        let state = self.states.last().expect("there was a frame");
        let mut pooled = Buffer::zeros(self.batch * slice);
        let mut winners = Buffer::zeros(self.batch * slice);
        pooled
            .par_chunks_mut(slice)
            .zip(winners.par_chunks_mut(slice))
            .zip(state.par_chunks(self.slices_after(frame) * slice))
            .for_each(|((pooled, winners), state)| self.pool(frame, state, pooled, winners));
        let mut values = vec![T::default(); self.batch * self.plane.pixels() * self.channels];
        restore_channels(&pooled, self.stored, &mut values, self.channels);
        if self.keep {
            self.pooled.push(Pooled { frame, winners });
        }
        values
    }

    /// Pools one sample's slices; `pooled` and `winners` come as zeros.
    fn pool(&self, frame: usize, state: &[T], pooled: &mut [T], winners: &mut [u16]) {
        for number in 0..self.slices_pooled(frame) {
            let h = &state[self.place_of(number, frame)..][..self.slice()];
            let moved = self.stored_slice(number, frame);
            match self.recurrence.pooling {
                VelocityPooling::Max if number == 0 => moved.add(h, pooled),
                VelocityPooling::Max => moved.maximum(number as u16, h, pooled, winners),
                VelocityPooling::Mean | VelocityPooling::Sum => moved.add(h, pooled),
            }
        }
        if self.recurrence.pooling == VelocityPooling::Mean {
            let share = T::from_f64(1.0 / self.velocities() as f64);
            pooled.iter_mut().for_each(|value| *value *= share);
        }
    }

    /// Slices that pooling goes through: of equal ones a maximum needs one, a sum all.
    fn slices_pooled(&self, frame: usize) -> usize {
        match self.recurrence.pooling {
            VelocityPooling::Max => self.slices_after(frame),
            VelocityPooling::Mean | VelocityPooling::Sum => self.velocities(),
        }
    }

    /// Where a sample's slice begins after frame `t`.
    fn place_of(&self, velocity: usize, t: usize) -> usize {
        velocity % self.slices_after(t) * self.slice()
    }

    /// The way back: `read_outs` (S, B, H, W, C) holds the gradients to the read-outs in their order.
    pub fn backward(&self, frames: &[T], read_outs: &[T], is_frame_tracked: bool) -> Gradients<T> {
        let per_sample = frames.len() / self.batch;
        let per_group =
            enough_images(self.plane.height, self.plane.width).div_ceil(self.velocities());
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
                    recurrent_sums: Buffer::zeros(self.recurrent.sums_len()),
                };
                for first in samples.clone().step_by(per_group) {
                    way_back.run(first..samples.end.min(first + per_group));
                }
                (way_back.input_sums, way_back.recurrent_sums)
            })
            .unzip();
        Gradients {
            frames: is_frame_tracked.then_some(to_frames),
            input_kernel: self.input.as_ref().map(|input| input.weight_gradient(&inputs)),
            recurrent_kernel: self.recurrent.weight_gradient(&recurrents),
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
    fn run(&mut self, samples: Range<usize>) {
        let rollout = self.rollout;
        let slices = samples.len() * rollout.velocities();
        let length = slices * rollout.slice();
        // The gradient to the newest state not yet passed, and to the one before it.
        let (mut inner, mut before) = (Buffer::zeros(length), Buffer::take(length));
        for t in (0..rollout.frames()).rev() {
            let count = samples.len() * rollout.slices_after(t);
            let inner_of_t = &mut inner[..count * rollout.slice()];
            self.add_read_out(t, &samples, inner_of_t);
            let state = self.state(t, &samples);
            pointwise::chain(rollout.recurrence.activation, state, inner_of_t);
            self.input_backward(t, &samples, inner_of_t);
            match t {
                0 => {}
                1 => {
                    let common = self.sum_over_velocities(inner_of_t);
                    let target = &mut before[..common.len()];
                    let state = self.state(0, &samples);
                    let sums = Some(&mut *self.recurrent_sums);
                    rollout.recurrent.backward(state, &common, sums, Some(target));
                }
                _ => {
                    let state = self.state(t - 1, &samples);
                    let sums = Some(&mut *self.recurrent_sums);
                    rollout.recurrent.backward(state, inner_of_t, sums, Some(&mut before));
                }
            }
            std::mem::swap(&mut inner, &mut before);
        }
    }

    /// The samples' slices after frame `t`.
    fn state(&self, t: usize, samples: &Range<usize>) -> &'a [T] {
        let sample = self.rollout.slices_after(t) * self.rollout.slice();
        &self.rollout.states[t][samples.start * sample..samples.end * sample]
    }

    /// Adds what the read-out after frame `t` contributes, if there was one.
    fn add_read_out(&self, t: usize, samples: &Range<usize>, inner: &mut [T]) {
        let r = self.rollout;
        let Some(place) = r.pooled.iter().position(|pooled| pooled.frame == t) else {
            return;
        };
        let map = r.plane.pixels() * r.channels;
        let mut gradient = Buffer::take(r.slice());
        for (number, slices) in inner.chunks_mut(r.slices_after(t) * r.slice()).enumerate() {
            let sample = samples.start + number;
            let source = &self.read_outs[(place * r.batch + sample) * map..][..map];
            restore_channels(source, r.channels, &mut gradient, r.stored);
            if r.recurrence.pooling == VelocityPooling::Mean {
                let share = T::from_f64(1.0 / r.velocities() as f64);
                gradient.iter_mut().for_each(|value| *value *= share);
            }
            let winners = &r.pooled[place].winners[sample * r.slice()..][..r.slice()];
            for velocity in 0..r.slices_pooled(t) {
                let slice = &mut slices[r.place_of(velocity, t)..][..r.slice()];
                let moved = r.stored_slice(velocity, t);
                match r.recurrence.pooling {
                    VelocityPooling::Max => {
                        moved.give_to_winner(velocity as u16, &gradient, winners, slice);
                    }
                    _ => moved.inverse().add(&gradient, slice),
                }
            }
        }
    }

    /// Passes the gradient of every slice's view of frame `t` on to U and to the frame.
    fn input_backward(&mut self, t: usize, samples: &Range<usize>, inner: &[T]) {
        let r = self.rollout;
        let frame = r.plane.pixels() * r.inputs;
        let mut to_lifted = Buffer::take(r.slice());
        for (number, slices) in inner.chunks(r.slices_after(t) * r.slice()).enumerate() {
            to_lifted.fill(T::default());
            for (velocity, slice) in slices.chunks(r.slice()).enumerate() {
                r.moved(velocity, r.moved_back[t]).add(slice, &mut to_lifted);
            }
            let sample = samples.start + number;
            let image = &self.frames[(sample * r.frames() + t) * frame..][..frame];
            let place = ((sample - self.first_of_part) * r.frames() + t) * frame;
            let target = self.to_frames.get_mut(place..place + frame);
            match (&r.input, target) {
                (Some(input), target) => {
                    input.backward(image, &to_lifted, Some(&mut *self.input_sums), target);
                }
                (None, Some(target)) => {
                    restore_channels(&to_lifted, r.stored, target, r.channels);
                }
                (None, None) => {}
            }
        }
    }

    /// Σ_ν of each sample's slices.
    fn sum_over_velocities(&self, inner: &[T]) -> Buffer<T> {
        let r = self.rollout;
        let mut sums = Buffer::zeros(inner.len() / r.velocities());
        let samples = inner.chunks(r.velocities() * r.slice());
        for (sum, slices) in sums.chunks_mut(r.slice()).zip(samples) {
            for slice in slices.chunks(r.slice()) {
                r.stored_slice(0, 0).add(slice, sum);
            }
        }
        sums
    }
}
