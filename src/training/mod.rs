//! Optimiser, training step, evaluation, checkpoints.

mod adam;
mod checkpoint;
mod evaluation;
mod step;
mod trainer;

pub use adam::{Adam, AdamConfig};
pub use checkpoint::Checkpoint;
pub use evaluation::{mse_by_horizon, mse_over_batches};
pub use step::{Step, clip_gradient_norm, training_step};
pub use trainer::{Build, CurvePoint, Outcome, Position, Schedule, Trainer};
