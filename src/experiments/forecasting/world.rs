//! What an experiment needs to know of its flow: data, fields, velocities.

use crate::cells::Fields;
use crate::data::{Canvas, RotatingMnist, Sequences, Sources, Split, TranslatingMnist, VideoClips};
use crate::equivariance::MeasuredGroup;
use crate::error::Result;
use crate::experiments::bounds::{CHANNELS, PIXELS, expect_within};
use crate::experiments::subject::Subject;
use crate::flow::{
    AnyVelocity, CarryOrder, DegreesPerFrame, FlowGroup, FlowSpace, Lift, PixelsPerFrame, Rotation,
    Translation, VelocitySet,
};
use crate::models::ForecasterShape;
use crate::ops::SteerableBasis;
use candle_core::Device;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The velocities of a world.
pub type VelocityOf<W> = <<W as World>::Group as FlowGroup>::Velocity;

/// Which sequences are wanted.
#[derive(Clone, Copy, Debug)]
pub struct SequenceRequest<'a> {
    /// N of the V_N that digits draw their velocities from.
    pub range: u32,
    /// Frames of a sequence.
    pub frames: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// Where tensors live.
    pub device: &'a Device,
}

/// A flow with its data: what differs between the halves of Flowing MNIST, and video of one's own.
pub trait World: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The group.
    type Group: MeasuredGroup<Velocity: Into<AnyVelocity>> + 'static;
    /// The sequences.
    type Data: Sequences<Velocity = VelocityOf<Self>>;

    /// The model with velocities V_N, N = `range`, by its name in the paper; the G-RNN for 0.
    fn subject(range: u32) -> Subject;

    /// V_N for N = `range`; {0} for 0.
    fn velocities(&self, range: u32) -> VelocitySet<VelocityOf<Self>>;

    /// The space of states over V_N.
    ///
    /// # Errors
    /// Those of the group.
    fn space(&self, range: u32) -> Result<FlowSpace<Self::Group>>;

    /// Refuses extents of the world, and numbers of channels, that it cannot have.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] naming the setting.
    fn check(&self, shape: &ForecasterShape) -> Result<()>;

    /// What hidden maps are made of [default: channels].
    ///
    /// # Errors
    /// Those of the filters.
    fn fields(&self) -> Result<Fields> {
        Ok(Fields::Plain)
    }

    /// Sequences; digits draw their velocities from V_N.
    ///
    /// # Errors
    /// Those of the sources and the sequences.
    fn data(&self, sources: &Sources, wanted: &SequenceRequest<'_>) -> Result<Self::Data>;

    /// What the sequences are made of, for provenance.
    ///
    /// # Errors
    /// Those of the sources.
    fn description(&self, sources: &Sources) -> Result<String> {
        Ok(sources.digits()?.description().to_string())
    }

    /// Whether it is known how what is seen moves, which [`Self::apart`] tells.
    const IS_MOTION_KNOWN: bool = true;

    /// Each digit of a sample alone, (T, 1, H, W), and how fast it moves; nothing where that is not known.
    fn apart(data: &Self::Data, split: Split, index: u64) -> Vec<(Vec<f32>, VelocityOf<Self>)>;

    /// After how many frames a digit of that velocity is where it was; none for what does not move.
    fn period(&self, velocity: VelocityOf<Self>) -> Option<usize>;

    /// The velocities of the test of velocity generalization.
    fn tested(&self) -> Vec<VelocityOf<Self>>;

    /// The velocity at which hidden states are shown, and equivariance is measured on a trained model.
    fn shown(&self) -> VelocityOf<Self>;

    /// Work per slice beside a slice of a translating recurrence [default: as much].
    fn work_of_a_slice(&self) -> u64 {
        1
    }
}

/// Digits that move on a torus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TranslationWorld {
    /// The frame of reference of hidden states.
    pub lift: Lift,
    /// Torus and digit size.
    pub canvas: Canvas,
}

