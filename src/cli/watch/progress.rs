//! Progress on standard error: a table that lives where somebody watches, plain lines elsewhere.

use super::active_time::ActiveTime;
use super::board::Board;
use super::lines::lines;
use super::time_left::TimeLeft;
use crate::cli::duration::in_words;
use crate::cli::progress::bar;
use fernn::experiments::{Event, Unit};
use fernn::training::TrainingEvent;
use indicatif::ProgressBar;
use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Time between plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(30);
/// Time between two beats of the clock, at each of which the table is drawn.
const BEAT: Duration = Duration::from_millis(250);
/// Columns and rows of a terminal that does not tell its own.
const DEFAULT_SIZE: (usize, usize) = (80, 24);

/// Shows the events of a session.
pub struct Progress {
    is_terminal: bool,
    watched: Arc<Mutex<Watched>>,
    /// Ends the heart when it is dropped.
    stop: Sender<()>,
    /// None where the system gives no thread for it.
    heart: Option<JoinHandle<()>>,
}

/// What is known of the run.
struct Watched {
    board: Board,
    start: Instant,
    time: ActiveTime,
    left: TimeLeft,
    last_line: Duration,
}

impl Progress {
    /// A table on a terminal, lines elsewhere; both keep time from now on.
    pub fn new() -> Self {
        let watched = Arc::new(Mutex::new(Watched {
            board: Board::default(),
            start: Instant::now(),
            time: ActiveTime::default(),
            left: TimeLeft::of(0.0),
            last_line: Duration::ZERO,
        }));
        let (stop, stopped) = channel();
        let (beating, table) = (Arc::clone(&watched), bar("{msg}"));
        let heart = std::thread::Builder::new().spawn(move || {
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                let mut watched = beating.lock().expect("nothing panics while it is held");
                watched.beat();
                draw(&table, &watched.board);
            }
            table.finish_and_clear();
        });
        Self { is_terminal: std::io::stderr().is_terminal(), watched, stop, heart: heart.ok() }
    }

    /// Takes note of an event.
    pub fn show(&self, event: Event<'_>) {
        let mut watched = self.watched.lock().expect("nothing panics while it is held");
        watched.beat();
        watched.note(event);
        if !self.is_terminal
            && let Some(line) = watched.plain_line(event)
        {
            errln!("{line}");
        }
    }

    /// Removes the table.
    pub fn finish(self) {
        drop(self.stop);
        if let Some(heart) = self.heart {
            heart.join().expect("the heart does not panic");
        }
    }
}

/// Draws the table, once there are units.
fn draw(table: &ProgressBar, board: &Board) {
    if board.of > 0 && !table.is_hidden() {
        let size = terminal_size::terminal_size();
        let size = size.map_or(DEFAULT_SIZE, |(width, height)| (width.0.into(), height.0.into()));
        table.set_message(lines(board, size).join("\n"));
    }
}

impl Watched {
    /// Brings the clock up to now.
    fn beat(&mut self) {
        self.board.elapsed = self.time.beat(self.start.elapsed());
        self.board.left = self.left.at(self.board.elapsed);
    }

    fn note(&mut self, event: Event<'_>) {
        match event {
            Event::Total(work) => self.left = TimeLeft::of(work as f64),
            Event::Unit { number, of, unit, is_finished } => {
                self.board.of = of;
                self.board.begin(number, (&unit.key, unit.steps), is_finished);
                if is_finished {
                    self.left.skip(unit.work as f64);
                }
            }
            Event::Training { unit, told } => self.note_training(unit, told),
            Event::Failed { unit, .. } => {
                let work = self.board.fail(&unit.key) * unit.work as f64;
                self.left.skip(work);
            }
            Event::Finished { unit } => {
                let work = self.board.finish(&unit.key) * unit.work as f64;
                self.left.advance(work, self.board.elapsed);
            }
        }
    }

    fn note_training(&mut self, unit: &Unit, told: TrainingEvent<'_>) {
        match told {
            TrainingEvent::Begins { curve } => {
                self.left.begin(self.board.elapsed);
                for point in curve {
                    let part = self.board.step(&unit.key, point.step, point.train_loss);
                    self.left.skip(part * unit.work as f64);
                }
            }
            TrainingEvent::Step { step, loss } => {
                let work = self.board.step(&unit.key, step, loss) * unit.work as f64;
                self.left.advance(work, self.board.elapsed);
            }
            TrainingEvent::Evaluated { .. } => {}
        }
    }

    /// What is said of an event where no table is: each unit, and now and then a step.
    fn plain_line(&mut self, event: Event<'_>) -> Option<String> {
        match event {
            Event::Unit { number, of, unit, is_finished } => {
                let end = if is_finished { ": already done" } else { "" };
                Some(format!("{number}/{of} {}{end}", unit.key.title()))
            }
            Event::Failed { unit, reason } => {
                Some(format!("{} failed: {reason}", unit.key.title()))
            }
            Event::Training { unit, told: TrainingEvent::Step { step, loss } }
                if self.board.elapsed >= self.last_line + LINE_INTERVAL =>
            {
                self.last_line = self.board.elapsed;
                let left = self.left.at(self.board.elapsed).map(in_words);
                let left = left.map_or_else(String::new, |left| format!(", {left} left in all"));
                let number = self.board.number(&unit.key).unwrap_or_default();
                let title = format!("{number}/{} {}", self.board.of, unit.key.title());
                Some(format!("{title} step {step} loss {loss:.4}{left}"))
            }
            _ => None,
        }
    }
}
