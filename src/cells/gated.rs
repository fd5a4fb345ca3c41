//! What gated cells have in common: stacked kernels, carried memories.

use super::layer::{FlowLayer, expect_gates};
use crate::error::Result;
use crate::flow::{Drive, FlowGroup, FlowSpace, Input, LiftedState, Sequence};
use crate::ops::{ConvAlgorithm, Gated, ReadOut, Unrolled, Update, VelocityPooling};
use candle_core::{D, Tensor};
use std::marker::PhantomData;

/// The equations of a gated cell, point-wise in (ν, g) once the convolutions are done.
pub trait Gating: Clone + Send + Sync {
    /// Maps of C channels that U and W make each.
    const GATES: usize;

    /// Tensors remembered, the hidden state first.
    const MEMORIES: usize;

    /// The same equations as the operations know them, where they do: then whole sequences run
    /// at once, with approximations of the non-linearities of the same precision.
    const KNOWN_AS: Option<Gated> = None;

    /// The next memories from the carried ones.
    ///
    /// # Shapes
    /// `input` U ⋆ f, (B, V or 1, H, W, gates·C); `recurrent` W ⋆ m, (B, V, H, W, gates·C), or ψ_1(ν)·[W ⋆ h]
    /// in the other [`CarryOrder`](crate::ops::CarryOrder); memories (B, V, H, W, C).
    fn update(input: &Tensor, recurrent: &Tensor, carried: &[Tensor]) -> Result<Vec<Tensor>>;
}

/// A gated cell over V × G: every remembered tensor is carried by the flow, then the gates act point
/// by point. With a group of the other [`CarryOrder`](crate::ops::CarryOrder) the recurrent maps of the
/// gates are convolved first and carried then; what is remembered beside them is carried in any case.
///
/// # Equivariance
/// That of [`FlowLayer`], as exact as [`FlowRnn`](super::FlowRnn).
#[derive(Clone, Debug)]
pub struct GatedRnn<G: FlowGroup, T> {
    space: FlowSpace<G>,
    drive: Drive,
    recurrent_kernel: Tensor,
    pooling: VelocityPooling,
    algorithm: ConvAlgorithm,
    gating: PhantomData<T>,
}

impl<G: FlowGroup, T: Gating> GatedRnn<G, T> {
    /// A cell with max pooling and [`ConvAlgorithm::Auto`].
    ///
    /// # Shapes
    /// `input_kernel` U (gates·C, C_in, k, k) and `recurrent_kernel` W (gates·C, C, k', k'), odd
    /// extents, the gates stacked in the order of their equations. Without U (`None`) the inputs are
    /// feature maps of gates·C channels ([`Input::Map`]).
    ///
    /// # Errors
    /// [`crate::Error::Shape`] when the kernels' channels disagree.
    pub fn over(
        space: FlowSpace<G>,
        input_kernel: impl Into<Option<Tensor>>,
        recurrent_kernel: Tensor,
    ) -> Result<Self> {
        let drive = expect_gates(input_kernel.into(), &recurrent_kernel, T::GATES)?;
        let (pooling, algorithm) = (VelocityPooling::Max, ConvAlgorithm::Auto);
        Ok(Self { space, drive, recurrent_kernel, pooling, algorithm, gating: PhantomData })
    }

    /// Replaces the pooling over V in the read-out.
    pub fn with_pooling(self, pooling: VelocityPooling) -> Self {
        Self { pooling, ..self }
    }

    /// Replaces how the convolutions over V × G are computed.
    pub fn with_algorithm(self, algorithm: ConvAlgorithm) -> Self {
        Self { algorithm, ..self }
    }
}

