//! The check of a cell that is built over a [`FlowSpace`], in both frames of reference.

use super::check::{Options, check};
use super::measured_group::MeasuredGroup;
use super::report::{Law, Line, Report};
use super::subject::Subject;
use crate::error::Result;
use crate::flow::{FlowSpace, Lift};
use candle_core::DType;

/// [`check`] with each [`Lift`], for what `build` makes of a precision and a space. Both describe the same
/// network, and a cell that is right in one can be wrong in the other: a memory that is never carried, for
/// one. Stages of the report are those of the `lab` frame and then those of the `co-moving` one.
///
/// # Errors
/// As [`check`].
///
/// ```
/// use candle_core::{Device, Tensor};
/// use fernn::cells::FlowRnn;
/// use fernn::equivariance::{Options, check_both_lifts};
/// use fernn::flow::Translation;
///
/// # fn main() -> fernn::Result<()> {
/// let kernel = |inputs| Tensor::randn(0f64, 0.2, (4, inputs, 3, 3), &Device::Cpu);
/// let (u, w) = (kernel(1)?, kernel(4)?);
/// let cell = |dtype, space| FlowRnn::over(space, u.to_dtype(dtype)?, w.to_dtype(dtype)?);
/// let report = check_both_lifts(cell, &Options::over(Translation))?;
/// report.assert_holds();
/// assert!(report.lines.iter().any(|line| line.stage == "co-moving state"));
/// # Ok(())
/// # }
/// ```
pub fn check_both_lifts<S: Subject>(
    build: impl Fn(DType, FlowSpace<S::Group>) -> Result<S>,
    options: &Options<S::Group>,
) -> Result<Report>
where
    S::Group: MeasuredGroup,
{
    let group = options.group();
    let mut lines: Vec<Line> = Vec::new();
    for (lift, frame) in [(Lift::Trivial, "lab"), (Lift::CoMoving, "co-moving")] {
        let space = |velocities| FlowSpace::new(group.clone(), velocities, lift);
        let report = check(|dtype, velocities| build(dtype, space(velocities)), options)?;
        for mut line in report.lines {
            match line.law {
                Law::Action if lines.contains(&line) => continue, // the same, whatever the lift
                Law::Action => {}
                _ => line.stage = format!("{frame} {}", line.stage),
            }
            lines.push(line);
        }
    }
    Ok(Report { group: group.name(), lines })
}
