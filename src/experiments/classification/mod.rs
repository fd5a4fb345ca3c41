//! What the experiments on Moving KTH share: settings, the job of a unit and its evaluations, claims and
//! exhibits.

mod baselines;
mod claims;
mod evaluation;
mod exhibits;
mod job;
mod settings;

pub use claims::Contest;
pub use evaluation::Evaluation;
pub use exhibits::{
    Shown, accuracy_by_range, accuracy_maps, accuracy_table, confusions, padding_table,
    range_table, redrawing_table, training_lines,
};
pub use job::{ClassificationJob, Model, units};
pub use settings::Settings;
