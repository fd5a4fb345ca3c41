//! Velocities (generators of flows) and the finite sets of them that a model carries.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

/// A generator ν of a flow, an element of an abelian group.
pub trait Velocity: Copy + Eq + Debug + Send + Sync + 'static {
    /// The generator of the flow that stands still.
    const ZERO: Self;

    /// ν + other.
    fn plus(self, other: Self) -> Self;

    /// −ν.
    fn negated(self) -> Self;

    /// The representative of ν modulo `period`, component by component, in 0..period.
    fn reduced(self, period: Self) -> Self;

    /// The offsets of at most `reach` steps of a set of velocities: what a cell that mixes neighbouring
    /// velocities mixes.
    fn neighbourhood(set: &[Self], reach: u32) -> Vec<Self>;

    /// For people.
    fn name(self) -> String {
        format!("{self:?}")
    }
}

/// A velocity of the translation flow, in integer pixels per frame: `x` to the right, `y` downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PixelsPerFrame {
    /// Columns per frame, positive to the right.
    pub x: i32,
    /// Rows per frame, positive downwards.
    pub y: i32,
}

impl PixelsPerFrame {
    /// The velocity (vx, vy).
    pub const fn new(x: i32, y: i32) -> Self {
        Self { x, y }
    }
}

impl Velocity for PixelsPerFrame {
    const ZERO: Self = Self { x: 0, y: 0 };

    fn plus(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }

    fn negated(self) -> Self {
        Self { x: -self.x, y: -self.y }
    }

    fn reduced(self, period: Self) -> Self {
        Self { x: self.x.rem_euclid(period.x), y: self.y.rem_euclid(period.y) }
    }

    /// {−reach..reach}², whatever the set.
    fn neighbourhood(_set: &[Self], reach: u32) -> Vec<Self> {
        VelocitySet::square(reach).velocities
    }

    /// `(1,-1)`.
    fn name(self) -> String {
        format!("({},{})", self.x, self.y)
    }
}

/// A velocity of the rotation flow, in whole degrees per frame, counter-clockwise as seen on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DegreesPerFrame(pub i32);

impl Velocity for DegreesPerFrame {
    const ZERO: Self = Self(0);

    fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    fn negated(self) -> Self {
        Self(-self.0)
    }

    fn reduced(self, period: Self) -> Self {
        Self(self.0.rem_euclid(period.0))
    }

    /// Multiples of the slowest velocity of the set; nothing but 0 where that is all there is.
    fn neighbourhood(set: &[Self], reach: u32) -> Vec<Self> {
        match set.iter().map(|v| v.0.abs()).filter(|&speed| speed > 0).min() {
            Some(step) => VelocitySet::multiples(Self(step), reach).velocities,
            None => vec![Self(0)],
        }
    }

    /// `45°`.
    fn name(self) -> String {
        format!("{}°", self.0)
    }
}

/// An ordered finite set V of velocities; the order is that of the model's velocity axis.
///
/// A *truncated* set holds the velocities up to some magnitude, and ν − ν̂ may leave it. A *closed*
/// set is a group under addition modulo its period, and ν − ν̂ never does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VelocitySet<V> {
    velocities: Vec<V>,
    period: Option<V>,
}

impl<V: Velocity> VelocitySet<V> {
    /// The set {0}: with it a flow equivariant cell *is* the plain group-equivariant one.
    pub fn trivial() -> Self {
        Self { velocities: vec![V::ZERO], period: None }
    }

