//! Tables, figures and the report: pure functions of what was measured.

mod animation;
mod confusion;
mod drawing;
mod equivariance;
mod film;
mod heatmap;
mod lines;
mod page;
mod section;
mod table;
mod verified;
mod writer;

pub use animation::animated_gif;
pub use drawing::Drawing;
pub use equivariance::{VerifyResults, write_equivariance};
pub use film::film_strip;
pub use verified::{Counts, Paint, at_a_glance, in_full};
pub use writer::write_report;
