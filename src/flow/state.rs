//! What a cell remembers over V × G between frames.

use crate::error::{Result, expect_shape};
use candle_core::Tensor;

/// The tensors over V × G that a cell remembers, and how many frames they have seen.
///
/// The first is the hidden state h(ν, g), logically (B, V, C, H, W); an LSTM remembers a second one.
/// They are kept with the channels last, as the kernels read them, in the frame of reference of the
/// cell's [`Lift`](super::Lift).
#[derive(Clone, Debug)]
pub struct LiftedState {
    memories: Vec<Tensor>, // (B, V, H, W, C) each
    frames_seen: u32,
}

impl LiftedState {
    /// The state that remembers `memories`, (B, V, H, W, C) each, after `frames_seen` frames.
    ///
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use fernn::flow::LiftedState;
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let hidden = Tensor::zeros((2, 9, 5, 7, 4), DType::F32, &Device::Cpu)?; // (B, V, H, W, C)
    /// let state = LiftedState::new(vec![hidden], 3);
    /// assert_eq!(state.frames_seen(), 3);
    /// assert_eq!(state.to_tensor()?.dims(), [2, 9, 4, 5, 7]); // (B, V, C, H, W)
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(memories: Vec<Tensor>, frames_seen: u32) -> Self {
        Self { memories, frames_seen }
    }

    /// The state whose only memory is a hidden state (B, V, C, H, W), after `frames_seen` frames.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the tensor does not have five dimensions.
    pub fn from_tensor(hidden: &Tensor, frames_seen: u32) -> Result<Self> {
        let any = ["B", "V", "C", "H", "W"].map(|name| (name, None));
        expect_shape("hidden state", hidden, &any)?;
        Ok(Self::new(vec![hidden.permute((0, 1, 3, 4, 2))?.contiguous()?], frames_seen))
    }

    /// The hidden state as (B, V, C, H, W), in the frame of reference of the cell's lift.
    pub fn to_tensor(&self) -> Result<Tensor> {
        Ok(self.hidden().permute((0, 1, 4, 2, 3))?.contiguous()?)
    }

    /// The hidden state h, (B, V, H, W, C).
    pub fn hidden(&self) -> &Tensor {
        &self.memories[0]
    }

    /// Everything remembered, h first, (B, V, H, W, C) each.
    pub fn memories(&self) -> &[Tensor] {
        &self.memories
    }

    /// How many frames this state has seen: t + 1 after frame t.
    pub fn frames_seen(&self) -> u32 {
        self.frames_seen
    }

    /// The state after one more frame.
    ///
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use fernn::flow::LiftedState;
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let hidden = Tensor::zeros((2, 9, 5, 7, 4), DType::F32, &Device::Cpu)?; // (B, V, H, W, C)
    /// let state = LiftedState::new(vec![hidden], 0);
    /// let next = state.next(vec![(state.hidden() + 1.0)?]);
    /// assert_eq!(next.frames_seen(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn next(&self, memories: Vec<Tensor>) -> Self {
        Self::new(memories, self.frames_seen + 1)
    }

    /// The same state cut from the autograd graph.
    pub fn detach(&self) -> Self {
        Self::new(self.memories.iter().map(Tensor::detach).collect(), self.frames_seen)
    }
}
