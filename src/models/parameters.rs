//! Named trainable parameters, always visited in the order of their names.

use crate::error::{Error, Result};
use crate::rng::Stream;
use candle_core::{DType, Device, Tensor, Var};
use std::collections::BTreeMap;
use std::path::Path;

/// Trainable tensors by name. Iteration is sorted, so that no result depends on a hash order.
#[derive(Clone, Debug, Default)]
pub struct Parameters(BTreeMap<String, Var>);

/// A parameter before it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Initial {
    /// Its name.
    pub name: String,
    /// Its extents.
    pub shape: Vec<usize>,
    /// Its distribution.
    pub draw: Draw,
}

/// A distribution of first values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw {
    /// Uniform in ± a bound.
    Uniform(f64),
    /// Normal with mean 0 and a standard deviation.
    Normal(f64),
}

impl Initial {
    /// A kernel (C_out, C_in, kh, kw) with PyTorch's default: uniform in ±1/√fan_in.
    pub fn convolution(name: String, shape: [usize; 4]) -> Self {
        let fan_in = (shape[1] * shape[2] * shape[3]) as f64;
        Self { name, shape: shape.to_vec(), draw: Draw::Uniform(1.0 / fan_in.sqrt()) }
    }
}

impl Parameters {
    /// Convolution kernels with PyTorch's default initialisation: uniform in ±1/√fan_in, drawn
    /// from the stream (`seed`, name).
    ///
    /// Each shape is (C_out, C_in, kh, kw), fan_in = C_in · kh · kw.
    pub fn convolutions(
        shapes: &[(String, [usize; 4])],
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let initial = |(name, shape): &(String, _)| Initial::convolution(name.clone(), *shape);
        Self::draw(&shapes.iter().map(initial).collect::<Vec<_>>(), seed, device)
    }

    /// Tensors drawn each from the stream (`seed`, name).
    pub fn draw(all: &[Initial], seed: u64, device: &Device) -> Result<Self> {
        let mut parameters = BTreeMap::new();
        for Initial { name, shape, draw } in all {
            let mut stream = Stream::new(seed, &format!("initialisation/{name}"), 0);
            let mut value = || match *draw {
                Draw::Uniform(bound) => stream.uniform_in(-bound, bound) as f32,
                Draw::Normal(deviation) => (deviation * stream.normal()) as f32,
            };
            let values: Vec<f32> = (0..shape.iter().product()).map(|_| value()).collect();
            let tensor = Tensor::from_vec(values, shape.as_slice(), device)?;
            parameters.insert(name.clone(), Var::from_tensor(&tensor)?);
        }
        Ok(Self(parameters))
    }

    /// Trainable copies of tensors by name.
    pub fn from_tensors(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Result<Self> {
        let copy = |(name, tensor): (String, Tensor)| Ok((name, Var::from_tensor(&tensor)?));
        Ok(Self(tensors.into_iter().map(copy).collect::<Result<_>>()?))
    }

    /// The variable called `name`, if there is one.
    pub fn get(&self, name: &str) -> Option<&Var> {
        self.0.get(name)
    }

    /// Names and variables, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.0.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// The variables, sorted by name.
    pub fn variables(&self) -> Vec<Var> {
        self.0.values().cloned().collect()
    }

    /// Number of scalar parameters.
    pub fn count(&self) -> usize {
        self.0.values().map(|v| v.elem_count()).sum()
    }

    /// Overwrites the values with those of `tensors`, which must have the same names and shapes.
    ///
    /// # Errors
    /// [`Error::Weights`] listing every missing, unexpected and misshapen tensor; nothing is changed.
    pub fn assign(&self, tensors: &BTreeMap<String, Tensor>, source: &Path) -> Result<()> {
        let mut problems = Vec::new();
        for (name, var) in &self.0 {
            match tensors.get(name) {
                None => problems.push(format!("`{name}` is missing")),
                Some(t) if t.dims() != var.dims() => problems.push(format!(
                    "`{name}` has shape {:?}, expected {:?}",
                    t.dims(),
                    var.dims()
                )),
                Some(_) => {}
            }
        }
        let unexpected = tensors.keys().filter(|name| !self.0.contains_key(*name));
        problems.extend(unexpected.map(|name| format!("`{name}` is unexpected")));
        if !problems.is_empty() {
            return Err(Error::Weights { path: source.to_path_buf(), problems });
        }
        for (name, var) in &self.0 {
            var.set(&tensors[name].to_device(var.device())?)?;
        }
        Ok(())
    }

    /// The tensors by name, on the autograd graph: what a model that is trained is built from.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        self.0.iter().map(|(name, var)| (name.clone(), var.as_tensor().clone())).collect()
    }

    /// The same memory off the graph: a model built from it sees every update and keeps no history.
    pub fn detached(&self) -> BTreeMap<String, Tensor> {
        self.0.iter().map(|(name, var)| (name.clone(), var.as_tensor().detach())).collect()
    }

    /// Copies of the current values, by name.
    pub fn snapshot(&self) -> Result<BTreeMap<String, Tensor>> {
        let copy =
            |(name, var): (&String, &Var)| Ok((name.clone(), var.as_tensor().copy()?.detach()));
        self.0.iter().map(copy).collect()
    }

    /// The same values in another floating-point type.
    pub fn to_dtype(&self, dtype: DType) -> Result<Self> {
        Self::from_tensors(
            self.0
                .iter()
                .map(|(name, var)| Ok((name.clone(), var.as_tensor().to_dtype(dtype)?.detach())))
                .collect::<Result<Vec<_>>>()?,
        )
    }
}

/// Reads a safetensors file whose tensors must all be f32.
///
/// # Errors
/// [`Error::Weights`] naming each tensor of another type, or the reason the file is unreadable.
pub fn load_f32(path: &Path, device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let refuse =
        |problem: String| Error::Weights { path: path.to_path_buf(), problems: vec![problem] };
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let tensors = candle_core::safetensors::load_buffer(&bytes, device)
        .map_err(|e| refuse(format!("not a readable safetensors file ({e})")))?;
    let foreign: Vec<String> = tensors
        .iter()
        .filter(|(_, t)| t.dtype() != DType::F32)
        .map(|(name, t)| format!("`{name}` is {}, expected f32", t.dtype().as_str()))
        .collect();
    if foreign.is_empty() {
        Ok(tensors.into_iter().collect())
    } else {
        Err(Error::Weights { path: path.to_path_buf(), problems: foreign })
    }
}
