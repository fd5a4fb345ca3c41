//! Recurrent cells, one per file, each written once for every [`FlowGroup`](crate::flow::FlowGroup).
//!
//! A cell whose memory lives on V × G is a [`FlowLayer`]: its update is point-wise in (ν, g) apart
//! from group convolutions, and every remembered tensor is carried along by the flow before it is
//! used. Flow equivariance follows from that alone, whatever the update (Keller 2025, §4).

mod cell;
mod choice;
mod dense;
mod fields;
mod gated;
mod gru;
mod layer;
mod learned_shift;
mod lstm;
mod mixing;
mod rnn;
mod stack;

pub use cell::{Cell, FlowCell, unroll_step_by_step};
pub use choice::{AnyLayer, CellChoice, CellKind, CellShape, Running};
pub use dense::{DenseRnn, MapExtents};
pub use fields::{Between, Fields, Maps};
pub use gated::{GatedRnn, Gating, gate};
pub use gru::{FlowGru, GruGates};
pub use layer::{FlowLayer, parameter_count};
pub use learned_shift::{LearnedShiftRnn, shift_kernels};
pub use lstm::{FlowLstm, LstmGates};
pub use mixing::MixingRnn;
pub use rnn::{FlowRnn, TranslationRnn};
pub use stack::Stacked;
