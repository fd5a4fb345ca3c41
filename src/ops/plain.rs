//! The plain loops: the generic (f64) path, and the reference that the vector kernels are held to.

use super::geometry::Geometry;

/// The arithmetic that the plain loops need.
pub(crate) trait Number:
    Copy + Default + std::ops::Add<Output = Self> + std::ops::Mul<Output = Self>
{
}
impl Number for f32 {}
impl Number for f64 {}

/// One image: `padded` input with halo, weights [tap][input][output], output (H, W, outputs).
pub(crate) fn convolve_image<T: Number>(g: &Geometry, padded: &[T], packed: &[T], out: &mut [T]) {
    for (pixel, sums) in out.chunks_exact_mut(g.outputs).enumerate() {
        sums.fill(T::default());
        for tap in 0..g.taps() {
            let inputs = &padded[halo_offset(g, pixel, tap)..][..g.inputs];
            for (input, &x) in inputs.iter().enumerate() {
                let weights = &packed[(tap * g.inputs + input) * g.outputs..][..g.outputs];
                for (sum, &w) in sums.iter_mut().zip(weights) {
                    *sum = *sum + x * w;
                }
            }
        }
    }
}

/// Adds one image's share to the weight gradient [tap][input][output].
pub(crate) fn accumulate_weights<T: Number>(
    g: &Geometry,
    padded: &[T],
    gradient: &[T],
    sums: &mut [T],
) {
    for (pixel, gradient) in gradient.chunks_exact(g.outputs).enumerate() {
        for tap in 0..g.taps() {
            let inputs = &padded[halo_offset(g, pixel, tap)..][..g.inputs];
            for (input, &x) in inputs.iter().enumerate() {
                let sums = &mut sums[(tap * g.inputs + input) * g.outputs..][..g.outputs];
                for (sum, &d) in sums.iter_mut().zip(gradient) {
                    *sum = *sum + x * d;
                }
            }
        }
    }
}

/// Where the input under `tap` of the kernel centred on `pixel` lies in the padded image.
fn halo_offset(g: &Geometry, pixel: usize, tap: usize) -> usize {
    let (y, x) = (pixel / g.width + tap / g.kernel_width, pixel % g.width + tap % g.kernel_width);
    (y * g.padded_width() + x) * g.inputs
}
