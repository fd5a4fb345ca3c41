//! Data: MNIST digits from IDX files or embedded in the crate, flowing sequences made of them,
//! downloads.

mod digits;
mod download;
mod flowing;
mod idx;
mod rotating;
mod sequences;
mod source;

pub use digits::{DigitSource, Digits, Images, Split};
pub use download::{Mirrors, fetch};
pub use flowing::{Canvas, Motion, Sprite, TranslatingMnist};
pub use idx::{FILES, IdxFile, parse_images, parse_labels, read_maybe_gzipped, sha256_hex};
pub use rotating::{RotatingMnist, Spinner};
pub use sequences::Sequences;
pub use source::Sources;
