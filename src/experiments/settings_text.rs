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
    toml::from_str(text).map_err(|e| {
        let problem = format!("cannot be read: {}", e.message());
        Error::configuration("the settings of the model", problem, "train it anew")
    })
}
