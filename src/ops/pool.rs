//! Pooling over the velocity axis: the read-out that maps V × G to G.

use super::composed;
use super::kernels::Float;
use super::pooling::VelocityPooling;
use super::storage::{CpuView, contiguous};
use crate::error::{Result, expect_shape};
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Shape, Tensor};
use rayon::prelude::*;

/// Pools (B, V, H, W, C) to (B, H, W, C).
///
/// # Equivariance
/// Invariant to permutations of V: max bit for bit, mean and sum to rounding.
///
/// # Errors
/// [`crate::Error::Shape`] when the tensor does not have five dimensions.
pub fn pool_velocities(state: &Tensor, pooling: VelocityPooling) -> Result<Tensor> {
    let any = ["B", "V", "H", "W", "C"].map(|name| (name, None));
    expect_shape("hidden state", state, &any)?;
    Ok(match pooling {
        VelocityPooling::Max if !state.device().is_cpu() => composed::maximum(state)?,
        VelocityPooling::Max => state.contiguous()?.apply_op1(MaxPool)?,
        VelocityPooling::Mean => state.mean(1)?,
        VelocityPooling::Sum => state.sum(1)?,
    })
}

struct MaxPool;

/// Extents (slices, elements of a slice) of a (B, V, H, W, C) tensor.
fn extents(dims: &[usize]) -> (usize, usize) {
    (dims[1], dims[2..].iter().product())
}

fn maximum<T: Float>(state: &[T], dims: &[usize]) -> Vec<T> {
    let (velocities, slice) = extents(dims);
    let mut pooled = vec![T::default(); dims[0] * slice];
    pooled.par_chunks_mut(slice).zip(state.par_chunks(velocities * slice)).for_each(
        |(pooled, state)| {
            pooled.copy_from_slice(&state[..slice]);
            for values in state[slice..].chunks(slice) {
                for (max, &value) in pooled.iter_mut().zip(values) {
                    // A NaN wins, and goes on winning, so that it is noticed.
                    *max = if value > *max || value.is_nan() { value } else { *max };
                }
            }
        },
    );
    pooled
}

fn scatter<T: Float>(state: &[T], pooled: &[T], gradient: &[T], dims: &[usize]) -> Vec<T> {
    let (velocities, slice) = extents(dims);
    let mut scattered = vec![T::default(); state.len()];
    scattered
        .par_chunks_mut(velocities * slice)
        .zip(state.par_chunks(velocities * slice))
        .zip(pooled.par_chunks(slice).zip(gradient.par_chunks(slice)))
        .for_each(|((scattered, state), (pooled, gradient))| {
            let mut left = gradient.to_vec(); // taken by the first velocity that attains the maximum
            for (to, state) in scattered.chunks_mut(slice).zip(state.chunks(slice)) {
                for i in 0..slice {
                    if state[i] == pooled[i] {
                        to[i] = left[i];
                        left[i] = T::default();
                    }
                }
            }
        });
    scattered
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-over-velocities"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let dims = layout.dims();
        let pooled = match x {
            CpuStorage::F64(_) => CpuStorage::F64(maximum(contiguous(x, layout)?, dims)),
            _ => CpuStorage::F32(maximum(contiguous(x, layout)?, dims)),
        };
        Ok((pooled, (dims[0], dims[2], dims[3], dims[4]).into()))
    }

    fn bwd(
        &self,
        state: &Tensor,
        pooled: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        fn run<T: Float>(
            state: &Tensor,
            pooled: &Tensor,
            gradient: &Tensor,
        ) -> candle_core::Result<Tensor> {
            let views = [state, pooled, gradient].map(CpuView::of);
            let [h, pooled, gradient] = &views;
            let scattered =
                scatter::<T>(h.slice()?, pooled.slice()?, gradient.slice()?, state.dims());
            Tensor::from_vec(scattered, state.shape(), state.device())
        }
        let gradient = gradient.contiguous()?;
        Ok(Some(match state.dtype() {
            DType::F64 => run::<f64>(state, pooled, &gradient)?,
            _ => run::<f32>(state, pooled, &gradient)?,
        }))
    }
}
