//! What a cell of one's own and its check are written with: `use fernn::prelude::*;`.
//!
//! candle's tensors are among it, so that a crate needs no dependency beside this one, and cannot have
//! another version of candle. [`Result`] takes a second parameter like that of the standard library, which it
//! hides.
//!
//! The guide (`docs/own_cell.md`, the module `guide`) uses no more than this, beside random weights, for a cell, its
//! check over both groups, and a stack.

pub use crate::cells::{Cell, FlowLayer, Stacked};
pub use crate::equivariance::{Options, Report, check, check_both_lifts};
pub use crate::error::{Error, Result};
pub use crate::flow::{
    FlowGroup, FlowSpace, Input, Lift, LiftedState, Rotation, Translation, VelocitySet,
};
pub use crate::ops::SteerableBasis;
pub use candle_core::{DType, Device, Tensor};
