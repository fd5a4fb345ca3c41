//! Tables, figures and the report: pure functions of what was measured. The report is a list of blocks, which
//! one renderer per format writes.

mod animation;
mod confusion;
mod contents;
mod document;
mod drawing;
mod equivariance;
mod figure;
mod film;
mod format;
mod heatmap;
mod html;
mod latex;
mod lines;
mod markdown;
mod section;
mod table;
mod verified;
mod writer;

pub use animation::animated_gif;
pub use document::LeftOut;
pub use drawing::Drawing;
pub use equivariance::{VerifyResults, write_equivariance};
pub use film::film_strip;
pub use format::Format;
pub use verified::{Counts, Paint, at_a_glance, in_full};
pub use writer::{Findings, write_report};
