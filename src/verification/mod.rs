//! The statements of the theory as a list of measurements: what `fernn verify` runs.
//!
//! A [`Case`] is a random cell and random frames; a [`Property`] is a law of [`crate::equivariance`].
//! [`Property::expected`] is the theory: which law holds of which cell, and how exactly. Controls
//! that must break a law are cases like the others.

mod baseline;
mod case;
mod counter_example;
mod curves;
mod kinds;
mod property;
mod random;
mod suite;

pub use baseline::{Baseline, Deviation};
pub use case::{Case, Sizes};
pub use counter_example::{CounterExample, SpaceTime, counter_example};
pub use curves::{
    ErrorPoint, error_by_angle, error_by_step, error_by_velocity, rotation_error_by_step,
};
pub use kinds::{GroupKind, Specimen, Velocities};
pub use property::{Measurement, Property};
pub use random::{Counterexample, search};
pub use suite::{Selection, rows};

pub use crate::equivariance::{LEAST_BREACH, Row};
