//! The command line: one file per command.

/// `println!` whose failure is an error of the command: a reader that goes away is no reason to panic.
macro_rules! outln {
    ($($argument:tt)*) => {{
        use std::io::Write;
        writeln!(std::io::stdout(), $($argument)*)
    }};
}

/// `eprintln!` that does not panic: nobody may be listening, and the work goes on.
macro_rules! errln {
    ($($argument:tt)*) => {{
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), $($argument)*);
    }};
}

mod apart;
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
mod predict;
mod print_report;
mod program;
mod progress;
mod provenance;
mod report;
mod run;
mod selection;
mod stopping;
mod tensorboard;
mod train;
mod verdicts;
mod verify;
mod watch;
mod wrapping;

pub use program::run;
