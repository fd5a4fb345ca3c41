//! How images are cut into Winograd's tiles, and tiles into chunks.

use super::geometry::{Geometry, Padding, Plane};
use super::transforms::{FREQUENCIES, SPAN, TILE};

/// Bytes of transformed tiles that are worked on at a time: half of a common L2 cache.
const CHUNK_BYTES: usize = 256 << 10;

/// How images are cut into tiles, and tiles into chunks.
#[derive(Clone)]
pub(super) struct Tiling {
    pub g: Geometry,
    /// Input channels that the kernel has; those stored beyond them have weights of zero, whose gradient nobody reads.
    pub own_inputs: usize,
    down: usize,
    across: usize,
    /// Tiles that are worked on at a time.
    pub chunk: usize,
    /// The row, and the column, of the plane under every place from one before the first tile to
    /// one after the last.
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl Tiling {
    pub fn new<T>(g: Geometry, own_inputs: usize) -> Self {
        let (down, across) = (g.plane.height.div_ceil(TILE), g.plane.width.div_ceil(TILE));
        let per_tile = FREQUENCIES * g.inputs.max(g.outputs) * size_of::<T>();
        // Multiples of the register tile's 14 rows.
        let chunk = (CHUNK_BYTES / per_tile / 14 * 14).clamp(14, 56);
        let rows = (-1..=(down * TILE) as i64).map(|y| g.plane.row(y)).collect();
        let columns = (-1..=(across * TILE) as i64).map(|x| g.plane.column(x)).collect();
        Self { g, own_inputs, down, across, chunk, rows, columns }
    }

    /// The tiling of the gradient's way back, with the same tiles; the kernel's outputs come in.
    pub fn transposed(&self, own_outputs: usize) -> Self {
        Self { g: self.g.transposed(), own_inputs: own_outputs, ..self.clone() }
    }

    pub fn tiles(&self) -> usize {
        self.down * self.across
    }

    pub fn at(&self, tile: usize) -> Tile {
        let (image, place) = (tile / self.tiles(), tile % self.tiles());
        Tile { image, y: place / self.across * TILE, x: place % self.across * TILE }
    }

    /// Offsets of the six rows and of the six columns of a tile's inputs in an image of `channels`.
    #[inline(always)]
    pub fn inputs(&self, tile: Tile, channels: usize) -> ([usize; SPAN], [usize; SPAN]) {
        let (mut rows, mut columns) = ([0; SPAN], [0; SPAN]);
        for i in 0..SPAN {
            rows[i] = self.rows[tile.y + i] * self.g.plane.width * channels;
            columns[i] = self.columns[tile.x + i] * channels;
        }
        (rows, columns)
    }

    /// Whether a tile reads zeros beyond the border.
    #[inline(always)]
    pub fn reads_zeros(&self, tile: Tile) -> bool {
        let Plane { height, width } = self.g.plane;
        let is_inner =
            tile.y > 0 && tile.x > 0 && tile.y + SPAN <= height + 1 && tile.x + SPAN <= width + 1;
        self.g.padding == Padding::Zero && !is_inner
    }

    /// Copies a tile's inputs [row][column][channel] from an image, with zeros beyond the border.
    pub fn copy_with_zeros<T: Copy + Default>(
        &self,
        tile: Tile,
        (image, channels): (&[T], usize),
        copy: &mut [T],
    ) {
        let Plane { height, width } = self.g.plane;
        copy.fill(T::default());
        // The place (i, j) of the tile is the pixel (y + i − 1, x + j − 1).
        let left = usize::from(tile.x == 0);
        let run = (SPAN.min(width + 1 - tile.x) - left) * channels;
        for i in usize::from(tile.y == 0)..SPAN.min(height + 1 - tile.y) {
            let pixel = (tile.y + i - 1) * width + tile.x + left - 1;
            copy[(i * SPAN + left) * channels..][..run]
                .copy_from_slice(&image[pixel * channels..][..run]);
        }
    }

    /// Rows and columns of a tile's outputs that lie in the plane.
    #[inline(always)]
    pub fn valid(&self, tile: Tile) -> (usize, usize) {
        let Plane { height, width } = self.g.plane;
        ((height - tile.y).min(TILE), (width - tile.x).min(TILE))
    }

    /// Distance of two frequencies; a little more than needed, so that the places of a tile do not
    /// all fall into the same cache set.
    pub fn frequency_stride(&self, channels: usize) -> usize {
        self.chunk * channels + 16
    }
}

/// The first output pixel of a tile, and its image.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    pub image: usize,
    pub y: usize,
    pub x: usize,
}
