//! Training: a loop that knows a loss and a score ([`Learner`]) and no model; optimiser, checkpoints.

mod adam;
mod checkpoint;
mod learner;
mod step;
mod trainer;

pub use adam::{Adam, AdamConfig};
pub use checkpoint::Checkpoint;
pub use learner::{Best, Learner, Loss};
pub use step::{Step, clip_gradient_norm, training_step};
pub use trainer::{CurvePoint, Position, RunName, Schedule, Trainer, Training, TrainingEvent};
