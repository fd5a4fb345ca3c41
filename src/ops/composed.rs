//! The same operations composed of candle's own, for devices that the kernels do not run on.

use super::activation::Activation;
use super::kernels::{Padding, Shift};
use super::resampling::ReadyTurn;
use super::rule::RecurrentStep;
use super::stack::Layer;
use crate::error::Result;
use candle_core::Tensor;

/// [`super::convolution_stack`].
pub(super) fn convolution_stack(x: &Tensor, layers: &[Layer]) -> Result<Tensor> {
    let mut x = x.permute((0, 3, 1, 2))?; // (B, C, H, W)
    for Layer { kernel, activation, padding } in layers {
        x = activate(&convolve(&x, kernel, *padding)?, *activation)?;
    }
    Ok(x.permute((0, 2, 3, 1))?.contiguous()?)
}

/// [`super::flow_recurrence`].
pub(super) fn recurrence(
    state: &Tensor,
    kernel: &Tensor,
    lifted: &Tensor,
    shifts: &[Shift],
    step: RecurrentStep,
) -> Result<Tensor> {
    let (batch, velocities, height, width, channels) = state.dims5()?;
    let images = state.reshape((batch * velocities, height, width, channels))?;
    let images = images.permute((0, 3, 1, 2))?;
    let convolved = convolve(&images, kernel, step.padding)?.permute((0, 2, 3, 1))?;
    let views = lifted.unsqueeze(1)?.broadcast_as(state.shape())?;
    let sum = (convolved.contiguous()?.reshape(state.shape())? + shift_slices(&views, shifts)?)?;
    activate(&sum, step.activation)
}

/// [`super::shift_slices`].
pub(super) fn shift_slices(x: &Tensor, shifts: &[Shift]) -> Result<Tensor> {
    let moved = shifts.iter().enumerate().map(|(v, shift)| {
        let slice = roll(&x.narrow(1, v, 1)?, 2, shift.down)?;
        roll(&slice, 3, shift.right)
    });
    Ok(Tensor::cat(&moved.collect::<Result<Vec<_>>>()?, 1)?)
}

/// [`super::turn_slices`], each rotation as a dense matrix over pixels.
pub(super) fn turn_slices(x: &Tensor, n: usize, turns: &[ReadyTurn]) -> Result<Tensor> {
    let (batch, _, height, width, channels) = x.dims5()?;
    let pixels = height * width;
    let turned = turns.iter().enumerate().map(|(v, turn)| {
        let matrix = Tensor::from_vec(turn.resampling.to_matrix(), (pixels, pixels), x.device())?;
        let slice = x.narrow(1, v, 1)?.contiguous()?.reshape((batch, pixels, channels))?;
        let rotated = matrix.to_dtype(x.dtype())?.broadcast_matmul(&slice)?;
        let fields = rotated.reshape((batch * pixels, channels / n, n))?;
        let rolled = roll(&fields, 2, turn.shift as i64)?;
        Ok(rolled.contiguous()?.reshape((batch, 1, height, width, channels))?)
    });
    Ok(Tensor::cat(&turned.collect::<Result<Vec<_>>>()?, 1)?)
}

/// [`super::depthwise_convolution`], tap by tap.
pub(super) fn depthwise_convolution(
    x: &Tensor,
    kernels: &Tensor,
    taps: &[Shift],
) -> Result<Tensor> {
    let velocities = x.dims()[1];
    let weights = kernels.reshape((1, velocities, taps.len(), 1, 1))?;
    let terms = taps.iter().enumerate().map(|(number, &tap)| {
        let weight = weights.narrow(2, number, 1)?; // (1, V, 1, 1, 1)
        Ok(shift_slices(x, &vec![tap; velocities])?.broadcast_mul(&weight)?)
    });
    let terms = terms.collect::<Result<Vec<_>>>()?;
    Ok(Tensor::stack(&terms, 0)?.sum(0)?)
}

/// The maximum over the velocity axis of (B, V, H, W, C); its gradient goes to one velocity.
pub(super) fn maximum(state: &Tensor) -> Result<Tensor> {
    let winner = state.detach().argmax_keepdim(1)?;
    Ok(state.contiguous()?.gather(&winner.contiguous()?, 1)?.squeeze(1)?)
}

/// Content moved by `by` along a dimension, wrapping around.
fn roll(x: &Tensor, dim: usize, by: i64) -> Result<Tensor> {
    let extent = x.dims()[dim];
    let wrapped = by.rem_euclid(extent as i64) as usize;
    if wrapped == 0 {
        return Ok(x.clone());
    }
    let (head, tail) =
        (x.narrow(dim, 0, extent - wrapped)?, x.narrow(dim, extent - wrapped, wrapped)?);
    Ok(Tensor::cat(&[&tail, &head], dim)?)
}

/// Convolution of (B, C, H, W): a halo, then candle's convolution.
fn convolve(x: &Tensor, kernel: &Tensor, padding: Padding) -> Result<Tensor> {
    let (_, _, kh, kw) = kernel.dims4()?;
    let (above, left) = (kh / 2, kw / 2);
    let padded = match padding {
        Padding::Circular => halo(&halo(x, 2, above)?, 3, left)?,
        Padding::Zero => x.pad_with_zeros(2, above, above)?.pad_with_zeros(3, left, left)?,
    };
    Ok(padded.contiguous()?.conv2d(kernel, 0, 1, 1, 1)?)
}

