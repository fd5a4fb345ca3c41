//! Bold and red on a terminal.

use std::ffi::OsStr;
use std::io::IsTerminal;

/// Sets text off with escape codes, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    is_on: bool,
}

impl Paint {
    /// For text that is never shown on a terminal.
    pub const NONE: Self = Self { is_on: false };

    /// For standard output: on where it is a terminal, unless `NO_COLOR` says otherwise.
    pub fn of_standard_output() -> Self {
        let no_color = std::env::var_os("NO_COLOR");
        Self { is_on: is_wanted(std::io::stdout().is_terminal(), no_color.as_deref()) }
    }

    /// For headings and results.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// For what should not be; bold as well, for those who see no red.
    pub fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// See <https://no-color.org>: an empty variable counts as none.
fn is_wanted(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terminals_are_painted_and_only_without_no_color() {
        let value = |text: &'static str| Some(OsStr::new(text));
        assert!(is_wanted(true, None) && is_wanted(true, value("")));
        assert!(!is_wanted(true, value("1")) && !is_wanted(true, value("0")));
        assert!(!is_wanted(false, None) && !is_wanted(false, value("")));
    }

    #[test]
    fn paint_ends_where_the_text_ends() {
        let paint = Paint { is_on: true };
        assert_eq!(paint.bold("a b"), "\x1b[1ma b\x1b[0m");
        assert_eq!(paint.red("a b"), "\x1b[1;31ma b\x1b[0m");
        assert_eq!(Paint::NONE.red("a b"), "a b");
    }
}
