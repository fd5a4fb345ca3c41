//! `fernn data`: fetches, checks and shows data.

mod check;
mod check_kth;
mod check_mnist;
mod command;
mod fetch;
mod preview;
mod set;

pub use command::{Command, run};
