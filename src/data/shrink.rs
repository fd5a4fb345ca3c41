//! Images made smaller by averaging areas.

use crate::error::{Error, Result};

/// Averages grey images of one size down to another, whatever the two sizes' proportions.
///
/// A pixel of the result is the mean of the source over its area, in which source pixels on the border
/// count with the part that lies inside: 160×120 to 32×32 averages 5 × 3.75 pixels. The sums are exact;
/// halves are rounded to even, and up when both extents are halved, as OpenCV's `INTER_AREA` does,
/// whose single-precision sums differ by less than any distance to a half that occurs.
#[derive(Clone, Debug)]
pub(super) struct Shrink {
    rows: Axis,
    columns: Axis,
}

impl Shrink {
    /// From images of `source` to images of `target`, both (height, width).
    ///
    /// # Errors
    /// [`Error::Configuration`] when the target is empty or larger than the source in either extent.
    pub(super) fn new(source: (usize, usize), target: (usize, usize)) -> Result<Self> {
        let fits = |source: usize, target: usize| (1..=source).contains(&target);
        if !fits(source.0, target.0) || !fits(source.1, target.1) {
            return Err(Error::configuration(
                format!("the size {}×{}", target.0, target.1),
                "cannot be had from frames by averaging",
                format!("choose one of 1×1 to {}×{}", source.0, source.1),
            ));
        }
        Ok(Self::or_enlarge(source, target))
    }

    /// The same for a target that may be larger: pixels are then repeated, and mixed where they meet.
    pub(super) fn or_enlarge(source: (usize, usize), target: (usize, usize)) -> Self {
        Self { rows: Axis::new(source.0, target.0), columns: Axis::new(source.1, target.1) }
    }

    /// Appends the small image to `small`.
    pub(super) fn apply(&self, image: &[u8], small: &mut Vec<u8>) {
        self.each_sum(image, |sum| small.push(self.rounded(sum)));
    }

    /// The small image in values of [0, 1], not rounded to 255 of them.
    pub(super) fn means(&self, image: &[u8]) -> Vec<f32> {
        let mut means = Vec::new();
        // The quotient of whole numbers in f64, rounded to f32, is their quotient rounded once.
        let whole = (255 * self.area()) as f64;
        self.each_sum(image, |sum| means.push((sum as f64 / whole) as f32));
        means
    }

    /// The weighted sum of each pixel's area, row by row.
    fn each_sum(&self, image: &[u8], mut take: impl FnMut(u64)) {
        let narrow: Vec<u64> = image
            .chunks_exact(self.columns.source)
            .flat_map(|row| self.columns.sums(row))
            .collect();
        let width = self.columns.cells.len();
        let mut sums = vec![0; width];
        for (first, weights) in &self.rows.cells {
            sums.fill(0);
            for (row, weight) in narrow[first * width..].chunks_exact(width).zip(weights) {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
            }
            sums.iter().for_each(|&sum| take(sum));
        }
    }

    /// The weights of a pixel in all.
    fn area(&self) -> u64 {
        (self.rows.source * self.columns.source) as u64
    }

    /// The mean of a pixel's area from its weighted sum.
    fn rounded(&self, sum: u64) -> u8 {
        let area = self.area();
        let (whole, rest) = (sum / area, sum % area);
        let halves_up = self.rows.is_halved() && self.columns.is_halved();
        let is_up = match (2 * rest).cmp(&area) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => halves_up || whole % 2 == 1,
            std::cmp::Ordering::Greater => true,
        };
        (whole + u64::from(is_up)) as u8
    }
}

/// One extent: for each pixel of the result the first source pixel that it covers, and how much of each
/// from there on in units of 1/target pixel. The weights of a pixel sum to `source`.
#[derive(Clone, Debug)]
struct Axis {
    source: usize,
    cells: Vec<(usize, Vec<u64>)>,
}

impl Axis {
    fn new(source: usize, target: usize) -> Self {
        let cell = |place: usize| {
            let (start, end) = (place * source, (place + 1) * source);
            let covered = start / target..end.div_ceil(target);
            let overlap =
                |pixel: usize| (end.min((pixel + 1) * target) - start.max(pixel * target)) as u64;
            (covered.start, covered.map(overlap).collect())
        };
        Self { source, cells: (0..target).map(cell).collect() }
    }

