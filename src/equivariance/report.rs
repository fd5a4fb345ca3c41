//! What a check found, for people and for tables.

use super::diagnosis::{Diagnosis, LARGEST_ROUNDING};
use super::row::{Key, Row};
use std::fmt;

/// A law that a check measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// The group's action on the grid is one.
    Action,
    /// A stage moves with flows of the input.
    Flow,
    /// A stage moves with still transformations of the input.
    Still,
    /// The control: without velocities it must not move with flows.
    Control,
}

impl Law {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Action => "group action",
            Self::Flow => "flow equivariance",
            Self::Still => "static equivariance",
            Self::Control => "control",
        }
    }
}

/// Where an error is largest.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The motion of the input.
    pub flow: String,
    /// The frame, from 0; nothing of numbers that belong to no frame.
    pub step: Option<usize>,
    /// The velocity ν of the slice, for hidden states.
    pub velocity: Option<String>,
    /// (H, W) of the frames, where they are known.
    pub extents: Option<(usize, usize)>,
    /// Of the frames, where it is known.
    pub seed: Option<u64>,
}

impl Place {
    /// The frame and the slice, the motion, the input.
    fn parts(&self) -> Vec<String> {
        let frame = self.step.map(|step| format!("frame {step}"));
        let slice = self.velocity.as_ref().map(|velocity| format!("ν = {velocity}"));
        let moved = Some(format!("input moved by {}", self.flow));
        let extents = self.extents.map(|(height, width)| format!("{height}×{width} pixels"));
        let seed = self.seed.map(|seed| format!("seed {seed}"));
        [frame, slice, moved, extents, seed].into_iter().flatten().collect()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts().join(", "))
    }
}

/// The least order with which an error of the grid falls with the distance of pixels. Interpolation falls with
/// the square, more slowly at the kinks of a rectifier and where features nearly cancel: the states and
/// read-outs of this crate's cells over 45°, random and trained, with orders of 0.9 to 2.2. A breach does not
/// fall.
pub const LEAST_ORDER: f64 = 0.5;

/// What a control's error must reach at least, relative to the largest value: under every motion this and what
/// interpolation is allowed there, under one of them twice the most that it is allowed. A [`Line`] whose grid
/// carries some motions exactly is decided by those ([`LEAST_EXACT_BREACH`]).
pub const LEAST_BREACH: f64 = 0.1;

/// What the error of a [`Line`]'s control must reach at least under every motion that the grid carries exactly:
/// twenty times what may be rounding in f32. Less than [`LEAST_BREACH`], since numbers that are a mean over
/// space are changed by little.
pub const LEAST_EXACT_BREACH: f64 = 0.01;

/// What a law turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It was measured.
    Measured(Diagnosis),
    /// It could only be measured in a way that proves nothing, for this reason.
    Vacuous(String),
}

/// The error of a law under motions by one velocity.
#[derive(Clone, Debug, PartialEq)]
pub struct MotionError {
    /// The velocity of the input.
    pub velocity: String,
    /// What interpolation may do at most, relative to the largest value; 0 where the grid carries the motion
    /// exactly.
    pub allowed: f64,
    /// The largest error in f32, relative to the largest value; nothing where it was not measured.
    pub single: Option<f64>,
    /// The same in f64.
    pub double: Option<f64>,
}

impl MotionError {
    /// Whether it is so large, in all that was measured; NaN is not.
    fn reaches(&self, least: f64) -> bool {
        [self.single, self.double].into_iter().flatten().all(|error| error >= least)
    }

    /// Whether the grid carries the motion exactly.
    fn is_exact(&self) -> bool {
        self.allowed == 0.0
    }
}

/// A law at a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The law.
    pub law: Law,
    /// The stage.
    pub stage: String,
    /// The velocities, in words; empty for the group's action.
    pub velocities: String,
    /// The largest error allowed; [`Diagnosis::Broken`] where the law must break.
    pub expected: Diagnosis,
    /// What was found.
    pub verdict: Verdict,
    /// The largest error in f32, relative to the largest value; nothing where it was not measured.
    pub single: Option<f64>,
    /// The same in f64.
    pub double: Option<f64>,
    /// The order with which it falls with the distance of pixels, where the grid was refined.
    pub order: Option<f64>,
    /// Where it is largest, of the motions under which most is wrong.
    pub worst: Option<Place>,
    /// The errors by the velocity of the motion.
    pub motions: Vec<MotionError>,
}

