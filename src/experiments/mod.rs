//! The paper's experiments, one file each: units of work, claims and exhibits. What they share stands
//! beside them: records and their files, queries, the mechanism of claims, published numbers, and the
//! session that runs units.

mod bounds;
mod catalogue;
mod cell_study;
mod changes;
mod claim;
pub mod classification;
mod comparison;
mod cost;
mod evidence;
pub mod exhibit;
mod expected_cost;
mod experiment;
mod failure;
mod files;
mod folder_lock;
pub mod forecasting;
mod kth;
mod kth_velocity;
mod laws;
mod legacy;
mod length_study;
mod metric;
pub mod number;
mod own_video;
pub mod paper;
mod picture;
mod plan;
mod profile;
mod query;
mod record;
mod rotation;
mod rotation_lifts;
mod rotation_velocity;
mod series;
mod session;
mod settings_text;
mod subject;
mod trained_model;
mod translation;
mod velocity;

pub use catalogue::{CATALOGUE, find, of_profile};
pub use changes::{Changes, Taker, differences};
pub use claim::{Claim, Measured, Outcome, Quantity, Threshold, Verdict};
pub use comparison::{Comparison, RunComparison, SettingsDifference};
pub use evidence::Evidence;
pub use expected_cost::ExpectedCost;
pub use experiment::{Experiment, Job, ModelJob, Request, Unit, UnitKey, UnitRun};
pub use failure::Failure;
pub use files::PICTURES;
pub use folder_lock::FolderLock;
#[cfg(feature = "figures")]
pub(crate) use laws::laws_table;
pub use metric::Metric;
pub use picture::Picture;
#[cfg(feature = "figures")]
pub(crate) use plan::changed_settings;
pub use plan::plan;
pub use profile::Profile;
pub use query::{BySeed, Records, each_once, joined, per_seed};
pub use record::{COLUMNS, PROVENANCE, Record};
pub use series::series;
pub use session::{Event, Observer, Session, beside_earlier, provenance};
pub use subject::Subject;
pub use trained_model::TrainedModel;
