//! Random cases.

use super::group::Velocities;
use super::property::Property;
use super::sizes::Sizes;

/// A random case before it is one of a kind's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The place of the kind among those that are searched.
    pub kind: usize,
    /// The law.
    pub property: Property,
    /// Chooses the frame of reference and the way of convolving.
    pub choice: usize,
    /// The velocities.
    pub velocities: Velocities,
    /// The extents.
    pub sizes: Sizes,
    /// Seed of weights and frames.
    pub seed: u64,
    /// The flow of the input, in steps of the group.
    pub steps: (i32, i32),
}

impl Drawn {
    /// One of a kind's ways.
    pub(super) fn one_of<T: Copy>(&self, ways: &[T], stride: usize) -> Option<T> {
        ways.get((self.choice / stride).checked_rem(ways.len())?).copied()
    }
}
