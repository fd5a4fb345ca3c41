//! How the way back through time is divided, for threads and for sums that must not depend on them.

use super::kernels::Plane;
use super::parts::{Threads, enough_images, images_per_part};

/// Pieces that the way back is divided into where there is enough work: as many cores have something to do. Sums
/// by pieces have the same rounding for every thread count.
const PIECES: usize = 64;
/// Multiplications of a step of a piece that are worth dividing it from others.
const ENOUGH_WORK: usize = 1 << 25;
/// Pixels of a piece that are worth sums of its own, which are as large for few as for many: with 784, one slice of the
/// paper's size, a step took 11 % longer (C = 64).
const ENOUGH_PIXELS: usize = 3000;
/// Numbers that the sums of all pieces may be.
const MOST_SUMS: usize = 1 << 26;

/// Samples that go back through time together.
pub(super) fn samples_together(plane: Plane, velocities: usize) -> usize {
    enough_images(plane.height, plane.width).div_ceil(velocities)
}

/// How the way back is divided: into parts of the batch, and each step of a part into blocks of slices. A function of
/// extents alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Division {
    /// Samples that go back through time together.
    pub group: usize,
    /// Samples of a part.
    pub part: usize,
    /// Slices of a block, batch and velocities counted together.
    pub block: usize,
    pub blocks: usize,
}

impl Division {
    /// Of so many samples and velocities, with so many multiplications in the convolution of a slice, whose kernel's
    /// gradient takes so many numbers.
    pub fn new(
        plane: Plane,
        (batch, velocities): (usize, usize),
        (multiplications, sums): (usize, usize),
    ) -> Self {
        let group = samples_together(plane, velocities);
        let part = group.max(images_per_part(batch, plane.height, plane.width));
        let (parts, slices) = (batch.div_ceil(part), group * velocities);
        let enough = enough_images(plane.height, plane.width);
        let least = enough
            .max(ENOUGH_WORK.div_ceil(multiplications))
            .max(ENOUGH_PIXELS.div_ceil(plane.pixels()));
        let blocks = match group {
            1 => (PIECES / parts).min(MOST_SUMS / (parts * sums)).clamp(1, slices.div_ceil(least)),
            _ => 1, // blocks are of one sample
        };
        let block = slices.div_ceil(blocks);
        Self { group, part, block, blocks: slices.div_ceil(block) }
    }

    /// Who computes again what a part needs of its history: others help where they have blocks of it.
    pub fn threads(self) -> Threads {
        if self.blocks > 1 { Threads::All } else { Threads::This }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_division_covers_all_and_does_not_divide_what_is_small() {
        for batch in [1, 2, 7, 16, 128, 1000] {
            for velocities in [1, 5, 9, 25] {
                for side in [4, 15, 28] {
                    for channels in [1, 16, 64, 128] {
                        let plane = Plane { height: side, width: side };
                        let work = plane.pixels() * 9 * channels * channels;
                        let sums = 36 * channels * channels;
                        let d = Division::new(plane, (batch, velocities), (work, sums));
                        let (parts, slices) = (batch.div_ceil(d.part), d.group * velocities);
                        assert!(d.block * d.blocks >= slices && d.block * (d.blocks - 1) < slices);
                        assert!(d.blocks == 1 || (parts * d.blocks <= PIECES && d.group == 1));
                        assert!(d.blocks == 1 || 2 * d.block * work >= ENOUGH_WORK, "{d:?}");
                        assert!(d.blocks == 1 || parts * d.blocks * sums <= MOST_SUMS, "{d:?}");
                    }
                }
            }
        }
        let paper = |batch| {
            let d = Division::new(
                Plane { height: 28, width: 28 },
                (batch, 25),
                (784 * 9 * 128 * 128, 36 * 128 * 128),
            );
            (usize::div_ceil(batch, d.part), d.blocks)
        };
        assert_eq!([1, 2, 8, 16, 128].map(paper), [(1, 7), (2, 7), (8, 7), (8, 7), (16, 4)]);
    }
}
