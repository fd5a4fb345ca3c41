//! Groups of rotations, most of which interpolate: quarter turns tell what interpolation hides.

use super::{LIFTS, claimed, own_cell};
use crate::common::normal;
use candle_core::{DType, Device, Tensor};
use fernn::Result;
use fernn::cells::{Fields, FlowLayer, FlowRnn};
use fernn::equivariance::{
    Claim, Diagnosis, Law, Line, Options, Report, Stage, Subject, Trial, Values, Verdict, check,
    check_both_lifts,
};
use fernn::flow::{
    DegreesPerFrame, FlowGroup, FlowSpace, Input, Lift, LiftedState, Rotation, Sequence,
    VelocitySet,
};
use fernn::ops::SteerableBasis;

/// What can go wrong in somebody's kernels over rotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// The orientations of the input kernel differ in gradients that do not turn with them.
    OwnGradients,
    /// One orientation of the input kernel has noise of mean zero.
    NoiseOfMeanZero,
    /// The same of the recurrent kernel.
    RecurrentNoiseOfMeanZero,
    /// The first row of every state is zero.
    BorderMask,
    /// The memory stays where it was, moves once more, or backwards (counted in the lab frame).
    MemoryNotMoved,
    MemoryMovedTwice,
    MemoryMovedBack,
    /// Each state has a share of the largest over velocities.
    MaximumLeaks,
}

const FAULTS: [Fault; 4] = [
    Fault::OwnGradients,
    Fault::NoiseOfMeanZero,
    Fault::RecurrentNoiseOfMeanZero,
    Fault::BorderMask,
];

/// What is wrong however a group moves its slices.
const FAULTS_OF_MOVEMENT: [Fault; 4] =
    [Fault::MemoryNotMoved, Fault::MemoryMovedTwice, Fault::MemoryMovedBack, Fault::MaximumLeaks];

/// The simple cell with such a fault.
struct Faulty {
    cell: FlowRnn<Rotation>,
    fault: Fault,
}

const FIELDS: usize = 2;

/// How far kernels are off, of about 0.4.
const FAINT: f64 = 0.02;

impl Faulty {
    fn new(fault: Fault, space: FlowSpace<Rotation>, dtype: DType) -> Result<Self> {
        let n = space.group().orientations();
        let basis = SteerableBasis::new(n, 3)?;
        let draw = |name: &str, shape: &[usize], scale| normal(6, name, shape, scale, dtype);
        let u = basis.lifting(&draw("u", &[FIELDS, 1, basis.len()], 0.4))?;
        let w = basis.regular(&draw("w", &[FIELDS, FIELDS, n, basis.len()], 0.1))?;
        let (u, w) = match fault {
            Fault::OwnGradients => ((u + gradients(FIELDS * n, dtype)?)?, w),
            Fault::NoiseOfMeanZero => (with_noise_of_mean_zero(&u)?, w),
            Fault::RecurrentNoiseOfMeanZero => (u, with_noise_of_mean_zero(&w)?),
            _ => (u, w),
        };
        Ok(Self { cell: FlowRnn::over(space, u, w)?, fault })
    }
}

/// For each output a gradient of its own across the kernel.
fn gradients(outputs: usize, dtype: DType) -> Result<Tensor> {
    let slopes = normal(6, "slopes", &[outputs, 2, 1, 1], FAINT, dtype);
    let ramp = Tensor::new(&[-1f64, 0.0, 1.0], slopes.device())?.to_dtype(dtype)?;
    let x = slopes.narrow(1, 0, 1)?.broadcast_mul(&ramp.reshape((1, 1, 1, 3))?)?;
    let y = slopes.narrow(1, 1, 1)?.broadcast_mul(&ramp.reshape((1, 1, 3, 1))?)?;
    Ok(x.broadcast_add(&y)?)
}

fn with_noise_of_mean_zero(kernel: &Tensor) -> Result<Tensor> {
    let (outputs, inputs, height, width) = kernel.dims4()?;
    let noise = normal(6, "noise", &[1, inputs, height, width], FAINT, kernel.dtype());
    let noise = noise.broadcast_sub(&noise.mean_keepdim((2, 3))?)?;
    let spoilt = (kernel.narrow(0, 0, 1)? + noise)?;
    Ok(Tensor::cat(&[&spoilt, &kernel.narrow(0, 1, outputs - 1)?], 0)?)
}

impl FlowLayer for Faulty {
    type Group = Rotation;

    fn space(&self) -> &FlowSpace<Rotation> {
        FlowLayer::space(&self.cell)
    }

    fn channels(&self) -> usize {
        FlowLayer::channels(&self.cell)
    }

