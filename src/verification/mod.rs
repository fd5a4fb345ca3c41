//! The statements of the theory as a list of measurements: what `fernn verify` runs, and what another crate
//! runs over cells of its own.
//!
//! A [`Kind`] is a kind of cell over a [`VerifiedGroup`]; a [`Property`] is a law of [`crate::equivariance`];
//! a [`Case`] is where both are measured, with random weights and frames. [`Theory`] is what holds of which
//! kind, and how exactly. [`statements`] lists it all, [`run`] measures it, a [`Baseline`] remembers it, and
//! [`search`] looks for what it overlooked. Controls that must break a law are kinds like the others.

mod baseline;
mod case;
mod counter_example;
mod curves;
mod drawn;
mod group;
mod kind;
mod list;
mod measurement;
mod printed;
mod property;
mod random;
mod sizes;
mod specimen;
mod statement;
mod theory;
mod verified;

pub use baseline::{Baseline, Deviation};
pub use case::Case;
pub use counter_example::{CounterExample, SpaceTime, counter_example};
pub use curves::{
    ErrorPoint, error_by_angle, error_by_step, error_by_velocity, rotation_error_by_step,
};
pub use drawn::Drawn;
pub use group::{Velocities, VerifiedGroup};
pub use kind::Kind;
pub use list::{Selection, cell_names, run, statements};
pub use measurement::Measurement;
pub use printed::{Counts, Paint, at_a_glance, in_full};
pub use property::Property;
pub use random::{Counterexample, search};
pub use sizes::Sizes;
pub use specimen::{Specimen, suite};
pub use statement::{Flows, Statement};
pub use theory::Theory;
pub use verified::Verified;

pub use crate::equivariance::{Key, LEAST_BREACH, Row};
