//! Steerable filters: kernels on the grid in every orientation, from coefficients that are trained.
//!
//! A regular field has N planes, one per element of C_N. A convolution between such fields commutes
//! with rotations when its kernel obeys `W[(o, g), (i, h)](x) = k[o, i, h − g](R_g⁻¹x)` (Cohen & Welling
//! 2016; Weiler & Cesa 2019). The free part k is a sum of basis functions that can be rotated by any
//! angle before they are sampled on the grid.

use super::resampling::cos_sin;
use crate::error::{Error, Result, expect_shape};
use candle_core::Tensor;

/// The functions that filters are sums of, sampled in every orientation of C_N.
///
/// The centre pixel, and on rings of radius ρ = 1 (and 2, for 5×5 kernels) the profile
/// exp(−(r − ρ)²/0.32) times 1, cos φ, sin φ, cos 2φ and sin 2φ, the last four zero at the centre. On
/// one ring these are the 6 functions of the paper's public code, on two there are 11. Each is scaled to
/// norm 1 over the grid, in the mean over its orientations.
///
/// Faster waves are left out on the outer ring as well: on a square grid cos 4φ looks like a constant and
/// cos 3φ like cos φ, by an amount that changes with orientation, and the error of that does not shrink
/// with the square of the pixel.
///
/// # Equivariance
/// Filters a quarter turn apart are each other's rotated copies to rounding (N divisible by 4).
/// In between, sampling a rotated function on the grid is no exact rotation.
#[derive(Clone, Debug)]
pub struct SteerableBasis {
    orientations: usize,
    size: usize,
    functions: Vec<Function>,
    /// (functions, orientations · size²).
    sampled: Vec<f64>,
}

/// A basis function before it is rotated.
#[derive(Clone, Copy, Debug)]
enum Function {
    Centre,
    Ring { radius: f64, wave: Wave, scale: f64 },
}

#[derive(Clone, Copy, Debug)]
enum Wave {
    Cosine(u32),
    Sine(u32),
}

/// The waves on a ring.
const WAVES: [Wave; 5] =
    [Wave::Cosine(0), Wave::Cosine(1), Wave::Sine(1), Wave::Cosine(2), Wave::Sine(2)];

/// 2σ² of a ring's profile, σ = 0.4 pixels.
const WIDTH: f64 = 0.32;

impl Function {
    /// The value at (right, up) of the centre, in pixels.
    fn at(self, (right, up): (f64, f64)) -> f64 {
        let r = right.hypot(up);
        match self {
            Self::Centre => f64::from(u8::from(r == 0.0)),
            Self::Ring { radius, wave, scale } => {
                let profile = scale * (-(r - radius) * (r - radius) / WIDTH).exp();
                let order = match wave {
                    Wave::Cosine(order) | Wave::Sine(order) => order,
                };
                if order == 0 || r == 0.0 {
                    return if order == 0 { profile } else { 0.0 };
                }
                // (cos φ + i sin φ)^m, by products: a quarter turn more moves and negates its parts
                // without rounding.
                let (c, s) = (right / r, up / r);
                let (mut re, mut im) = (c, s);
                for _ in 1..order {
                    (re, im) = (re * c - im * s, re * s + im * c);
                }
                profile * if matches!(wave, Wave::Cosine(_)) { re } else { im }
            }
        }
    }
}

