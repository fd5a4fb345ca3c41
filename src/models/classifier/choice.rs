//! A classifier as data: what it trains, and how it is built over translations.

use super::block::Mode;
use super::model::Classifier;
use super::names::{self, Named};
use super::recurrent::{RecurrentClassifier, RecurrentLayer};
use super::video_cnn::VideoCnn;
use crate::cells::{AnyLayer, FlowRnn, LearnedShiftRnn, shift_kernels};
use crate::error::{Error, Result};
use crate::flow::{FlowSpace, Lift, PixelsPerFrame, Translation, VelocitySet};
use crate::ops::{Activation, ConvAlgorithm, Padding};
use crate::parameters::{Draw, Initial, Tensors};
use candle_core::{DType, Tensor};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The classifiers of the paper's Moving KTH experiment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassifierKind {
    /// The FERNN, and with V = {0} the G-RNN.
    #[default]
    Flow,
    /// The G-RNN+: as many slices, moved by kernels that are learned.
    LearnedShift,
    /// The 3-D CNN.
    VideoCnn,
}

/// A classifier as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassifierChoice {
    /// The kind.
    pub kind: ClassifierKind,
    /// Recurrent layers; of no meaning to the 3-D CNN.
    pub layers: usize,
    /// What the encoder and the blocks between layers, or the 3-D CNN, read beyond the border. The paper's is
    /// zero; with a circular one the classifier is equivariant.
    pub padding: Padding,
    /// How convolutions are computed.
    pub algorithm: ConvAlgorithm,
}

impl Default for ClassifierChoice {
    /// The paper's FERNN.
    fn default() -> Self {
        let (kind, algorithm) = (ClassifierKind::Flow, ConvAlgorithm::Auto);
        Self { kind, layers: 1, padding: Padding::Zero, algorithm }
    }
}

/// Extents of what a classifier trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassifierShape {
    /// Channels of an input frame.
    pub inputs: usize,
    /// Channels of the encoder's three convolutions, the last of which are the hidden channels C; or of the
    /// 3-D CNN's three stages.
    pub widths: [usize; 3],
    /// Classes.
    pub classes: usize,
}

impl ClassifierShape {
    /// The shape with the paper's proportions for `channels` hidden channels of its recurrent classifiers:
    /// an encoder of C/4, C/2 and C channels, or stages of C/8, C/4 and C/2. The paper's C is 128.
    pub fn of(kind: ClassifierKind, channels: usize, classes: usize) -> Self {
        let widths = match kind {
            ClassifierKind::VideoCnn => [8, 4, 2],
            ClassifierKind::Flow | ClassifierKind::LearnedShift => [4, 2, 1],
        };
        Self { inputs: 1, widths: widths.map(|share| (channels / share).max(1)), classes }
    }

    /// The shape of tensors by name.
    ///
    /// # Errors
    /// [`Error::Weights`] naming what it cannot be read off.
    fn read(kind: ClassifierKind, tensors: &Tensors, source: &Path) -> Result<Self> {
        let named = Named { tensors, source };
        let (first, widths, head) = match kind {
            ClassifierKind::VideoCnn => {
                let of = |block: usize| named.kernel(&names::video(names::VIDEO[block])[0]);
                (of(0)?, [of(0)?, of(1)?, of(3)?], names::VIDEO_HEAD)
            }
            _ => {
                let [a, b, c] = names::ENCODER.map(|name| named.kernel(name));
                let (a, b, c) = (a?, b?, c?);
                (a.clone(), [a, b, c], names::HEAD)
            }
        };
        let extent = |tensor: &Tensor, place: usize| tensor.dims().get(place).copied().unwrap_or(0);
        Ok(Self {
            inputs: extent(&first, 1),
            widths: widths.map(|kernel| extent(&kernel, 0)),
            classes: extent(&named.kernel(head)?, 0),
        })
    }
}

/// Extent of the first kernel of the encoder.
const FIRST_KERNEL: usize = 5;
/// Extent of every other kernel, in time as well.
const KERNEL: usize = 3;

/// Extent of the learned shifts: as far as the fastest velocity of the set.
fn shift_extent(velocities: &VelocitySet<PixelsPerFrame>) -> usize {
    let components = velocities.as_slice().iter().flat_map(|v| [v.x, v.y]);
    2 * components.map(i32::unsigned_abs).max().unwrap_or(0) as usize + 1
}

impl ClassifierChoice {
    /// What is trained, and the statistics beside it, under the names of the paper's public code.
    pub fn parameters(
        &self,
        shape: &ClassifierShape,
        velocities: &VelocitySet<PixelsPerFrame>,
    ) -> Vec<Initial> {
        match self.kind {
            ClassifierKind::VideoCnn => video_parameters(shape),
            _ => self.recurrent_parameters(shape, velocities),
        }
    }

