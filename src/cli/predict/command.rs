//! The command: which model a task runs.

use super::arguments::Arguments;
use super::{classify, forecast};
use crate::cli::finding::Finding;
use crate::cli::model::Task;

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let mut others = Vec::new();
    others.extend(arguments.steps.map(|_| ("--steps", Task::FORECASTS)));
    others.extend(arguments.cell.map(|_| ("--cell", Task::FORECASTS)));
    arguments.model.refuse_foreign(arguments.task, &others)?;
    match arguments.task {
        Task::Translation => forecast::over_translations(arguments),
        Task::Rotation => forecast::over_rotations(arguments),
        Task::Kth => classify::run(arguments),
    }
}
