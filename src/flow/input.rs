//! What a cell reads, at a time step and over a sequence.

use super::group::FlowGroup;
use crate::error::{Error, Result};
use crate::ops;
use candle_core::Tensor;

/// What a cell reads at a time step.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The frame of this step (B, C_in, H, W), still to be lifted by U.
    Frame(&'a Tensor),
    /// The frame of the step before (B, C_in, H, W), which every velocity moves on by ψ_1(ν) to
    /// where it expects it now.
    ///
    /// A frame that is fed back is one step old. Fed as if it were new it breaks flow equivariance;
    /// moved on by each velocity it keeps it: `ψ_1(ν)·ψ_{t−1}(ν̂) = ψ_t(ν̂)·ψ_1(ν − ν̂)`. Cells without
    /// velocities take it for new.
    FormerFrame(&'a Tensor),
    /// A feature map of this step already computed (B, C, H, W), added as it is in the place of
    /// U ⋆ f: C are the channels that U would make. The group acts on it as on hidden features.
    Map(&'a Tensor),
    /// The hidden state (B, V, H, W, C_in) of the layer below, which already is on V × G and in the
    /// same frame of reference: its velocity axis is carried up. U is applied to it where there is
    /// one.
    Lifted(&'a Tensor),
}

/// What a cell reads over a sequence.
#[derive(Clone, Copy, Debug)]
pub enum Sequence<'a> {
    /// Frames (B, T, C_in, H, W), each an [`Input::Frame`].
    Frames(&'a Tensor),
    /// Feature maps (B, T, C, H, W), each an [`Input::Map`].
    Maps(&'a Tensor),
    /// The same with their channels last, (B, T, H, W, C), as encoders on this crate's kernels make them:
    /// operations over a whole sequence take them as they are.
    MapsChannelsLast(&'a Tensor),
}

/// Frames.
impl<'a> From<&'a Tensor> for Sequence<'a> {
    fn from(frames: &'a Tensor) -> Self {
        Self::Frames(frames)
    }
}

impl<'a> Sequence<'a> {
    /// The frames or maps, as they lie.
    pub fn tensor(self) -> &'a Tensor {
        match self {
            Self::Frames(tensor) | Self::Maps(tensor) | Self::MapsChannelsLast(tensor) => tensor,
        }
    }

    /// Whether the items are feature maps.
    pub fn are_maps(self) -> bool {
        !matches!(self, Self::Frames(_))
    }

    /// (B, T, C, H, W), however the items lie.
    ///
    /// # Errors
    /// Those of candle when the tensor has not five dimensions.
    pub fn extents(self) -> Result<[usize; 5]> {
        Ok(match self {
            Self::Frames(tensor) | Self::Maps(tensor) => tensor.dims5()?.into(),
            Self::MapsChannelsLast(tensor) => {
                let (batch, count, height, width, channels) = tensor.dims5()?;
                [batch, count, channels, height, width]
            }
        })
    }

    /// A sequence of the same kind whose items lie as (B, T, C, H, W).
    pub fn like(self, tensor: &Tensor) -> Sequence<'_> {
        if self.are_maps() { Sequence::Maps(tensor) } else { Sequence::Frames(tensor) }
    }

    /// All items with their channels last, contiguous, (B, T, H, W, C).
    ///
    /// # Errors
    /// Those of candle when the tensor has not five dimensions.
    pub fn channels_last(self) -> Result<Tensor> {
        Ok(match self {
            Self::Frames(tensor) | Self::Maps(tensor) => {
                tensor.permute((0, 1, 3, 4, 2))?.contiguous()?
            }
            Self::MapsChannelsLast(tensor) => tensor.contiguous()?,
        })
    }

    /// One frame or map of the sequence as an input.
    pub fn input(self, item: &Tensor) -> Input<'_> {
        match self {
            Self::Frames(_) => Input::Frame(item),
            Self::Maps(_) | Self::MapsChannelsLast(_) => Input::Map(item),
        }
    }

    /// Frame or map t, (B, C, H, W).
    ///
    /// # Errors
    /// Those of candle when there is none.
    pub fn at(self, t: usize) -> Result<Tensor> {
        let item = self.tensor().narrow(1, t, 1)?.squeeze(1)?;
        match self {
            Self::MapsChannelsLast(_) => ops::to_channels_first(&item),
            _ => Ok(item.contiguous()?),
        }
    }

    /// ψ_t(ν)·item for t = `steps`: the group's action on frames, or on hidden features.
    ///
    /// # Errors
    /// Those of the group's actions.
    pub fn act<G: FlowGroup>(
        self,
        group: &G,
        item: &Tensor,
        velocity: G::Velocity,
        steps: i64,
    ) -> Result<Tensor> {
        match self {
            Self::Frames(_) => group.act_on_frame(item, velocity, steps),
            Self::Maps(_) | Self::MapsChannelsLast(_) => group.act_on_map(item, velocity, steps),
        }
    }
}

/// How inputs drive a cell: through an input kernel U, or only as feature maps already computed.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use fernn::flow::Drive;
///
/// # fn main() -> fernn::Result<()> {
/// let u = Tensor::ones((4, 1, 3, 3), DType::F32, &Device::Cpu)?;
/// let by_frames = Drive::new(Some(u), 4);
/// assert!(by_frames.kernel_for_frames().is_ok() && by_frames.check_map(4).is_ok());
/// let by_maps = Drive::new(None, 4);
/// assert!(by_maps.kernel_for_frames().is_err(), "nothing lifts a frame");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Drive {
    kernel: Option<Tensor>,
    channels: usize,
}

