//! Measures how far cells and models are from flow equivariance, and tells why.
//!
//! Every measure compares "flow, then run" with "run, then act", only where the theory claims that
//! they agree, and refuses comparisons that anything would pass. Measured in f32 and in f64, an
//! error tells its cause ([`Diagnosis`]): rounding falls by nine orders of magnitude between the two,
//! the discretisation of an action on the grid stays, and so does a real breach.

mod diagnosis;
mod difference;
mod laws;

pub use diagnosis::{Diagnosis, LARGEST_DISCRETISATION, LARGEST_ROUNDING, diagnose};
pub use difference::{Difference, EquivarianceError, SliceError};
pub use laws::{
    action_error, change_of_frame_error, read_out_error, sequence_error, state_error, static_error,
    static_sequence_error,
};
