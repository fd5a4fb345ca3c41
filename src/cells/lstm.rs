//! The long short-term memory on V × G.

use super::gated::{GatedRnn, Gating, gate};
use crate::error::Result;
use crate::ops::Gated;
use candle_core::Tensor;
use candle_nn::ops::sigmoid;

/// A convolutional long short-term memory over V × G; see [`LstmGates`] for its equations.
pub type FlowLstm<G> = GatedRnn<G, LstmGates>;

/// The equations of the long short-term memory (Hochreiter & Schmidhuber, 1997; convolutional as in
/// Shi et al., 2015, without peepholes). Both remembered tensors are carried: with m(ν) =
/// ψ_1(ν)·h_t(ν) and k(ν) = ψ_1(ν)·c_t(ν) in the lab frame, and m = h̃_t, k = c̃_t, f = ψ_t(ν)⁻¹·f_t
/// in the co-moving one:
///
/// ```text
/// i = sigmoid( W_i ⋆ m + U_i ⋆ f )
/// a = sigmoid( W_a ⋆ m + U_a ⋆ f )      the forget gate
/// g = tanh( W_g ⋆ m + U_g ⋆ f )
/// o = sigmoid( W_o ⋆ m + U_o ⋆ f )
/// c_{t+1} = a ⊙ k + i ⊙ g
/// h_{t+1} = o ⊙ tanh(c_{t+1})
/// ```
///
/// No biases, like the paper's cells. The kernels of i, a, g, o are stacked in this order, PyTorch's.
#[derive(Clone, Copy, Debug)]
pub struct LstmGates;

impl Gating for LstmGates {
    const GATES: usize = Gated::Lstm.gates();
    const MEMORIES: usize = 2;
    const KNOWN_AS: Option<Gated> = Some(Gated::Lstm);

    fn update(input: &Tensor, recurrent: &Tensor, carried: &[Tensor]) -> Result<Vec<Tensor>> {
        let k = &carried[1];
        let sum = recurrent.broadcast_add(input)?;
        let part = |number| gate(&sum, number, Self::GATES);
        let (i, a, o) = (sigmoid(&part(0)?)?, sigmoid(&part(1)?)?, sigmoid(&part(3)?)?);
        let g = part(2)?.tanh()?;
        let c = ((a * k)? + (i * g)?)?;
        let h = (o * c.tanh()?)?;
        Ok(vec![h, c])
    }
}
