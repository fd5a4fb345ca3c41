//! How the velocity axis is read out.

use serde::{Deserialize, Serialize};

/// How the velocity axis is pooled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VelocityPooling {
    /// The largest value; its gradient goes to the first velocity that attains it.
    #[default]
    Max,
    /// The mean over V.
    Mean,
    /// The sum over V.
    Sum,
}