impl Drive {
    /// By `kernel` U, where there is one; `channels` are those of what is added.
    pub fn new(kernel: Option<Tensor>, channels: usize) -> Self {
        Self { kernel, channels }
    }

    /// U, where there is one.
    pub fn kernel(&self) -> Option<&Tensor> {
        self.kernel.as_ref()
    }

    /// U, which a frame needs.
    ///
    /// # Errors
    /// [`Error::Configuration`] when there is none.
    pub fn kernel_for_frames(&self) -> Result<&Tensor> {
        self.kernel().ok_or_else(|| {
            Error::configuration(
                "the cell",
                "has no input kernel to lift a frame with",
                "give it feature maps, or make it with an input kernel",
            )
        })
    }

    /// Refuses feature maps that cannot be added, by their channels.
    ///
    /// # Errors
    /// [`Error::Configuration`] when they are too many or too few.
    pub fn check_map(&self, channels: usize) -> Result<()> {
        if channels == self.channels {
            return Ok(());
        }
        let remedy = match self.kernel {
            Some(_) => "give a map with those channels, or a frame, which the input kernel lifts",
            None => "give a map with those channels, or make the cell with an input kernel",
        };
        let needed = self.channels;
        let problem = format!("has {channels} channels where the cell adds {needed}");
        Err(Error::configuration("the feature map", problem, remedy))
    }

    /// The kernels that a whole sequence is run with, beside `recurrent` W.
    ///
    /// # Errors
    /// As [`Drive::kernel_for_frames`] and [`Drive::check_map`].
    pub(crate) fn kernels<'a>(
        &'a self,
        sequence: Sequence<'_>,
        recurrent: &'a Tensor,
    ) -> Result<ops::Kernels<'a>> {
        let input = match sequence {
            Sequence::Frames(_) => Some(self.kernel_for_frames()?),
            Sequence::Maps(_) | Sequence::MapsChannelsLast(_) => {
                self.check_map(sequence.extents()?[2])?;
                None
            }
        };
        Ok(ops::Kernels { input, recurrent })
    }

    /// U ⋆ slices of a layer below, or the slices (B, V, H, W, C) themselves.
    pub(super) fn convolve<G: FlowGroup>(
        &self,
        group: &G,
        slices: &Tensor,
        how: ops::ConvAlgorithm,
    ) -> Result<Tensor> {
        match &self.kernel {
            Some(kernel) => group.convolve(slices, kernel, how),
            None => {
                self.check_map(slices.dims5()?.4)?;
                Ok(slices.clone())
            }
        }
    }
}
