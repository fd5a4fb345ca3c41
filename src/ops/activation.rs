//! Point-wise non-linearities.

use super::element::Element;
use serde::{Deserialize, Serialize};

/// Point-wise non-linearity σ. A NaN stays a NaN, so that it is noticed in the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// max(0, x), the paper's choice for Flowing MNIST.
    Relu,
    /// Hyperbolic tangent, the paper's choice for Moving KTH.
    Tanh,
    /// σ(x) = x.
    Identity,
}

impl Activation {
    /// σ(x) in place; one loop per function, so that each is compiled to vector instructions.
    pub(super) fn apply<T: Element>(self, x: &mut [T]) {
        let zero = T::default();
        match self {
            Activation::Relu => x.iter_mut().for_each(|x| *x = if *x < zero { zero } else { *x }),
            Activation::Tanh => x.iter_mut().for_each(|x| *x = x.hyperbolic_tangent()),
            Activation::Identity => {}
        }
    }

    /// inner = gradient · σ'(x), from the result σ(x).
    pub(super) fn chain<T: Element>(self, result: &[T], gradient: &[T], inner: &mut [T]) {
        let zero = T::default();
        let each = inner.iter_mut().zip(result.iter().zip(gradient));
        match self {
            Activation::Relu => {
                each.for_each(|(inner, (&y, &g))| *inner = if y > zero { g } else { zero });
            }
            Activation::Tanh => {
                each.for_each(|(inner, (&y, &g))| *inner = g * (T::from_f64(1.0) - y * y));
            }
            Activation::Identity => inner.copy_from_slice(gradient),
        }
    }
}
