//! The command line: one file per command.

/// `println!` whose failure is an error of the command: a reader that goes away is no reason to panic.
macro_rules! outln {
    ($($argument:tt)*) => {{
        use std::io::Write;
        writeln!(std::io::stdout(), $($argument)*)
    }};
}

mod check;
mod compare;
mod completions;
mod data;
mod duration;
mod evaluate;
mod finding;
mod flags;
mod list;
mod man;
mod model;
mod plan;
mod predict;
mod print_report;
mod program;
mod progress;
mod provenance;
mod report;
mod reproduce;
mod selection;
mod tensorboard;
mod train;
mod verdicts;
mod verify;
mod watch;
mod wrapping;

pub use program::run;
