//! The one call: no broken cell passes it, and none of the crate's own is called broken.

mod common;
#[path = "check/faulty.rs"]
mod faulty;
#[path = "check/rotations.rs"]
mod rotations;

use candle_core::{DType, Device, Tensor};
use common::normal;
use faulty::{CHANNELS, FAULTS, Fault, Faulty};
use fernn::Result;
use fernn::cells::{
    AnyLayer, Between, CellChoice, CellKind, CellShape, Fields, FlowRnn, Running, Stacked,
    TranslationRnn,
};
use fernn::equivariance::{
    Claim, LEAST_ORDER, Law, Line, MeasuredGroup, Options, Report, SequenceMap, Stage, Subject,
    Values, Verdict, check,
};
use fernn::flow::{
    CarryOrder, FlowGroup, FlowSpace, Lift, PixelsPerFrame, Rotation, Sequence, Translation,
    VelocitySet,
};
use fernn::models::{
    AnyClassifier, ClassifierChoice, ClassifierShape, Decoder, FORECAST, Feedback, Forecaster,
    ForecasterChoice, ForecasterShape, Mode, check_forecaster,
};
use fernn::ops::{Activation, ConvAlgorithm, Layer, Padding, SteerableBasis};
use fernn::parameters::{Initial, Parameters, in_precision};
use std::path::Path;

fn report(fault: Fault, lift: Lift) -> Report {
    let build = |dtype, velocities| Faulty::new(fault, lift, dtype, velocities);
    check(build, &Options::over(Translation)).expect("it can be measured")
}

const LIFTS: [Lift; 2] = [Lift::Trivial, Lift::CoMoving];

#[test]
fn every_fault_is_caught_in_both_frames_or_proven_harmless() {
    for lift in LIFTS {
        report(Fault::None, lift).assert_holds();
        for fault in FAULTS {
            let report = report(fault, lift);
            assert_eq!(report.holds(), fault.proof(lift).is_some(), "{fault:?} {lift:?}\n{report}");
        }
    }
}

/// What fails somebody's test: the lines, and nothing else.
#[test]
fn a_report_that_does_not_hold_panics_with_its_lines_alone() {
    let report = report(Fault::BoundaryMask, Lift::Trivial);
    let panicked = std::panic::catch_unwind(|| report.assert_holds()).unwrap_err();
    assert_eq!(*panicked.downcast_ref::<String>().expect("words"), format!("\n{report}"));
}

/// A cell of the crate with random weights, the same for every set of velocities.
fn own_cell<G: FlowGroup + 'static>(
    choice: CellChoice,
    (fields, channels): (&Fields, usize),
    space: FlowSpace<G>,
    dtype: DType,
) -> Result<AnyLayer<G>> {
    let reads = Between::FrameAndHidden;
    let shape = CellShape { fields: fields.clone(), reads, inputs: 1, channels, kernels: (3, 3) };
    let draw = |initial: Initial| {
        let fan_in = initial.shape[1..].iter().product::<usize>() as f64;
        let value = normal(5, &initial.name, &initial.shape, 1.0 / fan_in.sqrt(), dtype);
        (initial.name, value)
    };
    let tensors = choice.parameters("cell", &shape, space.velocities()).into_iter().map(draw);
    let running = (Running::default(), Path::new("test"));
    choice.layer(space, ("cell", &shape), &tensors.collect(), running)
}

/// The cells of which the theory claims flow equivariance.
fn claimed() -> Vec<CellChoice> {
    let tanh = CellChoice { activation: Activation::Tanh, ..CellChoice::SIMPLE };
    let kinds = [CellKind::Gru, CellKind::Lstm, CellKind::Mixing].map(CellChoice::of);
    [vec![CellChoice::SIMPLE, tanh], kinds.to_vec()].concat()
}

fn assert_none_is_called_broken<G: MeasuredGroup + 'static>(
    group: &G,
    made_of: (&Fields, usize),
) -> Result<()> {
    for (choice, lift) in claimed().into_iter().flat_map(|c| LIFTS.map(|lift| (c, lift))) {
        let build = |dtype, velocities| {
            own_cell(choice, made_of, FlowSpace::new(group.clone(), velocities, lift), dtype)
        };
        let report = check(build, &Options::over(group.clone()))?;
        assert!(report.holds(), "{choice:?} {lift:?}\n{report}");
    }
    Ok(())
}

