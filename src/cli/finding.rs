//! What a command ends with.

/// What a command found, where it ran to its end.
pub(super) enum Finding {
    Fine,
    CheckFailed,
}

/// The exit code of an error: 2 where the user's input is at fault, 3 for anything else.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let is_usage = error.downcast_ref::<fernn::Error>().is_some_and(fernn::Error::is_usage);
    if is_usage { 2 } else { 3 }
}
