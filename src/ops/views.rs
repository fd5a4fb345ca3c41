//! How the slices of a sequence see what frames bring, and how a read-out sees them.

use super::gate_maps::GateMaps;
use super::kernels::{Float, Shift};
use super::read_out::FedAs;
use super::resampling::Turn;
use super::slice_action::{SliceAction, Turning};
use super::turning::{Rotations, Turns};
use crate::error::Result;

/// By how slices move.
pub(super) enum Views<T> {
    /// Displaced by so much for each frame.
    Displaced(Vec<Shift>),
    /// Turned between pixels.
    Turned(TurnedViews<T>),
}

/// Turns of what is seen, made ready frame by frame.
pub(super) struct TurnedViews<T> {
    turns: Vec<Turn>,
    /// Whether slices are kept where they began, rather than in the lab frame.
    is_co_moving: bool,
    rotations: Rotations<T>,
    /// How the images that turn lie, and their orientations.
    images: (GateMaps, usize),
    /// The same of slices.
    slices: (GateMaps, usize),
    /// What the slices see of each frame, where each sees it in its own way.
    frames: Vec<Option<Turns<T>>>,
    /// How a read-out sees the slices after each, if not as they are.
    states: Vec<Option<Turns<T>>>,
}

impl<T: Float> Views<T> {
    /// `images` are frames that a kernel lifts, or maps as they are.
    pub fn new(action: SliceAction<'_>, extents: (usize, usize), images: Images) -> Self {
        let (orientations, turns, is_co_moving) = match action {
            SliceAction::Shifts(shifts) => return Self::Displaced(shifts.to_vec()),
            SliceAction::TurnedSlices(Turning { orientations, turns, .. }) => {
                (orientations, turns, false)
            }
            SliceAction::TurnedViews { orientations, turns } => (orientations, turns, true),
        };
        Self::Turned(TurnedViews {
            turns: turns.to_vec(),
            is_co_moving,
            rotations: Rotations::new(extents),
            images: match images.lifted {
                Some(channels) => (GateMaps::plain(channels), 1),
                None => (images.maps, orientations),
            },
            slices: (images.maps.one(), orientations),
            frames: Vec::new(),
            states: Vec::new(),
        })
    }

    /// |V|.
    pub fn velocities(&self) -> usize {
        match self {
            Self::Displaced(shifts) => shifts.len(),
            Self::Turned(views) => views.turns.len(),
        }
    }

    /// Makes ready for frame `t`; gives by how many steps of its own velocity each slice moves it back to
    /// see it.
    pub fn add_frame(&mut self, t: usize, taken_as: FedAs) -> Result<i64> {
        let late = i64::from(taken_as == FedAs::Former);
        let Self::Turned(views) = self else { return Ok(t as i64 - late) };
        let kept_back = if views.is_co_moving { t as i64 } else { 0 };
        let (frame, state) =
            (views.turned(views.images, late - kept_back)?, views.turned(views.slices, kept_back)?);
        views.frames.push(frame);
        views.states.push(state);
        Ok(kept_back - late)
    }

    /// How much a slice is displaced in so many steps, where that is all.
    pub fn shift(&self, velocity: usize, steps: i64) -> Shift {
        match self {
            Self::Displaced(shifts) => shifts[velocity].times(steps),
            Self::Turned(_) => Shift::default(),
        }
    }

    /// The turns by which the slices see frame `t`, where they see it each in its own way.
    pub fn of_frame(&self, t: usize) -> Option<&Turns<T>> {
        match self {
            Self::Turned(views) => views.frames[t].as_ref(),
            Self::Displaced(_) => None,
        }
    }

    /// The turns by which a read-out sees the slices after frame `t`, if not as they are.
    pub fn of_states(&self, t: usize) -> Option<&Turns<T>> {
        match self {
            Self::Turned(views) => views.states[t].as_ref(),
            Self::Displaced(_) => None,
        }
    }
}

impl<T: Float> TurnedViews<T> {
    /// So many steps of the turns.
    fn turned(&mut self, of: (GateMaps, usize), steps: i64) -> Result<Option<Turns<T>>> {
        let turns = self.turns.iter().map(|turn| turn.times(steps));
        let ready = || self.rotations.turns(of.0, of.1, turns);
        (steps != 0).then(ready).transpose()
    }
}

/// What slices see.
#[derive(Clone, Copy)]
pub(super) struct Images {
    /// Channels of the frames that U lifts, where there is one.
    pub lifted: Option<usize>,
    /// How the maps lie that U makes, or that are taken as they are.
    pub maps: GateMaps,
}