#[test]
fn no_cell_of_the_crate_is_called_broken_over_translations() -> Result<()> {
    assert_none_is_called_broken(&Translation, (&Fields::Plain, 4))
}

#[test]
fn no_cell_of_the_crate_is_called_broken_over_rotations() -> Result<()> {
    use CarryOrder::{CarryFirst, ConvolveFirst};
    for (orientations, order) in
        [(4, CarryFirst), (4, ConvolveFirst), (8, CarryFirst), (8, ConvolveFirst)]
    {
        let fields = Fields::Steerable(SteerableBasis::new(orientations, 3)?);
        let group = Rotation::new(orientations)?.with_order(order);
        assert_none_is_called_broken(&group, (&fields, 2))?;
    }
    Ok(())
}

/// Nor are stacks of them, and forecasts by what is fed back as it flows.
#[test]
fn no_model_of_the_crate_is_called_broken() -> Result<()> {
    let layer = |place: usize, space: &FlowSpace<Translation>, dtype| {
        let inputs = if place == 0 { 1 } else { CHANNELS };
        let kernel = |name: &str, inputs, scale| {
            normal(3, &format!("{name}{place}"), &[CHANNELS, inputs, 3, 3], scale, dtype)
        };
        FlowRnn::over(space.clone(), kernel("u", inputs, 0.3), kernel("w", CHANNELS, 0.17))
    };
    for lift in LIFTS {
        let options = Options::over(Translation);
        let space = |velocities| FlowSpace::new(Translation, velocities, lift);
        let stack = |dtype, velocities| {
            let space = space(velocities);
            Stacked::new((0..3).map(|place| layer(place, &space, dtype)).collect::<Result<_>>()?)
        };
        check(stack, &options)?.assert_holds();
        let forecaster = |dtype, velocities| {
            let decoder = Layer {
                kernel: normal(3, "decoder", &[1, CHANNELS, 3, 3], 0.17, dtype),
                activation: Activation::Identity,
                padding: Padding::Circular,
            };
            let cell = layer(0, &space(velocities), dtype)?;
            let model = Forecaster::new(cell, vec![decoder], ConvAlgorithm::Direct)?;
            Ok(model.with_feedback(Feedback::Flowed))
        };
        let report = check(forecaster, &options)?;
        report.assert_holds();
        let is_flow = |line: &&Line| line.law == Law::Flow && line.stage == FORECAST;
        assert!(report.lines.iter().any(|line| is_flow(&line)), "{report}");
    }
    Ok(())
}

#[test]
fn no_stack_of_the_crate_is_called_broken_over_rotations() -> Result<()> {
    const ORIENTATIONS: usize = 4;
    let basis = SteerableBasis::new(ORIENTATIONS, 3)?;
    let weights =
        |name: &str, shape: &[usize], dtype| normal(4, name, shape, 0.1, dtype).contiguous();
    for lift in LIFTS {
        let stack = |dtype, velocities| {
            let space = FlowSpace::new(Rotation::new(ORIENTATIONS)?, velocities, lift);
            let regular = |name| -> Result<Tensor> {
                basis.regular(&weights(name, &[2, 2, ORIENTATIONS, basis.len()], dtype)?)
            };
            let u = basis.lifting(&(weights("u", &[2, 1, basis.len()], dtype)? * 4.0)?)?;
            let lower = FlowRnn::over(space.clone(), u, regular("w")?)?;
            let upper = FlowRnn::over(space, regular("upper u")?, regular("upper w")?)?;
            Stacked::new(vec![lower, upper])
        };
        check(stack, &Options::over(Rotation::new(ORIENTATIONS)?))?.assert_holds();
    }
    Ok(())
}

#[test]
fn kernels_that_are_not_steerable_are_caught_over_rotations() -> Result<()> {
    for (orientations, lift) in [4, 8].into_iter().flat_map(|n| LIFTS.map(|lift| (n, lift))) {
        let group = Rotation::new(orientations)?;
        let build = |dtype, velocities| {
            let space = FlowSpace::new(group, velocities, lift);
            own_cell(CellChoice::SIMPLE, (&Fields::Plain, 2 * orientations), space, dtype)
        };
        let report = check(build, &Options::over(group))?;
        assert!(!report.holds(), "{orientations} {lift:?}\n{report}");
        assert_eq!(report.begins_at(), Some("state"));
    }
    Ok(())
}

