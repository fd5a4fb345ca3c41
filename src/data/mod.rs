//! Data: where digits come from and what they are, sequences made of them, downloads.

mod canvas;
mod digits;
#[cfg(feature = "download")]
mod download;
mod downloadable;
mod drawn_actions;
mod footage;
mod idx;
pub mod kth;
mod moving_camera;
mod moving_digits;
mod rotating;
mod sequences;
mod shrink;
mod source;
mod split;
mod translating;
mod video;

pub use canvas::Canvas;
pub use digits::{Digits, Images};
#[cfg(feature = "download")]
pub use download::{Mirrors, fetch};
pub use downloadable::Downloadable;
pub use drawn_actions::DrawnActions;
pub use footage::{Action, Clip, Division, Footage, PERSONS, SCENARIOS, Window};
pub use idx::{FILES, IdxFile, parse_images, parse_labels, read_maybe_gzipped};
pub use kth::{KTH_FILES, KthFootage, KthVideos, Ranges};
pub use moving_camera::{Cut, Look, MovingCamera, Shot, Windows};
pub use moving_digits::{Motion, MovingDigits, Sprite};
pub use rotating::{Degrees, Rotating, RotatingMnist};
pub use sequences::Sequences;
pub use source::Sources;
pub use split::Split;
pub use translating::{Pixel, Translating, TranslatingMnist};
pub use video::{VIDEO_FILE, Video, VideoClips};
