//! # fernn
#![deny(missing_docs)]
pub mod atomic_file;
pub mod cells;
pub mod data;
pub mod error;
pub mod flow;
pub mod models;
pub mod ops;
pub mod rng;
pub mod training;
pub use error::{Error, Result};
