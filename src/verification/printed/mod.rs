//! Verified statements on a terminal of 60 columns.

mod counts;
mod glance;
mod paint;
mod rows;

pub use counts::Counts;
pub use glance::at_a_glance;
pub use paint::Paint;
pub use rows::in_full;
