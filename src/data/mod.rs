//! Data: MNIST digits from IDX files or embedded in the crate, flowing sequences made of them,
//! downloads.

mod digits;
mod download;
mod flowing;
mod idx;
mod preview;
mod rotating;
mod sequences;
mod split;

pub use digits::{DigitSource, Digits, Images};
pub use download::{Mirrors, fetch};
pub use flowing::{Canvas, FlowingMnist, Motion, Sprite};
pub use idx::{FILES, IdxFile, parse_images, parse_labels, read_maybe_gzipped};
pub use preview::animated_gif;
pub use rotating::{RotatingMnist, Spinner};
pub use sequences::Sequences;
pub use split::Split;
