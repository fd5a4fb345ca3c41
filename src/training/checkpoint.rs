//! Checkpoints: one safetensors file per training run, replaced atomically.

use crate::atomic_file::write_atomically;
use crate::error::{Error, Result};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Tensors by name with one JSON value beside them.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// Weights, moments, best weights, by prefixed name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Position, curve and fingerprint as JSON.
    pub state: String,
}

/// The metadata key of [`Checkpoint::state`].
const STATE: &str = "fernn.state";

impl Checkpoint {
    /// Writes the checkpoint atomically.
    pub fn save(&self, path: &Path) -> Result<()> {
        let metadata = HashMap::from([(STATE.to_string(), self.state.clone())]);
        let bytes = safetensors::serialize(&self.tensors, Some(metadata))
            .map_err(|e| format_error(path, e.to_string()))?;
        write_atomically(path, &bytes)
    }

    /// Reads a checkpoint; `None` where there is no file.
    ///
    /// # Errors
    /// [`Error::Format`] when the file is not a checkpoint of this crate.
    pub fn load(path: &Path) -> Result<Option<Self>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(path)(e)),
        };
        let (_, header) = SafeTensors::read_metadata(&bytes)
            .map_err(|e| format_error(path, format!("not a safetensors file ({e})")))?;
        let state = header
            .metadata()
            .as_ref()
            .and_then(|m| m.get(STATE))
            .ok_or_else(|| format_error(path, "not a checkpoint of fernn".into()))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?;
        Ok(Some(Self { tensors: tensors.into_iter().collect(), state: state.clone() }))
    }
}

fn format_error(path: &Path, problem: String) -> Error {
    Error::Format { path: path.to_path_buf(), line: None, problem }
}
