//! How images are divided into parts: for threads, and for sums that must not depend on threads.

/// 4×4 tiles that the kernels need to run at full speed.
const ENOUGH_TILES: usize = 28;

/// Images of H × W pixels in each of the parts that `images` of them are divided into: about eight,
/// or eight images each where there are many.
///
/// A function of the extents alone: sums by parts have the same rounding for every thread count.
pub(super) fn images_per_part(images: usize, height: usize, width: usize) -> usize {
    let parts = (images / 8).clamp(8, 64);
    images.div_ceil(parts).max(enough_images(height, width))
}

/// Images that make a task large enough.
pub(super) fn enough_images(height: usize, width: usize) -> usize {
    ENOUGH_TILES.div_ceil(height.div_ceil(4) * width.div_ceil(4))
}

/// Which threads share the work of a step.
#[derive(Clone, Copy)]
pub(super) enum Threads {
    All,
    /// The calling one alone, where others are busy with steps of their own.
    This,
}

impl Threads {
    /// The least pieces of work that a thread takes at once.
    pub fn least(self) -> usize {
        match self {
            Self::All => 1,
            Self::This => usize::MAX,
        }
    }
}
