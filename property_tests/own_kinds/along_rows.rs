//! A group of another crate: translations along rows alone. Cells that are written for any group run over it, the
//! check judges them and a list has its statements.

use super::{Fault, Own, measured, own};
use candle_core::{DType, Device, Tensor};
use fernn::Result;
use fernn::cells::Fields;
use fernn::equivariance::{MeasuredGroup, Options, Report, Trial, check_both_lifts};
use fernn::flow::{AnyVelocity, FlowGroup, FlowSpace, PixelsPerFrame, Translation, VelocitySet};
use fernn::ops::ConvAlgorithm;
use fernn::parameters::{Draw, Initial, Parameters};
use fernn::verification::{
    Paint, Row, Selection, Sizes, Velocities, VerifiedGroup, at_a_glance, search,
};

/// Translations whose vertical part is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AlongRows {
    /// Moves hidden slices the other way: frames and memory are told different things.
    is_backwards: bool,
}

const RIGHT: AlongRows = AlongRows { is_backwards: false };
const WRONG: AlongRows = AlongRows { is_backwards: true };

impl FlowGroup for AlongRows {
    type Velocity = PixelsPerFrame;

    fn act_on_frame(&self, frame: &Tensor, velocity: PixelsPerFrame, steps: i64) -> Result<Tensor> {
        Translation.act_on_frame(frame, velocity, steps)
    }

    fn act_on_slices(
        &self,
        slices: &Tensor,
        velocities: &[PixelsPerFrame],
        steps: i64,
    ) -> Result<Tensor> {
        let steps = if self.is_backwards { -steps } else { steps };
        Translation.act_on_slices(slices, velocities, steps)
    }

    fn convolve_frame(&self, frame: &Tensor, kernel: &Tensor) -> Result<Tensor> {
        Translation.convolve_frame(frame, kernel)
    }

    fn convolve(&self, slices: &Tensor, kernel: &Tensor, how: ConvAlgorithm) -> Result<Tensor> {
        Translation.convolve(slices, kernel, how)
    }
}

impl MeasuredGroup for AlongRows {
    fn name(&self) -> String {
        "along-rows".into()
    }

    fn is_exact(&self) -> bool {
        true
    }

    fn velocity(&self, any: AnyVelocity) -> Option<PixelsPerFrame> {
        any.pixels().filter(|velocity| velocity.y == 0)
    }

    fn flows(&self) -> Vec<PixelsPerFrame> {
        [1, -2, 3].map(|x| PixelsPerFrame::new(x, 0)).to_vec()
    }

    fn truncated(&self) -> VelocitySet<PixelsPerFrame> {
        self.steps(2).expect("no velocity stands twice")
    }

    /// The torus of one row.
    fn closed(&self, (_, width): (usize, usize)) -> Result<VelocitySet<PixelsPerFrame>> {
        Ok(VelocitySet::torus(1, width))
    }

    fn trials(&self) -> Vec<Trial> {
        Translation.trials()
    }

    fn frames(&self, trial: &Trial, inputs: usize) -> Result<Tensor> {
        Translation.frames(trial, inputs)
    }
}

impl VerifiedGroup for AlongRows {
    fn steps(&self, range: u32) -> Result<VelocitySet<PixelsPerFrame>> {
        let range = range as i32;
        VelocitySet::truncated((-range..=range).map(|x| self.velocity_of((x, 0))).collect())
    }

    fn velocity_of(&self, (steps, _): (i32, i32)) -> PixelsPerFrame {
        PixelsPerFrame::new(steps, 0)
    }

    fn fields(&self, _kernel: usize) -> Result<Fields> {
        Ok(Fields::Plain)
    }

    fn sizes(&self, velocities: Velocities) -> Sizes {
        Translation.sizes(velocities)
    }

    fn fitted(&self, drawn: Sizes) -> Sizes {
        drawn
    }

    fn keeps_order_of_sums(&self) -> bool {
        true
    }

    fn algorithms(&self) -> &'static [ConvAlgorithm] {
        &[ConvAlgorithm::Direct]
    }
}

fn checked(group: AlongRows) -> Report {
    let drawn = [("u", &[4, 1, 3, 3][..]), ("leak", &[4])]
        .map(|(name, shape)| Initial::trained(name, shape, Draw::Uniform(0.9)));
    let weights = Parameters::draw(&drawn, 0, &Device::Cpu).unwrap().detached();
    let cell = |dtype: DType, space: FlowSpace<AlongRows>| {
        let (u, leak) = (weights["u"].to_dtype(dtype)?, weights["leak"].to_dtype(dtype)?);
        Ok(Own { space, u, leak, fault: Fault::None })
    };
    check_both_lifts(cell, &Options::over(group)).unwrap()
}

#[test]
fn the_check_judges_cells_over_a_group_of_ones_own() {
    checked(RIGHT).assert_holds();
    let report = checked(WRONG);
    assert!(!report.holds() && report.begins_at() == Some("lab state"), "{report}");
}

#[test]
fn a_group_of_ones_own_is_in_the_list() {
    let kinds = [own(RIGHT, Fault::None)];
    let rows = measured(&kinds);
    let table = at_a_glance(&rows, Paint::NONE).join("\n");
    assert!(rows.iter().all(|row| row.holds), "{table}");
    assert!(rows.iter().any(|row| row.velocities == "closed" && row.verdict == "exact"), "{table}");
    assert!(rows.iter().all(|row| row.group == "along-rows"), "{table}");
    assert!(search(&kinds, &Selection::default(), 0, 64).unwrap().is_none());

    let kinds = [own(WRONG, Fault::None)];
    let broken = |row: &Row| !row.holds && row.property == "state flow equivariance";
    assert!(measured(&kinds).iter().any(broken), "memory is moved the wrong way");
    assert!(search(&kinds, &Selection::default(), 0, 64).unwrap().is_some());
}

#[test]
fn velocities_along_columns_are_none_of_its() {
    let along = |x, y| AnyVelocity::from(PixelsPerFrame::new(x, y));
    assert_eq!(RIGHT.velocity(along(2, 0)), Some(PixelsPerFrame::new(2, 0)));
    assert_eq!(RIGHT.velocity(along(2, 1)), None);
}
