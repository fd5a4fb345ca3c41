//! Which kernel runs for which element type: vector kernels for f32, the plain loops for f64.

use super::geometry::Geometry;
use super::{plain, simd};
use candle_core::WithDType;

/// An element type that the convolutions run on.
pub(crate) trait Element: WithDType + plain::Number + PartialOrd + Default {
    /// Outputs that a kernel computes together; weights are packed in blocks of this many.
    fn block(outputs: usize) -> usize;

    /// One image, from `padded` input and weights [block][tap][input][block outputs].
    fn convolve_image(g: &Geometry, padded: &[Self], packed: &[Self], out: &mut [Self]);

    /// Adds an image's weight gradient to `sums` [tap][input][outputs rounded up to whole blocks];
    /// `gradient` is (H, W, outputs rounded up).
    fn accumulate_weights(g: &Geometry, padded: &[Self], gradient: &[Self], sums: &mut [Self]);

    /// Hyperbolic tangent.
    fn hyperbolic_tangent(self) -> Self;
}

impl Element for f64 {
    fn block(outputs: usize) -> usize {
        outputs
    }

    fn convolve_image(g: &Geometry, padded: &[f64], packed: &[f64], out: &mut [f64]) {
        plain::convolve_image(g, padded, packed, out);
    }

    fn accumulate_weights(g: &Geometry, padded: &[f64], gradient: &[f64], sums: &mut [f64]) {
        plain::accumulate_weights(g, padded, gradient, sums);
    }

    fn hyperbolic_tangent(self) -> f64 {
        self.tanh()
    }
}

impl Element for f32 {
    fn block(outputs: usize) -> usize {
        simd::block(outputs)
    }

    fn convolve_image(g: &Geometry, padded: &[f32], packed: &[f32], out: &mut [f32]) {
        simd::convolve_image(g, padded, packed, out);
    }

    fn accumulate_weights(g: &Geometry, padded: &[f32], gradient: &[f32], sums: &mut [f32]) {
        simd::accumulate_weights(g, padded, gradient, sums);
    }

    fn hyperbolic_tangent(self) -> f32 {
        self.tanh()
    }
}

/// The instruction set that the f32 kernels were dispatched to, for provenance.
pub fn simd_name() -> String {
    format!("{} f32 lanes", simd::lanes())
}
