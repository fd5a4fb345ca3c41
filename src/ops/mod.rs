//! The tensor operations that candle lacks, each differentiable, on channels-last tensors.
//!
//! Kernels read and write (N, H, W, C): a pixel's channels lie together, so that the vector lanes
//! are channels and a shift of the torus is index arithmetic. [`to_channels_last`] and
//! [`to_channels_first`] convert at the boundary.

mod activation;
mod batch_norm;
mod carried;
mod carry_order;
mod composed;
mod convolution;
mod convolution_3d;
mod depthwise;
mod division;
mod gate_maps;
mod gated_rollout;
mod gates;
mod history;
mod kernels;
mod layer;
mod layout;
mod memory;
mod parts;
mod pointwise;
mod pool;
mod pooled;
mod pooling;
mod read_out;
mod recurrence;
mod resampling;
mod rollout;
mod rotate;
mod rule;
mod sequence;
mod shift;
mod slice_action;
mod stack;
mod steerable;
mod storage;
mod turning;
mod views;
mod way_back;

pub use activation::{Activation, activate};
pub use batch_norm::{Affine, EPSILON, Moments, normalise_by, normalise_by_batch};
pub use carry_order::CarryOrder;
pub use convolution::{convolve, convolve_slices};
pub use convolution_3d::{Strides, convolve_3d};
pub use depthwise::depthwise_convolution;
pub use kernels::{ConvAlgorithm, Padding, Shift, instruction_set, peak_flops};
pub use layer::Layer;
pub use layout::{to_channels_first, to_channels_last};
pub use memory::{DEFAULT_HISTORY_BUDGET, history_budget, set_history_budget};
pub use pool::pool_velocities;
pub use pooling::VelocityPooling;
pub use read_out::{FedAs, Feed, ReadOut};
pub use recurrence::{flow_recurrence, recurrence, turned_recurrence};
#[cfg(feature = "experiments")] // data turn images by it
pub(crate) use resampling::Resampling;
pub use resampling::Turn;
pub use rotate::turn_slices;
pub use rule::{Gated, Kernels, Recurrence, RecurrentStep, Unrolled, Update};
pub use sequence::flow_sequence;
pub use shift::shift_slices;
pub use slice_action::{SliceAction, Turning};
pub use stack::{StackRun, circular_convolution, convolution_stack};
pub use steerable::SteerableBasis;
