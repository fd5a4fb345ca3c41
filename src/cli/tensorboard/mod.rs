//! Training curves as event files, which TensorBoard reads.

mod checksum;
mod curves;
mod event_file;

pub use curves::Curves;
