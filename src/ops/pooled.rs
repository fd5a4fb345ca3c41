//! The read-out of a rollout, and its way back.

use super::kernels::{Buffer, Float};
use super::pooling::VelocityPooling;
use super::rollout::{Kept, Pooled, Rollout};
use super::storage::restore_channels;
use super::turning::Way;
use rayon::prelude::*;

impl<T: Float> Rollout<T> {
    /// The newest state pooled over its velocities, (B, H, W, C).
    pub fn read_out(&mut self) -> Vec<T> {
        let (slice, frame) = (self.slice(), self.frames() - 1);
        let state = self.kept(frame).expect("the newest state is there").hidden;
        let mut pooled = Buffer::zeros(self.batch * slice);
        let mut winners = Buffer::zeros(self.batch * slice);
        let (rows, of_sample) = (self.rows_pooled(frame), self.slices_after(frame) * slice);
        let block = rows * self.plane.width * self.stored;
        let all = pooled.par_chunks_mut(slice).zip(winners.par_chunks_mut(slice)).enumerate();
        all.for_each(|(sample, (pooled, winners))| {
            let state = &state[sample * of_sample..][..of_sample];
            let blocks =
                pooled.par_chunks_mut(block).zip(winners.par_chunks_mut(block)).enumerate();
            blocks.for_each(|(number, rows_of)| self.pool((frame, number * rows), state, rows_of));
        });
        let mut values = vec![T::default(); self.batch * self.plane.pixels() * self.channels];
        restore_channels(&pooled, self.stored, &mut values, self.channels);
        if self.kept != Kept::Newest {
            let is_choice =
                self.how.pooling == VelocityPooling::Max && self.slices_pooled(frame) > 1;
            let winners = if is_choice { winners } else { Buffer::take(0) };
            self.pooled.push(Pooled { frame, winners });
        }
        values
    }

    /// Rows that are pooled at once: slices that turn are turned as a whole.
    fn rows_pooled(&self, frame: usize) -> usize {
        /// Numbers that are worth a task.
        const ENOUGH: usize = 1 << 13;
        match self.views.of_states(frame) {
            Some(_) => self.plane.height,
            None => ENOUGH.div_ceil(self.plane.width * self.stored).min(self.plane.height),
        }
    }

    /// Pools rows of one sample's slices, from `first` on; what is pooled and its winners come as zeros.
    fn pool(
        &self,
        (frame, first): (usize, usize),
        state: &[T],
        (pooled, winners): (&mut [T], &mut [T]),
    ) {
        let rows = pooled.len() / (self.plane.width * self.stored);
        let turns = self.views.of_states(frame);
        let mut turned = Buffer::take(if turns.is_some() { self.slice() } else { 0 });
        for number in 0..self.slices_pooled(frame) {
            let mut h = &state[self.place_of(number, frame)..][..self.slice()];
            if let Some(turns) = turns {
                turns.turn(number, h, &mut turned, Way::Forward);
                h = &turned;
            }
            let moved = self.stored_slice(number, frame).rows(first, rows);
            match self.how.pooling {
                VelocityPooling::Max if number == 0 => moved.add(h, pooled),
                VelocityPooling::Max => moved.maximum(number, h, pooled, winners),
                VelocityPooling::Mean | VelocityPooling::Sum => moved.add(h, pooled),
            }
        }
        if self.how.pooling == VelocityPooling::Mean {
            let share = T::from_f64(1.0 / self.velocities() as f64);
            pooled.iter_mut().for_each(|value| *value *= share);
        }
    }

    /// Slices that pooling goes through: of equal ones a maximum needs one, a sum all.
    fn slices_pooled(&self, frame: usize) -> usize {
        match self.how.pooling {
            VelocityPooling::Max => self.slices_after(frame),
            VelocityPooling::Mean | VelocityPooling::Sum => self.velocities(),
        }
    }

    /// Where a sample's slice begins after frame `t`.
    fn place_of(&self, velocity: usize, t: usize) -> usize {
        velocity % self.slices_after(t) * self.slice()
    }

    /// Adds what the read-out after frame `t` contributes to some slices, from `first` on, batch and velocities
    /// counted together, if there was one.
    pub(super) fn add_read_out(
        &self,
        (t, first): (usize, usize),
        read_outs: &[T],
        inner: &mut [T],
    ) {
        let Some(place) = self.pooled.iter().position(|pooled| pooled.frame == t) else {
            return;
        };
        let map = self.plane.pixels() * self.channels;
        let turns = self.views.of_states(t);
        let [mut gradient, mut shown] = [(); 2].map(|()| Buffer::take(self.slice()));
        let of_sample = self.slices_after(t);
        for (slice, number) in inner.chunks_mut(self.slice()).zip(first..) {
            let (sample, own) = (number / of_sample, number % of_sample);
            if number == first || own == 0 {
                let source = &read_outs[(place * self.batch + sample) * map..][..map];
                restore_channels(source, self.channels, &mut gradient, self.stored);
                if self.how.pooling == VelocityPooling::Mean {
                    let share = T::from_f64(1.0 / self.velocities() as f64);
                    gradient.iter_mut().for_each(|value| *value *= share);
                }
            }
            let winners = &self.pooled[place].winners;
            let of_this = sample * self.slice()..(sample + 1) * self.slice();
            let winners = (!winners.is_empty()).then(|| &winners[of_this]);
            // Before the velocities part, one slice stands for all.
            for velocity in (own..self.slices_pooled(t)).step_by(of_sample) {
                let moved = self.stored_slice(velocity, t);
                let give = |to: &mut [T]| match winners {
                    Some(winners) => moved.give_to_winner(velocity, &gradient, winners, to),
                    None => moved.inverse().add(&gradient, to),
                };
                match turns {
                    None => give(slice),
                    Some(turns) => {
                        shown.fill(T::default());
                        give(&mut shown);
                        turns.add_turned(velocity, &shown, slice, Way::Adjoint);
                    }
                }
            }
        }
    }
}