/// Digits that turn about the centre.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RotationWorld {
    /// The step between velocities, in degrees per frame.
    pub step_deg: i32,
    /// Velocity generalization is tested at {−N..N} of these steps.
    pub tested_range: u32,
    /// The frame of reference of hidden states; the paper's is [`Lift::Trivial`].
    pub lift: Lift,
    /// Whether states are turned before they are convolved, as by the public code, or after.
    pub order: CarryOrder,
    /// Orientations N.
    pub orientations: usize,
    /// Extent of the steerable filters, 3 or 5.
    pub filter_size: usize,
    /// Frame and digit size.
    pub canvas: Canvas,
}

impl World for TranslationWorld {
    type Group = Translation;
    type Data = TranslatingMnist;

    fn subject(range: u32) -> Subject {
        match range {
            0 => Subject::g_rnn(),
            n => Subject::new(format!("FERNN-V{n}")),
        }
    }

    fn velocities(&self, range: u32) -> VelocitySet<PixelsPerFrame> {
        VelocitySet::square(range)
    }

    fn space(&self, range: u32) -> Result<FlowSpace<Translation>> {
        Ok(FlowSpace::new(Translation, self.velocities(range), self.lift))
    }

    fn check(&self, shape: &ForecasterShape) -> Result<()> {
        check_digits(self.canvas, shape)
    }

    fn data(&self, sources: &Sources, wanted: &SequenceRequest<'_>) -> Result<TranslatingMnist> {
        let &SequenceRequest { range, frames, seed, device } = wanted;
        let (digits, velocities) = (sources.digits()?, self.velocities(range));
        let data = TranslatingMnist::new(digits, self.canvas, frames, velocities.as_slice(), seed)?;
        Ok(data.on(device))
    }

    fn apart(data: &TranslatingMnist, split: Split, index: u64) -> Vec<(Vec<f32>, PixelsPerFrame)> {
        data.apart(split, index)
    }

    fn period(&self, velocity: PixelsPerFrame) -> Option<usize> {
        let step = gcd(velocity.x.unsigned_abs() as usize, velocity.y.unsigned_abs() as usize);
        (step > 0).then(|| self.canvas.size / gcd(self.canvas.size, step))
    }

    fn tested(&self) -> Vec<PixelsPerFrame> {
        VelocitySet::square(2).as_slice().to_vec()
    }

    fn shown(&self) -> PixelsPerFrame {
        PixelsPerFrame::new(1, 1)
    }
}

impl World for RotationWorld {
    type Group = Rotation;
    type Data = RotatingMnist;

    fn subject(range: u32) -> Subject {
        match range {
            0 => Subject::g_rnn(),
            n => Subject::new(format!("FERNN-VR{n}")),
        }
    }

    fn velocities(&self, range: u32) -> VelocitySet<DegreesPerFrame> {
        VelocitySet::multiples(DegreesPerFrame(self.step_deg), range)
    }

    fn space(&self, range: u32) -> Result<FlowSpace<Rotation>> {
        let group = Rotation::new(self.orientations)?.with_order(self.order);
        Ok(FlowSpace::new(group, self.velocities(range), self.lift))
    }

    fn check(&self, shape: &ForecasterShape) -> Result<()> {
        check_digits(self.canvas, shape)
    }

    fn fields(&self) -> Result<Fields> {
        Ok(Fields::Steerable(SteerableBasis::new(self.orientations, self.filter_size)?))
    }

    fn data(&self, sources: &Sources, wanted: &SequenceRequest<'_>) -> Result<RotatingMnist> {
        let &SequenceRequest { range, frames, seed, device } = wanted;
        let (digits, velocities) = (sources.digits()?, self.velocities(range));
        let data = RotatingMnist::new(digits, self.canvas, frames, velocities.as_slice(), seed)?;
        Ok(data.on(device))
    }

    fn apart(data: &RotatingMnist, split: Split, index: u64) -> Vec<(Vec<f32>, DegreesPerFrame)> {
        data.apart(split, index)
    }

    fn period(&self, velocity: DegreesPerFrame) -> Option<usize> {
        let step = velocity.0.unsigned_abs() as usize;
        (step > 0).then(|| 360 / gcd(360, step))
    }

