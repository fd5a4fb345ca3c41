//! Running units: all of them, one of them, what they will cost, and what several machines ran of them.

mod asked;
pub(super) mod collect;
pub(super) mod plan;
mod processes;
pub(super) mod reproduce;
mod results;
pub(super) mod run_unit;
