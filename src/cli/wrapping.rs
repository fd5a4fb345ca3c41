//! Text in lines of a given width.

/// Columns where standard output is no terminal, and the most that lines take.
const COLUMNS: usize = 80;
/// The narrowest terminal that lines are broken for.
const LEAST_COLUMNS: usize = 40;

/// Stands for a blank at which no line is broken.
pub const TOGETHER: &str = "\u{a0}";

/// The columns for text on standard output.
pub fn columns() -> usize {
    let terminal = terminal_size::terminal_size_of(std::io::stdout());
    let terminal = terminal.map(|(width, _)| usize::from(width.0));
    terminal.unwrap_or(COLUMNS).clamp(LEAST_COLUMNS, COLUMNS)
}

/// Breaks a text between words into lines of at most `width` characters.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_string());
        }
    }
    lines
}
