//! The check: every law that applies to a cell or a model, in one call.

use super::comparison::{Comparison, in_words, own_error, report};
use super::measured_group::{MeasuredGroup, Trial};
use super::observation::{Claim, Motion, Stage, Values, moved};
use super::report::{Law, Report};
use super::subject::Subject;
use super::tally::Tally;
use crate::error::{Error, Result};
use crate::flow::{FlowGroup, Sequence, Velocity, VelocitySet};
use candle_core::{DType, Tensor};

/// What a cell or a model is checked with.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use fernn::cells::FlowRnn;
/// use fernn::equivariance::{Options, Trial, check_both_lifts};
/// use fernn::flow::{PixelsPerFrame, Translation, VelocitySet};
///
/// # fn main() -> fernn::Result<()> {
/// let kernel = |inputs| Tensor::randn(0f64, 0.2, (4, inputs, 3, 3), &Device::Cpu);
/// let (u, w) = (kernel(3)?, kernel(4)?);
/// let options = Options::over(Translation)
///     .with_inputs(3) // frames in colour
///     .with_flows(vec![PixelsPerFrame::new(0, -1)])
///     .with_velocities(VelocitySet::square(1))
///     .with_trials(vec![Trial { batch: 1, frames: 5, extents: (5, 3), seed: 7 }]);
/// let cell = |dtype, space| FlowRnn::over(space, u.to_dtype(dtype)?, w.to_dtype(dtype)?);
/// check_both_lifts(cell, &options)?.assert_holds();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Options<G: FlowGroup> {
    group: G,
    inputs: usize,
    reads: Reads,
    values: Range,
    flows: Vec<G::Velocity>,
    velocities: VelocitySet<G::Velocity>,
    sets: &'static [Set],
    trials: Vec<Trial>,
    exact_trials: Vec<Trial>,
}

/// What a subject reads.
#[derive(Clone, Copy, Debug)]
enum Reads {
    Frames,
    Maps,
}

/// The values of frames.
#[derive(Clone, Copy, Debug)]
enum Range {
    /// As the group draws them.
    Signed,
    /// [0, 1).
    Unit,
}

impl<G: MeasuredGroup> Options<G> {
    /// The group's own flows, velocities and sequences, of frames of one channel.
    pub fn over(group: G) -> Self {
        Self {
            inputs: 1,
            reads: Reads::Frames,
            values: Range::Signed,
            flows: group.flows(),
            velocities: group.truncated(),
            sets: &[Set::Given, Set::Closed, Set::Rest],
            trials: group.trials(),
            exact_trials: group.exact_trials(),
            group,
        }
    }

    /// Frames of another number of channels.
    pub fn with_inputs(self, inputs: usize) -> Self {
        Self { inputs, ..self }
    }

    /// Feature maps of a number of channels, for cells without an input kernel.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use fernn::cells::FlowRnn;
    /// use fernn::equivariance::{Options, check_both_lifts};
    /// use fernn::flow::Translation;
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let w = Tensor::randn(0f64, 0.2, (4, 4, 3, 3), &Device::Cpu)?;
    /// let cell = |dtype, space| FlowRnn::over(space, None, w.to_dtype(dtype)?);
    /// check_both_lifts(cell, &Options::over(Translation).with_maps(4))?.assert_holds();
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_maps(self, channels: usize) -> Self {
        Self { inputs: channels, reads: Reads::Maps, ..self }
    }

    /// Frames with values in [0, 1), as images have them, for models that were trained on such.
    pub fn in_unit_range(self) -> Self {
        Self { values: Range::Unit, ..self }
    }

    /// Other flows of the input.
    pub fn with_flows(self, flows: Vec<G::Velocity>) -> Self {
        Self { flows, ..self }
    }

    /// Another set of velocities in the place of the truncated one.
    pub fn with_velocities(self, velocities: VelocitySet<G::Velocity>) -> Self {
        Self { velocities, ..self }
    }

