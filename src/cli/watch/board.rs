//! Where the units of a run stand.

use super::course::Course;
use fernn::experiments::UnitKey;
use std::collections::BTreeMap;
use std::time::Duration;

/// The units of a run, of which any number may be running, and the clock.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// Units in all.
    pub of: usize,
    /// Those that have begun, by their number from 1.
    pub units: BTreeMap<usize, BoardUnit>,
    /// The time in which the process ran.
    pub elapsed: Duration,
    /// The time left, once it is known.
    pub left: Option<Duration>,
}

/// A unit that has begun.
#[derive(Clone, Debug)]
pub struct BoardUnit {
    /// Its place in the run.
    pub key: UnitKey,
    /// Optimiser steps in all; 0 for a unit that trains nothing.
    pub steps: u64,
    /// Where it stands.
    pub state: State,
}

/// Where a unit stands.
#[derive(Clone, Debug)]
pub enum State {
    /// It is at work.
    Running {
        /// Optimiser steps taken.
        step: u64,
        /// The last training loss, once there is one.
        loss: Option<f64>,
        /// All of them.
        course: Course,
        /// When it began.
        began: Duration,
    },
    /// It diverged.
    Failed,
    /// It is finished.
    Done {
        /// How long it took; nothing for one that an earlier run had finished.
        took: Option<Duration>,
    },
}

impl Board {
    /// A unit begins, or is found finished.
    pub fn begin(&mut self, number: usize, (key, steps): (&UnitKey, u64), is_finished: bool) {
        let (course, began) = (Course::of(steps), self.elapsed);
        let state = match is_finished {
            true => State::Done { took: None },
            false => State::Running { step: 0, loss: None, course, began },
        };
        self.units.insert(number, BoardUnit { key: key.clone(), steps, state });
    }

    /// A running unit has taken so many steps; returns by what part of the unit it is further.
    pub fn step(&mut self, key: &UnitKey, to: u64, new: f64) -> f64 {
        let Some(unit) = self.unit(key) else { return 0.0 };
        let steps = unit.steps.max(1) as f64;
        let State::Running { step, loss, course, .. } = &mut unit.state else { return 0.0 };
        course.add(to, new);
        *loss = Some(new);
        let before = std::mem::replace(step, to);
        to.saturating_sub(before) as f64 / steps
    }

    /// A running unit is finished; returns what part of it had not been told of.
    pub fn finish(&mut self, key: &UnitKey) -> f64 {
        let elapsed = self.elapsed;
        let Some(unit) = self.unit(key) else { return 0.0 };
        let State::Running { step, began, .. } = unit.state else { return 0.0 };
        unit.state = State::Done { took: Some(elapsed.saturating_sub(began)) };
        1.0 - step as f64 / unit.steps.max(1) as f64
    }

    /// A running unit has failed; returns what part of it will not be run.
    pub fn fail(&mut self, key: &UnitKey) -> f64 {
        let rest = self.finish(key);
        if let Some(unit) = self.unit(key) {
            unit.state = State::Failed;
        }
        rest
    }

    /// The number of a unit that has begun.
    pub fn number(&self, key: &UnitKey) -> Option<usize> {
        self.units.iter().find(|(_, unit)| unit.key == *key).map(|(number, _)| *number)
    }

    fn unit(&mut self, key: &UnitKey) -> Option<&mut BoardUnit> {
        self.units.values_mut().find(|unit| unit.key == *key)
    }
}
