//! Circular convolution of frames with its non-linearity, differentiable in the input and the weights.

use super::activation::Activation;
use super::driver::{self, CpuView, Weights};
use super::element::Element;
use super::geometry::{Geometry, Shift};
use crate::error::{Error, Result, expect_shape};
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Shape, Tensor};

/// Cross-correlation with circular boundaries and an odd kernel, centred, then a non-linearity.
///
/// `y(p, o) = σ(Σ_{i, d} w(o, i, d) · x(p + d, i))`, indices modulo the torus.
///
/// # Shapes
/// `x` (B, H, W, C_in), contiguous; `kernel` (C_out, C_in, kh, kw), kh and kw odd; result
/// (B, H, W, C_out). f32 or f64.
///
/// # Equivariance
/// Commutes with every shift of the torus bit for bit.
///
/// # Errors
/// [`Error::Shape`] when channels disagree, [`Error::Configuration`] for an even kernel.
pub fn circular_convolution(x: &Tensor, kernel: &Tensor, activation: Activation) -> Result<Tensor> {
    let any = ["B", "H", "W", "C_in"].map(|name| (name, None));
    expect_shape("convolution input", x, &any)?;
    let geometry = geometry("convolution kernel", x, kernel)?;
    Ok(x.contiguous()?
        .apply_op2(&kernel.contiguous()?, CircularConvolution { geometry, activation })?)
}

/// The geometry of a convolution of the last three dimensions (H, W, C_in) of `x` with `kernel`.
pub(super) fn geometry(what: &'static str, x: &Tensor, kernel: &Tensor) -> Result<Geometry> {
    let dims = x.dims();
    let (channels, space) = (dims[dims.len() - 1], &dims[dims.len() - 3..dims.len() - 1]);
    expect_shape(
        what,
        kernel,
        &[("C_out", None), ("C_in", Some(channels)), ("kh", None), ("kw", None)],
    )?;
    let (outputs, inputs, kernel_height, kernel_width) = kernel.dims4()?;
    if kernel_height % 2 == 0 || kernel_width % 2 == 0 {
        return Err(Error::configuration(
            what,
            format!("has the even size {kernel_height}×{kernel_width}, which has no centre"),
            "use an odd kernel size",
        ));
    }
    Ok(Geometry {
        images: dims[..dims.len() - 3].iter().product(),
        height: space[0],
        width: space[1],
        inputs,
        outputs,
        kernel_height,
        kernel_width,
    })
}

struct CircularConvolution {
    geometry: Geometry,
    activation: Activation,
}

impl CircularConvolution {
    fn forward<T: Element>(&self, x: &[T], kernel: &[T]) -> CpuStorage {
        let packed = driver::pack(&self.geometry, kernel, Weights::Forward);
        let still = [Shift::default()];
        let y = driver::convolve(&self.geometry, x, &packed, &still, |_, image| {
            self.activation.apply(image);
        });
        T::to_cpu_storage_owned(y)
    }

    fn backward<T: Element>(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let (views, still) = ([x, kernel, result, gradient].map(CpuView::of), [Shift::default()]);
        let [inputs, weights, result, gradient] = &views;
        let mut inner = vec![T::default(); result.slice::<T>()?.len()];
        self.activation.chain(result.slice()?, gradient.slice()?, &mut inner);
        let to_kernel =
            driver::weight_gradient(&self.geometry, inputs.slice::<T>()?, &inner, &still);
        let to_kernel = Tensor::from_vec(to_kernel, kernel.shape(), kernel.device())?;
        if !x.track_op() {
            return Ok((None, Some(to_kernel)));
        }
        let adjoint = self.geometry.transposed();
        let packed = driver::pack(&adjoint, weights.slice::<T>()?, Weights::Adjoint);
        let to_x = driver::convolve(&adjoint, &inner, &packed, &still, |_, _| ());
        Ok((Some(Tensor::from_vec(to_x, x.shape(), x.device())?), Some(to_kernel)))
    }
}

impl CustomOp2 for CircularConvolution {
    fn name(&self) -> &'static str {
        "circular-convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        kernel: &CpuStorage,
        kernel_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let mut dims = x_layout.dims().to_vec();
        *dims.last_mut().expect("checked to have four dimensions") = self.geometry.outputs;
        let y = match x {
            CpuStorage::F64(_) => self.forward::<f64>(
                driver::contiguous(x, x_layout)?,
                driver::contiguous(kernel, kernel_layout)?,
            ),
            _ => self.forward::<f32>(
                driver::contiguous(x, x_layout)?,
                driver::contiguous(kernel, kernel_layout)?,
            ),
        };
        Ok((y, dims.into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        match x.dtype() {
            DType::F64 => self.backward::<f64>(x, kernel, result, &gradient),
            _ => self.backward::<f32>(x, kernel, result, &gradient),
        }
    }
}