    /// A truncated set in the given order.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the list is empty or names a velocity twice.
    ///
    /// ```
    /// use fernn::flow::{PixelsPerFrame, VelocitySet};
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let v = PixelsPerFrame::new;
    /// let set = VelocitySet::truncated(vec![v(0, 0), v(1, 0)])?;
    /// assert_eq!(set.difference(1, v(1, 0)), Some(0), "(1,0) - (1,0) is in the set");
    /// assert_eq!(set.difference(0, v(1, 0)), None, "(-1,0) is cut off");
    /// assert!(VelocitySet::truncated(vec![v(1, 0), v(1, 0)]).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn truncated(velocities: Vec<V>) -> Result<Self> {
        let repeated = velocities.iter().enumerate().any(|(i, v)| velocities[..i].contains(v));
        if velocities.is_empty() || repeated {
            return Err(Error::configuration(
                "the velocity set",
                "is empty or names a velocity twice",
                "list each velocity once",
            ));
        }
        Ok(Self { velocities, period: None })
    }

    /// The number of velocities |V|.
    pub fn len(&self) -> usize {
        self.velocities.len()
    }

    /// Never true: a set has at least one velocity.
    pub fn is_empty(&self) -> bool {
        self.velocities.is_empty()
    }

    /// The velocities in the order of the velocity axis.
    pub fn as_slice(&self) -> &[V] {
        &self.velocities
    }

    /// Whether ν − ν̂ stays inside for all ν, ν̂ of the set.
    pub fn is_closed(&self) -> bool {
        self.velocities
            .iter()
            .all(|&a| self.velocities.iter().all(|&b| self.index_of(a.plus(b.negated())).is_some()))
    }

    /// The place of a velocity on the velocity axis, modulo the period of a closed set.
    pub fn index_of(&self, velocity: V) -> Option<usize> {
        let wanted = self.period.map_or(velocity, |p| velocity.reduced(p));
        self.velocities.iter().position(|&v| self.period.map_or(v, |p| v.reduced(p)) == wanted)
    }

    /// The place of ν − ν̂ for the ν at `index`; `None` where truncation cuts it off.
    pub fn difference(&self, index: usize, shift: V) -> Option<usize> {
        self.index_of(self.velocities[index].plus(shift.negated()))
    }

    /// The place of ν + δ for the ν at `index`; `None` where truncation cuts it off.
    pub fn neighbour(&self, index: usize, offset: V) -> Option<usize> {
        self.difference(index, offset.negated())
    }

    /// The same set in another order of its axis, of a closed set with other representatives; `None` where
    /// `velocities` are not all of it, each once.
    pub fn in_order(&self, velocities: Vec<V>) -> Option<Self> {
        let mut places: Vec<usize> =
            velocities.iter().map(|&v| self.index_of(v)).collect::<Option<_>>()?;
        places.sort_unstable();
        let is_all = places.into_iter().eq(0..self.len());
        is_all.then_some(Self { velocities, period: self.period })
    }

    /// All pairs of places (ν, ν − ν̂) with both in the set.
    pub fn pairs_apart(&self, shift: V) -> Vec<(usize, usize)> {
        (0..self.len()).filter_map(|index| Some((index, self.difference(index, shift)?))).collect()
    }
}

impl VelocitySet<PixelsPerFrame> {
    /// V^T_N = {−N..N}², `vx` the outer loop (the order of the paper's public code); N = 0 is {0}.
    ///
    /// ```
    /// use fernn::flow::{PixelsPerFrame, VelocitySet};
    /// let set = VelocitySet::square(1);
    /// assert_eq!(set.len(), 9);
    /// assert_eq!(set.as_slice()[1], PixelsPerFrame::new(-1, 0));
    /// assert!(!set.is_closed());
    /// ```
    pub fn square(range: u32) -> Self {
        let range = range as i32;
        let velocities = (-range..=range)
            .flat_map(|x| (-range..=range).map(move |y| PixelsPerFrame { x, y }))
            .collect();
        Self { velocities, period: None }
    }

    /// The closed set ℤ_width × ℤ_height of all velocities on a torus, `vx` the outer loop.
    pub fn torus(height: usize, width: usize) -> Self {
        let (height, width) = (height as i32, width as i32);
        let velocities =
            (0..width).flat_map(|x| (0..height).map(move |y| PixelsPerFrame { x, y })).collect();
        Self { velocities, period: Some(PixelsPerFrame { x: width, y: height }) }
    }
}

impl VelocitySet<DegreesPerFrame> {
    /// {−N·step, …, −step, 0, step, …, N·step} for N = `range`; V^R_N is that of step 10° (Keller 2025,
    /// §5), and N = 0 is {0}.
    pub fn multiples(step: DegreesPerFrame, range: u32) -> Self {
        let range = range as i32;
        let velocities = (-range..=range).map(|i| DegreesPerFrame(i * step.0)).collect();
        Self { velocities, period: None }
    }

