//! The gated recurrent unit on V × G.

use super::gated::{GatedRnn, Gating, gate};
use crate::error::Result;
use crate::ops::Gated;
use candle_core::Tensor;
use candle_nn::ops::sigmoid;

/// A convolutional gated recurrent unit over V × G; see [`GruGates`] for its equations.
pub type FlowGru<G> = GatedRnn<G, GruGates>;

/// The equations of the gated recurrent unit (Cho et al., 2014; the reset gate after the
/// convolution, as in cuDNN and PyTorch). With m(ν) = ψ_1(ν)·h_t(ν) in the lab frame, and m = h̃_t,
/// f = ψ_t(ν)⁻¹·f_t in the co-moving one:
///
/// ```text
/// r = sigmoid( W_r ⋆ m + U_r ⋆ f )
/// z = sigmoid( W_z ⋆ m + U_z ⋆ f )
/// n = tanh( r ⊙ (W_n ⋆ m) + U_n ⋆ f )
/// h_{t+1} = (1 − z) ⊙ n + z ⊙ m
/// ```
///
/// No biases, like the paper's cells. The kernels of r, z, n are stacked in this order, PyTorch's.
#[derive(Clone, Copy, Debug)]
pub struct GruGates;

impl Gating for GruGates {
    const GATES: usize = Gated::Gru.gates();
    const MEMORIES: usize = 1;
    const KNOWN_AS: Option<Gated> = Some(Gated::Gru);

    fn update(input: &Tensor, recurrent: &Tensor, carried: &[Tensor]) -> Result<Vec<Tensor>> {
        let m = &carried[0];
        let [u, w] = [input, recurrent].map(|all| move |number| gate(all, number, Self::GATES));
        let r = sigmoid(&w(0)?.broadcast_add(&u(0)?)?)?;
        let z = sigmoid(&w(1)?.broadcast_add(&u(1)?)?)?;
        let n = (r * w(2)?)?.broadcast_add(&u(2)?)?.tanh()?;
        Ok(vec![((z.affine(-1.0, 1.0)? * n)? + (z * m)?)?])
    }
}
