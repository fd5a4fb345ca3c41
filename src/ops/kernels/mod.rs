//! Convolution kernels for the CPU: two algorithms, compiled for every instruction set.
//!
//! [`plan::Convolution`] is the way in. It runs whole images on the calling thread; the operations
//! above divide the images among threads.

mod buffer;
mod direct;
mod geometry;
mod lanes;
mod pack;
mod peak;
mod plan;
mod register_tile;
mod thin;
mod winograd;

pub(crate) use buffer::Buffer;
pub(crate) use geometry::Torus;
pub use geometry::{Padding, Shift};
pub(crate) use lanes::{Float, InstructionSet, Kernel, Lanes};
pub(crate) use pack::KernelView;
pub use peak::peak_flops;
pub use plan::ConvAlgorithm;
pub(crate) use plan::{Convolution, stored_channels};
