//! Tensors that are read from and written to files.

use crate::cli::finding::Finding;
use candle_core::{DType, Device, Tensor};
use fernn::Error;
use fernn::atomic_file::write_atomically;
use fernn::parameters::{Parameters, Tensors, load_f32};
use fernn::process::free_memory;
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

/// Writes the results and says where; numbers that are not finite are worth a word.
pub fn write(results: &Tensors, path: &Path) -> anyhow::Result<Finding> {
    for (name, tensor) in results {
        let count = not_finite(tensor)?;
        if count > 0 {
            let all = tensor.elem_count();
            errln!("warning: {count} of {all} numbers in `{name}` are not finite");
        }
    }
    write_atomically(path, &safetensors::serialize(results, None)?)?;
    outln!("{}", path.display())?;
    Ok(Finding::Fine)
}

/// How many numbers are infinite or NaN.
fn not_finite(tensor: &Tensor) -> fernn::Result<usize> {
    let numbers = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    Ok(numbers.iter().filter(|number| !number.is_finite()).count())
}

/// Refuses so many numbers (f32) that memory does not hold them, nor the copies made of them as they are put
/// together and written.
pub fn expect_room(flag: &str, numbers: impl IntoIterator<Item = usize>) -> fernn::Result<()> {
    const COPIES: f64 = 3.0;
    let bytes = numbers.into_iter().fold(4.0 * COPIES, |product, extent| product * extent as f64);
    let free = free_memory() as f64;
    if bytes <= free {
        return Ok(());
    }
    let gib = |bytes: f64| bytes / f64::from(1 << 30);
    let problem =
        format!("asks for {:.1} GiB of memory, and {:.1} GiB are free", gib(bytes), gib(free));
    Err(Error::configuration(flag, problem, "ask for less"))
}
