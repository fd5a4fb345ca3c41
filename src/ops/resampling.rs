//! Rotations of a plane of pixels as linear maps: mathematics, no operation on tensors.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A rotation of the plane, counter-clockwise as seen on the screen, together with a cyclic shift of
/// the orientations: the action of a rotation on a regular field.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Turn {
    /// The angle.
    pub degrees: f64,
    /// By how many places orientations move on; taken modulo their number.
    pub orientations: i64,
}

impl Turn {
    /// This turn `count` times over, its angle in [0°, 360°).
    pub fn times(self, count: i64) -> Self {
        let degrees = (self.degrees * count as f64).rem_euclid(360.0);
        Self { degrees, orientations: self.orientations * count }
    }
}

/// Cosine and sine of an angle; exact at multiples of 90°, and the same numbers up to sign a quarter
/// turn apart.
pub(crate) fn cos_sin(degrees: f64) -> (f64, f64) {
    let quarters = (degrees / 90.0).floor();
    let rest = (degrees - 90.0 * quarters).to_radians();
    let (c, s) = (rest.cos(), rest.sin());
    match quarters.rem_euclid(4.0) as u8 {
        0 => (c, s),
        1 => (-s, c),
        2 => (-c, -s),
        _ => (s, -c),
    }
}

/// A linear map of the pixels of a plane: what each is a weighted sum of.
#[derive(Clone, Debug)]
pub(crate) struct Resampling {
    /// Where the terms of each pixel begin, and where the last one's end.
    starts: Vec<usize>,
    sources: Vec<usize>,
    weights: Vec<f64>,
}

impl Resampling {
    /// What a plane of H × W pixels is after its content was rotated about its centre.
    pub fn rotation((height, width): (usize, usize), degrees: f64) -> Self {
        let (cos, sin) = cos_sin(degrees);
        let (centre_y, centre_x) = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
        let mut map = Self { starts: vec![0], sources: vec![], weights: vec![] };
        for y in 0..height {
            for x in 0..width {
                let (right, down) = (x as f64 - centre_x, y as f64 - centre_y);
                // Where the content came from: rotated clockwise; rows count downwards.
                let from_x = centre_x + (right * cos - down * sin);
                let from_y = centre_y + (right * sin + down * cos);
                map.interpolate((height, width), (from_y, from_x));
            }
        }
        map
    }

    /// Adds a pixel that is read between the pixels around (y, x).
    fn interpolate(&mut self, (height, width): (usize, usize), (y, x): (f64, f64)) {
        let (part_y, part_x) = (y - y.floor(), x - x.floor());
        for (row, weight_y) in [(y.floor(), 1.0 - part_y), (y.floor() + 1.0, part_y)] {
            for (column, weight_x) in [(x.floor(), 1.0 - part_x), (x.floor() + 1.0, part_x)] {
                let is_inside =
                    (0.0..height as f64).contains(&row) && (0.0..width as f64).contains(&column);
                let weight = weight_y * weight_x;
                if is_inside && weight != 0.0 {
                    self.sources.push(row as usize * width + column as usize);
                    self.weights.push(weight);
                }
            }
        }
        self.starts.push(self.sources.len());
    }

    /// Pixels of the plane.
    pub fn pixels(&self) -> usize {
        self.starts.len() - 1
    }

    /// The pixels that one is made of, with their weights.
    #[inline(always)]
    pub fn terms(&self, pixel: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let terms = self.starts[pixel]..self.starts[pixel + 1];
        self.sources[terms.clone()].iter().copied().zip(self.weights[terms].iter().copied())
    }

    /// The adjoint map, whose terms are in the order of the pixels that they come from.
    fn transposed(&self) -> Self {
        let mut starts = vec![0; self.starts.len()];
        for &from in &self.sources {
            starts[from + 1] += 1;
        }
        for pixel in 0..self.pixels() {
            starts[pixel + 1] += starts[pixel];
        }
        let (mut sources, mut weights) =
            (vec![0; self.sources.len()], vec![0.0; self.weights.len()]);
        let mut free = starts.clone();
        for pixel in 0..self.pixels() {
            for (from, weight) in self.terms(pixel) {
                (sources[free[from]], weights[free[from]]) = (pixel, weight);
                free[from] += 1;
            }
        }
        Self { starts, sources, weights }
    }

    /// The map applied to one image of one channel.
    #[cfg(feature = "experiments")]
    pub fn apply(&self, image: &[f32]) -> Vec<f32> {
        let value =
            |pixel| self.terms(pixel).map(|(from, w)| w * f64::from(image[from])).sum::<f64>();
        (0..self.pixels()).map(|pixel| value(pixel) as f32).collect()
    }

    /// The map as a dense matrix (pixels, pixels), row by row.
    pub fn to_matrix(&self) -> Vec<f64> {
        let pixels = self.pixels();
        let mut matrix = vec![0.0; pixels * pixels];
        for (pixel, row) in matrix.chunks_exact_mut(pixels).enumerate() {
            self.terms(pixel).for_each(|(from, weight)| row[from] += weight);
        }
        matrix
    }
}

/// A rotation and its adjoint.
#[derive(Debug)]
pub(super) struct Rotated {
    pub forward: Resampling,
    pub adjoint: Resampling,
}

/// Extents of a plane, and the bits of an angle in degrees.
type Angle = ((usize, usize), u64);

/// The rotation of a plane of these extents, made once as long as it is remembered.
pub(super) fn rotated(extents: (usize, usize), degrees: f64) -> Arc<Rotated> {
    /// Pixels of the rotations that are remembered: 28×28 by every whole degree and more, some hundred MB.
    const MOST: usize = 1 << 20;
    static MADE: Mutex<BTreeMap<Angle, Arc<Rotated>>> = Mutex::new(BTreeMap::new());
    let key = (extents, degrees.to_bits());
    let mut made = MADE.lock().expect("no panic while this is locked");
    let pixels: usize = made.keys().map(|((height, width), _)| height * width).sum();
    if pixels >= MOST && !made.contains_key(&key) {
        made.clear();
    }
    let rotated = made.entry(key).or_insert_with(|| {
        let forward = Resampling::rotation(extents, degrees);
        Arc::new(Rotated { adjoint: forward.transposed(), forward })
    });
    Arc::clone(rotated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_turns_have_the_same_cosines_up_to_sign() {
        assert_eq!(cos_sin(90.0), (0.0, 1.0));
        assert_eq!(cos_sin(-90.0), (0.0, -1.0));
        assert_eq!(cos_sin(720.0), (1.0, 0.0));
        for degrees in [10.0, 33.25, -71.0, 189.5] {
            let (c, s) = cos_sin(degrees);
            assert_eq!(cos_sin(degrees + 90.0), (-s, c));
            assert!((c - f64::to_radians(degrees).cos()).abs() < 1e-15);
            assert!((s - f64::to_radians(degrees).sin()).abs() < 1e-15);
        }
    }
}
