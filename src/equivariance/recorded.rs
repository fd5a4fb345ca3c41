//! Sequences that were computed elsewhere: what another framework wrote into a file, judged by the laws.

use super::comparison::{Comparison, in_words, own_error, report};
use super::measured_group::MeasuredGroup;
use super::observation::{Claim, Motion, Stage, Values};
use super::report::{Law, Report};
use super::tally::Tally;
use crate::error::{Error, Result};
use crate::flow::{
    AnyVelocity, DegreesPerFrame, FlowGroup, Lift, PixelsPerFrame, Velocity, VelocitySet,
};
use crate::parameters::Tensors;
use candle_core::{DType, Tensor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The stages of a run by name.
type Stages = BTreeMap<String, Stage>;

/// A model's stages over one input, and over the same input moved.
///
/// Names in a file are `reference.STAGE` for the input as it is, `flow.VELOCITY.STAGE` for the input whose
/// frame t is moved by t times a velocity, `still.VELOCITY.STAGE` for one all of whose frames are moved by it
/// once; a velocity is written `1,-1` in pixels per frame, x to the right and y downwards, or `45deg`.
/// `velocities` (V, 2) or (V) are those of hidden states, in the order of their axis.
///
/// A stage is what its shape says: (V, B, T, C, H, W) hidden states, (B, T, C, H, W) maps, or frames if it is
/// called `input`, `output` or `forecast`, (B, K) numbers that nothing should change. Of the stage `input` only
/// the reference is read: with it the error of the group's own action is known, without which nothing is
/// excused by interpolation.
///
/// Velocities that are all of the torus by the frames' extents, or all of C_N, in any order, are a closed set,
/// and the pairs that wrap around are compared as well.
#[derive(Clone, Debug)]
pub struct Recording<G: FlowGroup> {
    source: PathBuf,
    dtype: DType,
    velocities: VelocitySet<G::Velocity>,
    reference: Stages,
    moved: Vec<(Motion<G::Velocity>, Stages)>,
}

/// The stage that is the input itself.
const INPUT: &str = "input";
/// Stages that are frames, with the input.
const FRAMES: [&str; 3] = [INPUT, "output", "forecast"];

impl<G: MeasuredGroup> Recording<G> {
    /// Takes the tensors of a file apart, hidden states in the frame of reference of `lift`; `source` is named
    /// in errors.
    ///
    /// # Errors
    /// [`Error::Weights`] naming each tensor whose name, shape or type is wrong.
    pub fn read(tensors: &Tensors, group: &G, lift: Lift, source: &Path) -> Result<Self> {
        let mut problems = Vec::new();
        let mut recording = Self {
            source: source.to_path_buf(),
            dtype: DType::F32,
            velocities: VelocitySet::trivial(),
            reference: Stages::new(),
            moved: Vec::new(),
        };
        let mut known: Vec<(MotionAndStage<G::Velocity>, &String)> = Vec::new();
        let in_order: BTreeMap<_, _> = tensors.iter().collect();
        for (name, tensor) in in_order {
            let taken = match name.as_str() {
                "velocities" => velocities(tensor, group).map(|set| recording.velocities = set),
                _ => motion_and_stage(name, group).and_then(|what| {
                    if let Some((_, other)) = known.iter().find(|(known, _)| *known == what) {
                        return Err(format!("says the same as `{other}`"));
                    }
                    known.push((what.clone(), name));
                    recording.take(what, tensor, lift)
                }),
            };
            problems.extend(taken.err().map(|problem| format!("`{name}` {problem}")));
        }
        recording.close(group);
        problems.extend(recording.problems());
        match problems.is_empty() {
            true => Ok(recording),
            false => Err(Error::Weights { path: recording.source, problems }),
        }
    }

    /// Takes velocities that are all there are on frames of these extents for the closed set that they are.
    fn close(&mut self, group: &G) {
        let input = self.reference.get(INPUT).and_then(|stage| stage.values.extents());
        let others = self.reference.values().find_map(|stage| stage.values.extents());
        let closed = input.or(others).and_then(|extents| group.closed(extents).ok());
        let ours = self.velocities.as_slice();
        if let Some(set) = closed.and_then(|closed| closed.in_order(ours.to_vec())) {
            self.velocities = set;
        }
    }

    /// Takes a stage under a motion.
    fn take(
        &mut self,
        (motion, stage): MotionAndStage<G::Velocity>,
        tensor: &Tensor,
        lift: Lift,
    ) -> std::result::Result<(), String> {
        let values = values(&stage, tensor, lift).map_err(|e| e.to_string())?;
        let stages = match motion {
            None => &mut self.reference,
            Some(motion) => {
                let known = self.moved.iter().position(|(other, _)| *other == motion);
                let place = known.unwrap_or_else(|| {
                    self.moved.push((motion, Stages::new()));
                    self.moved.len() - 1
                });
                &mut self.moved[place].1
            }
        };
        self.dtype = tensor.dtype();
        stages.insert(stage.clone(), Stage { name: stage, values, claim: Claim::EveryFlow });
        Ok(())
    }

    /// What does not fit together.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.moved.is_empty() {
            problems.push("no `flow.VELOCITY.STAGE` or `still.VELOCITY.STAGE` is there".into());
        }
        let moved = self.moved.iter().flat_map(|(motion, stages)| {
            stages.iter().map(move |(name, stage)| (motion.by().name(), name, stage))
        });
        for (velocity, name, stage) in moved {
            match self.reference.get(name) {
                None => problems.push(format!("`reference.{name}` is missing")),
                Some(reference) if shape(reference) != shape(stage) => problems.push(format!(
                    "`{name}` moved by {velocity} has another shape than its reference"
                )),
                Some(_) => {}
            }
        }
        for (name, stage) in &self.reference {
            if name != INPUT && !self.moved.iter().any(|(_, stages)| stages.contains_key(name)) {
                problems.push(format!(
                    "`reference.{name}` is judged by nothing: record `flow.VELOCITY.{name}` or \
                     `still.VELOCITY.{name}`, or leave it out"
                ));
            }
            if let Values::States(_, after) = &stage.values {
                let (slices, velocities) = (after[0].dims()[1], self.velocities.len());
                if slices != velocities {
                    let problem =
                        format!("`{name}` has {slices} slices for {velocities} velocities");
                    problems.push(format!("{problem}; `velocities` (V, 2) or (V) lists them"));
                }
            }
        }
        let all = self.moved.iter().map(|(_, stages)| stages).chain([&self.reference]);
        if all.flat_map(BTreeMap::values).any(|stage| dtype(stage) != self.dtype) {
            problems.push("some stages are f32 and some f64; give each a file of its own".into());
        }
        problems
    }

    fn compare(&self, group: &G, tallies: &mut Vec<Tally>) -> Result<()> {
        for &(motion, ref stages) in &self.moved {
            let action = match self.reference.get(INPUT).map(|stage| &stage.values) {
                Some(Values::Frames(input)) => {
                    own_error(group, &input.to_dtype(DType::F64)?, motion.by(), tallies)
                        .map_err(|error| self.problem("reference.input", &error))?
                }
                _ => 0.0,
            };
            let law = match motion {
                Motion::Flow(_) => Law::Flow,
                Motion::Still(_) => Law::Still,
            };
            for (name, moved) in stages.iter().filter(|(name, _)| *name != INPUT) {
                let comparison = Comparison {
                    law,
                    group,
                    motion,
                    velocities: &self.velocities,
                    set: in_words(&self.velocities),
                    dtype: self.dtype,
                    extents: moved.values.extents(),
                    seed: None,
                    action,
                    is_finer: false,
                };
                let pairs = |_| self.velocities.pairs_apart(motion.velocity());
                let compared = comparison.of((&self.reference[name], moved), pairs, tallies);
                compared.map_err(|error| self.problem(name, &error))?;
            }
        }
        Ok(())
    }

    /// An error of a stage as one of the file.
    fn problem(&self, stage: &str, error: &Error) -> Error {
        let problems = vec![format!("`{stage}` cannot be compared: {error}")];
        Error::Weights { path: self.source.clone(), problems }
    }
}

