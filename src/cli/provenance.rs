//! What a run says of itself and of the machine.

/// What this binary was built from.
pub(super) const COMMIT: &str = env!("FERNN_COMMIT");

/// The command line without the program's path and without where results go.
pub(super) fn command_line() -> String {
    let mut words = vec!["fernn".to_string()];
    let mut arguments = std::env::args().skip(1);
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--out" | "--data-dir" => {
                arguments.next();
            }
            "--fresh" => {}
            w if w.starts_with("--out=") || w.starts_with("--data-dir=") => {}
            _ => words.push(word),
        }
    }
    words.join(" ")
}
