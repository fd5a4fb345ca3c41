//! The paper's experiments, declared as data: models, data and hyper-parameters per profile, what is
//! measured, the published numbers, and the rules that turn records into verdicts.

mod catalogue;
pub mod claims;
mod measurement;
pub mod paper;
pub mod query;
mod record;
mod session;
mod settings;
mod task;
mod world;

pub use catalogue::{CATALOGUE, Experiment, Measurement, find};
pub use measurement::steps_to_reach;
pub use record::{PROVENANCE, Record, read_records, write_records};
pub use session::{Event, Observer, Selection, Session, provenance};
pub use settings::{
    Flow, Model, Profile, RotationSpace, Settings, Space, TranslationSpace, Variant,
};
pub use task::Task;
pub use world::{VelocityOf, World};
