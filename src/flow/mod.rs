//! Flows: velocities, sets of velocities, and the groups that move frames and hidden states.
//!
//! A flow is a one-parameter subgroup ψ_t(ν) = exp(tν) (Keller 2025, §3). Pure mathematics and
//! tensor operations; nothing here reads a file.

mod group;
mod translation;
mod velocity;

pub use group::{FlowGroup, LiftedState, Recurrence};
pub use translation::Translation;
pub use velocity::{PixelsPerFrame, Velocity, VelocitySet};