    /// As far as a step beyond the fastest velocity of Table 1, as in the paper.
    fn tested(&self) -> Vec<DegreesPerFrame> {
        self.velocities(self.tested_range).as_slice().to_vec()
    }

    fn shown(&self) -> DegreesPerFrame {
        DegreesPerFrame(self.step_deg)
    }

    /// Interpolation and the autograd graph of single steps take as long again.
    fn work_of_a_slice(&self) -> u64 {
        2
    }
}

/// Video of one's own, forecast by models over translations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoWorld {
    /// The frame of reference of hidden states.
    pub lift: Lift,
}

impl World for VideoWorld {
    type Group = Translation;
    type Data = VideoClips;

    fn subject(range: u32) -> Subject {
        TranslationWorld::subject(range)
    }

    fn velocities(&self, range: u32) -> VelocitySet<PixelsPerFrame> {
        VelocitySet::square(range)
    }

    fn space(&self, range: u32) -> Result<FlowSpace<Translation>> {
        Ok(FlowSpace::new(Translation, self.velocities(range), self.lift))
    }

    fn check(&self, shape: &ForecasterShape) -> Result<()> {
        expect_within("shape.inputs", shape.inputs, CHANNELS)?;
        expect_within("shape.outputs", shape.outputs, shape.inputs..=shape.inputs)
    }

    fn data(&self, sources: &Sources, wanted: &SequenceRequest<'_>) -> Result<VideoClips> {
        let video = sources.video()?;
        VideoClips::new(video, wanted.frames, wanted.seed, wanted.device)
    }

    fn description(&self, sources: &Sources) -> Result<String> {
        Ok(sources.video()?.description().to_string())
    }

    const IS_MOTION_KNOWN: bool = false;

    fn apart(_: &VideoClips, _: Split, _: u64) -> Vec<(Vec<f32>, PixelsPerFrame)> {
        vec![]
    }

    fn period(&self, _: PixelsPerFrame) -> Option<usize> {
        None
    }

    fn tested(&self) -> Vec<PixelsPerFrame> {
        vec![]
    }

    fn shown(&self) -> PixelsPerFrame {
        PixelsPerFrame::new(1, 1)
    }
}

/// Refuses canvases that no digit lies on, and digits in colour.
fn check_digits(canvas: Canvas, shape: &ForecasterShape) -> Result<()> {
    expect_within("shape.inputs", shape.inputs, 1..=1)?;
    expect_within("shape.outputs", shape.outputs, 1..=1)?;
    expect_within("world.canvas.size", canvas.size, PIXELS)?;
    canvas.check()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a digit of that velocity is where it was after so many frames, and not before.
    fn returns_first(place: impl Fn(usize) -> (i64, i64), period: usize) -> bool {
        (1..=period).all(|t| (place(t) == (0, 0)) == (t == period))
    }

    #[test]
    fn a_period_is_the_first_return() {
        for size in [5, 6, 14, 15, 28] {
            let world =
                TranslationWorld { lift: Lift::CoMoving, canvas: Canvas { size, digit: 1 } };
            for v in VelocitySet::square(4).as_slice() {
                let at = |speed: i32, t: usize| (i64::from(speed) * t as i64) % size as i64;
                match world.period(*v) {
                    None => assert_eq!((v.x, v.y), (0, 0)),
                    Some(n) => {
                        assert!(returns_first(|t| (at(v.x, t), at(v.y, t)), n), "{size} {v:?}")
                    }
                }
            }
        }
        let world = RotationWorld {
            step_deg: 10,
            tested_range: 5,
            lift: Lift::Trivial,
            order: CarryOrder::default(),
            orientations: 36,
            filter_size: 3,
            canvas: Canvas { size: 28, digit: 28 },
        };
        for degrees in [10, 20, 30, 40, 45, 90, -45] {
            let n = world.period(DegreesPerFrame(degrees)).expect("it turns");
            assert!(returns_first(|t| (i64::from(degrees) * t as i64 % 360, 0), n), "{degrees}");
        }
        assert_eq!(world.period(DegreesPerFrame(0)), None);
    }
}