    /// Only the given velocities, for what cannot be built with others: neither a closed set nor the control
    /// without velocities is measured.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use fernn::cells::TranslationRnn;
    /// use fernn::equivariance::{Law, Options, check};
    /// use fernn::flow::{Translation, VelocitySet};
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let kernel = |inputs| Tensor::randn(0f64, 0.2, (4, inputs, 3, 3), &Device::Cpu);
    /// let (u, w) = (kernel(1)?, kernel(4)?);
    /// let options = Options::over(Translation).with_these_velocities_only(VelocitySet::square(1));
    /// let report = check(
    ///     |dtype, velocities| {
    ///         assert_eq!(velocities.len(), 9, "no others are asked for");
    ///         TranslationRnn::new(Translation, velocities, u.to_dtype(dtype)?, w.to_dtype(dtype)?)
    ///     },
    ///     &options,
    /// )?;
    /// report.assert_holds();
    /// assert!(report.lines.iter().all(|line| line.law != Law::Control));
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_these_velocities_only(self, velocities: VelocitySet<G::Velocity>) -> Self {
        Self { velocities, sets: &[Set::Given], ..self }
    }

    /// Other sequences, for flows that the grid carries exactly and for those that it does not.
    pub fn with_trials(self, trials: Vec<Trial>) -> Self {
        Self { exact_trials: trials.clone(), trials, ..self }
    }

    /// Of the flows only those that the grid carries exactly, under which the slightest breach shows.
    pub fn with_exact_flows_only(self) -> Self {
        let is_exact = |v: &G::Velocity| {
            self.exact_trials.iter().all(|trial| self.group.carries_exactly(*v, trial.extents))
        };
        let flows = self.flows.iter().copied().filter(is_exact).collect();
        Self { flows, ..self }
    }

    /// The group.
    pub fn group(&self) -> &G {
        &self.group
    }

    /// Whether there is a flow to measure under.
    pub fn has_flows(&self) -> bool {
        !self.flows.is_empty()
    }

    fn frames(&self, trial: &Trial, texture: Texture) -> Result<Tensor> {
        let frames = match texture {
            Texture::Smooth => self.group.frames(trial, self.inputs)?,
            Texture::Sharp => self.group.exact_frames(trial, self.inputs)?,
        };
        match self.values {
            Range::Unit => {
                let squares = frames.sqr()?; // smooth, and 0 where there is nothing
                Ok((&squares / (&squares + 1.0)?)?)
            }
            Range::Signed => Ok(frames),
        }
    }

    fn sequence<'a>(&self, frames: &'a Tensor) -> Sequence<'a> {
        match self.reads {
            Reads::Maps => Sequence::Maps(frames),
            Reads::Frames => Sequence::Frames(frames),
        }
    }

    /// Every sequence with the flows that it is to be moved by.
    fn courses(&self) -> Vec<Course<G::Velocity>> {
        let courses = |trials: &[Trial], texture: Texture| -> Vec<Course<G::Velocity>> {
            let course = |&trial: &Trial| {
                let is_sharp = |v| self.group.carries_exactly(v, trial.extents);
                let is_it = |&v: &G::Velocity| is_sharp(v) == (texture == Texture::Sharp);
                let flows = self.flows.iter().copied().filter(is_it).collect();
                Course { trial, texture, flows }
            };
            trials.iter().map(course).filter(|course| !course.flows.is_empty()).collect()
        };
        let sharp = courses(&self.exact_trials, Texture::Sharp);
        [sharp, courses(&self.trials, Texture::Smooth)].concat()
    }

    fn set(&self, set: Set, extents: (usize, usize)) -> Result<VelocitySet<G::Velocity>> {
        Ok(match set {
            Set::Given => self.velocities.clone(),
            Set::Closed => self.group.closed(extents)?,
            Set::Rest => VelocitySet::trivial(),
        })
    }
}

/// A sequence, and the flows that it is moved by.
#[derive(Clone, Debug)]
struct Course<V> {
    trial: Trial,
    texture: Texture,
    flows: Vec<V>,
}

/// How fine frames are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Texture {
    /// As fine as the grid, for flows that it carries exactly.
    Sharp,
    /// For flows that interpolate.
    Smooth,
}

/// Which velocities a subject is built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Given,
    Closed,
    /// Rest alone: the control.
    Rest,
}

