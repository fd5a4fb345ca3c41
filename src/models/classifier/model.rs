//! What every classifier of clips does.

use super::block::Mode;
use crate::error::Result;
use candle_core::Tensor;

/// A classifier of clips.
pub trait Classifier {
    /// A number for each class, the largest for the most likely.
    ///
    /// # Shapes
    /// `clips` (B, T, C_in, H, W); result (B, classes).
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when extents disagree.
    fn logits(&self, clips: &Tensor, mode: &mut Mode) -> Result<Tensor>;
}

impl<C: Classifier + ?Sized> Classifier for Box<C> {
    fn logits(&self, clips: &Tensor, mode: &mut Mode) -> Result<Tensor> {
        (**self).logits(clips, mode)
    }
}
