//! Bars of progress on standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// A bar where somebody watches, else one that is not seen; the template is indicatif's.
pub fn bar(template: &str) -> ProgressBar {
    let is_terminal = std::io::stderr().is_terminal();
    let bar = if is_terminal { ProgressBar::new(1) } else { ProgressBar::hidden() };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is valid"))
}
