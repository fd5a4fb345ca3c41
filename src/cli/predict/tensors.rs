//! Tensors that are read from and written to files.

use crate::cli::finding::Finding;
use candle_core::{Device, Tensor};
use fernn::Error;
use fernn::atomic_file::write_atomically;
use fernn::parameters::{Parameters, Tensors, load_f32};
use std::path::Path;

/// The tensor `name` (five dimensions) of a file that may also hold `other`, both f32.
pub fn sequence(
    path: &Path,
    (name, other): (&str, &str),
    device: &Device,
) -> fernn::Result<Tensor> {
    let tensors = load_f32(path, device)?;
    let mut problems: Vec<String> = tensors
        .keys()
        .filter(|key| ![name, other].contains(&key.as_str()))
        .map(|key| format!("`{key}` is unexpected"))
        .collect();
    match tensors.get(name) {
        None => problems.push(format!("`{name}` is missing")),
        Some(t) if t.rank() != 5 || t.elem_count() == 0 => problems.push(format!(
            "`{name}` has shape {:?}, expected five extents (B, T, C, H, W), none of them 0",
            t.dims()
        )),
        Some(t) if problems.is_empty() => return Ok(t.clone()),
        Some(_) => {}
    }
    Err(Error::Weights { path: path.to_path_buf(), problems })
}

/// `loss`, and `grads.NAME` of everything that is trained.
pub fn with_gradients(loss: &Tensor, parameters: &Parameters) -> fernn::Result<Tensors> {
    let gradients = loss.backward()?;
    let mut results = Tensors::from([("loss".to_string(), loss.detach())]);
    for (name, variable) in parameters.iter() {
        let gradient = match gradients.get(variable) {
            Some(gradient) => gradient.contiguous()?,
            None => variable.zeros_like()?,
        };
        results.insert(format!("grads.{name}"), gradient);
    }
    Ok(results)
}

/// Writes the results and says where.
pub fn write(results: &Tensors, path: &Path) -> anyhow::Result<Finding> {
    write_atomically(path, &safetensors::serialize(results, None)?)?;
    outln!("{}", path.display())?;
    Ok(Finding::Fine)
}