/// What a name says: nothing of a motion for the reference.
type MotionAndStage<V> = (Option<Motion<V>>, String);

fn motion_and_stage<G: MeasuredGroup>(
    name: &str,
    group: &G,
) -> std::result::Result<MotionAndStage<G::Velocity>, String> {
    let expected = "is no name such as `reference.state`, `flow.1,-1.state` or `still.45deg.state`";
    let (kind, rest) = name.split_once('.').ok_or(expected)?;
    if kind == "reference" && !rest.is_empty() {
        return Ok((None, rest.to_string()));
    }
    let (text, stage) = rest.split_once('.').ok_or(expected)?;
    let velocity: AnyVelocity = text.parse()?;
    let is_small = match velocity {
        AnyVelocity::Translation(v) => v.x.abs_diff(0).max(v.y.abs_diff(0)) <= LARGEST_VELOCITY,
        AnyVelocity::Rotation(v) => v.0.abs_diff(0) <= LARGEST_VELOCITY,
    };
    let velocity = group
        .velocity(velocity)
        .filter(|&velocity| is_small && velocity != Velocity::ZERO)
        .ok_or_else(|| format!("is moved by `{text}`, which is no flow of {}", group.name()))?;
    match kind {
        "flow" => Ok((Some(Motion::Flow(velocity)), stage.to_string())),
        "still" => Ok((Some(Motion::Still(velocity)), stage.to_string())),
        _ => Err(expected.into()),
    }
}

/// The largest number of a velocity: up to it f32 holds every whole number, and sums stay in range.
const LARGEST_VELOCITY: u32 = 1 << 24;

