//! What a command ends with.

/// What a command found, where it ran to its end.
pub(super) enum Finding {
    Fine,
    CheckFailed,
}
