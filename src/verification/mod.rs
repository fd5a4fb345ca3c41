//! The statements of the theory as a list of measurements: what `fernn verify` runs.
//!
//! A [`Case`] is a random cell and random frames; a [`Property`] is a law of [`crate::equivariance`].
//! [`Property::expected`] is the theory: which law holds of which cell, and how exactly. Controls
//! that must break a law are cases like the others.

mod baseline;
mod case;
mod property;
mod random;
mod suite;

pub use baseline::{Baseline, Deviation};
pub use case::{Case, CellKind, Sizes, Velocities};
pub use property::{LEAST_BREACH, Measurement, Property};
pub use random::{Counterexample, search};
pub use suite::{Row, Selection, rows};