impl Line {
    /// Whether the law holds, or breaks where it must.
    pub fn holds(&self) -> bool {
        match (&self.verdict, self.expected) {
            (Verdict::Vacuous(_), _) => false,
            (Verdict::Measured(_), Diagnosis::Broken) => self.is_breached(),
            (Verdict::Measured(found), expected) => *found <= expected,
        }
    }

    /// Whether a control breaks its law, by more than the law would be allowed.
    fn is_breached(&self) -> bool {
        let motions = || self.motions.iter();
        if motions().any(MotionError::is_exact) {
            return motions().filter(|m| m.is_exact()).all(|m| m.reaches(LEAST_EXACT_BREACH));
        }
        let largest = motions().map(|motion| motion.allowed).fold(0.0, f64::max);
        motions().all(|motion| motion.reaches(LEAST_BREACH.max(motion.allowed)))
            && motions().any(|motion| motion.reaches(LEAST_BREACH.max(2.0 * largest)))
    }

    /// Where it is largest, and how large it is there, under the motion alone.
    fn parts_of_worst(&self, place: &Place) -> Vec<String> {
        let motion = self.motions.iter().find(|motion| motion.velocity == place.flow);
        let (single, double) = motion.map_or((None, None), |m| (m.single, m.double));
        let said = |(precision, error): (&str, Option<f64>)| {
            error.map(|error| format!("{precision} {error:.0e}"))
        };
        let errors = [("f32", single), ("f64", double)].into_iter().filter_map(said);
        let mut parts: Vec<String> = errors.collect();
        let first = parts.len();
        parts.extend(place.parts());
        parts[first] = format!("largest at {}", parts[first]);
        parts
    }

    /// The errors by motion, in f64 where it was measured.
    fn errors_by_motion(&self) -> Vec<String> {
        let said = |motion: &MotionError| {
            let error = motion.double.or(motion.single)?;
            Some(format!("{} {error:.1e}", motion.velocity))
        };
        self.motions.iter().filter_map(said).collect()
    }
}

/// Words in lines of at most 80 columns, each begun and indented.
fn in_lines<'a>(words: impl IntoIterator<Item = &'a str>, between: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        let columns = |line: &String| {
            [line, between, word].map(|part| part.chars().count()).iter().sum::<usize>()
        };
        match lines.last_mut() {
            Some(line) if columns(line) < 80 => *line += &[between, word].concat(), // a comma fits as well
            before => {
                before.into_iter().for_each(|line| line.push_str(between.trim_end()));
                lines.push(format!("    {word}"));
            }
        }
    }
    lines.iter().map(|line| format!("\n{line}")).collect()
}

/// A line of at most 80 columns where it holds, with the error where numbers are rounded; below it the reason or
/// the place where it does not, and where the group interpolates the errors by motion.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_control = self.expected == Diagnosis::Broken;
        let verdict = match (&self.verdict, self.holds()) {
            (Verdict::Vacuous(_), _) => "PROVES NOTHING",
            (_, true) if is_control => "broken, as it must be",
            (_, false) if is_control => "HOLDS, but must not",
            (Verdict::Measured(found), _) => found.name(),
        };
        let (law, stage, velocities) = (self.law.name(), &self.stage, &self.velocities);
        write!(f, "{law:<20} {stage:<18} {velocities:<14} {verdict}")?;
        if let Some(order) = self.order {
            write!(f, ", order {order:.1}")?;
        }
        match (&self.verdict, &self.worst) {
            (Verdict::Vacuous(why), _) => f.write_str(&in_lines(why.split(' '), " "))?,
            (_, Some(place)) if !self.holds() => {
                let parts = self.parts_of_worst(place);
                f.write_str(&in_lines(parts.iter().map(String::as_str), ", "))?;
            }
            _ => {}
        }
        let interpolates = self.motions.iter().any(|motion| !motion.is_exact());
        if self.expected == Diagnosis::Discretisation || interpolates {
            let errors = self.errors_by_motion();
            return f.write_str(&in_lines(errors.iter().map(String::as_str), ", "));
        }
        match self.single.or(self.double).filter(|&error| error > 0.0 && self.holds()) {
            Some(error) if !is_control => write!(f, ", {error:.0e}"),
            _ => Ok(()),
        }
    }
}

