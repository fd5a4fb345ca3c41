//! KTH (Schuldt, Laptev & Caputo 2004): six actions of 25 persons as recorded videos, cut into clips by
//! the annotation that the data set comes with, <http://www.csc.kth.se/cvap/actions/>.
//!
//! The annotation is inside the crate as it is published, compressed; the videos are not.

mod annotation;
mod archive;
mod cache;
mod clips;
mod ffmpeg;
mod files;
mod frames;
mod published;
mod recording;
mod videos;

pub use annotation::{Annotation, Entry, Ranges, Stretch};
pub use cache::CacheState;
pub use clips::KthFootage;
pub(crate) use files::is_there;
pub use published::{KTH_FILES, KthFile};
pub use recording::Recording;
pub use videos::KthVideos;
