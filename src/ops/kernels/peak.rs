//! The speed limit of this CPU: multiply-adds on registers alone.

use super::lanes::{Float, InstructionSet, Kernel, Lanes};
use rayon::prelude::*;
use std::time::Instant;

/// Rounds of the loop: some milliseconds.
const ROUNDS: usize = 1 << 20;
/// Independent sums, enough to hide the latency of a multiply-add.
const SUMS: usize = 12;

struct MultiplyAdds;

impl<T: Float> Kernel<T> for MultiplyAdds {
    type Output = usize;

    /// Returns the floating-point operations that it took.
    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, lanes: L) -> usize {
        let number = |x: f64| std::hint::black_box(T::from_f64(x));
        let (factor, term) = (lanes.splat(number(0.999)), lanes.splat(number(0.001)));
        let mut sums = [lanes.splat(number(1.0)); SUMS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = lanes.mul_add(*sum, factor, term);
            }
        }
        std::hint::black_box(sums);
        2 * SUMS * ROUNDS * L::COUNT
    }
}

/// Floating-point operations per second of f32 multiply-adds on all of rayon's threads, the best of
/// several measurements; a kernel's speed is judged by its share of this.
pub fn peak_flops() -> f64 {
    let threads = rayon::current_num_threads();
    let once = |_| {
        let start = Instant::now();
        let each = (0..threads)
            .into_par_iter()
            .with_max_len(1)
            .map(|_| f32::run(InstructionSet::best(), MultiplyAdds));
        each.sum::<usize>() as f64 / start.elapsed().as_secs_f64()
    };
    (0..8).map(once).fold(0.0, f64::max)
}
