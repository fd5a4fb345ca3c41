//! Convolution kernels for the CPU: two algorithms, compiled for every instruction set.
//!
//! [`plan::Convolution`] is the way in. It runs whole images on the calling thread; the operations
//! above divide the images among threads.

mod algorithm;
mod buffer;
mod direct;
mod geometry;
mod lanes;
mod pack;
mod peak;
mod plan;
mod register_tile;
mod thin;
mod tiling;
mod transforms;
mod winograd;

pub use algorithm::ConvAlgorithm;
pub(crate) use algorithm::stored_channels;
pub(crate) use buffer::Buffer;
pub(crate) use geometry::Plane;
pub use geometry::{Padding, Shift};
pub use lanes::instruction_set;
pub(crate) use lanes::{Float, InstructionSet, Kernel, Lanes};
pub(crate) use pack::KernelView;
pub use peak::peak_flops;
pub(crate) use plan::Convolution;
