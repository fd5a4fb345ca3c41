//! The states that the way back through time needs: kept, or computed again.

use super::gates::KEPT;
use super::kernels::Float;
use super::parts::Threads;
use super::rollout::{Rollout, State, StateView};
use std::ops::Range;

/// The states of some samples while they go back through time: those kept, and between them one stretch at
/// a time that is computed again.
pub(super) struct History<'a, T> {
    rollout: &'a Rollout<T>,
    frames: &'a [T],
    samples: Range<usize>,
    threads: Threads,
    /// The frame after which the first state of the stretch is.
    first: usize,
    stretch: Vec<State<T>>,
}

impl<'a, T: Float> History<'a, T> {
    pub fn new(
        rollout: &'a Rollout<T>,
        frames: &'a [T],
        (samples, threads): (Range<usize>, Threads),
    ) -> Self {
        Self { rollout, frames, samples, threads, first: 0, stretch: Vec::new() }
    }

    /// Makes sure that [`History::state`] has the state after frame `t`, with the gates of its step where
    /// there are any, and that before it.
    pub fn prepare(&mut self, t: usize) {
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
    pub fn state(&self, t: usize) -> StateView<'_, T> {
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
