//! Trained models as files: weights under the names that `fernn predict` reads, and what they are of.

use super::experiment::{UnitKey, UnitRun};
use super::settings_text;
use super::subject::Subject;
use crate::error::{Error, Result};
use crate::parameters::Tensors;
use crate::tensor_file::TensorFile;
use candle_core::Device;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The best weights of a unit with its settings.
#[derive(Clone, Debug)]
pub struct TrainedModel {
    /// Experiment, model, seed, profile.
    pub key: UnitKey,
    /// Its settings as TOML.
    pub settings: String,
    /// What it was trained on, with digest.
    pub data: String,
    /// By name.
    pub weights: Tensors,
}

/// What stands beside the weights.
#[derive(Serialize, Deserialize)]
struct Head {
    experiment: String,
    model: String,
    variant: String,
    seed: u64,
    profile: String,
    data: String,
    settings: toml::Table,
}

impl TrainedModel {
    /// Writes the file atomically; its digest stands in it.
    ///
    /// # Errors
    /// Those of [`TensorFile::save`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let UnitKey { experiment, subject: Subject { model, variant }, seed, profile } =
            self.key.clone();
        let settings = toml::from_str(&self.settings).expect("settings are TOML");
        let data = self.data.clone();
        let head = Head { experiment, model, variant, seed, profile, data, settings };
        let text = toml::to_string(&head).expect("a head is plain data");
        TensorFile { tensors: self.weights.clone(), text }.save(path)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no such file; [`Error::Weights`] when it is damaged, or says nothing of
    /// what it is of, as files of other programs do not.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let refuse =
            |problem: String| Error::Weights { path: path.to_path_buf(), problems: vec![problem] };
        let TensorFile { tensors, text } =
            TensorFile::parse(&bytes, &Device::Cpu).map_err(refuse)?;
        let head: Head = settings_text::parsed(&text).map_err(|_| {
            refuse(
                "does not say what it is of: take a file that `fernn train` or `reproduce` wrote, or give \
                 these weights to `fernn predict` or `fernn verify`, which are told by flags"
                    .into(),
            )
        })?;
        let Head { experiment, model, variant, seed, profile, data, settings } = head;
        let subject = Subject { model, variant };
        let key = UnitKey { experiment, subject, seed, profile };
        let settings = toml::to_string(&settings).expect("a table is plain data");
        Ok(Self { key, settings, data, weights: tensors })
    }
}

impl TrainedModel {
    /// Whether a file is there and holds one. What is no file is not read: one might wait for ever.
    pub fn is_in(path: &Path) -> bool {
        path.is_file() && Self::load(path).is_ok()
    }
}

impl UnitRun<'_> {
    /// Writes the best weights where they are asked for.
    pub(super) fn save(
        &self,
        settings: &str,
        data: String,
        weights: impl FnOnce() -> Result<Tensors>,
    ) -> Result<()> {
        let Some(path) = &self.weights else { return Ok(()) };
        let (key, settings) = (self.key.clone(), settings.to_string());
        TrainedModel { key, settings, data, weights: weights()? }.save(path)
    }
}