    fn parameters(&self) -> Vec<&Tensor> {
        FlowLayer::parameters(&self.cell)
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let next = self.cell.advance(input, state)?;
        let (hidden, space) = (next.hidden(), FlowLayer::space(self));
        let moved =
            |steps| space.group().act_on_slices(hidden, space.velocities().as_slice(), steps);
        let spoilt = match self.fault {
            Fault::BorderMask => {
                let border = hidden.narrow(2, 0, 1)?.zeros_like()?;
                let rest = hidden.narrow(2, 1, hidden.dims()[2] - 1)?;
                Tensor::cat(&[&border, &rest], 2)?
            }
            Fault::MemoryNotMoved => moved(-1)?,
            Fault::MemoryMovedTwice => moved(1)?,
            Fault::MemoryMovedBack => moved(-2)?,
            Fault::MaximumLeaks => hidden.broadcast_add(&(hidden.max_keepdim(1)? * 0.1)?)?,
            _ => return Ok(next),
        };
        Ok(state.next(vec![spoilt]))
    }
}

fn told(orientations: usize, fault: Fault) -> Result<Report> {
    let group = Rotation::new(orientations)?;
    check_both_lifts(|dtype, space| Faulty::new(fault, space, dtype), &Options::over(group))
}

#[test]
fn what_differs_less_than_the_grid_errs_is_caught_by_quarter_turns() -> Result<()> {
    told(8, Fault::None)?.assert_holds();
    for fault in FAULTS {
        let report = told(8, fault)?;
        assert!(!report.holds(), "{fault:?}\n{report}");
        assert_eq!(report.begins_at(), Some("lab state"), "{fault:?}\n{report}");
        assert!(report.to_string().contains("90°"), "{fault:?}\n{report}");
    }
    Ok(())
}

#[test]
fn what_moves_wrongly_is_caught_over_rotations() -> Result<()> {
    for (orientations, fault) in
        FAULTS_OF_MOVEMENT.map(|fault| (4, fault)).into_iter().chain([(8, Fault::MemoryNotMoved)])
    {
        let report = told(orientations, fault)?;
        assert!(!report.holds(), "{orientations} {fault:?}\n{report}");
        assert_eq!(report.begins_at(), Some("lab state"), "{orientations} {fault:?}\n{report}");
    }
    Ok(())
}

/// Even where the cell's own velocities interpolate: turned by 45°, a slice is off as much as a quarter turn on.
#[test]
fn under_quarter_turns_every_cell_is_right_to_rounding() -> Result<()> {
    let group = Rotation::new(8)?;
    let fields = Fields::Steerable(SteerableBasis::new(8, 3)?);
    let options = Options::over(group).with_exact_flows_only();
    for (choice, lift) in claimed().into_iter().flat_map(|c| LIFTS.map(|lift| (c, lift))) {
        let build = |dtype, velocities| {
            own_cell(choice, (&fields, FIELDS), FlowSpace::new(group, velocities, lift), dtype)
        };
        let report = check(build, &options)?;
        report.assert_holds();
        for line in report.lines.iter().filter(|line| line.law != Law::Control) {
            let Verdict::Measured(found) = &line.verdict else { panic!("{line}") };
            assert!(*found <= Diagnosis::Rounding, "{choice:?} {lift:?}\n{report}");
            let names: Vec<&str> = line.motions.iter().map(|m| m.velocity.as_str()).collect();
            assert_eq!(names, ["90°", "-90°"]);
        }
    }
    Ok(())
}

#[test]
fn errors_are_told_by_the_angle_of_the_motion() -> Result<()> {
    let report = told(8, Fault::None)?;
    let line = report.lines.iter().find(|line| line.stage == "lab state").unwrap();
    let error = |name: &str| {
        let motion = line.motions.iter().find(|motion| motion.velocity == name).unwrap();
        (motion.allowed, motion.double.unwrap())
    };
    let (quarter, eighth) = (error("90°"), error("45°"));
    assert!(quarter.0 == 0.0 && quarter.1 < 1e-12, "{quarter:?}");
    assert!(eighth.0 > eighth.1 && eighth.1 > 1e-4, "{eighth:?}");
    let text = report.to_string();
    let told = format!("90° {:.1e}", quarter.1);
    assert!(text.contains(&told) && text.lines().all(|line| line.chars().count() <= 80), "{text}");
    Ok(())
}

