//! Recurrent cells, one per file, each written once for every [`FlowGroup`](crate::flow::FlowGroup).

mod rnn;

pub use rnn::{FlowRnn, TranslationRnn};

use crate::error::Result;
use candle_core::{DType, Device, Tensor};

/// A recurrent cell over frames.
///
/// Time index: [`Cell::step`] takes the state before frame t and returns the state after it.
pub trait Cell {
    /// What the cell remembers between frames.
    type State: Clone;

    /// h_0 for `batch` sequences of frames; `extents` is (H, W).
    fn zero_state(
        &self,
        batch: usize,
        extents: (usize, usize),
        dtype: DType,
        device: &Device,
    ) -> Result<Self::State>;

    /// The state after one more frame (B, C_in, H, W).
    fn step(&self, frame: &Tensor, state: &Self::State) -> Result<Self::State>;

    /// What a decoder sees of a state: (B, C, H, W).
    fn read_out(&self, state: &Self::State) -> Result<Tensor>;

    /// The same state cut from the autograd graph.
    fn detach(&self, state: &Self::State) -> Self::State;
}
