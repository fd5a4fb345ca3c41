//! Everybody who is told of a run.

use super::progress::Progress;
use crate::cli::tensorboard::Curves;
use fernn::experiments::Event;

/// Who looks on, and the event files of the curves where they are wanted.
pub struct Audience {
    progress: Progress,
    curves: Option<Curves>,
}

impl Audience {
    /// From now on.
    pub fn new(curves: Option<Curves>) -> Self {
        Self { progress: Progress::new(), curves }
    }

    /// Tells all of them.
    pub fn tell(&self, event: Event<'_>) {
        self.progress.show(event);
        self.curves.iter().for_each(|curves| curves.show(event));
    }

    /// Takes leave of who looked on; the event files remain to be written as a whole.
    pub fn leave(self) -> Option<Curves> {
        self.progress.finish();
        self.curves
    }
}
