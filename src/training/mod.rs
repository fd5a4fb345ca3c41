//! Training: a loop that knows a loss and a score ([`Learner`]) and no model; optimiser, checkpoints.

mod adam;
mod checkpoint;
mod divided;
mod learner;
#[cfg(feature = "mpi")]
mod mpi_ranks;
mod ranks;
mod step;
mod trainer;

pub use adam::{Adam, AdamConfig};
pub use checkpoint::{Checkpoint, CheckpointFile};
pub use learner::{Best, Learner, Loss};
#[cfg(feature = "mpi")]
pub use mpi_ranks::MpiRanks;
pub use ranks::{Alone, Part, Ranks, of_the_first};
pub use step::{Step, clip_gradient_norm, training_step};
pub use trainer::{CurvePoint, Position, RunName, Schedule, Trainer, Training, TrainingEvent};
