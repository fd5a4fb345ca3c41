//! What the experiments on Flowing MNIST and on video share: settings, worlds, the job of a unit and its evaluations,
//! claims and exhibits.

mod baselines;
mod claims;
mod evaluation;
mod exhibits;
mod films;
mod job;
mod settings;
mod world;

pub use baselines::Baseline;
pub use claims::Comparison;
pub use evaluation::Evaluation;
pub use exhibits::{
    Half, angular_velocity_lines, error_table, horizon_lines, horizon_table, next_step_table,
    repeating_table, training_lines, training_speed_table, velocity_maps, velocity_table,
};
pub use films::{film, hidden_states};
pub use job::{ForecastJob, Model, units};
pub use settings::Settings;
pub use world::{RotationWorld, SequenceRequest, TranslationWorld, VelocityOf, VideoWorld, World};