/// Map `number`, from 0, of `gates` maps whose channels are stacked in (B, V, H, W, gates·C): what a
/// [`Gating`] takes apart. The result is (B, V, H, W, C).
///
/// # Errors
/// Those of candle when there is no map of that number.
///
/// A minimal gated unit (Zhou et al., 2016) as a cell of one's own:
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candle_nn::ops::sigmoid;
/// use fernn::cells::{GatedRnn, Gating, gate};
/// use fernn::equivariance::state_error;
/// use fernn::flow::{FlowSpace, Lift, PixelsPerFrame, Translation, VelocitySet};
///
/// /// a = sigmoid( W_a ⋆ m + U_a ⋆ f ), n = tanh( a ⊙ (W_n ⋆ m) + U_n ⋆ f ), h' = (1 − a) ⊙ m + a ⊙ n
/// #[derive(Clone)]
/// struct MinimalGates;
///
/// impl Gating for MinimalGates {
///     const GATES: usize = 2;
///     const MEMORIES: usize = 1;
///
///     fn update(input: &Tensor, recurrent: &Tensor, carried: &[Tensor]) -> fernn::Result<Vec<Tensor>> {
///         let [u, w] = [input, recurrent].map(|all| move |number| gate(all, number, 2));
///         let a = sigmoid(&w(0)?.broadcast_add(&u(0)?)?)?;
///         let n = (&a * w(1)?)?.broadcast_add(&u(1)?)?.tanh()?;
///         Ok(vec![((a.affine(-1.0, 1.0)? * &carried[0])? + (a * n)?)?])
///     }
/// }
///
/// # fn main() -> fernn::Result<()> {
/// let normal = |shape: &[usize]| Tensor::randn(0f32, 0.3, shape, &Device::Cpu);
/// let space = FlowSpace::new(Translation, VelocitySet::square(1), Lift::CoMoving);
/// let cell =
///     GatedRnn::<_, MinimalGates>::over(space, normal(&[6, 1, 3, 3])?, normal(&[6, 3, 3, 3])?)?;
/// let error = state_error(&cell, &normal(&[1, 4, 1, 5, 7])?, PixelsPerFrame::new(1, -1))?;
/// assert_eq!(error.max(), 0.0, "flow equivariant, bit for bit");
/// # Ok(())
/// # }
/// ```
pub fn gate(stacked: &Tensor, number: usize, gates: usize) -> Result<Tensor> {
    let channels = stacked.dim(D::Minus1)? / gates;
    Ok(stacked.narrow(D::Minus1, number * channels, channels)?.contiguous()?)
}

impl<G: FlowGroup, T: Gating> FlowLayer for GatedRnn<G, T> {
    type Group = G;

    fn space(&self) -> &FlowSpace<G> {
        &self.space
    }

    fn channels(&self) -> usize {
        self.recurrent_kernel.dims()[1]
    }

    fn memories(&self) -> usize {
        T::MEMORIES
    }

    fn pooling(&self) -> VelocityPooling {
        self.pooling
    }

    fn parameters(&self) -> Vec<&Tensor> {
        self.drive.kernel().into_iter().chain([&self.recurrent_kernel]).collect()
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let (space, how) = (&self.space, self.algorithm);
        let u = space.drive(input, &self.drive, state.frames_seen(), how)?;
        let (m, w) = space.carry_and_convolve(state.hidden(), &self.recurrent_kernel, how)?;
        let mut carried = vec![m];
        for memory in &state.memories()[1..] {
            carried.push(space.carry(memory)?);
        }
        Ok(state.next(T::update(&u, &w, &carried)?))
    }

    fn unroll_at_once(
        &self,
        sequence: Sequence<'_>,
        read_out: ReadOut<'_>,
    ) -> Result<Option<Tensor>> {
        let Some(update) = T::KNOWN_AS.map(Update::Gated) else { return Ok(None) };
        let kernels = self.drive.kernels(sequence, &self.recurrent_kernel)?;
        let how = Unrolled { update, pooling: self.pooling, algorithm: self.algorithm };
        self.space.unroll(sequence, kernels, how, read_out)
    }
}
