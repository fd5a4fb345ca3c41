//! What a whole sequence gives.

use crate::error::{Error, Result};
use candle_core::Tensor;

/// Gives the next input frame (B, H, W, C_in), off the graph, from the newest read-out
/// (B, H, W, C).
pub type Feed<'a> = dyn FnMut(&Tensor) -> Result<Tensor> + 'a;

/// After which steps of a sequence of T frames the state is read out. S read-outs in their order
/// make a tensor (S, B, H, W, C).
pub enum ReadOut<'a> {
    /// After the last frame; S = 1.
    Last,
    /// After every frame; S = T.
    Every,
    /// After each of further steps that are fed: first the last frame seen again, then what `feed`
    /// makes of the newest read-out. S = `steps` ≥ 1.
    ///
    /// Gradients flow to the frames seen; what `feed` gives counts as a constant. It is asked after
    /// the last step too, and that answer is not used.
    Fed {
        /// The number of further steps.
        steps: usize,
        /// What is fed.
        feed: &'a mut Feed<'a>,
        /// How it is taken.
        fed_as: FedAs,
    },
}

/// How frames that are fed are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FedAs {
    /// As if they were new, like the paper's public code.
    New,
    /// As the frames of the step before, which they are: every velocity moves them on
    /// ([`Input::FormerFrame`](crate::flow::Input::FormerFrame)).
    Former,
}

impl ReadOut<'_> {
    /// The same again, for one who may pass it on or not.
    pub fn by_ref(&mut self) -> ReadOut<'_> {
        match self {
            Self::Last => ReadOut::Last,
            Self::Every => ReadOut::Every,
            Self::Fed { steps, feed, fed_as } => {
                ReadOut::Fed { steps: *steps, feed: &mut **feed, fed_as: *fed_as }
            }
        }
    }

    /// Whether the state after frame `t` of `frames` is read out.
    pub fn reads(&self, t: usize, frames: usize) -> bool {
        match self {
            Self::Last => t + 1 == frames,
            Self::Every => true,
            Self::Fed { .. } => false,
        }
    }

    /// Steps beyond the frames of the sequence.
    pub(crate) fn further_steps(&self) -> usize {
        match self {
            Self::Fed { steps, .. } => *steps,
            Self::Last | Self::Every => 0,
        }
    }

    /// Refuses sequences of no frame, and feeding of no step.
    pub(crate) fn check(&self, frames: usize) -> Result<()> {
        let steps = match self {
            Self::Fed { steps, .. } => *steps,
            _ => 1,
        };
        if frames == 0 || steps == 0 {
            return Err(Error::configuration(
                "the sequence",
                format!("has {frames} frames and {steps} steps that are read out"),
                "ask for at least one of each",
            ));
        }
        Ok(())
    }

    /// Refuses feature maps that are fed as those of the step before.
    pub(crate) fn check_fed_maps(&self, are_maps: bool) -> Result<()> {
        match self {
            Self::Fed { fed_as: FedAs::Former, .. } if are_maps => Err(Error::configuration(
                "the sequence",
                "feeds feature maps as those of the step before",
                "feed them as new, or feed frames to a cell with an input kernel",
            )),
            _ => Ok(()),
        }
    }
}