/// A control without velocities holds where a cell remembers nothing, and what is silent, saturated or the
/// same everywhere proves nothing.
#[test]
fn passes_that_prove_nothing_are_refused() -> Result<()> {
    let told = |scale_u: f64, scale_w: f64, activation| -> Result<Report> {
        check(
            |dtype, velocities| {
                let u = normal(3, "u", &[4, 1, 3, 3], scale_u, dtype);
                let w = normal(3, "w", &[4, 4, 3, 3], scale_w, dtype);
                let cell = TranslationRnn::new(Translation, velocities, u, w)?;
                Ok(cell.with_activation(activation))
            },
            &Options::over(Translation),
        )
    };
    told(0.5, 0.17, Activation::Relu)?.assert_holds();
    let complaints = |report: &Report| -> Vec<Law> {
        report.lines.iter().filter(|line| !line.holds()).map(|line| line.law).collect()
    };
    let forgetful = told(0.5, 0.0, Activation::Relu)?;
    assert_eq!(complaints(&forgetful), [Law::Control], "{forgetful}");
    for report in [told(0.0, 0.17, Activation::Relu)?, told(1e4, 0.17, Activation::Tanh)?] {
        let vacuous = |line: &&Line| matches!(line.verdict, Verdict::Vacuous(_));
        assert!(report.lines.iter().filter(vacuous).count() >= 5, "{report}");
        assert!(!report.lines.iter().filter(vacuous).any(Line::holds), "{report}");
    }
    let same = report(Fault::SameEverywhere, Lift::CoMoving);
    assert!(same.to_string().contains("the same wherever it is moved"), "{same}");
    // One velocity and its partner: too few to tell an order from another.
    let report = check(
        |dtype, velocities| Faulty::new(Fault::None, Lift::CoMoving, dtype, velocities),
        &Options::over(Translation).with_these_velocities_only(VelocitySet::truncated(vec![
            PixelsPerFrame::new(0, 0),
            PixelsPerFrame::new(1, 0),
        ])?),
    )?;
    assert!(report.to_string().contains("only 1 of the velocities") && !report.holds(), "{report}");
    Ok(())
}

#[test]
fn a_stack_tells_the_layer_at_which_a_breach_begins() -> Result<()> {
    for (faulty, stage) in [(0, "state of layer 1"), (1, "state of layer 2")] {
        let build = |dtype, velocities: VelocitySet<PixelsPerFrame>| {
            let layer = |place| {
                let fault = if place == faulty { Fault::BoundaryMask } else { Fault::None };
                Faulty::new(fault, Lift::CoMoving, dtype, velocities.clone())
            };
            Stacked::new(vec![layer(0)?, layer(1)?, layer(2)?])
        };
        let report = check(build, &Options::over(Translation))?;
        assert_eq!(report.begins_at(), Some(stage), "{report}");
    }
    Ok(())
}

#[test]
fn a_decoder_tells_the_layer_at_which_a_breach_begins() -> Result<()> {
    const NAMES: [&str; 3] = ["decoder's layer 1", "decoder's layer 2", FORECAST];
    let told = |faulty: Option<usize>| {
        let build = |dtype, velocities| {
            let kernel = |name: &str, outputs, inputs, scale| {
                normal(3, name, &[outputs, inputs, 3, 3], scale, dtype)
            };
            let layer = |place: usize| Layer {
                kernel: kernel(NAMES[place], if place == 2 { 1 } else { CHANNELS }, CHANNELS, 0.3),
                activation: if place == 2 { Activation::Identity } else { Activation::Relu },
                padding: if faulty == Some(place) { Padding::Zero } else { Padding::Circular },
            };
            let space = FlowSpace::new(Translation, velocities, Lift::CoMoving);
            let (u, w) = (kernel("u", CHANNELS, 1, 0.3), kernel("w", CHANNELS, CHANNELS, 0.17));
            let cell = FlowRnn::over(space, u, w)?;
            let decoder = (0..3).map(layer).collect();
            let model = Forecaster::new(cell, decoder, ConvAlgorithm::Direct)?;
            Ok(model.with_feedback(Feedback::Flowed).with_fields_between_layers())
        };
        check(build, &Options::over(Translation))
    };
    let sound = told(None)?;
    sound.assert_holds();
    for stage in NAMES {
        let laws = [Law::Flow, Law::Still, Law::Control];
        let is_there = |&law: &Law| sound.lines.iter().any(|l| l.stage == stage && l.law == law);
        assert!(laws.iter().all(is_there), "{sound}");
    }
    for (faulty, stage) in NAMES.into_iter().enumerate() {
        let report = told(Some(faulty))?;
        assert_eq!(report.begins_at(), Some(stage), "{report}");
    }
    Ok(())
}