/// Measures every law that applies to what `build` makes of a precision and a set of velocities, with the
/// same weights every time:
///
/// - each hidden state flows with the input, pair by pair of velocities, over a truncated and a closed set;
/// - each stage moves with still transformations of the input;
/// - the read-out and the output flow with the input over a closed set;
/// - and, the control, without velocities they do not.
///
/// All of it in f32 and f64, over the group's [`Trial`]s, beside the error of the group's own action; still
/// transformations with the given velocities alone. Where the grid does not carry a flow exactly it is refined
/// as well, with the given velocities in f64, and the error must fall ([`super::LEAST_ORDER`]); flows of such a
/// group that it does carry, as quarter turns, are allowed nothing but rounding. What would hold of anything is
/// refused: values that are zero, constant or saturated, that are the same wherever they are moved, too few
/// velocities compared, an action too far in error, a control that does not break (by the flows that the grid
/// carries exactly, where there are any).
///
/// # Errors
/// Those of `build` and of the runs. Laws that do not hold are in the report.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use fernn::cells::TranslationRnn;
/// use fernn::equivariance::{Options, check};
/// use fernn::flow::Translation;
///
/// # fn main() -> fernn::Result<()> {
/// let kernel = |inputs| Tensor::randn(0f64, 0.2, (4, inputs, 3, 3), &Device::Cpu);
/// let (u, w) = (kernel(1)?, kernel(4)?);
/// let report = check(
///     |dtype, velocities| {
///         TranslationRnn::new(Translation, velocities, u.to_dtype(dtype)?, w.to_dtype(dtype)?)
///     },
///     &Options::over(Translation),
/// )?;
/// report.assert_holds();
/// # Ok(())
/// # }
/// ```
pub fn check<S: Subject>(
    build: impl Fn(DType, VelocitySet<<S::Group as FlowGroup>::Velocity>) -> Result<S>,
    options: &Options<S::Group>,
) -> Result<Report>
where
    S::Group: MeasuredGroup,
{
    if options.flows.is_empty() || options.flows.contains(&Velocity::ZERO) {
        let problem =
            format!("over {} have no flow, or one that stands still", options.group.name());
        return Err(Error::configuration("the options", problem, "take flows that move"));
    }
    let (group, mut tallies) = (&options.group, Vec::new());
    let batch = least_batch(&build, options)?;
    let courses = options.courses();
    let has_sharp = courses.iter().any(|course| course.texture == Texture::Sharp);
    for mut course in courses {
        course.trial.batch = course.trial.batch.max(batch);
        let frames = options.frames(&course.trial, course.texture)?;
        let own = |&flow: &_| Ok((flow, own_error(group, &frames, flow, &mut tallies)?));
        let flows: Vec<_> = course.flows.iter().map(own).collect::<Result<_>>()?;
        for &set in options.sets {
            let velocities = &options.set(set, course.trial.extents)?;
            let is_smooth = course.texture == Texture::Smooth;
            if is_smooth && has_sharp && velocities.len() > LARGEST_CLOSED {
                continue;
            }
            for dtype in [DType::F32, DType::F64] {
                let subject = &build(dtype, velocities.clone())?;
                let (trial, texture, flows) = (&course.trial, course.texture, flows.as_slice());
                let grid = Grid::Given;
                let run = Run { subject, set, velocities, trial, texture, flows, dtype, grid };
                run.measure(options, &mut tallies)?;
                let is_refined = is_smooth && set == Set::Given && dtype == DType::F64;
                if let (Some(trial), true) = (&group.refined(trial), is_refined) {
                    Run { trial, grid: Grid::Refined, ..run }.measure(options, &mut tallies)?;
                }
            }
        }
    }
    report(group, tallies)
}

/// Velocities of a set on frames fine enough to interpolate on; larger sets, which would take minutes, are
/// measured under the flows alone that the grid carries exactly, where there are any.
const LARGEST_CLOSED: usize = 16;

