//! Reference implementation and reproducibility benchmark suite for *Flow Equivariant Recurrent
//! Neural Networks* (Keller, 2025).
//!
//! The modules are the argument of the paper, from the ground up; a module uses only those above it
//! in this list. [`guide`] leads to a cell of your own.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use fernn::cells::{Cell, TranslationRnn};
//! use fernn::equivariance::state_error;
//! use fernn::flow::{PixelsPerFrame, Translation, VelocitySet};
//!
//! # fn main() -> fernn::Result<()> {
//! let kernel = |shape: (usize, usize, usize, usize)| Tensor::randn(0f32, 0.3, shape, &Device::Cpu);
//! let cell =
//!     TranslationRnn::new(Translation, VelocitySet::square(2), kernel((4, 1, 3, 3))?, kernel((4, 4, 3, 3))?)?;
//! let frames = Tensor::randn(0f32, 1.0, (1, 5, 1, 7, 11), &Device::Cpu)?;
//! let error = state_error(&cell, &frames, PixelsPerFrame::new(1, -1))?;
//! assert_eq!(error.max(), 0.0, "flow equivariant, bit for bit");
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]

pub mod atomic_file;
mod comma_separated;
pub mod digest;
pub mod error;
mod foreign;
#[cfg(feature = "cli")]
pub mod process;
pub mod rng;

pub mod flow;
pub mod ops;
pub mod parameters;
pub mod tensor_file;

pub mod cells;
pub mod training;

pub mod equivariance;
pub mod models;

pub mod verification;

#[cfg(feature = "experiments")]
pub mod data;

#[cfg(feature = "experiments")]
pub mod experiments;
#[cfg(feature = "experiments")]
pub mod statistics;

#[cfg(feature = "figures")]
pub mod report;

#[cfg(feature = "figures")]
pub mod guide;

pub use error::{Error, Result};
