//! Point-wise non-linearities.

use super::kernels::Float;
use crate::error::Result;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// Point-wise non-linearity σ. A NaN stays a NaN, so that it is noticed in the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// max(0, x), the paper's choice for Flowing MNIST.
    #[default]
    Relu,
    /// Hyperbolic tangent, the paper's choice for Moving KTH.
    Tanh,
    /// σ(x) = x.
    Identity,
}

impl Activation {
    /// σ(x) in place; one loop per function, so that each is compiled to vector instructions.
    #[inline(always)]
    pub(super) fn apply<T: Float>(self, x: &mut [T]) {
        let zero = T::default();
        match self {
            // Added to 0, which changes −0 alone: of a choice between the target's own value and another the compiler
            // makes a store under a mask, and that is slow on CPUs with AVX2 alone.
            Activation::Relu => x.iter_mut().for_each(|x| *x = positive_part(*x + zero)),
            Activation::Tanh => x.iter_mut().for_each(|x| *x = x.hyperbolic_tangent()),
            Activation::Identity => {}
        }
    }

    /// y ← σ(y + u).
    #[inline(always)]
    pub(super) fn apply_to_sum<T: Float>(self, u: &[T], y: &mut [T]) {
        let each = y.iter_mut().zip(u);
        match self {
            Activation::Relu => each.for_each(|(y, &u)| *y = positive_part(*y + u)),
            Activation::Tanh => each.for_each(|(y, &u)| *y = (*y + u).hyperbolic_tangent()),
            Activation::Identity => each.for_each(|(y, &u)| *y += u),
        }
    }

    /// inner ← inner · σ'(x), from the result y = σ(x).
    #[inline(always)]
    pub(super) fn chain<T: Float>(self, y: &[T], inner: &mut [T]) {
        let zero = T::default();
        let each = inner.iter_mut().zip(y);
        match self {
            // Added to 0 as above.
            Activation::Relu => {
                each.for_each(|(inner, &y)| *inner = if y > zero { *inner + zero } else { zero });
            }
            Activation::Tanh => {
                each.for_each(|(inner, &y)| *inner *= T::from_f64(1.0) - y * y);
            }
            Activation::Identity => {}
        }
    }
}

/// max(0, x); a NaN stays one.
#[inline(always)]
fn positive_part<T: Float>(x: T) -> T {
    if x < T::default() { T::default() } else { x }
}

/// σ(x) of any tensor. A NaN stays a NaN, which candle's own ReLU turns into 0.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    Ok(match activation {
        Activation::Relu => x.le(0.0)?.where_cond(&x.zeros_like()?, x)?,
        Activation::Tanh => x.tanh()?,
        Activation::Identity => x.clone(),
    })
}