/// What a stage of a name and a shape holds.
fn values(stage: &str, tensor: &Tensor, lift: Lift) -> Result<Values> {
    if !matches!(tensor.dtype(), DType::F32 | DType::F64) || tensor.elem_count() == 0 {
        let expected = "some numbers in f32 or f64".to_string();
        return Err(Error::Shape { what: "stage", expected, got: tensor.dims().to_vec() });
    }
    Ok(match tensor.rank() {
        6 => {
            let after = (0..tensor.dims()[2]).map(|t| {
                let state = tensor.narrow(2, t, 1)?.squeeze(2)?; // (V, B, C, H, W)
                Ok(state.permute((1, 0, 3, 4, 2))?.contiguous()?)
            });
            Values::States(lift, after.collect::<Result<_>>()?)
        }
        5 if FRAMES.contains(&stage) => Values::Frames(tensor.clone()),
        5 => Values::Maps(tensor.clone()),
        2 => Values::Invariant(tensor.clone()),
        _ => {
            let expected = "(V, B, T, C, H, W), (B, T, C, H, W) or (B, K)".to_string();
            return Err(Error::Shape { what: "stage", expected, got: tensor.dims().to_vec() });
        }
    })
}

/// The set of velocities of a tensor (V, 2) or (V).
fn velocities<G: MeasuredGroup>(
    tensor: &Tensor,
    group: &G,
) -> std::result::Result<VelocitySet<G::Velocity>, String> {
    let rows = tensor.to_dtype(DType::F64).and_then(|t| match t.rank() {
        1 => t.unsqueeze(1)?.to_vec2::<f64>(),
        _ => t.to_vec2::<f64>(),
    });
    let velocity = |row: &Vec<f64>| {
        let is_whole = |v: f64| v.fract() == 0.0 && v.abs() <= f64::from(LARGEST_VELOCITY);
        let whole: Option<Vec<i32>> =
            row.iter().map(|&v| is_whole(v).then_some(v as i32)).collect();
        group.velocity(match *whole?.as_slice() {
            [x, y] => AnyVelocity::from(PixelsPerFrame::new(x, y)),
            [degrees] => AnyVelocity::from(DegreesPerFrame(degrees)),
            _ => return None,
        })
    };
    let rows = rows.map_err(|_| "has not the shape (V, 2) or (V)")?;
    let all: Option<Vec<_>> = rows.iter().map(velocity).collect();
    let all = all.ok_or_else(|| format!("holds what is no velocity of {}", group.name()))?;
    VelocitySet::truncated(all).map_err(|_| "is empty or names a velocity twice".into())
}

/// A tensor that stands for a stage.
fn tensor(stage: &Stage) -> &Tensor {
    match &stage.values {
        Values::Frames(all) | Values::Maps(all) | Values::Invariant(all) => all,
        Values::States(_, after) => &after[0],
    }
}

fn dtype(stage: &Stage) -> DType {
    tensor(stage).dtype()
}

/// Extents, and the number of states.
fn shape(stage: &Stage) -> (Vec<usize>, usize) {
    let states = match &stage.values {
        Values::States(_, after) => after.len(),
        _ => 1,
    };
    (tensor(stage).dims().to_vec(), states)
}

/// Judges recordings of one model, in f32, in f64 or in both, by the laws of a group: every stage of every
/// moved input. f32 alone cannot tell rounding from a breach of the same size; the report says so.
///
/// # Errors
/// [`Error::Configuration`] when there is no recording; those of tensor operations.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use fernn::equivariance::{Recording, check_recorded};
/// use fernn::flow::{Lift, Translation};
/// use fernn::parameters::Tensors;
/// use std::path::Path;
///
/// # fn main() -> fernn::Result<()> {
/// let output = Tensor::randn(0f32, 1.0, (2, 3, 1, 5, 7), &Device::Cpu)?; // (B, T, C, H, W)
/// for (right, holds) in [(1, true), (-1, false)] {
///     let tensors = Tensors::from([
///         ("reference.output".to_string(), output.clone()),
///         ("still.1,0.output".to_string(), output.roll(right, 4)?), // the input moved by 1
///     ]);
///     let source = Path::new("recorded.safetensors");
///     let recording = Recording::read(&tensors, &Translation, Lift::Trivial, source)?;
///     assert_eq!(check_recorded(&Translation, &[recording])?.holds(), holds);
/// }
/// # Ok(())
/// # }
/// ```
pub fn check_recorded<G: MeasuredGroup>(group: &G, recordings: &[Recording<G>]) -> Result<Report> {
    if recordings.is_empty() {
        return Err(Error::configuration("the check", "has no recording", "give it one"));
    }
    let mut tallies: Vec<Tally> = Vec::new();
    recordings.iter().try_for_each(|recording| recording.compare(group, &mut tallies))?;
    report(group, tallies)
}
