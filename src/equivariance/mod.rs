//! Measures how far cells and models are from flow equivariance, and tells why.
//!
//! Every measure compares "flow, then run" with "run, then act", only where the theory claims that
//! they agree, and refuses comparisons that anything would pass. Measured in f32 and in f64, an
//! error tells its cause ([`Diagnosis`]): rounding falls by nine orders of magnitude between the two,
//! the discretisation of an action on the grid stays, and so does a real breach.

mod both_lifts;
mod check;
mod comparison;
mod diagnosis;
mod difference;
mod laws;
mod measured_group;
mod observation;
mod recorded;
mod report;
mod row;
mod subject;
mod tally;

pub use both_lifts::check_both_lifts;
pub use check::{Options, check};
pub use diagnosis::{
    Diagnosis, LARGEST_DISCRETISATION, LARGEST_EXCUSE, LARGEST_ROUNDING, diagnose,
};
pub use difference::{Difference, EquivarianceError, SliceError};
pub use laws::{
    action_error, change_of_frame_error, read_out_error, sequence_error, state_error, static_error,
    static_sequence_error,
};
pub(crate) use laws::{frames_error, merged, read_outs_error, state_error_over};
pub(crate) use measured_group::{Blobs, blobs, noise};
pub use measured_group::{MeasuredGroup, Trial};
pub use observation::{Claim, Motion, Stage, Values};
pub use recorded::{Recording, check_recorded};
pub use report::{
    LEAST_BREACH, LEAST_EXACT_BREACH, LEAST_ORDER, Law, Line, MotionError, Place, Report, Verdict,
};
pub use row::{Key, Row};
pub(crate) use subject::after_silence;
pub use subject::{SequenceMap, Subject};
