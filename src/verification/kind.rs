//! A kind of cell over a group: how it is built, and what the theory says of it.

use super::case::Case;
use super::drawn::Drawn;
use super::group::{Velocities, VerifiedGroup};
use super::measurement::Measurement;
use super::property::{Measure, Property};
use super::sizes::Sizes;
use super::statement::{Flows, Statement};
use super::theory::Theory;
use super::verified::Verified;
use crate::cells::{Cell, FlowCell};
use crate::equivariance::{Diagnosis, EquivarianceError, Key};
use crate::error::{Error, Result};
use crate::flow::{AnyVelocity, FlowGroup, Lift};
use crate::ops::ConvAlgorithm;
use candle_core::DType;

/// A kind of cell over a group, that random members of can be built.
///
/// ```
/// use fernn::cells::FlowRnn;
/// use fernn::flow::Translation;
/// use fernn::verification::{Baseline, Kind, Selection, Verified, run, search, statements};
///
/// # fn main() -> fernn::Result<()> {
/// let kind = Kind::new("my cell", Translation, |case, dtype| {
///     let (channels, inputs, k) = (case.sizes.channels, case.sizes.inputs, case.sizes.kernel);
///     let u = case.weights("u", &[channels, inputs, 3, 3], dtype)?;
///     let w = case.weights("w", &[channels, channels, k, k], dtype)?;
///     FlowRnn::over(case.space()?, u, w)
/// });
/// let kinds: [Box<dyn Verified>; 1] = [Box::new(kind)];
/// let selection = Selection::default();
/// let rows = run(&statements(&kinds, &selection)?, &selection.dtypes, |_| ())?;
/// assert!(rows.iter().all(|row| row.holds));
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("verified.csv");
/// Baseline::of(rows.clone()).write(&path)?; // once, to be committed
/// assert!(Baseline::read(&path)?.deviations(&rows, |_| true).is_empty());
/// assert!(search(&kinds, &selection, 0, 16)?.is_none(), "no counterexample");
/// # Ok(())
/// # }
/// ```
pub struct Kind<G: VerifiedGroup> {
    name: String,
    group: G,
    theory: Theory,
    sets: Vec<Velocities>,
    algorithms: Vec<ConvAlgorithm>,
    has_single_flows: bool,
    measure: Box<MeasureFn<G>>,
}

