//! Tables, figures and the report: pure functions of what was measured. The report is a list of blocks, which
//! one renderer per format writes.

mod animation;
mod contents;
mod document;
mod drawn;
mod equivariance;
mod figure;
mod format;
mod html;
mod latex;
mod ledger;
mod markdown;
mod section;
mod table;
mod writer;

pub use animation::animated_gif;
pub use document::LeftOut;
pub use drawn::draw;
pub use equivariance::{
    EQUIVARIANCE_ROWS, VerifyResults, figures as equivariance_figures, write_equivariance,
};
pub use figure::{Drawing, Part, PartKind, Rect, Width, film_strip};
pub use format::Format;
pub use ledger::{claim, expect_free, is_of_its_report};
pub use writer::{Findings, write_report, write_report_as};