#[test]
fn an_equivariant_decoder_is_measured_layer_by_layer_and_a_plain_one_as_a_whole() -> Result<()> {
    let group = Rotation::new(4)?;
    let fields = Fields::Steerable(SteerableBasis::new(4, 3)?);
    for decoder in [Decoder::Equivariant, Decoder::Plain] {
        let choice = ForecasterChoice::default();
        let shape =
            ForecasterShape { inputs: 1, channels: 2, outputs: 1, decoder_layers: 1, decoder };
        let space = FlowSpace::new(group, group.closed((9, 9))?, Lift::CoMoving);
        let all = choice.parameters(&shape, &fields, space.velocities());
        let weights = Parameters::draw(&all, 0, &Device::Cpu)?.detached();
        let build = |dtype, space| {
            let weights = in_precision(&weights, dtype)?;
            choice.forecaster((&shape, &fields), &weights, space, Path::new("drawn"))
        };
        let report = check_forecaster(build, &space, choice.cell, shape.inputs)?;
        let is_layer = |line: &Line| line.stage == "decoder's layer 1";
        let is_equivariant = decoder == Decoder::Equivariant;
        assert_eq!(report.lines.iter().any(is_layer), is_equivariant, "{report}");
        assert_eq!(report.holds(), is_equivariant, "{report}");
    }
    Ok(())
}

#[test]
fn a_classifier_shows_every_layer_of_its_encoder() -> Result<()> {
    let choice = ClassifierChoice::default();
    let velocities = VelocitySet::square(1);
    let all = choice.parameters(&ClassifierShape::of(choice.kind, 16, 3), &velocities);
    let weights = Parameters::draw(&all, 0, &Device::Cpu)?.detached();
    let model = choice.classifier(&weights, &velocities, Path::new("drawn"))?;
    let AnyClassifier::Recurrent(model) = model else { panic!("a recurrent classifier") };
    let clips = normal(3, "clips", &[1, 2, 1, 5, 7], 1.0, DType::F32);
    let stages = model.observe(Sequence::Frames(&clips))?;
    let channels = |stage: &Stage| match &stage.values {
        Values::Maps(maps) => maps.dims()[2],
        Values::States(_, after) => after[0].dims()[4],
        Values::Frames(all) | Values::Invariant(all) => all.dims()[1],
    };
    let shown: Vec<(&str, usize)> =
        stages.iter().map(|stage| (stage.name.as_str(), channels(stage))).collect();
    let encoder = [("encoder's layer 1", 4), ("encoder's layer 2", 8), ("encoder's layer 3", 16)];
    assert_eq!(shown[..3], encoder);
    assert_eq!(shown[3..], [("state of layer 1", 16), ("logits", 3)]);
    let Values::Maps(last) = &stages[2].values else { panic!("maps") };
    let encoded = model.encode(&clips, &mut Mode::Evaluation)?.permute((0, 1, 4, 2, 3))?;
    assert_eq!(last.flatten_all()?.to_vec1::<f32>()?, encoded.flatten_all()?.to_vec1::<f32>()?);
    Ok(())
}

