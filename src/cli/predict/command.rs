//! The command: which model a task runs, and which flags it has.

use super::arguments::{Arguments, Frame, Task};
use super::{classify, forecast};
use crate::cli::finding::Finding;
use fernn::Error;

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    refuse_flags_of_other_tasks(arguments)?;
    match arguments.task {
        Task::Translation => forecast::over_translations(arguments),
        Task::Rotation => forecast::over_rotations(arguments),
        Task::Kth => classify::run(arguments),
    }
}

/// Flags with the tasks that they mean something for, where they were given.
fn given(arguments: &Arguments) -> Vec<(&'static str, &'static [Task])> {
    use Task::{Kth, Rotation, Translation};
    let a = arguments;
    let all: [(bool, &str, &[Task]); 15] = [
        (a.steps.is_some(), "--steps", &[Translation, Rotation]),
        (a.velocity_range.is_some(), "--velocity-range", &[Translation]),
        (a.orientations.is_some(), "--orientations", &[Rotation]),
        (a.velocities.is_some(), "--velocities", &[Rotation]),
        (a.truncate, "--truncate", &[Rotation]),
        (a.frame.is_some(), "--frame", &[Rotation]),
        (a.order.is_some(), "--order", &[Rotation]),
        (a.cell.is_some(), "--cell", &[Translation, Rotation]),
        (a.activation.is_some(), "--activation", &[Translation, Rotation]),
        (a.pooling.is_some(), "--pooling", &[Translation, Rotation]),
        (a.kth.model.is_some(), "--model", &[Kth]),
        (a.kth.velocity_range_x.is_some(), "--velocity-range-x", &[Kth]),
        (a.kth.velocity_range_y.is_some(), "--velocity-range-y", &[Kth]),
        (a.kth.layers.is_some(), "--layers", &[Kth]),
        (a.kth.padding.is_some(), "--padding", &[Kth]),
    ];
    all.into_iter().filter(|(is_given, ..)| *is_given).map(|(_, flag, of)| (flag, of)).collect()
}

fn refuse_flags_of_other_tasks(arguments: &Arguments) -> fernn::Result<()> {
    let foreign = given(arguments).into_iter().find(|(_, of)| !of.contains(&arguments.task));
    if let Some((flag, _)) = foreign {
        let problem = format!("means nothing for --task {}", arguments.task.name());
        return Err(Error::configuration(flag, problem, "leave it out, or change --task"));
    }
    if arguments.order.is_some() && arguments.frame == Some(Frame::CoMoving) {
        let problem = "means nothing in the co-moving frame, where no state turns";
        return Err(Error::configuration("--order", problem, "leave it out, or change --frame"));
    }
    Ok(())
}