/// What a check found.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use fernn::cells::FlowRnn;
/// use fernn::equivariance::{Options, check_both_lifts};
/// use fernn::flow::ZeroPaddedTranslation;
///
/// # fn main() -> fernn::Result<()> {
/// let kernel = |inputs| Tensor::randn(0f64, 0.2, (4, inputs, 3, 3), &Device::Cpu);
/// let (u, w) = (kernel(1)?, kernel(4)?);
/// let cell = |dtype, space| FlowRnn::over(space, u.to_dtype(dtype)?, w.to_dtype(dtype)?);
/// let report = check_both_lifts(cell, &Options::over(ZeroPaddedTranslation))?;
/// assert!(!report.holds());
/// assert_eq!(report.begins_at(), Some("lab state"));
/// println!("{report}"); // what is broken first, and where the error is largest
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The group.
    pub group: String,
    /// The laws, in the order in which they were measured.
    pub lines: Vec<Line>,
}

impl Report {
    /// Whether every law holds, and every control breaks.
    pub fn holds(&self) -> bool {
        self.lines.iter().all(Line::holds)
    }

    /// The lowest stage at which a law is broken, if there is one.
    pub fn begins_at(&self) -> Option<&str> {
        let of_stage = |stage: &str| {
            let is_broken = |line: &&Line| {
                let found = &line.verdict;
                line.law != Law::Control && *found == Verdict::Measured(Diagnosis::Broken)
            };
            self.lines.iter().filter(is_broken).any(|line| line.stage == stage)
        };
        let stages = self.lines.iter().map(|line| line.stage.as_str());
        stages.into_iter().find(|stage| of_stage(stage))
    }

    /// The lines as they are printed: those that do not hold first.
    pub fn in_order(&self) -> Vec<&Line> {
        let (fine, wrong): (Vec<&Line>, Vec<&Line>) = self.lines.iter().partition(|l| l.holds());
        [wrong, fine].concat()
    }

    /// What is printed below the lines: where a breach begins, how many laws hold, and what was not measured.
    pub fn summary(&self) -> String {
        let begins = self.begins_at().map(|stage| format!("The breach begins at: {stage}.\n"));
        let fine = self.lines.iter().filter(|line| line.holds()).count();
        let (all, group) = (self.lines.len(), &self.group);
        let counts = format!("{all} laws over {group}: {fine} hold, {} do not", all - fine);
        let mut measured = self.lines.iter().filter(|line| line.law != Law::Action).peekable();
        let is_single = measured.peek().is_some() && measured.all(|line| line.double.is_none());
        let single = format!(
            "\nf32 alone: a breach below {:.0e} of the largest value counts as rounding;\ngive f64 as well",
            LARGEST_ROUNDING * f64::from(f32::EPSILON)
        );
        [begins.unwrap_or_default(), counts, if is_single { single } else { String::new() }]
            .concat()
    }

    /// Panics with the lines of the report, and nothing else, unless everything holds.
    ///
    /// # Panics
    /// When a law does not hold, a control does not break, or a measurement proves nothing.
    #[track_caller]
    pub fn assert_holds(&self) {
        assert!(self.holds(), "\n{self}");
    }

    /// The report as rows of `fernn verify --format csv`, for a cell of this name. An example stands at
    /// [`at_a_glance`](crate::verification::at_a_glance).
    pub fn rows(&self, cell: &str) -> Vec<Row> {
        let row = |line: &Line| {
            let verdict = match &line.verdict {
                Verdict::Measured(found) => found.name().to_string(),
                Verdict::Vacuous(_) => Row::PROVES_NOTHING.to_string(),
            };
            let key = Key {
                property: format!("{} of {}", line.law.name(), line.stage),
                cell: cell.into(),
                group: self.group.clone(),
                velocities: match line.velocities.as_str() {
                    "" => Key::NONE.into(),
                    velocities => velocities.into(),
                },
                ..Key::default()
            };
            Row {
                verdict,
                error_f32: line.single,
                error_f64: line.double,
                holds: line.holds(),
                ..Row::of(key, line.expected)
            }
        };
        self.lines.iter().map(row).collect()
    }
}

/// A line for each law, what does not hold first; then where a breach begins, and a summary.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.in_order().into_iter().try_for_each(|line| writeln!(f, "{line}"))?;
        f.write_str(&self.summary())
    }
}