/// Sequences that are needed at least: two where numbers are shown, to tell those that depend on the input
/// from constants.
fn least_batch<S: Subject>(
    build: impl Fn(DType, VelocitySet<<S::Group as FlowGroup>::Velocity>) -> Result<S>,
    options: &Options<S::Group>,
) -> Result<usize>
where
    S::Group: MeasuredGroup,
{
    let courses = options.courses();
    let alone = courses.iter().filter(|course| course.trial.batch == 1);
    let Some(course) = alone.min_by_key(|course| course.trial.extents) else { return Ok(1) };
    let frames = options.frames(&course.trial, course.texture)?.to_dtype(DType::F32)?;
    let stages =
        build(DType::F32, options.velocities.clone())?.observe(options.sequence(&frames))?;
    Ok(if stages.iter().any(|s| matches!(s.values, Values::Invariant(_))) { 2 } else { 1 })
}

/// The grid of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grid {
    Given,
    Refined,
}

/// A subject in one precision with one set of velocities, and the sequence it runs over.
struct Run<'a, S: Subject> {
    subject: &'a S,
    set: Set,
    velocities: &'a VelocitySet<VelocityOf<S>>,
    trial: &'a Trial,
    texture: Texture,
    /// With the error of the group's own action by each.
    flows: &'a [(VelocityOf<S>, f64)],
    dtype: DType,
    grid: Grid,
}

impl<S: Subject> Run<'_, S>
where
    S::Group: MeasuredGroup,
{
    fn measure(&self, options: &Options<S::Group>, tallies: &mut Vec<Tally>) -> Result<()> {
        let group = &options.group;
        let frames = options.frames(self.trial, self.texture)?.to_dtype(self.dtype)?;
        let sequence = options.sequence(&frames);
        let plain = self.subject.observe(sequence)?;
        for &(velocity, action) in self.flows {
            for motion in [Motion::Flow(velocity), Motion::Still(velocity)] {
                if !plain.iter().any(|stage| self.law(stage, motion).is_some()) {
                    continue;
                }
                let input = moved(group, sequence, motion)?;
                let moved = self.subject.observe(sequence.like(&input))?;
                if plain.len() != moved.len() {
                    let problem = "shows more stages of one input than of another";
                    return Err(Error::configuration("the subject", problem, "show them alike"));
                }
                for (plain, moved) in plain.iter().zip(&moved) {
                    self.compare((plain, moved), (group, motion), action, tallies)?;
                }
            }
        }
        Ok(())
    }

    /// The law that a stage is measured by under a motion, if any.
    fn law(&self, stage: &Stage, motion: Motion<VelocityOf<S>>) -> Option<Law> {
        let count = self.velocities.len();
        let is_closed = self.velocities.is_closed() && count > 1;
        let is_alone = matches!(stage.values, Values::States(..)) && count == 1; // every flow leads out
        match (motion, self.set) {
            (Motion::Still(_), Set::Given) => Some(Law::Still),
            (Motion::Still(_), _) => None,
            (Motion::Flow(_), Set::Rest) => {
                (stage.claim == Claim::FlowsOfClosedSets).then_some(Law::Control)
            }
            (Motion::Flow(_), _) => match stage.claim {
                Claim::EveryFlow if is_alone => None,
                Claim::EveryFlow => Some(Law::Flow),
                Claim::FlowsOfClosedSets => is_closed.then_some(Law::Flow),
                Claim::StillMotions => None,
            },
        }
    }

    fn compare(
        &self,
        (plain, moved): (&Stage, &Stage),
        (group, motion): (&S::Group, Motion<VelocityOf<S>>),
        action: f64,
        tallies: &mut Vec<Tally>,
    ) -> Result<()> {
        let Some(law) = self.law(plain, motion) else { return Ok(()) };
        let set = match self.set {
            Set::Closed => "closed set".into(),
            Set::Given | Set::Rest => in_words(self.velocities),
        };
        let comparison = Comparison {
            law,
            group,
            motion,
            velocities: self.velocities,
            set,
            dtype: self.dtype,
            extents: Some(self.trial.extents),
            seed: Some(self.trial.seed),
            action,
            is_finer: self.grid == Grid::Refined,
        };
        let pairs = |t| self.subject.compared(self.velocities, motion.velocity(), t);
        comparison.of((plain, moved), pairs, tallies)
    }
}

type VelocityOf<S> = <<S as Subject>::Group as FlowGroup>::Velocity;
