//! Tables, figures and the report: pure functions of what was measured.

mod animation;
mod equivariance;
mod figure;
mod page;
mod section;
mod table;
mod verified;
mod writer;

pub use animation::animated_gif;
pub use equivariance::{VerifyResults, figures as equivariance_figures, write_equivariance};
pub use figure::{Drawing, Part, PartKind, Rect, Width, film_strip};
pub use verified::{Counts, Paint, at_a_glance, in_full};
pub use writer::{Print, draw, write_report, write_report_as};
