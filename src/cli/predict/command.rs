//! The command: which model a task runs.

use super::arguments::Arguments;
use super::{classify, forecast};
use crate::cli::apart::{Named, expect_apart};
use crate::cli::finding::Finding;
use crate::cli::model::Task;

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let mut others = Vec::new();
    others.extend(arguments.steps.map(|_| ("--steps", Task::FORECASTS)));
    others.extend(arguments.cell.map(|_| ("--cell", Task::FORECASTS)));
    arguments.model.refuse_foreign(arguments.task, &others)?;
    let mut inputs: Vec<Named<'_>> =
        vec![("--weights", &arguments.weights), ("--input", &arguments.input)];
    inputs.extend(arguments.target.as_deref().map(|target| ("--target", target)));
    expect_apart(("--output", &arguments.output), &inputs)?;
    match arguments.task {
        Task::Translation => forecast::over_translations(arguments),
        Task::Rotation => forecast::over_rotations(arguments),
        Task::Kth => classify::run(arguments),
    }
}
