//! Forecasters and classifiers as subjects of the equivariance check.

use super::classifier::{Classifier, Mode, RecurrentClassifier};
use super::forecaster::{Feedback, Forecaster};
use crate::cells::FlowCell;
use crate::equivariance::{Claim, Stage, Subject, Values};
use crate::error::Result;
use crate::flow::{FlowGroup, Sequence, Translation, VelocitySet};
use candle_core::Tensor;

/// Frames that a forecaster is asked for.
const PREDICTED: usize = 3;

/// The stages of the cell over the frames seen, then these frames with those predicted after them: which
/// flow with the input over a closed set if what is fed back does ([`Feedback::Flowed`]).
impl<C: FlowCell> Subject for Forecaster<C> {
    type Group = C::Group;

    fn observe(&self, sequence: Sequence<'_>) -> Result<Vec<Stage>> {
        let mut stages = self.cell().observe(sequence)?;
        let seen = sequence.tensor();
        let all = Tensor::cat(&[seen, &self.forecast(seen, PREDICTED)?], 1)?;
        let claim = match self.feedback() {
            Feedback::Flowed => Claim::FlowsOfClosedSets,
            _ => Claim::StillMotions,
        };
        stages.push(Stage { name: "forecast".into(), values: Values::Frames(all), claim });
        Ok(stages)
    }

    fn compared(
        &self,
        velocities: &VelocitySet<<C::Group as FlowGroup>::Velocity>,
        flow: <C::Group as FlowGroup>::Velocity,
        t: usize,
    ) -> Vec<(usize, usize)> {
        self.cell().compared(velocities, flow, t)
    }
}

/// The encoder's feature maps, the hidden states of all layers, and the logits, which no still transformation
/// changes, and no flow over a closed set; in evaluation mode.
impl Subject for RecurrentClassifier {
    type Group = Translation;

    fn observe(&self, sequence: Sequence<'_>) -> Result<Vec<Stage>> {
        let clips = sequence.tensor();
        let maps = self.encode(clips, &mut Mode::Evaluation)?; // (B, T, H, W, C)
        let maps = maps.permute((0, 1, 4, 2, 3))?.contiguous()?;
        let stage = |name: String, values, claim| Stage { name, values, claim };
        let mut stages = vec![stage("encoder".into(), Values::Maps(maps), Claim::EveryFlow)];
        for (place, after) in self.states_of_layers(clips)?.into_iter().enumerate() {
            let values = Values::States(self.space().lift(), after);
            stages.push(stage(format!("state of layer {}", place + 1), values, Claim::EveryFlow));
        }
        let logits = Values::Invariant(self.logits(clips, &mut Mode::Evaluation)?);
        stages.push(stage("logits".into(), logits, Claim::FlowsOfClosedSets));
        Ok(stages)
    }
}
