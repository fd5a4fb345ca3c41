//! Checkpoints: one safetensors file per training run, replaced atomically.

use crate::atomic_file::read_if_there;
use crate::error::{Error, Result};
use crate::tensor_file::TensorFile;
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the checkpoint of a training lies, and what it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointFile {
    /// The file.
    pub path: PathBuf,
    /// Identifies configuration, model, seed and data; a checkpoint of another one is never resumed.
    pub fingerprint: String,
    /// The program and the machine, in words.
    pub origin: String,
}

/// Tensors by name with one JSON value beside them.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    /// Weights, moments, best weights, by prefixed name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Position, curve and fingerprint as JSON.
    pub state: String,
}

impl Checkpoint {
    /// Writes the checkpoint atomically.
    pub fn save(&self, path: &Path) -> Result<()> {
        TensorFile { tensors: self.tensors.clone(), text: self.state.clone() }.save(path)
    }

    /// Reads a checkpoint; `None` where there is no file.
    ///
    /// # Errors
    /// [`Error::Format`] when the file is damaged, or not a checkpoint of this crate.
    pub fn load(path: &Path) -> Result<Option<Self>> {
        let Some(bytes) = read_if_there(path)? else { return Ok(None) };
        let refuse = |problem: String| {
            let remedy = "remove it to train from the beginning";
            let (path, problem) = (path.to_path_buf(), format!("{problem}; {remedy}"));
            Error::Format { path, line: None, problem }
        };
        let TensorFile { tensors, text } =
            TensorFile::parse(&bytes, &Device::Cpu).map_err(refuse)?;
        match text.is_empty() {
            true => Err(refuse("not a checkpoint of fernn".into())),
            false => Ok(Some(Self { tensors, state: text })),
        }
    }
}