    fn recurrent_parameters(
        &self,
        shape: &ClassifierShape,
        velocities: &VelocitySet<PixelsPerFrame>,
    ) -> Vec<Initial> {
        let ClassifierShape { inputs, widths: [a, b, c], classes } = *shape;
        let kernels = [[a, inputs, FIRST_KERNEL], [b, a, KERNEL], [c, b, KERNEL]];
        let kernel = |name: &str, [outputs, inputs, size]: [usize; 3]| {
            names::kernel(name, &[outputs, inputs, size, size])
        };
        let mut all = Vec::new();
        for ((name, norm), extents) in names::ENCODER.iter().zip(names::ENCODER_NORMS).zip(kernels)
        {
            all.push(kernel(name, extents));
            all.extend(names::norm(norm, extents[0]));
        }
        for layer in 0..self.layers {
            if layer > 0 {
                let [convolution, norm] = names::between(layer);
                all.push(kernel(&convolution, [c, c, KERNEL]));
                all.extend(names::norm(&norm, c));
            }
            all.push(kernel(&names::recurrent(layer), [c, c, KERNEL]));
        }
        if self.kind == ClassifierKind::LearnedShift {
            let size = shift_extent(velocities);
            let draw = Draw::Normal(1.0 / size as f64); // as the public code draws them
            all.push(Initial::trained(names::SHIFTS, &[velocities.len(), 1, size, size], draw));
        }
        all.extend(names::linear(names::HEAD, [classes, c]));
        all
    }

    /// The classifier with velocities V of tensors named and shaped as in [`ClassifierChoice::parameters`].
    ///
    /// The widths follow from the tensors. Beside them a file of the public code may hold the one-hot kernels
    /// of its velocities, which must be those of V in their order.
    ///
    /// # Errors
    /// [`Error::Weights`] listing everything missing, unexpected or misshapen, or the first kernel that the
    /// widths cannot be read off; `source` is named.
    pub fn classifier(
        &self,
        tensors: &Tensors,
        velocities: &VelocitySet<PixelsPerFrame>,
        source: &Path,
    ) -> Result<AnyClassifier> {
        if self.layers == 0 {
            let problem = "has no recurrent layer";
            return Err(Error::configuration("the classifier", problem, "give it at least one"));
        }
        let shape = ClassifierShape::read(self.kind, tensors, source)?;
        self.check(tensors, (&shape, velocities), source)?;
        let named = Named { tensors, source };
        Ok(match self.kind {
            ClassifierKind::VideoCnn => AnyClassifier::Video(self.video(&named)?),
            _ => AnyClassifier::Recurrent(self.recurrent(&named, velocities)?),
        })
    }

    /// Refuses tensors that are not those of the parameters.
    fn check(
        &self,
        tensors: &Tensors,
        (shape, velocities): (&ClassifierShape, &VelocitySet<PixelsPerFrame>),
        source: &Path,
    ) -> Result<()> {
        let mut wanted: Vec<(String, Vec<usize>)> = self
            .parameters(shape, velocities)
            .into_iter()
            .map(|initial| (initial.name, initial.shape))
            .collect();
        if self.kind == ClassifierKind::Flow && tensors.contains_key(names::SHIFT_BUFFER) {
            let size = shift_extent(velocities);
            wanted.push((names::SHIFT_BUFFER.into(), vec![velocities.len(), 1, size, size]));
        }
        let mut problems = Vec::new();
        for (name, shape) in &wanted {
            match tensors.get(name) {
                None => problems.push(format!("`{name}` is missing")),
                Some(tensor) if tensor.dims() != *shape => problems
                    .push(format!("`{name}` has shape {:?}, expected {shape:?}", tensor.dims())),
                Some(_) => {}
            }
        }
        if let Some(stored) = tensors.get(names::SHIFT_BUFFER).filter(|_| problems.is_empty()) {
            problems.extend(foreign_shifts(stored, velocities)?);
        }
        let unexpected = tensors.keys().filter(|key| !wanted.iter().any(|(name, _)| name == *key));
        problems.extend(unexpected.map(|name| format!("`{name}` is unexpected")));
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Error::Weights { path: source.to_path_buf(), problems }),
        }
    }

    fn recurrent(
        &self,
        named: &Named<'_>,
        velocities: &VelocitySet<PixelsPerFrame>,
    ) -> Result<RecurrentClassifier> {
        let encoder = names::ENCODER.iter().zip(names::ENCODER_NORMS);
        let encoder = encoder.map(|(convolution, norm)| named.block(convolution, norm));
        let layer = |layer: usize| {
            let block = match layer {
                0 => None,
                _ => {
                    let [convolution, norm] = names::between(layer);
                    Some(named.block(&convolution, &norm)?)
                }
            };
            Ok(RecurrentLayer { block, cell: self.cell(named, layer, velocities)? })
        };
        RecurrentClassifier::new(
            encoder.collect::<Result<_>>()?,
            (0..self.layers).map(layer).collect::<Result<_>>()?,
            named.head(names::HEAD)?,
            (self.padding, self.algorithm),
        )
    }

    /// The cell of a layer: no input kernel, tanh, maximum over V.
    fn cell(
        &self,
        named: &Named<'_>,
        layer: usize,
        velocities: &VelocitySet<PixelsPerFrame>,
    ) -> Result<AnyLayer<Translation>> {
        let recurrent = named.kernel(&names::recurrent(layer))?;
        let space = |lift| FlowSpace::new(Translation, velocities.clone(), lift);
        Ok(match self.kind {
            ClassifierKind::LearnedShift => {
                let shifts = named.tensor(names::SHIFTS)?.squeeze(1)?;
                Box::new(
                    LearnedShiftRnn::over(space(Lift::Trivial), None, recurrent, shifts)?
                        .with_activation(Activation::Tanh)
                        .with_algorithm(self.algorithm),
                )
            }
            _ => {
                let space = space(RecurrentClassifier::lift(self.layers));
                Box::new(
                    FlowRnn::over(space, None, recurrent)?
                        .with_activation(Activation::Tanh)
                        .with_algorithm(self.algorithm),
                )
            }
        })
    }

    fn video(&self, named: &Named<'_>) -> Result<VideoCnn> {
        let [a, b, c, d, e] = names::VIDEO.map(|block| {
            let [convolution, norm] = names::video(block);
            named.block(&convolution, &norm)
        });
        let (head, how) = (named.head(names::VIDEO_HEAD)?, (self.padding, self.algorithm));
        Ok(VideoCnn::new([a?, b?, c?, d?, e?], head, how))
    }
}