    fn is_halved(&self) -> bool {
        self.source == 2 * self.cells.len()
    }

    /// The weighted sums of a row, one for each pixel of the result.
    fn sums<'a>(&'a self, row: &'a [u8]) -> impl Iterator<Item = u64> + 'a {
        self.cells.iter().map(|(first, weights)| {
            row[*first..]
                .iter()
                .zip(weights)
                .map(|(&value, weight)| u64::from(value) * weight)
                .sum()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shrunk(source: (usize, usize), target: (usize, usize), image: &[u8]) -> Vec<u8> {
        let mut small = Vec::new();
        Shrink::new(source, target).expect("a smaller size").apply(image, &mut small);
        small
    }

    #[test]
    fn a_shrunken_pixel_is_the_mean_of_its_area() {
        // Three columns to two: 1 + ½ and ½ + 1, of which the means are ⅔a + ⅓b and ⅓b + ⅔c.
        assert_eq!(shrunk((1, 3), (1, 2), &[30, 90, 240]), [50, 190]);
        // Five rows to three: (1, ⅔), (⅓, 1, ⅓), (⅔, 1), each over 5/3: 60·3 + 120·2 over 5 = 84, …
        assert_eq!(shrunk((5, 1), (3, 1), &[60, 120, 30, 200, 250]), [84, 82, 230]);
        // Both at once: 3×2 to 2×1. The upper: (2·(0 + 30) + (60 + 90)) / 6 = 35; lower: (150 + 2·210) / 6.
        assert_eq!(shrunk((3, 2), (2, 1), &[0, 30, 60, 90, 90, 120]), [35, 95]);
    }

    #[test]
    fn shrinking_kth_frames_weighs_rows_by_quarters() {
        // 120 rows to 32 are 3.75 each: the first small row has rows 0 to 2 and three quarters of row 3,
        // the second the last quarter of row 3, rows 4 to 6 and half of row 7.
        let mut image = vec![0u8; 120 * 160];
        image[3 * 160..4 * 160].fill(250);
        let small = shrunk((120, 160), (32, 32), &image);
        // 250 · 0.75 / 3.75 = 50 and 250 · 0.25 / 3.75 = 16.67.
        assert_eq!((&small[..32], &small[32..64]), (&[50; 32][..], &[17; 32][..]));
        assert!(small[64..].iter().all(|&pixel| pixel == 0));
        // Columns are whole: column 7 is a fifth of the second small column.
        let mut image = vec![0u8; 120 * 160];
        image.iter_mut().skip(7).step_by(160).for_each(|pixel| *pixel = 200);
        let small = shrunk((120, 160), (32, 32), &image);
        assert!(
            small.chunks(32).all(|row| row[1] == 40 && row.iter().filter(|&&p| p > 0).count() == 1)
        );
    }

    #[test]
    fn halves_are_rounded_as_opencv_rounds_them() {
        // To even: 0.5, 1.5 and 2.5 of two pixels each.
        assert_eq!(shrunk((1, 6), (1, 3), &[0, 1, 1, 2, 2, 3]), [0, 2, 2]);
        // Up in the special case of 2×2: 0.5 and 2.5.
        assert_eq!(shrunk((2, 4), (1, 2), &[0, 1, 2, 3, 0, 1, 2, 3]), [1, 3]);
    }

    #[test]
    fn an_image_of_the_target_size_stays_and_a_larger_one_is_refused() {
        let image: Vec<u8> = (0..35).map(|i| i * 7).collect();
        assert_eq!(shrunk((5, 7), (5, 7), &image), image);
        for target in [(0, 7), (5, 0), (6, 7), (5, 8)] {
            let error = Shrink::new((5, 7), target).expect_err("impossible");
            assert!(matches!(error, Error::Configuration { .. }), "{error}");
        }
    }

    #[test]
    fn shrinking_keeps_a_constant_image_constant() {
        for value in [0, 1, 127, 255] {
            assert_eq!(shrunk((11, 13), (3, 5), &[value; 143]), [value; 15]);
        }
    }
}