impl SteerableBasis {
    /// The basis of 3×3 or 5×5 filters in `orientations` = N orientations.
    ///
    /// # Errors
    /// [`Error::Configuration`] for another size, or no orientation.
    ///
    /// ```
    /// use fernn::ops::SteerableBasis;
    ///
    /// # fn main() -> fernn::Result<()> {
    /// assert_eq!(SteerableBasis::new(8, 3)?.len(), 6, "the centre and one ring");
    /// assert_eq!(SteerableBasis::new(8, 5)?.len(), 11, "a second ring");
    /// assert!(SteerableBasis::new(8, 7).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(orientations: usize, size: usize) -> Result<Self> {
        let refuse = |problem: String, remedy| Error::configuration("the filters", problem, remedy);
        let rings: &[f64] = match size {
            3 => &[1.0],
            5 => &[1.0, 2.0],
            _ => return Err(refuse(format!("have the size {size}×{size}"), "take 3 or 5")),
        };
        if orientations == 0 {
            return Err(refuse("have no orientation".into(), "take at least one"));
        }
        let mut functions = vec![Function::Centre];
        for &radius in rings {
            functions.extend(WAVES.map(|wave| Function::Ring { radius, wave, scale: 1.0 }));
        }
        let mut basis = Self { orientations, size, functions, sampled: vec![] };
        basis.normalise();
        let (taps, by_orientation) = (size * size, basis.samples());
        let of = |d: usize| by_orientation.iter().flat_map(move |all| &all[d * taps..][..taps]);
        basis.sampled = (0..basis.len()).flat_map(of).copied().collect();
        Ok(basis)
    }

    fn normalise(&mut self) {
        let samples = self.samples();
        let (taps, orientations) = (self.size * self.size, self.orientations as f64);
        for (number, function) in self.functions.iter_mut().enumerate() {
            let squares = samples.iter().flat_map(|s| &s[number * taps..][..taps]).map(|v| v * v);
            let norm = (squares.sum::<f64>() / orientations).sqrt();
            if let Function::Ring { scale, .. } = function {
                *scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
            }
        }
    }

    /// (functions, size²) for every orientation.
    fn samples(&self) -> Vec<Vec<f64>> {
        (0..self.orientations).map(|g| self.sample(g)).collect()
    }

    /// All functions rotated to orientation g, on the grid.
    fn sample(&self, g: usize) -> Vec<f64> {
        let (cos, sin) = cos_sin(360.0 * g as f64 / self.orientations as f64);
        let half = (self.size / 2) as f64;
        let mut values = Vec::with_capacity(self.functions.len() * self.size * self.size);
        for &function in &self.functions {
            for row in 0..self.size {
                for column in 0..self.size {
                    let (right, up) = (column as f64 - half, half - row as f64);
                    // R_g⁻¹x
                    values.push(function.at((right * cos + up * sin, up * cos - right * sin)));
                }
            }
        }
        values
    }

    /// N.
    pub fn orientations(&self) -> usize {
        self.orientations
    }

    /// The extent of a filter: 3 or 5.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The number of functions D: 6 or 11.
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// Never true: there is always the centre.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// Every function at a point (right, up) of the centre in pixels, before it is rotated.
    pub fn at(&self, point: (f64, f64)) -> Vec<f64> {
        self.functions.iter().map(|function| function.at(point)).collect()
    }

    /// Lifting filters, from a trivial to a regular field: `W[(o, g), i](x) = k[o, i](R_g⁻¹x)`.
    ///
    /// # Shapes
    /// `coefficients` (C, C_in, D); result (C·N, C_in, k, k).
    ///
    /// # Errors
    /// [`Error::Shape`] when extents disagree.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use fernn::ops::SteerableBasis;
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let basis = SteerableBasis::new(4, 3)?;
    /// let coefficients = Tensor::randn(0f64, 1.0, (2, 1, basis.len()), &Device::Cpu)?;
    /// let filters = basis.lifting(&coefficients)?;
    /// assert_eq!(filters.dims(), [8, 1, 3, 3]);
    /// let taps = filters.flatten_from(1)?.to_vec2::<f64>()?;
    /// for (tap, turned) in taps[0].iter().zip(taps[2].iter().rev()) {
    ///     assert!((tap - turned).abs() < 1e-12, "two orientations on is half a turn");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn lifting(&self, coefficients: &Tensor) -> Result<Tensor> {
        let dims = [("C", None), ("C_in", None), ("D", Some(self.len()))];
        expect_shape("lifting coefficients", coefficients, &dims)?;
        let (outputs, inputs, _) = coefficients.dims3()?;
        let all = self.turned(coefficients)?.reshape((outputs, inputs, self.orientations, ()))?;
        self.filters(&all.transpose(1, 2)?, outputs * self.orientations, inputs)
    }

    /// Filters between regular fields: `W[(o, g), (i, h)](x) = k[o, i, (h − g) mod N](R_g⁻¹x)`.
    ///
    /// # Shapes
    /// `coefficients` (C, C_in, N, D); result (C·N, C_in·N, k, k).
    ///
    /// # Errors
    /// [`Error::Shape`] when extents disagree.
    pub fn regular(&self, coefficients: &Tensor) -> Result<Tensor> {
        let n = self.orientations;
        let dims = [("C", None), ("C_in", None), ("N", Some(n)), ("D", Some(self.len()))];
        expect_shape("regular coefficients", coefficients, &dims)?;
        let (outputs, inputs, ..) = coefficients.dims4()?;
        // Filter (g, h) is that of coefficients h − g in orientation g.
        let place = |(g, h): (usize, usize)| ((h + n - g) % n * n + g) as u32;
        let places = (0..n).flat_map(|g| (0..n).map(move |h| place((g, h)))).collect();
        let places = Tensor::from_vec(places, n * n, coefficients.device())?;
        let all = self.turned(coefficients)?.reshape((outputs * inputs, n * n, ()))?;
        let all = all.index_select(&places, 1)?.reshape((outputs, inputs, n, ()))?;
        self.filters(&all.transpose(1, 2)?, outputs * n, inputs * n)
    }

    /// Filters from a regular to a trivial field: `W[o, (i, h)](x) = k[o, i](R_h⁻¹x)`.
    ///
    /// # Shapes
    /// `coefficients` (C, C_in, D); result (C, C_in·N, k, k).
    ///
    /// # Errors
    /// [`Error::Shape`] when extents disagree.
    pub fn projecting(&self, coefficients: &Tensor) -> Result<Tensor> {
        let dims = [("C", None), ("C_in", None), ("D", Some(self.len()))];
        expect_shape("projecting coefficients", coefficients, &dims)?;
        let (outputs, inputs, _) = coefficients.dims3()?;
        self.filters(&self.turned(coefficients)?, outputs, inputs * self.orientations)
    }

    /// Σ_d coefficients(…, d) · function d in every orientation: (…, N, k²), with … in one.
    fn turned(&self, coefficients: &Tensor) -> Result<Tensor> {
        let (functions, taps) = (self.len(), self.size * self.size);
        let shape = (functions, self.orientations * taps);
        let sampled = Tensor::from_slice(&self.sampled, shape, coefficients.device())?;
        let sampled = sampled.to_dtype(coefficients.dtype())?;
        let rows = coefficients.elem_count() / functions;
        let weighed = coefficients.contiguous()?.reshape((rows, functions))?.matmul(&sampled)?;
        Ok(weighed.reshape((rows, self.orientations, taps))?)
    }

    fn filters(&self, all: &Tensor, outputs: usize, inputs: usize) -> Result<Tensor> {
        Ok(all.contiguous()?.reshape((outputs, inputs, self.size, self.size))?)
    }
}
