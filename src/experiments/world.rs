//! What an experiment needs to know of its flow: data, model, velocities.

use super::record::Record;
use super::settings::{RotationSpace, Settings, TranslationSpace};
use crate::cells::FlowRnn;
use crate::data::{Digits, RotatingMnist, Sequences, TranslatingMnist};
use crate::error::Result;
use crate::flow::{
    DegreesPerFrame, FlowGroup, FlowSpace, PixelsPerFrame, Rotation, Translation, VelocitySet,
};
use crate::models::{Forecaster, Initial, TranslationForecaster, parameter_shapes};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A flow with its data and its model.
pub trait World {
    /// The group.
    type Group: FlowGroup;
    /// The sequences.
    type Data: Sequences<Velocity = VelocityOf<Self>>;

    /// V_N for N = `range`; {0} for 0.
    fn velocities(&self, range: u32) -> VelocitySet<VelocityOf<Self>>;

    /// Sequences whose digits draw their velocities from V_N, N = the training range.
    ///
    /// # Errors
    /// Those of the sequences.
    fn data(
        &self,
        digits: &Arc<Digits>,
        settings: &Settings,
        seed: u64,
        device: &Device,
    ) -> Result<Self::Data>;

    /// Everything that is trained.
    ///
    /// # Errors
    /// Those of the model.
    fn parameters(&self) -> Result<Vec<Initial>>;

    /// The model with velocities V_N from tensors by name, apart from what all flows share.
    ///
    /// # Errors
    /// Those of the model.
    fn forecaster(
        &self,
        tensors: &BTreeMap<String, Tensor>,
        range: u32,
    ) -> Result<Forecaster<FlowRnn<Self::Group>>>;

    /// The velocities of the test of velocity generalization.
    fn tested(&self) -> Vec<VelocityOf<Self>>;

    /// The velocity at which hidden states are shown, and equivariance is measured on a trained model.
    fn shown(&self) -> VelocityOf<Self>;

    /// A record that says which velocity the test sequences had.
    fn at_velocity(velocity: VelocityOf<Self>, record: Record) -> Record;
}

/// The velocities of a world.
pub type VelocityOf<W> = <<W as World>::Group as FlowGroup>::Velocity;

/// Named in errors about parameters, which never come from a file here.
const SOURCE: &str = "the parameters of this run";

impl World for TranslationSpace {
    type Group = Translation;
    type Data = TranslatingMnist;

    fn velocities(&self, range: u32) -> VelocitySet<PixelsPerFrame> {
        VelocitySet::square(range)
    }

    fn data(
        &self,
        digits: &Arc<Digits>,
        settings: &Settings,
        seed: u64,
        device: &Device,
    ) -> Result<TranslatingMnist> {
        let velocities = self.velocities(settings.training_range);
        let frames = settings.seen + settings.predicted;
        let data = TranslatingMnist::new(
            digits.clone(),
            self.canvas,
            frames,
            velocities.as_slice(),
            seed,
        )?;
        Ok(data.on(device))
    }

    fn parameters(&self) -> Result<Vec<Initial>> {
        let kernel = |(name, shape)| Initial::convolution(name, shape);
        Ok(parameter_shapes(&self.shape).into_iter().map(kernel).collect())
    }

    fn forecaster(
        &self,
        tensors: &BTreeMap<String, Tensor>,
        range: u32,
    ) -> Result<TranslationForecaster> {
        TranslationForecaster::from_tensors(tensors, self.velocities(range), Path::new(SOURCE))
    }

    fn tested(&self) -> Vec<PixelsPerFrame> {
        VelocitySet::square(2).as_slice().to_vec()
    }

    fn shown(&self) -> PixelsPerFrame {
        PixelsPerFrame::new(1, 1)
    }

    fn at_velocity(velocity: PixelsPerFrame, record: Record) -> Record {
        Record { velocity_x: Some(velocity.x), velocity_y: Some(velocity.y), ..record }
    }
}

impl World for RotationSpace {
    type Group = Rotation;
    type Data = RotatingMnist;

    fn velocities(&self, range: u32) -> VelocitySet<DegreesPerFrame> {
        VelocitySet::multiples(DegreesPerFrame(self.step_deg), range)
    }

    fn data(
        &self,
        digits: &Arc<Digits>,
        settings: &Settings,
        seed: u64,
        device: &Device,
    ) -> Result<RotatingMnist> {
        let velocities = self.velocities(settings.training_range);
        let frames = settings.seen + settings.predicted;
        let data =
            RotatingMnist::new(digits.clone(), self.canvas, frames, velocities.as_slice(), seed)?;
        Ok(data.on(device))
    }

    fn parameters(&self) -> Result<Vec<Initial>> {
        self.shape.parameters()
    }

    fn forecaster(
        &self,
        tensors: &BTreeMap<String, Tensor>,
        range: u32,
    ) -> Result<Forecaster<FlowRnn<Rotation>>> {
        let group = Rotation::new(self.shape.orientations)?;
        let space = FlowSpace::new(group, self.velocities(range), self.lift);
        self.shape.forecaster(tensors, space, Path::new(SOURCE))
    }

    /// As far as a step beyond the fastest velocity of Table 1, as in the paper.
    fn tested(&self) -> Vec<DegreesPerFrame> {
        self.velocities(self.tested_range).as_slice().to_vec()
    }

    fn shown(&self) -> DegreesPerFrame {
        DegreesPerFrame(self.step_deg)
    }

    fn at_velocity(velocity: DegreesPerFrame, record: Record) -> Record {
        Record { velocity_deg: Some(velocity.0), ..record }
    }
}
