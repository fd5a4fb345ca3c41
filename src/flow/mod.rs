//! Flows: velocities, sets of velocities, the groups that move frames and hidden states, and the
//! space V × G that hidden states live on.
//!
//! A flow is a one-parameter subgroup ψ_t(ν) = exp(tν) (Keller 2025, §3). Pure mathematics and
//! tensor operations; nothing here reads a file.

mod any_velocity;
mod group;
mod input;
mod lift;
mod rotation;
mod space;
mod state;
mod translation;
mod velocity;
mod zero_padded;

pub use any_velocity::AnyVelocity;
pub use group::FlowGroup;
pub use input::{Drive, Input, Sequence};
pub use lift::Lift;
pub use rotation::Rotation;
pub use space::{FlowSpace, StateShape};
pub use state::LiftedState;
pub use translation::Translation;
pub use velocity::{DegreesPerFrame, PixelsPerFrame, Velocity, VelocitySet};
pub use zero_padded::ZeroPaddedTranslation;

pub use crate::ops::CarryOrder;