type MeasureFn<G> = dyn Fn(&Measure<'_, G>) -> Result<EquivarianceError> + Send + Sync;

impl<G: VerifiedGroup> Kind<G> {
    /// A kind whose cells `build` makes of a case: with the case's space and weights, in the precision.
    /// Everything is claimed of it ([`Theory::FLOW_EQUIVARIANT`]), up to rounding over translations.
    pub fn new<C>(
        name: impl Into<String>,
        group: G,
        build: impl Fn(&Case<G>, DType) -> Result<C> + Send + Sync + 'static,
    ) -> Self
    where
        C: FlowCell<Group: FlowGroup<Velocity = G::Velocity>>,
    {
        let measure = move |measure: &Measure<'_, G>| {
            let with = |lift| Case { lift, ..measure.case.clone() };
            measure.of_flow_cell(|lift| build(&with(lift), measure.dtype))
        };
        let sets = match group.is_exact() {
            true => EVERY_SET.to_vec(),
            false => vec![Velocities::Truncated(1), Velocities::Closed], // each interpolated slice costs
        };
        let (name, algorithms) = (name.into(), vec![ConvAlgorithm::Auto]);
        let (theory, measure) = (Theory::FLOW_EQUIVARIANT, Box::new(measure));
        Self { name, group, theory, sets, algorithms, has_single_flows: false, measure }
    }

    /// A kind of cells without velocities, of which nothing is claimed.
    pub(super) fn without_velocities<C: Cell>(
        name: &str,
        group: G,
        build: impl Fn(&Case<G>, DType) -> Result<C> + Send + Sync + 'static,
    ) -> Self {
        let measure = move |measure: &Measure<'_, G>| {
            measure.of_cell(build(measure.case, measure.dtype)?, &measure.case.group)
        };
        let theory = Theory {
            lifts: &[Lift::Trivial],
            flows_in: &[],
            is_equivariant: false,
            has_velocities: false,
            has_equivariant_decoder: true,
        };
        let (name, algorithms) = (name.into(), vec![ConvAlgorithm::Direct]);
        let (sets, measure) = (vec![Velocities::Truncated(0)], Box::new(measure));
        Self { name, group, theory, sets, algorithms, has_single_flows: false, measure }
    }

    /// With other claims: those of a control, or of a cell that knows but one frame of reference.
    pub fn with_theory(self, theory: Theory) -> Self {
        Self { theory, ..self }
    }

    /// Over other sets of velocities than {0}, V1, V2 and the closed one; in this order.
    pub fn with_sets(self, sets: Vec<Velocities>) -> Self {
        Self { sets, ..self }
    }

    /// With each of these ways of convolving ([`Case::algorithm`]), if the cells have a choice.
    pub fn with_algorithms(self, algorithms: &[ConvAlgorithm]) -> Self {
        Self { algorithms: algorithms.to_vec(), ..self }
    }

    /// Told velocity by velocity as well, how far forecasts with a truncated set carry.
    pub fn with_single_flows(self) -> Self {
        Self { has_single_flows: true, ..self }
    }

    /// Measures a law on a case, in one precision, under one flow of the input.
    ///
    /// # Errors
    /// [`Error::Vacuous`] where the comparison would prove nothing; those of the cell.
    pub fn measure(
        &self,
        property: Property,
        case: &Case<G>,
        flow: G::Velocity,
        dtype: DType,
    ) -> Result<EquivarianceError> {
        self.measure_together(property, case, &[flow], dtype)
    }

    /// The same under several flows: the largest errors.
    fn measure_together(
        &self,
        property: Property,
        case: &Case<G>,
        flows: &[G::Velocity],
        dtype: DType,
    ) -> Result<EquivarianceError> {
        let has_equivariant_decoder = self.theory.has_equivariant_decoder;
        let measure = Measure { property, case, flows, dtype, has_equivariant_decoder };
        match property {
            Property::Action => measure.of_group(),
            _ => (self.measure)(&measure),
        }
    }

    /// The case of a list or a draw, as a statement; nothing where the theory says nothing.
    fn statement(
        &self,
        property: Property,
        case: Case<G>,
        flows: Vec<G::Velocity>,
        by: Option<AnyVelocity>,
    ) -> Result<Option<Statement<'_>>> {
        let Some(expected) = self.theory.expected(property, &case)? else { return Ok(None) };
        let key = self.key(property, &case, by);
        let (sizes, seed) = (case.sizes, case.seed);
        let measure = move |dtypes: &[DType]| self.measure_over(property, &case, &flows, dtypes);
        Ok(Some(Statement { key, expected, sizes, seed, measure: Box::new(measure) }))
    }

    fn key(&self, property: Property, case: &Case<G>, by: Option<AnyVelocity>) -> Key {
        let of_law = Key {
            property: property.name().into(),
            flow: by.map_or(Key::NONE.into(), |flow| flow.to_string()),
            group: case.group.name(),
            ..Key::default()
        };
        match property {
            Property::Action => of_law,
            _ => Key {
                cell: self.name.clone(),
                lift: case.lift.name().into(),
                velocities: case.velocities.to_string(),
                algorithm: case.algorithm.name().into(),
                ..of_law
            },
        }
    }

    /// Measures a law over the flows that it says something of; nothing if there is none.
    fn measure_over(
        &self,
        property: Property,
        case: &Case<G>,
        flows: &[G::Velocity],
        dtypes: &[DType],
    ) -> Result<Option<Measurement>> {
        let mut telling = Vec::new();
        for &flow in flows {
            if says_something(property, case, flow)? {
                telling.push(flow);
            }
        }
        if telling.is_empty() {
            return Ok(None);
        }
        let mut measured = Measurement::default();
        for &dtype in dtypes {
            let error = self.measure_together(property, case, &telling, dtype)?;
            match dtype {
                DType::F64 => measured.double = Some(error),
                _ => measured.single = Some(error),
            }
        }
        if !case.group.is_exact() {
            // Velocities of the model interpolate as well, whatever the input flows by.
            let step = case.group.velocity_of((1, 0));
            if !case.group.carries_exactly(step, case.extents()) {
                telling.push(step);
            }
            let action = self.measure_together(Property::Action, case, &telling, DType::F64)?;
            measured.action = action.max();
        }
        Ok(Some(measured))
    }

    /// Leaves out what would be the same measurement again.
    fn is_worth_measuring(&self, property: Property, case: &Case<G>) -> Result<bool> {
        let is_first = self.algorithms.first() == Some(&case.algorithm);
        let is_breach = self.theory.expected(property, case)? == Some(Diagnosis::Broken);
        // A decoder sees what is pooled, which is one thing for both lifts. Where the group interpolates, its
        // layers would add the grid's error to that of what they read.
        let is_seen = !property.is_of_forecast()
            || (case.group.is_exact() && self.theory.lifts.last() == Some(&case.lift));
        Ok(is_seen && (is_first || !is_breach))
    }

    /// Every case of the fixed list on which a law is measured.
    fn cases(&self, property: Property, seed: u64) -> Result<Vec<Case<G>>> {
        let mut cases = Vec::new();
        for &set in &self.sets {
            for &lift in self.theory.lifts {
                for &algorithm in &self.algorithms {
                    let case = Case::of_list(&self.group, lift, set, algorithm, seed);
                    if self.is_worth_measuring(property, &case)? {
                        cases.push(case);
                    }
                }
            }
        }
        Ok(cases)
    }

    /// The group's velocities among some; where it interpolates, those that are interpolated, if there are
    /// any: a quarter turn is what the smaller group is for.
    fn flows_of(&self, flows: &[AnyVelocity]) -> Vec<G::Velocity> {
        let of_group = flows.iter().filter_map(|&flow| self.group.velocity(flow));
        let Sizes { height, width, .. } = self.group.sizes(Velocities::Truncated(1));
        let (carried, interpolated): (Vec<_>, Vec<_>) =
            of_group.partition(|&flow| self.group.carries_exactly(flow, (height, width)));
        if interpolated.is_empty() { carried } else { interpolated }
    }
}