    /// The closed set C_n of the n multiples of 360°/n, from 0 upwards.
    ///
    /// # Errors
    /// [`Error::Configuration`] when 360°/n is no whole number of degrees.
    pub fn cyclic(n: u32) -> Result<Self> {
        if n == 0 || 360 % n != 0 {
            return Err(Error::configuration(
                "the velocity set",
                format!("of {n} rotations is not one of whole degrees"),
                "take a divisor of 360",
            ));
        }
        let velocities = (0..n).map(|i| DegreesPerFrame((i * 360 / n) as i32)).collect();
        Ok(Self { velocities, period: Some(DegreesPerFrame(360)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn square_sets_follow_the_published_order() {
        let set = VelocitySet::square(2);
        assert_eq!(set.len(), 25);
        assert_eq!(set.as_slice()[0], PixelsPerFrame::new(-2, -2));
        assert_eq!(set.as_slice()[1], PixelsPerFrame::new(-2, -1));
        assert_eq!(set.as_slice()[5], PixelsPerFrame::new(-1, -2));
        assert_eq!(set.index_of(PixelsPerFrame::ZERO), Some(12));
        assert_eq!(VelocitySet::square(0), VelocitySet::trivial());
    }

    #[test]
    fn a_torus_is_closed_and_a_square_is_not() {
        assert!(VelocitySet::torus(3, 5).is_closed());
        assert!(!VelocitySet::square(1).is_closed());
        let torus = VelocitySet::torus(3, 5);
        let shift = PixelsPerFrame::new(4, -2);
        let mut images: Vec<usize> =
            (0..torus.len()).map(|i| torus.difference(i, shift).expect("closed")).collect();
        images.sort_unstable();
        assert_eq!(images, (0..15).collect::<Vec<_>>(), "a shift permutes a closed set");
    }

    #[test]
    fn rotations_are_closed_where_they_go_round() {
        let degrees = |set: &VelocitySet<DegreesPerFrame>| -> Vec<i32> {
            set.as_slice().iter().map(|v| v.0).collect()
        };
        let truncated = VelocitySet::multiples(DegreesPerFrame(10), 2);
        assert_eq!(degrees(&truncated), [-20, -10, 0, 10, 20]);
        assert!(!truncated.is_closed());
        let closed = VelocitySet::cyclic(8).expect("45° is whole");
        assert_eq!(degrees(&closed)[7], 315);
        assert!(closed.is_closed());
        assert_eq!(closed.index_of(DegreesPerFrame(-45)), Some(7));
        assert!(VelocitySet::cyclic(16).is_err(), "22.5° is not");
    }

    #[test]
    fn a_closed_set_is_the_same_in_another_order_and_with_other_representatives() {
        let v = PixelsPerFrame::new;
        let ours: Vec<_> = (-1..=1).flat_map(|y| [v(1, y), v(0, y)]).collect();
        let set = VelocitySet::torus(3, 2).in_order(ours.clone()).expect("all of ℤ₂ × ℤ₃");
        assert!(set.is_closed() && set.as_slice() == ours);
        let shift = v(1, 1);
        for (place, partner) in set.pairs_apart(shift) {
            let apart = ours[place].plus(ours[partner].plus(shift).negated());
            assert_eq!(apart.reduced(v(2, 3)), v(0, 0));
        }
        assert_eq!(set.pairs_apart(shift).len(), 6);
        for others in [vec![v(0, 0)], [&ours[..5], &[v(2, 0)]].concat()] {
            assert_eq!(VelocitySet::torus(3, 2).in_order(others), None);
        }
    }

    #[test]
    fn neighbourhoods_are_counted_in_steps_of_the_set() {
        let square = PixelsPerFrame::neighbourhood(&[PixelsPerFrame::ZERO], 1);
        assert_eq!(square, VelocitySet::square(1).as_slice());
        let closed = VelocitySet::cyclic(8).expect("45° is whole");
        let offsets = DegreesPerFrame::neighbourhood(closed.as_slice(), 2);
        assert_eq!(offsets, [-90, -45, 0, 45, 90].map(DegreesPerFrame));
        assert_eq!(DegreesPerFrame::neighbourhood(&[DegreesPerFrame(0)], 2), [DegreesPerFrame(0)]);
    }

    #[test]
    fn truncation_cuts_differences_off_at_the_border() {
        let set = VelocitySet::square(1);
        let border = set.index_of(PixelsPerFrame::new(-1, 0)).expect("in the set");
        assert_eq!(set.difference(border, PixelsPerFrame::new(1, 0)), None);
        assert_eq!(set.difference(border, PixelsPerFrame::new(-1, 0)), Some(4));
    }

    #[test]
    fn empty_and_repeated_lists_are_refused() {
        assert!(VelocitySet::<PixelsPerFrame>::truncated(vec![]).is_err());
        assert!(VelocitySet::truncated(vec![PixelsPerFrame::ZERO; 2]).is_err());
    }
}
