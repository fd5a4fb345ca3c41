//! Models as flags describe them, for the commands that read weights.

mod classifier;
mod flags;
mod forecaster;
mod weights;

pub use classifier::{classifier_choice, classifier_velocities};
pub use flags::{Frame, ModelFlags, Task, cell_kind};
pub use forecaster::{forecaster_choice, over_rotations, over_translations};
pub use weights::weights;