/// N = 16 steps by two orientations, of which one is no whole number of degrees.
#[test]
fn any_number_of_orientations_is_checked_or_refused_in_words() -> Result<()> {
    for orientations in [3, 6, 16] {
        let right = told(orientations, Fault::None)?;
        assert!(right.holds(), "{orientations}\n{right}");
        let broken = told(orientations, Fault::BorderMask)?;
        assert!(!broken.holds() || orientations % 2 == 1, "{orientations}\n{broken}");
        let group = Rotation::new(orientations)?;
        let plain = |dtype, space| {
            own_cell(claimed()[0], (&Fields::Plain, FIELDS * orientations), space, dtype)
        };
        let broken = check_both_lifts(plain, &Options::over(group))?;
        assert!(!broken.holds(), "{orientations}\n{broken}");
    }
    for orientations in [1, 7] {
        let error = told(orientations, Fault::None).unwrap_err().to_string();
        assert!(error.contains(&format!("rotation-{orientations} have no flow")), "{error}");
    }
    Ok(())
}

/// What is taken of a map.
#[derive(Clone, Copy)]
enum Pooled {
    Peaks,
    Means,
}

/// Numbers for classes, from a cell's last read-out pooled over space, in the mean over orientations.
struct Classifier {
    cell: FlowRnn<Rotation>,
    weights: Tensor,
    pooled: Pooled,
}

impl Subject for Classifier {
    type Group = Rotation;

    fn observe(&self, sequence: Sequence<'_>) -> Result<Vec<Stage>> {
        let mut stages = self.cell.observe(sequence)?;
        let Some(Values::Maps(maps)) = stages.last().map(|stage| stage.values.clone()) else {
            panic!("a cell shows its read-out")
        };
        let last = maps.narrow(1, maps.dims()[1] - 1, 1)?.squeeze(1)?;
        let pixels = last.flatten_from(2)?;
        let pooled = match self.pooled {
            Pooled::Peaks => pixels.max(2)?,
            Pooled::Means => pixels.mean(2)?,
        };
        let (batch, planes) = pooled.dims2()?; // (B, fields · N)
        let fields = pooled.reshape((batch, FIELDS, planes / FIELDS))?.mean(2)?;
        let bias = Tensor::new(&[1f64, 2.0, 3.0], &Device::Cpu)?.to_dtype(fields.dtype())?;
        let logits = fields.matmul(&self.weights)?.broadcast_add(&bias)?;
        let (name, claim) = ("logits".into(), Claim::FlowsOfClosedSets);
        stages.push(Stage { name, values: Values::Invariant(logits), claim });
        Ok(stages)
    }

    fn compared(
        &self,
        velocities: &VelocitySet<DegreesPerFrame>,
        flow: DegreesPerFrame,
        t: usize,
    ) -> Vec<(usize, usize)> {
        self.cell.compared(velocities, flow, t)
    }
}

/// A classifier of random weights, of a scale beside its bias.
fn classified(orientations: usize, scale: f64, pooled: Pooled) -> Result<Report> {
    let group = Rotation::new(orientations)?;
    let build = |dtype, velocities| {
        let space = FlowSpace::new(group, velocities, Lift::Trivial);
        let Faulty { cell, .. } = Faulty::new(Fault::None, space, dtype)?;
        let weights = normal(6, "weights", &[FIELDS, 3], scale, dtype);
        Ok(Classifier { cell, weights, pooled })
    };
    check(build, &Options::over(group))
}

#[test]
fn a_classifier_over_rotations_is_checked_and_a_constant_one_refused() -> Result<()> {
    for orientations in [4, 8] {
        for pooled in [Pooled::Peaks, Pooled::Means] {
            classified(orientations, 1.0, pooled)?.assert_holds();
        }
        let constant = classified(orientations, 0.0, Pooled::Peaks)?;
        assert!(constant.to_string().contains("the same for every sample"), "{constant}");
        let is_refused = |line: &&Line| matches!(line.verdict, Verdict::Vacuous(_));
        let refused: Vec<&Line> = constant.lines.iter().filter(is_refused).collect();
        assert!(refused.iter().all(|line| line.stage == "logits") && refused.len() == 3);
    }
    Ok(())
}

#[test]
fn where_the_grid_excuses_everything_nothing_is_proved() -> Result<()> {
    let group = Rotation::new(8)?;
    let trial = Trial { batch: 1, frames: 3, extents: (17, 17), seed: 0 };
    let options =
        Options::over(group).with_flows(vec![DegreesPerFrame(45)]).with_trials(vec![trial]);
    let report = check_both_lifts(|dtype, space| Faulty::new(Fault::None, space, dtype), &options)?;
    let is_refused = |line: &&Line| matches!(&line.verdict, Verdict::Vacuous(why) if why.contains("finer grid or smoother"));
    assert_eq!(report.lines.iter().filter(is_refused).count(), report.lines.len(), "{report}");
    Ok(())
}