/// What is wrong with stored one-hot kernels: velocities in another order, or others.
fn foreign_shifts(
    stored: &Tensor,
    velocities: &VelocitySet<PixelsPerFrame>,
) -> Result<Option<String>> {
    let reach = shift_extent(velocities) as u32 / 2;
    let ours = shift_kernels(velocities, reach, stored.dtype())?.to_device(stored.device())?;
    let difference = (stored.squeeze(1)? - ours)?.abs()?.sum_all()?.to_dtype(DType::F64)?;
    let problem = format!("`{}` holds other velocities than were asked for", names::SHIFT_BUFFER);
    Ok((difference.to_scalar::<f64>()? != 0.0).then_some(problem))
}

fn video_parameters(shape: &ClassifierShape) -> Vec<Initial> {
    let ClassifierShape { inputs, widths: [a, b, c], classes } = *shape;
    let channels = [[a, inputs], [b, a], [b, b], [c, b], [c, c]];
    let mut all = Vec::new();
    for (block, [outputs, inputs]) in names::VIDEO.iter().zip(channels) {
        let [convolution, norm] = names::video(block);
        all.push(names::kernel(&convolution, &[outputs, inputs, KERNEL, KERNEL, KERNEL]));
        all.extend(names::norm(&norm, outputs));
    }
    all.extend(names::linear(names::VIDEO_HEAD, [classes, c]));
    all
}

/// A classifier of any kind.
pub enum AnyClassifier {
    /// FERNN, G-RNN or G-RNN+.
    Recurrent(RecurrentClassifier),
    /// 3-D CNN.
    Video(VideoCnn),
}

impl AnyClassifier {
    /// The recurrent classifier, if it is one.
    pub fn recurrent(&self) -> Option<&RecurrentClassifier> {
        match self {
            Self::Recurrent(model) => Some(model),
            Self::Video(_) => None,
        }
    }
}

impl Classifier for AnyClassifier {
    fn logits(&self, clips: &Tensor, mode: &mut Mode) -> Result<Tensor> {
        match self {
            Self::Recurrent(model) => model.logits(clips, mode),
            Self::Video(model) => model.logits(clips, mode),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Role;

    fn count(kind: ClassifierKind, layers: usize, range: u32) -> usize {
        let choice = ClassifierChoice { kind, layers, ..ClassifierChoice::default() };
        let all =
            choice.parameters(&ClassifierShape::of(kind, 128, 6), &VelocitySet::square(range));
        let trained = all.iter().filter(|initial| initial.role == Role::Trained);
        trained.map(|initial| initial.shape.iter().product::<usize>()).sum()
    }

    #[test]
    fn the_papers_sizes_have_the_published_numbers_of_parameters() {
        assert_eq!(count(ClassifierKind::Flow, 1, 0), 241_638, "G-RNN");
        assert_eq!(count(ClassifierKind::Flow, 1, 2), 241_638, "FERNN-V2");
        assert_eq!(count(ClassifierKind::LearnedShift, 1, 2), 242_263, "G-RNN+");
        assert_eq!(count(ClassifierKind::VideoCnn, 1, 0), 208_598, "3D-CNN");
        // A second layer adds two 3×3 convolutions of 128 channels and a normalisation.
        let second = 2 * 9 * 128 * 128 + 2 * 128;
        assert_eq!(count(ClassifierKind::Flow, 2, 2), 241_638 + second);
    }
}
