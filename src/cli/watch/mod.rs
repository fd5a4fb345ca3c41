//! What is seen of a run while it runs: a live table on a terminal, plain lines elsewhere.

mod active_time;
mod audience;
mod board;
mod course;
mod lines;
mod progress;
mod time_left;

pub use audience::Audience;
