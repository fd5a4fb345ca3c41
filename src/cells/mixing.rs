//! The recurrent cell whose velocities talk to each other: flow convolution over V.

use super::layer::{FlowLayer, expect_gates};
use crate::error::{Error, Result, expect_shape};
use crate::flow::{Drive, FlowGroup, FlowSpace, Input, Lift, LiftedState};
use crate::ops::{self, Activation, ConvAlgorithm, Recurrence, VelocityPooling};
use candle_core::Tensor;

/// A recurrence with a flow convolution over a neighbourhood N of velocities (Keller 2025,
/// appendix), its kernels shared over V:
///
/// - [`Lift::Trivial`]: `h_{t+1}(ν) = σ( Σ_{δ ∈ N} W_δ ⋆ (ψ_1(ν)·h_t(ν + δ)) + U ⋆ f_t )`
/// - [`Lift::CoMoving`]: `h̃_{t+1}(ν) = σ( Σ_{δ ∈ N} W_δ ⋆ (ψ_{t−1}(δ)·h̃_t(ν + δ)) + U ⋆ (ψ_t(ν)⁻¹·f_t) )`
///
/// In the lab frame the neighbours of ν are carried by ψ_1(ν) before they are convolved. With a group of
/// the other [`CarryOrder`](crate::ops::CarryOrder) their sum is carried, `ψ_1(ν)·Σ_{δ ∈ N} W_δ ⋆ h_t(ν + δ)`,
/// as the paper prints it; that differs only where the action interpolates.
///
/// Neighbours that a truncated V lacks count as zero. With N = {0} it is the simple cell.
///
/// # Equivariance
/// That of [`FlowLayer`] for every pair of velocities when V is closed. When V is truncated the
/// missing neighbours are felt one neighbourhood further inside at every step, and the law holds
/// for the pairs that this has not reached.
#[derive(Clone, Debug)]
pub struct MixingRnn<G: FlowGroup> {
    space: FlowSpace<G>,
    drive: Drive,
    mixing_kernels: Tensor, // (D, C, C, k, k)
    neighbourhood: Vec<G::Velocity>,
    recurrence: Recurrence,
}

impl<G: FlowGroup> MixingRnn<G> {
    /// A cell with ReLU, max pooling and [`ConvAlgorithm::Auto`].
    ///
    /// # Shapes
    /// `input_kernel` U (C, C_in, k, k); `mixing_kernels` (D, C, C, k', k'), W_δ in the order of the
    /// D offsets of `neighbourhood`. Without U (`None`) the inputs are feature maps of C channels
    /// ([`Input::Map`]).
    ///
    /// # Errors
    /// [`Error::Shape`] when extents disagree, [`Error::Configuration`] for an empty or repeating
    /// neighbourhood.
    pub fn over(
        space: FlowSpace<G>,
        input_kernel: impl Into<Option<Tensor>>,
        mixing_kernels: Tensor,
        neighbourhood: Vec<G::Velocity>,
    ) -> Result<Self> {
        let repeats = |(i, offset)| neighbourhood[..i].contains(offset);
        if neighbourhood.is_empty() || neighbourhood.iter().enumerate().any(repeats) {
            return Err(Error::configuration(
                "the neighbourhood",
                "is empty or names an offset twice",
                "list each offset once",
            ));
        }
        let (offsets, c) = (Some(neighbourhood.len()), mixing_kernels.dims5()?.1);
        expect_shape(
            "mixing kernels",
            &mixing_kernels,
            &[("D", offsets), ("C", Some(c)), ("C", Some(c)), ("kh", None), ("kw", None)],
        )?;
        let drive = expect_gates(input_kernel.into(), &mixing_kernels.get(0)?, 1)?;
        let recurrence = Recurrence::default();
        Ok(Self { space, drive, mixing_kernels, neighbourhood, recurrence })
    }

