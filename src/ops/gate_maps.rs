//! How several maps that one convolution makes lie in a pixel.

use super::kernels::{Buffer, Float, stored_channels};

/// G maps of C channels, each with its channels as memories have them stored, one after the other; then
/// padding.
#[derive(Clone, Copy)]
pub(super) struct GateMaps {
    count: usize,
    channels: usize,
    stored: usize,
    made: usize,
}

impl GateMaps {
    pub fn new<T: Float>(count: usize, channels: usize) -> Self {
        let stored = stored_channels::<T>(channels);
        let made = if count == 1 { stored } else { stored_channels::<T>(count * stored) };
        Self { count, channels, stored, made }
    }

    /// One map whose channels lie without a gap.
    pub fn plain(channels: usize) -> Self {
        Self { count: 1, channels, stored: channels, made: channels }
    }

    /// One of these maps.
    pub fn one(self) -> Self {
        Self { count: 1, made: self.stored, ..self }
    }

    /// C.
    pub fn channels(self) -> usize {
        self.channels
    }

    /// Which of its map's C channels lies at a place of a pixel; `None` for padding.
    pub fn channel_at(self, place: usize) -> Option<usize> {
        let (map, channel) = (place / self.stored, place % self.stored);
        (map < self.count && channel < self.channels).then_some(channel)
    }

    /// Channels as stored.
    pub fn made(self) -> usize {
        self.made
    }

    /// Channels of all maps, without padding.
    pub fn maps(self) -> usize {
        self.count * self.channels
    }

    /// Rows of a kernel that makes them: a single map is padded by the kernels themselves.
    pub fn rows(self) -> usize {
        self.count * self.row_channels()
    }

    fn row_channels(self) -> usize {
        if self.count == 1 { self.channels } else { self.stored }
    }

    /// A kernel (G·C, …) with a row for each of [`GateMaps::rows`].
    pub fn rows_stored<T: Float>(self, kernel: &[T]) -> Vec<T> {
        let row = kernel.len() / self.maps();
        let mut rows = vec![T::default(); self.rows() * row];
        let maps = rows.chunks_exact_mut(self.row_channels() * row);
        for (to, from) in maps.zip(kernel.chunks_exact(self.channels * row)) {
            to[..from.len()].copy_from_slice(from);
        }
        rows
    }

    /// The way back of [`GateMaps::rows_stored`].
    pub fn rows_given<T: Float>(self, rows: Vec<T>) -> Vec<T> {
        let row = rows.len() / self.rows();
        let maps = rows.chunks_exact(self.row_channels() * row);
        maps.flat_map(|map| &map[..self.channels * row]).copied().collect()
    }

    /// Pixels of G·C channels, as stored.
    pub fn stored<T: Float>(self, pixels: &[T]) -> Buffer<T> {
        let mut stored = Buffer::zeros(pixels.len() / self.maps() * self.made);
        let each = stored.chunks_exact_mut(self.made).zip(pixels.chunks_exact(self.maps()));
        for (to, from) in each {
            for (to, from) in to.chunks_mut(self.stored).zip(from.chunks_exact(self.channels)) {
                to[..self.channels].copy_from_slice(from);
            }
        }
        stored
    }

    /// The way back of [`GateMaps::stored`], which adds.
    pub fn give<T: Float>(self, stored: &[T], pixels: &mut [T]) {
        let each = pixels.chunks_exact_mut(self.maps()).zip(stored.chunks_exact(self.made));
        for (to, from) in each {
            for (to, from) in to.chunks_exact_mut(self.channels).zip(from.chunks(self.stored)) {
                to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
            }
        }
    }
}
