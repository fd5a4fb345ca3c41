//! What groups are measured with: flows, sets of velocities, frames.

use crate::error::Result;
use crate::flow::{
    AnyVelocity, DegreesPerFrame, FlowGroup, PixelsPerFrame, Rotation, Translation, VelocitySet,
    ZeroPaddedTranslation,
};
use crate::rng::Stream;
use candle_core::{Device, Tensor};

/// A sequence to measure with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Sequences.
    pub batch: usize,
    /// Frames of a sequence.
    pub frames: usize,
    /// (H, W).
    pub extents: (usize, usize),
    /// Seed of the frames.
    pub seed: u64,
}

/// A group over which cells and models can be measured.
pub trait MeasuredGroup: FlowGroup {
    /// The name in tables.
    fn name(&self) -> String;

    /// Whether the grid carries every flow of the group exactly.
    fn is_exact(&self) -> bool;

    /// A velocity of any flow as one of this group's, if it is one.
    fn velocity(&self, any: AnyVelocity) -> Option<Self::Velocity>;

    /// Flows that move the input, none of which stands still.
    fn flows(&self) -> Vec<Self::Velocity>;

    /// A set that some of the flows lead out of.
    fn truncated(&self) -> VelocitySet<Self::Velocity>;

    /// The set of all velocities on frames of these extents.
    ///
    /// # Errors
    /// [`crate::Error::Configuration`] when there is none.
    fn closed(&self, extents: (usize, usize)) -> Result<VelocitySet<Self::Velocity>>;

    /// The sequences to measure with: of several extents, lengths and seeds.
    fn trials(&self) -> Vec<Trial>;

    /// The same sequence on a grid twice as fine, where the grid does not carry the action exactly: an error
    /// of the grid falls on it, a breach does not.
    fn refined(&self, trial: &Trial) -> Option<Trial> {
        let (height, width) = trial.extents;
        let extents = (2 * height - 1, 2 * width - 1); // the pixels in between
        (!self.is_exact()).then_some(Trial { extents, ..*trial })
    }

    /// Random frames (B, T, C_in, H, W) in f64, as fine as the action carries well.
    ///
    /// # Errors
    /// Those of tensor operations.
    fn frames(&self, trial: &Trial, inputs: usize) -> Result<Tensor>;

    /// Whether the grid of frames of these extents carries the flow of a velocity exactly, though it may not
    /// carry others.
    fn carries_exactly(&self, _velocity: Self::Velocity, _extents: (usize, usize)) -> bool {
        self.is_exact()
    }

    /// The sequences to measure those flows with.
    fn exact_trials(&self) -> Vec<Trial> {
        self.trials()
    }

    /// The frames of those sequences, which may be as fine as the grid.
    ///
    /// # Errors
    /// Those of tensor operations.
    fn exact_frames(&self, trial: &Trial, inputs: usize) -> Result<Tensor> {
        self.frames(trial, inputs)
    }
}

/// Frames of noise, a number for every pixel.
pub(crate) fn noise(shape: [usize; 5], seed: u64) -> Result<Tensor> {
    let mut stream = Stream::new(seed, "verification/frames", 0);
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| stream.normal()).collect();
    Ok(Tensor::from_vec(values, shape.as_slice(), &Device::Cpu)?)
}

/// Frames of smooth blobs around the centre: what is as fine as the grid cannot be interpolated.
pub(crate) fn blobs(shape: [usize; 5], seed: u64, blobs: Blobs) -> Result<Tensor> {
    let [batch, frames, inputs, height, width] = shape;
    let images =
        (0..batch * frames * inputs).map(|image| blobs_on((height, width), seed, blobs, image));
    let values: Vec<f64> = images.flatten().collect();
    Ok(Tensor::from_vec(values, shape.as_slice(), &Device::Cpu)?)
}

/// Blobs by the shares of the frame's shorter side that they measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blobs {
    /// How far from the centre they lie at most, by either axis.
    pub reach: f64,
    /// Their standard deviation.
    pub sigma: f64,
    /// Whether every other one is negative, so that no rectifier silences all.
    pub is_signed: bool,
}

/// Three blobs of random weight on one image.
fn blobs_on(
    (height, width): (usize, usize),
    seed: u64,
    Blobs { reach, sigma, is_signed }: Blobs,
    image: usize,
) -> Vec<f64> {
    let mut stream = Stream::new(seed, "verification/blobs", image as u64);
    let side = height.min(width) as f64;
    let (reach, sigma) = (side * reach, side * sigma);
    let mut blob = || {
        let mut place = || stream.uniform_in(-reach, reach);
        (place(), place(), 0.5 + stream.normal().abs())
    };
    let mut blobs = [blob(), blob(), blob()];
    if is_signed {
        blobs[1].2 *= -1.0;
    }
    let centre = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
    let value = |i: usize| {
        let (y, x) = ((i / width) as f64 - centre.0, (i % width) as f64 - centre.1);
        let one = |&(by, bx, weight): &(f64, f64, f64)| {
            let square = (y - by) * (y - by) + (x - bx) * (x - bx);
            weight * (-square / (2.0 * sigma * sigma)).exp()
        };
        blobs.iter().map(one).sum()
    };
    (0..height * width).map(value).collect()
}

impl Trial {
    fn shape(&self, inputs: usize) -> [usize; 5] {
        let (height, width) = self.extents;
        [self.batch, self.frames, inputs, height, width]
    }
}

/// Tori of different primes, so that no exchanged axis passes.
const TORI: [Trial; 2] = [
    Trial { batch: 2, frames: 6, extents: (5, 7), seed: 0 },
    Trial { batch: 2, frames: 9, extents: (7, 5), seed: 1 },
];