#[test]
fn no_line_of_a_report_is_longer_than_80_columns() -> Result<()> {
    let faults = [Fault::BoundaryMask, Fault::SameEverywhere, Fault::NotANumber];
    let mut reports = faults.map(|fault| report(fault, Lift::Trivial)).to_vec();
    let group = Rotation::new(8)?;
    let build = |dtype, velocities| {
        let space = FlowSpace::new(group, velocities, Lift::Trivial);
        own_cell(CellChoice::SIMPLE, (&Fields::Plain, 16), space, dtype)
    };
    reports.push(check(build, &Options::over(group))?);
    let mut longest = 0;
    for report in reports.iter().map(Report::to_string) {
        for line in report.lines() {
            longest = longest.max(line.chars().count());
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
    assert!(longest > 70, "lines are broken where they must be, and no sooner: {longest}");
    Ok(())
}

/// Filters that are nearly steerable: what they break is less than what interpolation does, but does not fall
/// on a finer grid.
#[test]
fn a_breach_behind_interpolation_is_told_by_its_order() -> Result<()> {
    let group = Rotation::new(8)?;
    let basis = SteerableBasis::new(8, 3)?;
    let told = |spoilt: f64| {
        let build = |dtype, velocities| {
            let draw = |name: &str, shape: &[usize], scale| normal(6, name, shape, scale, dtype);
            let u = basis.lifting(&draw("u", &[2, 1, basis.len()], 0.4))?;
            let w = basis.regular(&draw("w", &[2, 2, 8, basis.len()], 0.1))?;
            let noise = draw("noise", &[16, 1, 3, 3], spoilt);
            FlowRnn::over(FlowSpace::new(group, velocities, Lift::Trivial), (u + noise)?, w)
        };
        check(build, &Options::over(group))
    };
    told(0.0)?.assert_holds();
    let report = told(0.05)?;
    let is_flow = |line: &&Line| line.law == Law::Flow && line.order.is_some();
    let line = report.lines.iter().find(is_flow).expect("the grid was refined");
    assert!(!line.holds() && line.order < Some(LEAST_ORDER), "{report}");
    assert!(line.double < Some(0.5), "not for its size: {report}");
    Ok(())
}

#[test]
fn what_is_not_a_number_breaks_every_law_and_a_check_of_nothing_is_refused() -> Result<()> {
    let told = report(Fault::NotANumber, Lift::Trivial);
    let broken = |line: &&Line| line.law == Law::Action || !line.holds();
    assert_eq!(told.lines.iter().filter(broken).count(), told.lines.len(), "{told}");
    let nothing = |dtype, velocities| Faulty::new(Fault::None, Lift::Trivial, dtype, velocities);
    assert!(check(nothing, &Options::over(Translation).with_trials(vec![])).is_err());
    Ok(())
}

/// With no velocity but rest still motions are all that is claimed of a cell, and all that is measured.
#[test]
fn a_cell_that_is_built_at_rest_alone_is_checked_under_still_motions() -> Result<()> {
    let told = |fault, options: Options<Translation>| {
        let build = |dtype, velocities| Faulty::new(fault, Lift::Trivial, dtype, velocities);
        check(build, &options)
    };
    let alone = || Options::over(Translation).with_these_velocities_only(VelocitySet::trivial());
    let report = told(Fault::None, alone())?;
    report.assert_holds();
    let laws: Vec<(Law, &str)> =
        report.lines.iter().map(|line| (line.law, line.stage.as_str())).collect();
    let expected = [(Law::Action, "frames"), (Law::Still, "state"), (Law::Still, "read-out")];
    assert_eq!(laws, expected, "{report}");
    assert!(!told(Fault::BoundaryMask, alone())?.holds());
    let among = Options::over(Translation).with_velocities(VelocitySet::trivial());
    let report = told(Fault::None, among)?;
    report.assert_holds();
    assert!(report.lines.iter().any(|line| line.law == Law::Control), "{report}");
    Ok(())
}

/// A map that leaves the first frame out begins at time 1.
#[test]
fn a_map_that_begins_later_is_moved_by_its_own_time() -> Result<()> {
    let told = |start| {
        let later = |_, _| {
            let map = |frames: &Tensor| {
                let count = frames.dims()[1] - 1;
                Ok((frames.narrow(1, 1, count)? + (frames.narrow(1, 1, count)?.sqr()? * 0.5)?)?)
            };
            Ok(SequenceMap::<Translation, _>::new(Claim::EveryFlow, map).from_time(start))
        };
        check(later, &Options::over(Translation))
    };
    told(1)?.assert_holds();
    assert!(!told(0)?.holds() && !told(2)?.holds());
    Ok(())
}
