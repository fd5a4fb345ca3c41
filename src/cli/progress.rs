//! Progress on standard error: a bar with the time left, or plain lines when it is not a terminal.

use fernn::experiments::Event;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;

/// Shows the events of a session.
pub struct Progress {
    bar: Option<ProgressBar>,
    task: Mutex<String>,
}

impl Progress {
    /// A bar on a terminal, lines elsewhere.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(1);
            let style = ProgressStyle::with_template(
                "{wide_msg} {bar:20} {percent:>3} %  left {eta_precise}",
            );
            bar.set_style(style.expect("the template is valid"));
            bar
        });
        Self { bar, task: Mutex::default() }
    }

    /// Takes note of an event.
    pub fn show(&self, event: Event<'_>) {
        let mut name = self.task.lock().expect("nothing panics while it is held");
        match event {
            Event::Total(work) => {
                if let Some(bar) = &self.bar {
                    bar.set_length(work);
                }
            }
            Event::Task { number, of, task, is_finished } => {
                *name = format!("{number}/{of} {}", task.title());
                match &self.bar {
                    None if is_finished => eprintln!("{}: already done", name),
                    None => eprintln!("{}", name),
                    Some(bar) => bar.set_message(name.clone()),
                }
                if let (Some(bar), true) = (&self.bar, is_finished) {
                    bar.inc(task.work());
                    bar.reset_eta();
                }
            }
            Event::Step { work, step, loss } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(work);
                    bar.set_message(format!("{} step {step} loss {loss:.4}", name));
                }
            }
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