    /// Replaces the non-linearity σ.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { recurrence: Recurrence { activation, ..self.recurrence }, ..self }
    }

    /// Replaces the pooling over V in the read-out.
    pub fn with_pooling(self, pooling: VelocityPooling) -> Self {
        Self { recurrence: Recurrence { pooling, ..self.recurrence }, ..self }
    }

    /// Replaces how the convolutions over V × G are computed.
    pub fn with_algorithm(self, algorithm: ConvAlgorithm) -> Self {
        Self { recurrence: Recurrence { algorithm, ..self.recurrence }, ..self }
    }

    /// h(ν + δ) at ν for every ν, in the frame of reference of ν, zero where V ends.
    fn neighbours(&self, state: &LiftedState, offset: G::Velocity) -> Result<Tensor> {
        let (velocities, hidden) = (self.space.velocities(), state.hidden());
        let places: Vec<u32> = (0..velocities.len())
            .map(|v| velocities.neighbour(v, offset).unwrap_or(velocities.len()) as u32)
            .collect();
        let places = Tensor::from_vec(places, velocities.len(), hidden.device())?;
        let with_zero = hidden.pad_with_zeros(1, 0, 1)?;
        let slices = with_zero.index_select(&places, 1)?;
        match self.space.lift() {
            Lift::Trivial => Ok(slices),
            Lift::CoMoving => {
                let apart = i64::from(state.frames_seen()) - 1;
                let offsets = vec![offset; velocities.len()];
                self.space.group().act_on_slices(&slices, &offsets, apart)
            }
        }
    }

    /// The kernels W_δ side by side, (C, D·C, k, k): one convolution sums over δ.
    fn joint_kernel(&self) -> Result<Tensor> {
        let (offsets, channels, _, kh, kw) = self.mixing_kernels.dims5()?;
        let side_by_side = self.mixing_kernels.permute((1, 0, 2, 3, 4))?.contiguous()?;
        Ok(side_by_side.reshape((channels, offsets * channels, kh, kw))?)
    }
}

impl<G: FlowGroup> FlowLayer for MixingRnn<G> {
    type Group = G;

    fn space(&self) -> &FlowSpace<G> {
        &self.space
    }

    fn channels(&self) -> usize {
        self.mixing_kernels.dims()[1]
    }

    fn pooling(&self) -> VelocityPooling {
        self.recurrence.pooling
    }

    fn parameters(&self) -> Vec<&Tensor> {
        self.drive.kernel().into_iter().chain([&self.mixing_kernels]).collect()
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let (space, how) = (&self.space, self.recurrence.algorithm);
        let u = space.drive(input, &self.drive, state.frames_seen(), how)?;
        let neighbours = self
            .neighbourhood
            .iter()
            .map(|&offset| self.neighbours(state, offset))
            .collect::<Result<Vec<_>>>()?;
        let joint = Tensor::cat(&neighbours, 4)?; // (B, V, H, W, D·C)
        let mixed = space.carried_convolution(&joint, &self.joint_kernel()?, how)?;
        let sum = mixed.broadcast_add(&u)?;
        Ok(state.next(vec![ops::activate(&sum, self.recurrence.activation)?]))
    }

    fn comparable(&self, flow: G::Velocity, t: usize) -> Vec<(usize, usize)> {
        let velocities = self.space.velocities();
        let mut claimed = velocities.pairs_apart(flow);
        for _ in 0..t {
            let before = claimed.clone();
            // Both lack the same neighbours, and those they have obeyed the law one step ago.
            claimed.retain(|&(ours, theirs)| {
                self.neighbourhood.iter().all(|&offset| {
                    match (velocities.neighbour(ours, offset), velocities.neighbour(theirs, offset))
                    {
                        (Some(ours), Some(theirs)) => before.contains(&(ours, theirs)),
                        (ours, theirs) => ours.is_none() && theirs.is_none(),
                    }
                })
            });
        }
        claimed
    }
}
