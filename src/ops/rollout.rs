//! A recurrence that runs forward frame by frame and, in one pass, backward through time.
//!
//! Slice ν of the state is kept in a frame of reference that moves with ν: after frames 0..=t it is
//! stored displaced by −t·ν. There W acts as if nothing moved, frame t is read displaced by −t·ν (a
//! frame of the step before by (1 − t)·ν), and the read-out displaced by t·ν. After the first frame
//! all slices are equal, and stored once.

use super::activation::Activation;
use super::gate_maps::GateMaps;
use super::kernels::{
    Buffer, ConvAlgorithm, Convolution, Float, KernelView, Padding, Plane, Shift, stored_channels,
};
use super::pointwise::{self, Moved};
use super::pooling::VelocityPooling;
use super::read_out::FedAs;
use super::recurrence::{Step, Threads};
use super::rule::{Gated, Kernels, Unrolled, Update};
use super::storage::{CpuView, restore_channels};
use crate::error::{Result, expect_shape};
use candle_core::Tensor;
use rayon::prelude::*;

pub(super) struct Rollout<T> {
    pub(super) how: Unrolled,
    /// Displacement of each slice per frame.
    pub(super) shifts: Vec<Shift>,
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
    pub(super) recurrent: Convolution<T>,
    /// The state after each frame; of those before the newest, the ones that are kept.
    states: Vec<Option<State<T>>>,
    /// By how many steps of its own velocity each slice moves each frame back to read it.
    pub(super) moved_back: Vec<i64>,
    kept: Kept,
    pub(super) pooled: Vec<Pooled>,
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

/// Which state was pooled, and the winner of every maximum (B, H, W, stored).
pub(super) struct Pooled {
    pub frame: usize,
    pub winners: Buffer<u16>,
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
        (shifts, how): (&[Shift], Unrolled),
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
            Ok(Convolution::new(algorithm, (plane, Padding::Circular), kernel, channels))
        };
        let inputs = kernels.input.map_or(gate_maps.maps(), |kernel| kernel.dims()[1]);
        let input = |kernel| plan(kernel, ConvAlgorithm::Direct, inputs);
        Ok(Self {
            plane,
            batch,
            inputs,
            channels,
            stored,
            input: kernels.input.map(input).transpose()?,
            recurrent: plan(kernels.recurrent, how.algorithm, stored)?,
            how,
            gate_maps,
            shifts: shifts.to_vec(),
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
        self.shifts.len()
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
        self.moved_back.push(t as i64 - i64::from(taken_as == FedAs::Former));
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
        let lifted = self.lifted(frame, threads);
        let activation = match self.how.update {
            Update::Simple(activation) => activation,
            Update::Gated(update) => {
                return self.gated_state((update, t), &lifted, before, (threads, keeps_gates));
            }
        };
        State::of_hidden(match before {
            None => self.first_state(activation, lifted, threads),
            Some(before) if t == 1 => {
                self.second_state(activation, &lifted, before.hidden, threads)
            }
            Some(before) => self.next_state((t, activation), &lifted, before.hidden, threads),
        })
    }

    /// U ⋆ frame (B, H, W, made), or the frame itself.
    fn lifted(&self, frame: &[T], threads: Threads) -> Buffer<T> {
        let Some(input) = &self.input else { return self.gate_maps.stored(frame) };
        let (pixels, made) = (self.plane.pixels(), self.made());
        let mut lifted = Buffer::take(frame.len() / (pixels * self.inputs) * made);
        let images = frame.par_chunks(pixels * self.inputs);
        lifted
            .par_chunks_mut(made)
            .zip(images)
            .with_min_len(threads.least())
            .for_each(|(lifted, frame)| input.forward(frame, lifted));
        lifted
    }

    /// h_1 = σ(u_0), the same for every velocity.
    fn first_state(
        &self,
        activation: Activation,
        mut lifted: Buffer<T>,
        threads: Threads,
    ) -> Buffer<T> {
        lifted.par_chunks_mut(self.slice()).with_min_len(threads.least()).for_each(|u| {
            pointwise::activate(activation, u);
        });
        lifted
    }

    /// h_2: W ⋆ h_1 is computed once, then seen by every velocity beside its own view of u_1.
    fn second_state(
        &self,
        activation: Activation,
        lifted: &[T],
        before: &[T],
        threads: Threads,
    ) -> Buffer<T> {
        let slice = self.slice();
        let common = self.convolved_once(before, threads);
        let mut next = Buffer::take(before.len() * self.velocities());
        let shifts = self.views(1);
        let step = Step { plane: self.plane, shifts: &shifts, activation, threads };
        let slices = next.par_chunks_mut(slice).with_min_len(threads.least());
        slices.enumerate().for_each(|(number, next)| {
            next.copy_from_slice(&common[number / self.velocities() * slice..][..slice]);
            step.finish(number, lifted, next);
        });
        next
    }

    /// W ⋆ h of the samples' first states, which all velocities have in common.
    pub(super) fn convolved_once(&self, before: &[T], threads: Threads) -> Buffer<T> {
        let (slice, made) = (self.slice(), self.made());
        let mut common = Buffer::take(before.len() / slice * made);
        common
            .par_chunks_mut(made)
            .zip(before.par_chunks(slice))
            .with_min_len(threads.least())
            .for_each(|(common, h)| self.recurrent.forward(h, common));
        common
    }

    fn next_state(
        &self,
        (t, activation): (usize, Activation),
        lifted: &[T],
        before: &[T],
        threads: Threads,
    ) -> Buffer<T> {
        let mut next = Buffer::take(before.len());
        let shifts = self.views(t);
        let step = Step { plane: self.plane, shifts: &shifts, activation, threads };
        step.advance(&self.recurrent, before, lifted, &mut next);
        next
    }

    /// How each slice sees what frame `t` brings.
    pub(super) fn views(&self, t: usize) -> Vec<Shift> {
        let back = self.moved_back[t];
        self.shifts.iter().map(|shift| shift.times(-back)).collect()
    }

    /// Slice `velocity` as it is stored after frame `t`, beside maps that do not move.
    pub(super) fn stored_slice(&self, velocity: usize, t: usize) -> Moved {
        self.moved(velocity, t as i64)
    }

    /// A slice beside what `steps` of its velocity move.
    pub(super) fn moved(&self, velocity: usize, steps: i64) -> Moved {
        let shift = self.shifts[velocity].times(steps);
        Moved { plane: self.plane, channels: self.stored, shift }
    }

    /// The newest state pooled over its velocities, (B, H, W, C).
    pub fn read_out(&mut self) -> Vec<T> {
        let (slice, frame) = (self.slice(), self.frames() - 1);
        let state = self.kept(frame).expect("the newest state is there").hidden;
        let mut pooled = Buffer::zeros(self.batch * slice);
        let mut winners = Buffer::zeros(self.batch * slice);
        pooled
            .par_chunks_mut(slice)
            .zip(winners.par_chunks_mut(slice))
            .zip(state.par_chunks(self.slices_after(frame) * slice))
            .for_each(|((pooled, winners), state)| self.pool(frame, state, pooled, winners));
        let mut values = vec![T::default(); self.batch * self.plane.pixels() * self.channels];
        restore_channels(&pooled, self.stored, &mut values, self.channels);
        if self.kept != Kept::Newest {
            self.pooled.push(Pooled { frame, winners });
        }
        values
    }

    /// Pools one sample's slices; `pooled` and `winners` come as zeros.
    fn pool(&self, frame: usize, state: &[T], pooled: &mut [T], winners: &mut [u16]) {
        for number in 0..self.slices_pooled(frame) {
            let h = &state[self.place_of(number, frame)..][..self.slice()];
            let moved = self.stored_slice(number, frame);
            match self.how.pooling {
                VelocityPooling::Max if number == 0 => moved.add(h, pooled),
                VelocityPooling::Max => moved.maximum(number as u16, h, pooled, winners),
                VelocityPooling::Mean | VelocityPooling::Sum => moved.add(h, pooled),
            }
        }
        if self.how.pooling == VelocityPooling::Mean {
            let share = T::from_f64(1.0 / self.velocities() as f64);
            pooled.iter_mut().for_each(|value| *value *= share);
        }
    }

    /// Slices that pooling goes through: of equal ones a maximum needs one, a sum all.
    pub(super) fn slices_pooled(&self, frame: usize) -> usize {
        match self.how.pooling {
            VelocityPooling::Max => self.slices_after(frame),
            VelocityPooling::Mean | VelocityPooling::Sum => self.velocities(),
        }
    }

    /// Where a sample's slice begins after frame `t`.
    pub(super) fn place_of(&self, velocity: usize, t: usize) -> usize {
        velocity % self.slices_after(t) * self.slice()
    }
}
