//! Weights from files, and what is worth a word about them.

use candle_core::Device;
use fernn::parameters::{LoadedWeights, Tensors, load_weights};
use std::path::Path;

/// [`load_weights`], which says on standard error what was left out of all names.
pub fn weights(path: &Path, device: &Device) -> fernn::Result<Tensors> {
    let LoadedWeights { tensors, wrapper } = load_weights(path, device)?;
    if !wrapper.is_empty() {
        errln!("note: the prefix `{wrapper}` of all names in {} is left out", path.display());
    }
    Ok(tensors)
}
