//! Cells of another crate in a list of statements like that of `verify`: its table, its baseline, its random
//! cases, and what each of them says of a fault.

#[path = "own_kinds/along_rows.rs"]
mod along_rows;

use candle_core::{D, DType, Tensor};
use fernn::Result;
use fernn::cells::FlowLayer;
use fernn::flow::{FlowGroup, FlowSpace, Input, Lift, LiftedState, Rotation, Translation};
use fernn::verification::{
    Baseline, Case, Kind, Paint, Row, Selection, Theory, Velocities, Verified, VerifiedGroup,
    at_a_glance, run, search, statements,
};

/// What is wrong with a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// On frames of more than four columns the memory is not carried.
    LeftBehindOnWideFrames,
    /// Sums channels in another order for every other velocity: rounding, no breach.
    SumsInAnotherOrder,
}

/// h' = λ ⊙ ψ_1(ν)·h + mean of h over channels + U ⋆ f.
struct Own<G: FlowGroup> {
    space: FlowSpace<G>,
    u: Tensor,
    leak: Tensor,
    fault: Fault,
}

impl<G: FlowGroup> FlowLayer for Own<G> {
    type Group = G;

    fn space(&self) -> &FlowSpace<G> {
        &self.space
    }

    fn channels(&self) -> usize {
        self.leak.elem_count()
    }

    fn parameters(&self) -> Vec<&Tensor> {
        vec![&self.u, &self.leak]
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let hidden = state.hidden();
        let width = hidden.dims()[3];
        let memory = match self.fault {
            Fault::LeftBehindOnWideFrames if width > 4 => hidden.clone(),
            _ => self.space.carry(hidden)?,
        };
        let driven = self.space.drive_by(input, &self.u, state)?;
        let next = memory.broadcast_mul(&self.leak)?.broadcast_add(&driven)?;
        let next = next.broadcast_add(&self.mean(&memory)?)?;
        Ok(state.next(vec![next]))
    }
}

impl<G: FlowGroup> Own<G> {
    /// Over channels.
    fn mean(&self, memory: &Tensor) -> Result<Tensor> {
        let mean = memory.mean_keepdim(D::Minus1)?;
        if self.fault != Fault::SumsInAnotherOrder {
            return Ok(mean);
        }
        let other = ((mean.affine(3.0, 1.0)? - 1.0)? / 3.0)?; // the same number but for rounding
        let slices = (0..mean.dims()[1]).map(|v| {
            let slice = if v % 2 == 0 { &mean } else { &other };
            slice.narrow(1, v, 1)
        });
        Ok(Tensor::cat(&slices.collect::<candle_core::Result<Vec<_>>>()?, 1)?)
    }
}

fn own<G: VerifiedGroup>(group: G, fault: Fault) -> Box<dyn Verified> {
    let build = move |case: &Case<G>, dtype: DType| {
        let (fields, channels) = (case.group.fields(3)?, case.sizes.channels);
        let shape = fernn::cells::Maps { outputs: channels, inputs: case.sizes.inputs, size: 3 };
        let between = fernn::cells::Between::FrameAndHidden;
        let initial = fields.initial("u", between, shape, 1);
        let u = fields.expand(&case.weights("u", &initial.shape, dtype)?, between)?;
        let leak = case.weights("leak", &[channels, 1], dtype)?;
        let leak = leak.repeat((1, fields.planes()))?.flatten_all()?;
        Ok(Own { space: case.space()?, u, leak, fault })
    };
    Box::new(Kind::new("own", group, build).with_single_flows())
}

fn measured(kinds: &[Box<dyn Verified>]) -> Vec<Row> {
    let selection = Selection::default();
    run(&statements(kinds, &selection).unwrap(), &selection.dtypes, |_| ()).unwrap()
}

#[test]
fn an_own_cell_is_listed_like_those_of_the_crate() {
    let kinds = [
        own(Translation, Fault::None),
        own(Rotation::new(4).unwrap(), Fault::None),
        own(Rotation::new(8).unwrap(), Fault::None),
    ];
    let rows = measured(&kinds);
    let table = at_a_glance(&rows, Paint::NONE);
    assert!(rows.iter().all(|row| row.holds), "{}", table.join("\n"));
    assert!(table.last().unwrap().ends_with("0 unexpected"), "{table:?}");
    assert!(table.iter().any(|line| line.starts_with("own · rotation-8")), "{table:?}");
    let of = |property: &str, velocities: &str, lift: &str| {
        let is_it = |row: &&Row| {
            (row.property.as_str(), row.velocities.as_str()) == (property, velocities)
                && (row.lift.as_str(), row.group.as_str()) == (lift, "translation")
                && row.flow == "-"
        };
        let found: Vec<_> = rows.iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "{property} {velocities} {lift}");
        (found[0].expected.clone(), found[0].verdict.clone())
    };
    let words = |(a, b): (&str, &str)| (a.to_string(), b.to_string());
    for lift in ["trivial", "co-moving"] {
        assert_eq!(of("state flow equivariance", "V2", lift), words(("rounding", "exact")));
        assert_eq!(of("read-out flow equivariance", "V2", lift), words(("BROKEN", "BROKEN")));
        assert_eq!(of("read-out flow equivariance", "closed", lift), words(("rounding", "exact")));
    }
    let mut keys: Vec<String> = rows.iter().map(|row| row.key().to_string()).collect();
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count, "no two statements are called the same");
}

