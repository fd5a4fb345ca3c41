//! Progress on standard error: a bar with the time left, or plain lines when it is not a terminal.

use fernn::experiments::Event;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Seconds between plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(30);

/// A bar where somebody watches, else one that is not seen; the template is indicatif's.
pub fn bar(template: &str) -> ProgressBar {
    let is_terminal = std::io::stderr().is_terminal();
    let bar = if is_terminal { ProgressBar::new(1) } else { ProgressBar::hidden() };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is valid"))
}

/// Shows the events of a session.
pub struct Progress {
    is_terminal: bool,
    /// Shown on a terminal; elsewhere hidden, and asked for the time left.
    bar: ProgressBar,
    state: Mutex<State>,
}

struct State {
    unit: String,
    last_line: Instant,
}

impl Progress {
    /// A bar on a terminal, lines elsewhere.
    pub fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = bar("{wide_msg} {bar:16} {percent:>3} %  left {eta_precise}");
        let state = State { unit: String::new(), last_line: Instant::now() };
        Self { is_terminal, bar, state: Mutex::new(state) }
    }

    /// Takes note of an event.
    pub fn show(&self, event: Event<'_>) {
        let mut state = self.state.lock().expect("nothing panics while it is held");
        match event {
            Event::Total(work) => self.bar.set_length(work),
            Event::Unit { number, of, unit, is_finished } => {
                state.unit = format!("{number}/{of} {}", unit.key.title());
                self.bar.set_message(state.unit.clone());
                if !self.is_terminal {
                    eprintln!("{}{}", state.unit, if is_finished { ": already done" } else { "" });
                }
                if is_finished {
                    // Work that took no time says nothing of the time left.
                    self.bar.inc(unit.work);
                    self.bar.reset_eta();
                }
            }
            Event::Step { work, step, loss } => {
                self.bar.set_position(work);
                self.bar.set_message(format!("{} loss {loss:.4}", state.unit));
                if !self.is_terminal && state.last_line.elapsed() >= LINE_INTERVAL {
                    state.last_line = Instant::now();
                    let left = HumanDuration(self.bar.eta());
                    eprintln!("{} step {step} loss {loss:.4}, {left} left in all", state.unit);
                }
            }
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