/// Whether a flow moves anything, and leaves a law something to compare: on a small torus, and in a small
/// set, some do not.
fn says_something<G: VerifiedGroup>(
    property: Property,
    case: &Case<G>,
    flow: G::Velocity,
) -> Result<bool> {
    let velocities = case.group.set(case.velocities, case.extents())?;
    let has_pairs = property != Property::State || !velocities.pairs_apart(flow).is_empty();
    Ok(has_pairs && case.group.moves(flow, case.extents())?)
}

/// {0}, the paper's sets, and all.
const EVERY_SET: [Velocities; 4] = [
    Velocities::Truncated(0),
    Velocities::Truncated(1),
    Velocities::Truncated(2),
    Velocities::Closed,
];

impl<G: VerifiedGroup> Verified for Kind<G> {
    fn cell(&self) -> &str {
        &self.name
    }

    fn group(&self) -> String {
        self.group.name()
    }

    fn has(&self, flow: AnyVelocity) -> bool {
        self.group.velocity(flow).is_some()
    }

    fn is_searched(&self) -> bool {
        self.group.is_exact() && !self.theory.flows_in.is_empty()
    }

    fn has_single_flows(&self) -> bool {
        self.has_single_flows
    }

    fn statements(
        &self,
        property: Property,
        flows: Flows<'_>,
        seed: u64,
    ) -> Result<Vec<Statement<'_>>> {
        let (flows, by) = match flows {
            Flows::Together(all) => (self.flows_of(all), None),
            Flows::Alone(flow) => (self.flows_of(&[flow]), Some(flow)),
        };
        let mut cases = match property {
            Property::Action => {
                let (v1, direct) = (Velocities::Truncated(1), ConvAlgorithm::Direct);
                vec![Case::of_list(&self.group, Lift::Trivial, v1, direct, seed)]
            }
            _ => self.cases(property, seed)?,
        };
        if by.is_some() {
            cases.retain(|case| matches!(case.velocities, Velocities::Truncated(1..)));
        }
        let said = cases.into_iter().map(|case| self.statement(property, case, flows.clone(), by));
        Ok(said.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    fn random_statement(&self, drawn: &Drawn) -> Result<Statement<'_>> {
        let or_last =
            |set| if self.sets.contains(&set) { Some(set) } else { self.sets.last().copied() };
        let nothing = || Error::Vacuous("the theory claims nothing".into());
        let case = Case {
            group: self.group.clone(),
            lift: drawn.one_of(self.theory.lifts, 1).ok_or_else(nothing)?,
            velocities: or_last(drawn.velocities).ok_or_else(nothing)?,
            algorithm: drawn.one_of(&self.algorithms, 2).ok_or_else(nothing)?,
            sizes: self.group.fitted(drawn.sizes),
            seed: drawn.seed,
        };
        let flow = self.group.velocity_of(drawn.steps);
        self.statement(drawn.property, case, vec![flow], None)?.ok_or_else(nothing)
    }
}
