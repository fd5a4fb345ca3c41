//! Settings as TOML: what records and files of models hold of them.

use crate::error::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Settings as a text.
pub(super) fn written(settings: &impl Serialize) -> String {
    toml::to_string(settings).expect("settings are plain data")
}

/// The settings of a text.
///
/// # Errors
/// [`Error::Configuration`] when they are of another kind.
pub(super) fn read<S: DeserializeOwned>(text: &str) -> Result<S> {
    parsed(text).map_err(|e| {
        let problem = format!("cannot be read: {}", e.message());
        Error::configuration("the settings of the model", problem, "train it anew")
    })
}

/// What a text of TOML holds; by way of a table, as settings that are changed are read, so that only that way is
/// compiled for each kind of settings.
///
/// # Errors
/// That of TOML.
pub(super) fn parsed<S: DeserializeOwned>(text: &str) -> std::result::Result<S, toml::de::Error> {
    toml::from_str::<toml::Table>(text)?.try_into()
}
