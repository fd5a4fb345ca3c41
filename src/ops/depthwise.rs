//! One small kernel per velocity, the same for all channels: the learned shifts of the G-RNN+.

use super::composed;
use super::kernels::{Float, Plane, Shift};
use super::storage::{CpuView, contiguous};
use crate::error::{Error, Result, expect_shape};
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Shape, Tensor};
use rayon::prelude::*;

/// `y(ν, p) = Σ_d D_ν(d)·x(ν, p + d)` for every channel, circular, with centred odd kernels.
///
/// A kernel that is 1 at d = −ν and 0 elsewhere shifts its slice by ν.
///
/// # Shapes
/// `x` and the result (B, V, H, W, C); `kernels` (V, kh, kw), odd extents.
///
/// # Errors
/// [`Error::Shape`] when extents disagree, [`Error::Configuration`] for an even kernel.
pub fn depthwise_convolution(x: &Tensor, kernels: &Tensor) -> Result<Tensor> {
    let any = ["B", "V", "H", "W", "C"].map(|name| (name, None));
    expect_shape("convolved slices", x, &any)?;
    let velocities = Some(x.dims()[1]);
    expect_shape("shift kernels", kernels, &[("V", velocities), ("kh", None), ("kw", None)])?;
    let (_, kh, kw) = kernels.dims3()?;
    if kh % 2 == 0 || kw % 2 == 0 {
        return Err(Error::configuration(
            "shift kernels",
            format!("have the even size {kh}×{kw}, which has no centre"),
            "use an odd kernel size",
        ));
    }
    let taps = taps(kh, kw);
    if !x.device().is_cpu() {
        return composed::depthwise_convolution(x, kernels, &taps);
    }
    Ok(x.contiguous()?.apply_op2(&kernels.contiguous()?, Depthwise { taps })?)
}

/// How each tap moves what it reads: x(p + d) at p is content moved by −d.
fn taps(kh: usize, kw: usize) -> Vec<Shift> {
    let (above, left) = ((kh / 2) as i64, (kw / 2) as i64);
    let tap = |y: usize, x: usize| Shift { down: above - y as i64, right: left - x as i64 };
    (0..kh).flat_map(|y| (0..kw).map(move |x| tap(y, x))).collect()
}

struct Depthwise {
    taps: Vec<Shift>,
}

/// The slices of a (B, V, H, W, C) tensor.
#[derive(Clone, Copy)]
struct Slices {
    plane: Plane,
    velocities: usize,
    channels: usize,
}

impl Slices {
    fn of(dims: &[usize]) -> Self {
        let plane = Plane { height: dims[2], width: dims[3] };
        Self { plane, velocities: dims[1], channels: dims[4] }
    }

    fn len(self) -> usize {
        self.plane.pixels() * self.channels
    }

    /// sum += weight · moved x.
    fn add<T: Float>(self, weight: T, shift: Shift, x: &[T], sum: &mut [T]) {
        let c = self.channels;
        self.plane.moved(shift, |to, from, run| {
            let sum = &mut sum[to * c..][..run * c];
            sum.iter_mut().zip(&x[from * c..]).for_each(|(sum, &x)| *sum += weight * x);
        });
    }

    /// Σ gradient · moved x.
    fn product<T: Float>(self, shift: Shift, x: &[T], gradient: &[T]) -> T {
        let (c, mut sum) = (self.channels, T::default());
        self.plane.moved(shift, |to, from, run| {
            let gradient = &gradient[to * c..][..run * c];
            gradient.iter().zip(&x[from * c..]).for_each(|(&g, &x)| sum += g * x);
        });
        sum
    }
}

impl Depthwise {
    /// Every slice with its own kernel, or with the taps turned round for the adjoint.
    fn apply<T: Float>(&self, x: &[T], kernels: &[T], slices: Slices, is_adjoint: bool) -> Vec<T> {
        let mut y = vec![T::default(); x.len()];
        let each = y.par_chunks_mut(slices.len()).zip(x.par_chunks(slices.len())).enumerate();
        each.for_each(|(number, (y, x))| {
            let kernel = &kernels[(number % slices.velocities) * self.taps.len()..];
            for (&weight, &tap) in kernel.iter().zip(&self.taps) {
                slices.add(weight, if is_adjoint { tap.inverse() } else { tap }, x, y);
            }
        });
        y
    }

    /// The gradient to the kernels, summed over the batch in its order.
    fn to_kernels<T: Float>(&self, x: &[T], gradient: &[T], slices: Slices) -> Vec<T> {
        let products: Vec<Vec<T>> = x
            .par_chunks(slices.len())
            .zip(gradient.par_chunks(slices.len()))
            .map(|(x, g)| self.taps.iter().map(|&tap| slices.product(tap, x, g)).collect())
            .collect();
        let mut sums = vec![T::default(); slices.velocities * self.taps.len()];
        for sample in products.chunks(slices.velocities) {
            sums.iter_mut().zip(sample.iter().flatten()).for_each(|(sum, &p)| *sum += p);
        }
        sums
    }

    fn backward<T: Float>(
        &self,
        x: &Tensor,
        kernels: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let slices = Slices::of(x.dims());
        let views = [x, kernels, gradient].map(CpuView::of);
        let [x_values, kernel_values, g] =
            [views[0].slice::<T>()?, views[1].slice::<T>()?, views[2].slice::<T>()?];
        let to_x = self.apply(g, kernel_values, slices, true);
        let to_kernels = self.to_kernels(x_values, g, slices);
        Ok((
            Some(Tensor::from_vec(to_x, x.shape(), x.device())?),
            Some(Tensor::from_vec(to_kernels, kernels.shape(), x.device())?),
        ))
    }
}

impl CustomOp2 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise-convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        kernels: &CpuStorage,
        kernels_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let slices = Slices::of(x_layout.dims());
        let y = match x {
            CpuStorage::F64(_) => CpuStorage::F64(self.apply(
                contiguous(x, x_layout)?,
                contiguous(kernels, kernels_layout)?,
                slices,
                false,
            )),
            _ => CpuStorage::F32(self.apply(
                contiguous(x, x_layout)?,
                contiguous(kernels, kernels_layout)?,
                slices,
                false,
            )),
        };
        Ok((y, x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        kernels: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        match x.dtype() {
            DType::F64 => self.backward::<f64>(x, kernels, &gradient),
            _ => self.backward::<f32>(x, kernels, &gradient),
        }
    }
}
