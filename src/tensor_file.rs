//! Safetensors files with a text beside the tensors, and a digest of both: a byte that changed on its
//! way is noticed.

use crate::atomic_file::write_atomically;
use crate::digest::Digest;
use crate::error::{Error, Result};
use candle_core::{Device, Tensor};
use safetensors::{SafeTensors, View};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Tensors by name with a text.
#[derive(Clone, Debug, Default)]
pub struct TensorFile {
    /// By name.
    pub tensors: BTreeMap<String, Tensor>,
    /// What stands beside them; empty in files of other programs.
    pub text: String,
}

/// Metadata of the digest of text and tensors, in a line, and the text behind it: one entry, for the
/// format's own writer keeps several in no order.
const ENTRY: &str = "fernn.sha256+fernn.text";

impl TensorFile {
    /// Writes the file atomically; the same content gives the same bytes.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = format!("{}\n{}", self.digest(), self.text);
        let metadata = HashMap::from([(ENTRY.to_string(), text)]);
        let bytes = safetensors::serialize(&self.tensors, Some(metadata))
            .map_err(|e| Error::io(path)(std::io::Error::other(e.to_string())))?;
        write_atomically(path, &bytes)
    }

    /// Reads the bytes of a file, of other programs too.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn parse(bytes: &[u8], device: &Device) -> std::result::Result<Self, String> {
        let unreadable =
            |e: &dyn std::fmt::Display| format!("not a readable safetensors file ({e})");
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| unreadable(&e))?;
        let tensors = candle_core::safetensors::load_buffer(bytes, device);
        let tensors: BTreeMap<String, Tensor> =
            tensors.map_err(|e| unreadable(&e))?.into_iter().collect();
        let entry = header.metadata().as_ref().and_then(|m| m.get(ENTRY));
        let Some(entry) = entry else { return Ok(Self { tensors, text: String::new() }) };
        let (digest, text) = entry.split_once('\n').unwrap_or((entry, ""));
        let file = Self { tensors, text: text.into() };
        match file.digest() == digest {
            true => Ok(file),
            false => Err("is damaged: its content is not what its digest says".into()),
        }
    }

    /// The digest of the text, and of names, types, extents and values.
    fn digest(&self) -> String {
        let mut digest = Digest::new();
        digest.update(format!("{}\n{}", self.text.len(), self.text));
        for (name, tensor) in &self.tensors {
            let (dtype, shape) = (View::dtype(&tensor), View::shape(&tensor));
            digest.update(format!("\n{name} {dtype:?} {shape:?} "));
            digest.update(View::data(&tensor));
        }
        digest.hex()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_matters_is_noticed_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
        let tensors =
            BTreeMap::from([("a".into(), tensor(&[1.0, 2.0])), ("b".into(), tensor(&[3.0]))]);
        TensorFile { tensors, text: "some text".into() }.save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let read = |bytes: &[u8]| TensorFile::parse(bytes, &Device::Cpu);
        assert_eq!(read(&bytes).unwrap().text, "some text");
        let mut unnoticed = Vec::new();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            if let Ok(file) = read(&changed) {
                // Blanks before the values carry nothing, and without its entry a file is another program's.
                let is_foreign = file.text.is_empty();
                let is_same = file.digest() == read(&bytes).unwrap().digest();
                unnoticed.extend((!is_foreign && !is_same).then_some(place));
            }
        }
        assert_eq!(unnoticed, [0usize; 0]);
        assert!(bytes.iter().rev().take(12).enumerate().all(|(place, _)| {
            let mut changed = bytes.clone();
            changed[bytes.len() - 1 - place] ^= 1;
            read(&changed).is_err_and(|problem| problem.contains("damaged"))
        }));
    }
}