#[test]
fn a_fault_is_unexpected_and_shrunk_to_the_smallest_case() {
    let kinds = [own(Translation, Fault::LeftBehindOnWideFrames)];
    let rows = measured(&kinds);
    let table = at_a_glance(&rows, Paint::NONE);
    assert_eq!(table[0], "Unexpected");
    let unexpected: Vec<&Row> = rows.iter().filter(|row| !row.holds).collect();
    assert!(unexpected.iter().any(|row| row.property == "state flow equivariance"));
    assert!(unexpected.iter().all(|row| row.property != "static equivariance"), "{unexpected:?}");

    let selection = Selection::default();
    let found = search(&kinds, &selection, 0, 256).unwrap().expect("half of the frames are wide");
    assert_eq!(found.sizes.width, 5, "{found:?}");
    assert!(
        (found.sizes.batch, found.sizes.channels, found.sizes.inputs) == (1, 1, 1),
        "{found:?}"
    );
    assert!(found.key.to_string().contains("own, trivial, translation"), "{found:?}");
    assert!(found.reason.contains("BROKEN"), "{found:?}");
    assert!(search(&[own(Translation, Fault::None)], &selection, 0, 256).unwrap().is_none());
}

#[test]
fn a_baseline_remembers_how_exact_a_cell_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.csv");
    let (before, after) = (
        measured(&[own(Translation, Fault::None)]),
        measured(&[own(Translation, Fault::SumsInAnotherOrder)]),
    );
    Baseline::of(before.clone()).write(&path).unwrap();
    let baseline = Baseline::read(&path).unwrap();
    assert_eq!(baseline.deviations(&before, |_| true), []);
    assert!(after.iter().all(|row| row.holds), "rounding is allowed");
    let worse = baseline.deviations(&after, |_| true);
    let state = "state flow equivariance, own, trivial, translation, V1, auto";
    let of_state = worse.iter().find(|deviation| deviation.statement.to_string() == state);
    assert_eq!(of_state.expect("it was exact").change, "was exact, now rounding");
    let few: Vec<Row> = before.into_iter().filter(|row| row.velocities != "V1").collect();
    assert!(!baseline.deviations(&few, |_| true).is_empty(), "some are no longer measured");
}

#[test]
fn a_theory_says_what_is_claimed() {
    let theory = Theory { lifts: &[Lift::CoMoving], ..Theory::FLOW_EQUIVARIANT };
    let build = |case: &Case<Translation>, dtype: DType| {
        let u = case.weights("u", &[case.sizes.channels, case.sizes.inputs, 3, 3], dtype)?;
        let leak = case.weights("leak", &[case.sizes.channels], dtype)?;
        Ok(Own { space: case.space()?, u, leak, fault: Fault::LeftBehindOnWideFrames })
    };
    let few = vec![Velocities::Truncated(1)];
    let kind = Kind::new("own", Translation, build).with_theory(theory).with_sets(few);
    let kinds: [Box<dyn Verified>; 1] = [Box::new(kind)];
    let rows = measured(&kinds);
    assert!(rows.iter().all(|row| row.holds), "nothing is carried in the co-moving frame");
    let of_cell = || rows.iter().filter(|row| row.cell != "-");
    assert!(of_cell().all(|row| row.lift == "co-moving" && row.velocities == "V1"));
    assert!(of_cell().all(|row| row.property != "change of frame"), "there is but one frame");
    assert!(search(&kinds, &Selection::default(), 0, 64).unwrap().is_none());
}

#[test]
fn lists_that_prove_nothing_are_refused() {
    let kinds = [own(Translation, Fault::None)];
    let refused = |selection: &Selection| {
        let listed = statements(&kinds, selection);
        let measured = listed.and_then(|all| run(&all, &selection.dtypes, |_| ()));
        measured.expect_err("nothing would be proved").to_string()
    };
    let all = Selection::default;
    let misspelt = Selection { cells: vec!["won".into()], ..all() };
    assert!(refused(&misspelt).contains("choose from own"), "{}", refused(&misspelt));
    assert!(refused(&Selection { flows: vec![], ..all() }).contains("nothing to measure"));
    assert!(refused(&Selection { dtypes: vec![], ..all() }).contains("nothing to measure"));
    let twice = [own(Translation, Fault::None), own(Translation, Fault::None)];
    let error = statements(&twice, &all()).err().expect("they cannot be told apart").to_string();
    assert!(error.contains("twice"), "{error}");
}
