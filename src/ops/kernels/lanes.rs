//! Vectors of the CPU as kernels see them, and the choice of instruction set at run time.
//!
//! A kernel is written once, over [`Lanes`]; [`InstructionSet::run`] compiles it for every
//! instruction set and enters the right one.

use pulp::{Simd, WithSimd};
use std::sync::LazyLock;

/// The floating-point types that kernels run on.
pub(crate) trait Float:
    candle_core::WithDType + bytemuck::Pod + PartialOrd + Default + Sync
{
    /// Enters `kernel` compiled for `set`.
    fn run<K: Kernel<Self>>(set: InstructionSet, kernel: K) -> K::Output;

    /// Values in a vector of `set`.
    fn lanes(set: InstructionSet) -> usize {
        struct Count;
        impl<T> Kernel<T> for Count {
            type Output = usize;
            fn run<L: Lanes<Number = T>>(self, _: L) -> usize {
                L::COUNT
            }
        }
        Self::run(set, Count)
    }

    /// Hyperbolic tangent.
    fn hyperbolic_tangent(self) -> Self;

    /// Whether this is no number.
    #[inline(always)]
    #[expect(clippy::eq_op, reason = "a NaN is what is not equal to itself")]
    fn is_nan(self) -> bool {
        self != self
    }
}

/// A loop nest that is compiled for every instruction set.
pub(crate) trait Kernel<T> {
    type Output;

    /// Runs on vectors of `lanes`; implementations are `#[inline(always)]`, as is all they call.
    fn run<L: Lanes<Number = T>>(self, lanes: L) -> Self::Output;
}

/// Arithmetic on vectors of [`Lanes::COUNT`] numbers.
///
/// That a vector is its numbers side by side and nothing else is checked where they meet memory: both are plain
/// bytes, every pattern of which is a value, and the sizes are compared by the compiler.
pub(crate) trait Lanes: Copy {
    type Number: Float;
    type Vector: bytemuck::Pod;
    /// Numbers in a vector.
    const COUNT: usize;
    /// Vectors that the registers hold.
    const REGISTERS: usize;

    fn splat(self, value: Self::Number) -> Self::Vector;
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a · b + c, with one rounding where the CPU can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    #[inline(always)]
    fn zero(self) -> Self::Vector {
        self.splat(Self::Number::default())
    }

    /// # Safety
    /// `from` must be valid for reading [`Lanes::COUNT`] numbers.
    #[inline(always)]
    unsafe fn load(self, from: *const Self::Number) -> Self::Vector {
        const { assert!(size_of::<Self::Vector>() == Self::COUNT * size_of::<Self::Number>()) };
        // SAFETY: a vector is as long as the numbers that the caller promises, and any bytes are one.
        unsafe { from.cast::<Self::Vector>().read_unaligned() }
    }

    /// # Safety
    /// `to` must be valid for writing [`Lanes::COUNT`] numbers.
    #[inline(always)]
    unsafe fn store(self, to: *mut Self::Number, vector: Self::Vector) {
        const { assert!(size_of::<Self::Vector>() == Self::COUNT * size_of::<Self::Number>()) };
        // SAFETY: a vector is as long as the numbers that the caller promises, and its bytes are numbers.
        unsafe { to.cast::<Self::Vector>().write_unaligned(vector) }
    }
}

#[derive(Clone, Copy)]
struct Singles<S>(S);

impl<S: Simd> Lanes for Singles<S> {
    type Number = f32;
    type Vector = S::f32s;
    const COUNT: usize = S::F32_LANES;
    const REGISTERS: usize = S::REGISTER_COUNT;

    #[inline(always)]
    fn splat(self, value: f32) -> S::f32s {
        self.0.splat_f32s(value)
    }
    #[inline(always)]
    fn add(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.add_f32s(a, b)
    }
    #[inline(always)]
    fn sub(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.sub_f32s(a, b)
    }
    #[inline(always)]
    fn mul_add(self, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        self.0.mul_add_e_f32s(a, b, c)
    }
}

#[derive(Clone, Copy)]
struct Doubles<S>(S);

impl<S: Simd> Lanes for Doubles<S> {
    type Number = f64;
    type Vector = S::f64s;
    const COUNT: usize = S::F64_LANES;
    const REGISTERS: usize = S::REGISTER_COUNT;

    #[inline(always)]
    fn splat(self, value: f64) -> S::f64s {
        self.0.splat_f64s(value)
    }
    #[inline(always)]
    fn add(self, a: S::f64s, b: S::f64s) -> S::f64s {
        self.0.add_f64s(a, b)
    }
    #[inline(always)]
    fn sub(self, a: S::f64s, b: S::f64s) -> S::f64s {
        self.0.sub_f64s(a, b)
    }
    #[inline(always)]
    fn mul_add(self, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        self.0.mul_add_e_f64s(a, b, c)
    }
}

/// Four numbers in an array: vectors for CPUs that none of pulp's fits, by the compiler's grace.
/// Multiplies and adds in two roundings; the fused function is a slow library call there.
#[derive(Clone, Copy)]
struct Portable<T>(std::marker::PhantomData<T>);