/// `half` wrapped rows on each side of a dimension, also where it is shorter than that.
fn halo(x: &Tensor, dim: usize, half: usize) -> Result<Tensor> {
    let extent = x.dims()[dim] as i64;
    let half = half as i64;
    let places: Vec<u32> = (-half..extent + half).map(|i| i.rem_euclid(extent) as u32).collect();
    let count = places.len();
    let places = Tensor::from_vec(places, count, x.device())?;
    Ok(x.contiguous()?.index_select(&places, dim)?)
}

/// σ(x). A NaN stays a NaN, which candle's own ReLU turns into 0.
pub(super) fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    Ok(match activation {
        Activation::Relu => x.le(0.0)?.where_cond(&x.zeros_like()?, x)?,
        Activation::Tanh => x.tanh()?,
        Activation::Identity => x.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{
        ConvAlgorithm, Turn, VelocityPooling, convolution_stack, depthwise_convolution,
        flow_recurrence, pool_velocities, shift_slices, turn_slices,
    };
    use crate::rng::Stream;
    use candle_core::{DType, Device, Var};

    fn random(name: &str, shape: &[usize]) -> Var {
        let mut stream = Stream::new(9, name, 0);
        let values: Vec<f64> = (0..shape.iter().product()).map(|_| stream.normal()).collect();
        Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
    }

    /// Compares a result and the gradients of a random functional of it, in f64.
    fn assert_same(composed: Tensor, kernels: Tensor, arguments: &[&Var]) {
        let weights = random("functional", kernels.dims());
        let run = |result: &Tensor| {
            let functional = (result * weights.as_tensor()).unwrap().sum_all().unwrap();
            let gradients = functional.backward().unwrap();
            let gradient = |v: &&Var| gradients.get(v).expect("a gradient").contiguous().unwrap();
            let mut all: Vec<Tensor> = arguments.iter().map(gradient).collect();
            all.push(result.contiguous().unwrap());
            all
        };
        for (composed, kernels) in run(&composed).iter().zip(run(&kernels)) {
            let difference = (composed - &kernels).unwrap().abs().unwrap();
            let scale = kernels.abs().unwrap().flatten_all().unwrap().max(0).unwrap();
            let difference = difference.flatten_all().unwrap().max(0).unwrap();
            let (difference, scale) = (difference.to_scalar::<f64>(), scale.to_scalar::<f64>());
            assert!(difference.unwrap() < 1e-13 * scale.unwrap());
        }
    }

    #[test]
    fn composed_operations_agree_with_the_kernels() {
        let shifts = [(0, 0), (1, -2), (-4, 9)].map(|(down, right)| Shift { down, right });
        for (activation, padding) in [
            (Activation::Relu, Padding::Circular),
            (Activation::Tanh, Padding::Zero),
            (Activation::Identity, Padding::Circular),
        ] {
            let (h, u) = (random("h", &[2, 3, 5, 4, 3]), random("u", &[2, 5, 4, 3]));
            let w = random("w", &[3, 3, 3, 5]);
            let step = RecurrentStep { activation, padding, algorithm: ConvAlgorithm::Direct };
            assert_same(
                recurrence(&h, &w, &u, &shifts, step).unwrap(),
                flow_recurrence(&h, &w, &u, &shifts, step).unwrap(),
                &[&h, &w, &u],
            );
        }
        let (x, a) = (random("x", &[2, 5, 4, 3]), random("a", &[9, 3, 3, 3]));
        let b = random("b", &[1, 9, 5, 5]); // a halo of half the torus
        let layer = |kernel: &Var, activation, padding| Layer {
            kernel: kernel.as_tensor().clone(),
            activation,
            padding,
        };
        let layers = [
            layer(&a, Activation::Tanh, Padding::Zero),
            layer(&b, Activation::Identity, Padding::Circular),
        ];
        assert_same(
            super::convolution_stack(&x, &layers).unwrap(),
            convolution_stack(&x, &layers, ConvAlgorithm::Auto).unwrap(),
            &[&x, &a, &b],
        );
        let h = random("h", &[2, 3, 5, 4, 3]);
        assert_same(
            super::shift_slices(&h, &shifts).unwrap(),
            shift_slices(&h, &shifts).unwrap(),
            &[&h],
        );
        let regular = random("regular", &[2, 3, 5, 4, 6]); // two fields of three orientations
        let turns = [(30.0, -1), (90.0, 2), (-200.0, 4)];
        let turns = turns.map(|(degrees, orientations)| Turn { degrees, orientations });
        assert_same(
            super::turn_slices(&regular, 3, &turns.map(|t| ReadyTurn::new((5, 4), 3, &t))).unwrap(),
            turn_slices(&regular, 3, &turns).unwrap(),
            &[&regular],
        );
        let d = random("d", &[3, 3, 5]);
        let taps =
            (-1..=1).rev().flat_map(|down| (-2..=2).rev().map(move |right| Shift { down, right }));
        assert_same(
            super::depthwise_convolution(&h, &d, &taps.collect::<Vec<_>>()).unwrap(),
            depthwise_convolution(&h, &d).unwrap(),
            &[&h, &d],
        );
        assert_same(
            maximum(&h).unwrap(),
            pool_velocities(&h, VelocityPooling::Max).unwrap(),
            &[&h],
        );
        assert_eq!(h.dtype(), DType::F64);
    }
}