/// One axis at a time, and both at once.
const TRANSLATIONS: [PixelsPerFrame; 3] =
    [PixelsPerFrame::new(1, 0), PixelsPerFrame::new(0, 1), PixelsPerFrame::new(-1, 2)];

impl MeasuredGroup for Translation {
    fn name(&self) -> String {
        "translation".into()
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn velocity(&self, any: AnyVelocity) -> Option<PixelsPerFrame> {
        any.pixels()
    }

    fn flows(&self) -> Vec<PixelsPerFrame> {
        TRANSLATIONS.to_vec()
    }

    fn truncated(&self) -> VelocitySet<PixelsPerFrame> {
        VelocitySet::square(2)
    }

    fn closed(&self, (height, width): (usize, usize)) -> Result<VelocitySet<PixelsPerFrame>> {
        Ok(VelocitySet::torus(height, width))
    }

    fn trials(&self) -> Vec<Trial> {
        TORI.to_vec()
    }

    fn frames(&self, trial: &Trial, inputs: usize) -> Result<Tensor> {
        noise(trial.shape(inputs), trial.seed)
    }
}

/// Measured with what translations are.
impl MeasuredGroup for ZeroPaddedTranslation {
    fn name(&self) -> String {
        "zero-padded translation".into()
    }

    fn is_exact(&self) -> bool {
        Translation.is_exact()
    }

    fn velocity(&self, any: AnyVelocity) -> Option<PixelsPerFrame> {
        Translation.velocity(any)
    }

    fn flows(&self) -> Vec<PixelsPerFrame> {
        Translation.flows()
    }

    fn truncated(&self) -> VelocitySet<PixelsPerFrame> {
        Translation.truncated()
    }

    fn closed(&self, extents: (usize, usize)) -> Result<VelocitySet<PixelsPerFrame>> {
        Translation.closed(extents)
    }

    fn trials(&self) -> Vec<Trial> {
        Translation.trials()
    }

    fn frames(&self, trial: &Trial, inputs: usize) -> Result<Tensor> {
        Translation.frames(trial, inputs)
    }
}

/// Five deviations from the border, where what is turned out of the frame would be lost.
const CENTRAL: Blobs = Blobs { reach: 1.0 / 8.0, sigma: 1.0 / 14.0, is_signed: true };

impl Rotation {
    /// How many rotations by whole degrees move orientations by whole places: gcd(N, 360).
    fn whole_turns(&self) -> usize {
        let (mut n, mut rest) = (self.orientations(), 360);
        while rest > 0 {
            (n, rest) = (rest, n % rest);
        }
        n
    }

    /// The least angle by which orientations move by whole places, in whole degrees.
    fn step(&self) -> DegreesPerFrame {
        DegreesPerFrame((360 / self.whole_turns()) as i32)
    }
}

impl MeasuredGroup for Rotation {
    fn name(&self) -> String {
        format!("rotation-{}", self.orientations())
    }

    fn is_exact(&self) -> bool {
        matches!(self.orientations(), 1 | 2 | 4)
    }

    fn velocity(&self, any: AnyVelocity) -> Option<DegreesPerFrame> {
        any.degrees().filter(|&velocity| self.check(&[velocity]).is_ok())
    }

    /// One step each way, and where there are any the quarter turns, or half ones; none where nothing turns.
    fn flows(&self) -> Vec<DegreesPerFrame> {
        let DegreesPerFrame(step) = self.step();
        let exact: &[i32] = match self.whole_turns() {
            n if n.is_multiple_of(4) => &[90, -90],
            n if n.is_multiple_of(2) => &[180],
            _ => &[],
        };
        let mut angles = vec![step, -step];
        angles.extend(exact.iter().filter(|angle| angle.abs() != step));
        angles.retain(|angle| angle % 360 != 0);
        angles.into_iter().map(DegreesPerFrame).collect()
    }

    fn truncated(&self) -> VelocitySet<DegreesPerFrame> {
        match self.whole_turns() {
            1 => VelocitySet::trivial(),
            n => VelocitySet::multiples(self.step(), if n > 4 { 2 } else { 1 }),
        }
    }

    fn closed(&self, _extents: (usize, usize)) -> Result<VelocitySet<DegreesPerFrame>> {
        VelocitySet::cyclic(self.whole_turns() as u32)
    }

    /// Square frames, with room for what is turned.
    fn trials(&self) -> Vec<Trial> {
        match self.is_exact() {
            true => self.exact_trials(),
            // Fine enough that the order of interpolation shows.
            false => vec![square(3, 65, 0)],
        }
    }

    fn frames(&self, trial: &Trial, inputs: usize) -> Result<Tensor> {
        match self.is_exact() {
            true => self.exact_frames(trial, inputs),
            false => blobs(trial.shape(inputs), trial.seed, CENTRAL),
        }
    }

    /// Half turns, and quarter turns of square frames.
    fn carries_exactly(&self, velocity: DegreesPerFrame, (height, width): (usize, usize)) -> bool {
        velocity.0 % 180 == 0 || (velocity.0 % 90 == 0 && height == width)
    }

    /// Sides both odd and even: the centre is a pixel, and between pixels.
    fn exact_trials(&self) -> Vec<Trial> {
        vec![square(5, 11, 0), square(4, 8, 1)]
    }

    fn exact_frames(&self, trial: &Trial, inputs: usize) -> Result<Tensor> {
        noise(trial.shape(inputs), trial.seed)
    }
}

/// A sequence of square frames.
fn square(frames: usize, side: usize, seed: u64) -> Trial {
    Trial { batch: 1, frames, extents: (side, side), seed }
}
