//! Extents of what is measured.

/// Extents of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Sequences.
    pub batch: usize,
    /// Frames of a sequence.
    pub frames: usize,
    /// Channels of a frame.
    pub inputs: usize,
    /// Hidden channels; over rotations, hidden fields.
    pub channels: usize,
    /// Rows of a frame.
    pub height: usize,
    /// Columns of a frame.
    pub width: usize,
    /// Extent of the recurrent kernels.
    pub kernel: usize,
}