impl<T: Float> Lanes for Portable<T> {
    type Number = T;
    type Vector = [T; 4];
    const COUNT: usize = 4;
    const REGISTERS: usize = 16;

    #[inline(always)]
    fn splat(self, value: T) -> [T; 4] {
        [value; 4]
    }
    #[inline(always)]
    fn add(self, a: [T; 4], b: [T; 4]) -> [T; 4] {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: [T; 4], b: [T; 4]) -> [T; 4] {
        std::array::from_fn(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul_add(self, a: [T; 4], b: [T; 4], c: [T; 4]) -> [T; 4] {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
}

/// A kernel on f32 in pulp's terms.
struct OnSingles<K>(K);

impl<K: Kernel<f32>> WithSimd for OnSingles<K> {
    type Output = K::Output;
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> K::Output {
        self.0.run(Singles(simd))
    }
}

/// A kernel on f64 in pulp's terms.
struct OnDoubles<K>(K);

impl<K: Kernel<f64>> WithSimd for OnDoubles<K> {
    type Output = K::Output;
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> K::Output {
        self.0.run(Doubles(simd))
    }
}

impl Float for f32 {
    fn run<K: Kernel<f32>>(set: InstructionSet, kernel: K) -> K::Output {
        match set.vectorize(OnSingles(kernel)) {
            Ok(output) => output,
            Err(OnSingles(kernel)) => kernel.run(Portable(std::marker::PhantomData)),
        }
    }

    /// x·P(x²)/Q(x²) with polynomials of degree 4, fitted for the smallest relative error where the
    /// result is not yet ±1: within 8 units in the last place, and a vector at a time, which the
    /// library's function is not. Odd bit for bit; a NaN stays one.
    #[inline(always)]
    fn hyperbolic_tangent(self) -> f32 {
        const END: f32 = 9.02;
        const P: [f32; 4] = [0.133_797_32, 0.003_494_05, 2.058_370_2e-5, 1.331_932_3e-8];
        const Q: [f32; 4] = [0.467_130_48, 0.025_871_133, 3.283_116_7e-4, 7.762_133_7e-7];
        let square = self * self;
        let above = P.iter().rev().fold(0.0, |sum, c| (sum + c) * square) + 1.0;
        let under = Q.iter().rev().fold(0.0, |sum, c| (sum + c) * square) + 1.0;
        let y = self * above / under;
        let y = if y > 1.0 || self > END { 1.0 } else { y };
        if y < -1.0 || self < -END { -1.0 } else { y }
    }
}

impl Float for f64 {
    fn run<K: Kernel<f64>>(set: InstructionSet, kernel: K) -> K::Output {
        match set.vectorize(OnDoubles(kernel)) {
            Ok(output) => output,
            Err(OnDoubles(kernel)) => kernel.run(Portable(std::marker::PhantomData)),
        }
    }

    #[inline(always)]
    fn hyperbolic_tangent(self) -> f64 {
        self.tanh()
    }
}

/// An instruction set that this CPU has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum InstructionSet {
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
    /// What every CPU of the architecture has.
    Portable,
}

/// The name of the instruction set that the kernels run on, for provenance.
pub fn instruction_set() -> &'static str {
    InstructionSet::best().name()
}

static BEST: LazyLock<InstructionSet> = LazyLock::new(|| InstructionSet::all()[0]);

impl InstructionSet {
    /// The fastest one of this CPU.
    pub fn best() -> Self {
        *BEST
    }

    /// All that this CPU has, the fastest first.
    pub fn all() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(pulp::x86::V4::try_new().map(Self::Avx512));
            sets.extend(pulp::x86::V3::try_new().map(Self::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        sets.extend(pulp::aarch64::Neon::try_new().map(Self::Neon));
        sets.push(Self::Portable);
        sets
    }

    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "AVX2",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "NEON",
            Self::Portable => "portable",
        }
    }

    /// Runs `op` where the set is one of pulp's; gives it back where it is not.
    fn vectorize<Op: WithSimd>(self, op: Op) -> Result<Op::Output, Op> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => Ok(Simd::vectorize(simd, op)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Ok(Simd::vectorize(simd, op)),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => Ok(Simd::vectorize(simd, op)),
            Self::Portable => Err(op),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Float;

    #[test]
    fn the_fast_tangent_is_close_odd_bounded_and_keeps_what_is_no_number() {
        for i in 0..=400_000 {
            let x = i as f32 * 2.5e-5; // to 10, beyond which all is 1
            let (y, exact) = (x.hyperbolic_tangent(), f64::from(x).tanh());
            let unit = f64::from(f32::EPSILON) * exact.max(f64::from(f32::MIN_POSITIVE));
            assert!((f64::from(y) - exact).abs() <= 8.0 * unit, "tanh({x}) = {y}");
            assert_eq!((-x).hyperbolic_tangent(), -y);
            assert!(y <= 1.0);
        }
        assert_eq!(f32::INFINITY.hyperbolic_tangent(), 1.0);
        assert!(f32::NAN.hyperbolic_tangent().is_nan());
    }
}
