//! The check: every law that applies to a cell or a model, in one call.

use super::comparison::{Comparison, Tally, in_words, own_error, report};
use super::measured_group::{MeasuredGroup, Trial};
use super::observation::{Claim, Motion, Stage, moved};
use super::report::{Law, Report};
use super::subject::Subject;
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
    reads_maps: bool,
    is_in_unit_range: bool,
    flows: Vec<G::Velocity>,
    velocities: VelocitySet<G::Velocity>,
    has_other_sets: bool,
    trials: Vec<Trial>,
}

impl<G: MeasuredGroup> Options<G> {
    /// The group's own flows, velocities and sequences, of frames of one channel.
    pub fn over(group: G) -> Self {
        let (flows, velocities, trials) = (group.flows(), group.truncated(), group.trials());
        Self {
            group,
            inputs: 1,
            reads_maps: false,
            is_in_unit_range: false,
            flows,
            velocities,
            has_other_sets: true,
            trials,
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
        Self { inputs: channels, reads_maps: true, ..self }
    }

    /// Frames with values in [0, 1), as images have them, for models that were trained on such.
    pub fn in_unit_range(self) -> Self {
        Self { is_in_unit_range: true, ..self }
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
        Self { velocities, has_other_sets: false, ..self }
    }

    /// Other sequences.
    pub fn with_trials(self, trials: Vec<Trial>) -> Self {
        Self { trials, ..self }
    }

    /// The group.
    pub fn group(&self) -> &G {
        &self.group
    }

    fn frames(&self, trial: &Trial) -> Result<Tensor> {
        let frames = self.group.frames(trial, self.inputs)?;
        match self.is_in_unit_range {
            true => {
                let squares = frames.sqr()?; // smooth, and 0 where there is nothing
                Ok((&squares / (&squares + 1.0)?)?)
            }
            false => Ok(frames),
        }
    }

    fn sets(&self) -> &'static [Set] {
        match self.has_other_sets {
            true => &[Set::Given, Set::Closed, Set::Rest],
            false => &[Set::Given],
        }
    }
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
/// transformations with the given velocities alone. Where the grid does not carry the action exactly it is
/// refined as well, with the given velocities in f64, and the error must fall ([`super::LEAST_ORDER`]). What would hold of anything is refused: values that are zero, constant or saturated, that are the
/// same wherever they are moved, too few velocities compared, a control that does not break.
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
        let problem = "have no flow, or one that stands still";
        return Err(Error::configuration("the options", problem, "take flows that move"));
    }
    let mut tallies = Vec::new();
    for trial in &options.trials {
        let frames = options.frames(trial)?;
        let action = own_error(&options.group, &frames, &options.flows, &mut tallies)?;
        for &set in options.sets() {
            let velocities = match set {
                Set::Given => options.velocities.clone(),
                Set::Closed => options.group.closed(trial.extents)?,
                Set::Rest => VelocitySet::trivial(),
            };
            for dtype in [DType::F32, DType::F64] {
                let subject = build(dtype, velocities.clone())?;
                let (subject, velocities) = (&subject, &velocities);
                let run = Run { subject, set, velocities, trial, dtype, is_finer: false };
                run.measure(options, action, &mut tallies)?;
                let finer = options.group.refined(trial).filter(|_| dtype == DType::F64);
                if let (Some(trial), true) = (&finer, set == Set::Given) {
                    Run { trial, is_finer: true, ..run }.measure(options, action, &mut tallies)?;
                }
            }
        }
    }
    report(&options.group, tallies)
}

/// A subject in one precision with one set of velocities, and the sequence it runs over.
struct Run<'a, S: Subject> {
    subject: &'a S,
    set: Set,
    velocities: &'a VelocitySet<<S::Group as FlowGroup>::Velocity>,
    trial: &'a Trial,
    dtype: DType,
    /// On the refined grid.
    is_finer: bool,
}

impl<S: Subject> Run<'_, S>
where
    S::Group: MeasuredGroup,
{
    fn measure(
        &self,
        options: &Options<S::Group>,
        action: f64,
        tallies: &mut Vec<Tally>,
    ) -> Result<()> {
        let group = &options.group;
        let frames = options.frames(self.trial)?.to_dtype(self.dtype)?;
        let sequence = match options.reads_maps {
            true => Sequence::Maps(&frames),
            false => Sequence::Frames(&frames),
        };
        let plain = self.subject.observe(sequence)?;
        for &velocity in &options.flows {
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
        let is_closed = self.velocities.is_closed() && self.velocities.len() > 1;
        match (motion, self.set) {
            (Motion::Still(_), Set::Given) => Some(Law::Still),
            (Motion::Still(_), _) => None,
            (Motion::Flow(_), Set::Rest) => {
                (stage.claim == Claim::FlowsOfClosedSets).then_some(Law::Control)
            }
            (Motion::Flow(_), _) => match stage.claim {
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
            seed: Some(self.trial.seed),
            action,
            is_finer: self.is_finer,
        };
        let pairs = |t| self.subject.compared(self.velocities, motion.velocity(), t);
        comparison.of((plain, moved), pairs, tallies)
    }
}

type VelocityOf<S> = <<S as Subject>::Group as FlowGroup>::Velocity;
