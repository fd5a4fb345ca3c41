//! Named tensors of a model, always visited in the order of their names: what is trained, and the
//! statistics that training gathers beside it.

use crate::error::{Error, Result};
use crate::foreign::{betrayed, unwrapped};
use crate::rng::Stream;
use crate::tensor_file::TensorFile;
use candle_core::{DType, Device, Tensor, Var};
use std::collections::BTreeMap;
use std::path::Path;

/// Tensors by name; iteration is sorted, so that no result depends on a hash order.
pub type Tensors = BTreeMap<String, Tensor>;

/// The tensors of a model by name.
///
/// Trained ones are changed by an optimiser. Statistics (the running mean and variance of batch
/// normalisation) are gathered while training and belong to the model as weights do: checkpoints and best
/// weights hold both.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    trained: BTreeMap<String, Var>,
    statistics: BTreeMap<String, Var>,
}

/// A tensor of a model before it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Initial {
    /// Its name.
    pub name: String,
    /// Its extents.
    pub shape: Vec<usize>,
    /// Its distribution.
    pub draw: Draw,
    /// Whether it is trained.
    pub role: Role,
}

/// Who changes a tensor of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The optimiser.
    Trained,
    /// The forward pass in training mode, which gathers it.
    Statistic,
}

/// A distribution of first values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw {
    /// Uniform in ± a bound.
    Uniform(f64),
    /// Normal with mean 0 and a standard deviation.
    Normal(f64),
    /// One value everywhere.
    Constant(f64),
}

impl Initial {
    /// A trained tensor.
    ///
    /// ```
    /// use candle_core::Device;
    /// use fernn::parameters::{Draw, Initial, Parameters};
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let leak = Initial::trained("leak", &[3], Draw::Constant(0.5));
    /// let parameters = Parameters::draw(&[leak], 0, &Device::Cpu)?;
    /// assert_eq!(parameters.count(), 3);
    /// assert_eq!(parameters.detached()["leak"].to_vec1::<f32>()?, [0.5; 3]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn trained(name: impl Into<String>, shape: &[usize], draw: Draw) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), draw, role: Role::Trained }
    }

    /// A kernel (C_out, C_in, kh, kw) with PyTorch's default: uniform in ±1/√fan_in, fan_in = C_in·kh·kw.
    ///
    /// ```
    /// use fernn::parameters::{Draw, Initial};
    ///
    /// let u = Initial::convolution("cell.u", [4, 1, 3, 3]);
    /// assert_eq!(u.draw, Draw::Uniform(1.0 / 3.0), "fan_in is 9");
    /// ```
    pub fn convolution(name: impl Into<String>, shape: [usize; 4]) -> Self {
        let fan_in = (shape[1] * shape[2] * shape[3]) as f64;
        Self::trained(name, &shape, Draw::Uniform(1.0 / fan_in.sqrt()))
    }

    /// A statistic that begins with one value everywhere.
    pub fn statistic(name: impl Into<String>, shape: &[usize], value: f64) -> Self {
        let (shape, draw) = (shape.to_vec(), Draw::Constant(value));
        Self { name: name.into(), shape, draw, role: Role::Statistic }
    }

    /// Its values, from the stream (`seed`, name).
    fn values(&self, seed: u64) -> Vec<f32> {
        let mut stream = Stream::new(seed, &format!("initialisation/{}", self.name), 0);
        let mut value = || match self.draw {
            Draw::Uniform(bound) => stream.uniform_in(-bound, bound) as f32,
            Draw::Normal(deviation) => (deviation * stream.normal()) as f32,
            Draw::Constant(value) => value as f32,
        };
        (0..self.shape.iter().product()).map(|_| value()).collect()
    }
}

impl Parameters {
    /// Tensors drawn each from the stream (`seed`, name).
    ///
    /// # Errors
    /// [`Error::Configuration`] when two tensors have one name.
    pub fn draw(all: &[Initial], seed: u64, device: &Device) -> Result<Self> {
        let mut parameters = Self::default();
        for initial in all {
            let values = initial.values(seed);
            let tensor = Tensor::from_vec(values, initial.shape.as_slice(), device)?;
            let variable = Var::from_tensor(&tensor)?;
            if parameters.all().any(|(name, _)| *name == initial.name) {
                return Err(Error::configuration(
                    "the model",
                    format!("has two tensors called `{}`", initial.name),
                    "give each a name of its own",
                ));
            }
            match initial.role {
                Role::Trained => parameters.trained.insert(initial.name.clone(), variable),
                Role::Statistic => parameters.statistics.insert(initial.name.clone(), variable),
            };
        }
        Ok(parameters)
    }

    /// Trainable copies of tensors by name.
    pub fn from_tensors(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Result<Self> {
        let copy = |(name, tensor): (String, Tensor)| Ok((name, Var::from_tensor(&tensor)?));
        let trained = tensors.into_iter().map(copy).collect::<Result<_>>()?;
        Ok(Self { trained, statistics: BTreeMap::new() })
    }

    /// The trained variable called `name`, if there is one.
    pub fn get(&self, name: &str) -> Option<&Var> {
        self.trained.get(name)
    }

    /// Names and variables of what is trained, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.trained.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// What is trained, sorted by name.
    pub fn variables(&self) -> Vec<Var> {
        self.trained.values().cloned().collect()
    }

    /// Number of trained scalars.
    pub fn count(&self) -> usize {
        self.trained.values().map(|v| v.elem_count()).sum()
    }

    /// Whether there is more than what is trained: running statistics, say.
    pub fn has_statistics(&self) -> bool {
        !self.statistics.is_empty()
    }

    fn all(&self) -> impl Iterator<Item = (&String, &Var)> {
        self.trained.iter().chain(&self.statistics)
    }

    /// Overwrites all values with those of `tensors`, which must have the same names and shapes.
    ///
    /// # Errors
    /// [`Error::Weights`] listing every missing, unexpected and misshapen tensor; nothing is changed.
    pub fn assign(&self, tensors: &Tensors, source: &Path) -> Result<()> {
        let mut problems = Vec::new();
        for (name, var) in self.all() {
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
        let is_known = |name: &str| self.all().any(|(known, _)| known == name);
        let unexpected = tensors.keys().filter(|name| !is_known(name));
        problems.extend(unexpected.map(|name| format!("`{name}` is unexpected")));
        if !problems.is_empty() {
            return Err(Error::Weights { path: source.to_path_buf(), problems });
        }
        for (name, var) in self.all() {
            var.set(&tensors[name].to_device(var.device())?)?;
        }
        Ok(())
    }

    /// Overwrites the statistics that `gathered` names.
    ///
    /// # Errors
    /// [`Error::Configuration`] for a name that is no statistic.
    pub fn gather(&self, gathered: &Tensors) -> Result<()> {
        for (name, tensor) in gathered {
            let statistic = self.statistics.get(name).ok_or_else(|| {
                let problem = format!("`{name}` is none of the model's");
                Error::configuration("a statistic", problem, "declare it with its first value")
            })?;
            statistic.set(&tensor.detach())?;
        }
        Ok(())
    }

    /// All tensors by name, the trained ones on the autograd graph: what a model that is trained is built
    /// from.
    pub fn tensors(&self) -> Tensors {
        let mut tensors = self.detached();
        for (name, var) in &self.trained {
            tensors.insert(name.clone(), var.as_tensor().clone());
        }
        tensors
    }

    /// The same memory off the graph: a model built from it sees every update and keeps no history.
    pub fn detached(&self) -> Tensors {
        self.all().map(|(name, var)| (name.clone(), var.as_tensor().detach())).collect()
    }

    /// Copies of the current values, by name.
    ///
    /// ```
    /// use candle_core::Device;
    /// use fernn::parameters::{Draw, Initial, Parameters};
    ///
    /// # fn main() -> fernn::Result<()> {
    /// let drawn = [Initial::trained("leak", &[4], Draw::Uniform(0.9))];
    /// let parameters = Parameters::draw(&drawn, 0, &Device::Cpu)?;
    /// let before = parameters.snapshot()?;
    /// parameters.variables()[0].set(&before["leak"].zeros_like()?)?;
    /// assert_ne!(before["leak"].to_vec1::<f32>()?, [0.0; 4]);
    /// assert_eq!(parameters.snapshot()?["leak"].to_vec1::<f32>()?, [0.0; 4]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshot(&self) -> Result<Tensors> {
        let copy =
            |(name, var): (&String, &Var)| Ok((name.clone(), var.as_tensor().copy()?.detach()));
        self.all().map(copy).collect()
    }
}

/// Counters of batches, which PyTorch keeps beside running statistics and nothing here reads.
const COUNTERS: &str = ".num_batches_tracked";

/// Reads a safetensors file, whatever its types.
///
/// # Errors
/// [`Error::Io`] when there is no such file, [`Error::Weights`] with the reason why it is unreadable.
pub fn load(path: &Path, device: &Device) -> Result<Tensors> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let refuse = |problem: String| Error::Weights {
        path: path.to_path_buf(),
        problems: vec![betrayed(&bytes, path).unwrap_or(problem)],
    };
    Ok(TensorFile::parse(&bytes, device).map_err(refuse)?.tensors)
}

/// Tensors in a precision, on the CPU and cut from the autograd graph.
///
/// # Errors
/// Those of tensor operations.
pub fn in_precision(tensors: &Tensors, dtype: DType) -> Result<Tensors> {
    let cast = |(name, tensor): (&String, &Tensor)| {
        Ok((name.clone(), tensor.detach().to_device(&Device::Cpu)?.to_dtype(dtype)?))
    };
    tensors.iter().map(cast).collect()
}

/// What stands before the names of the best weights in a training checkpoint.
pub const BEST: &str = "best/";

/// The weights of a model from a file.
#[derive(Clone, Debug)]
pub struct LoadedWeights {
    /// By name.
    pub tensors: Tensors,
    /// What stood before every name and was left out: `module.`, `_orig_mod.` and `model.`, which wrappers
    /// of models put there. Mostly empty.
    pub wrapper: String,
}

/// Reads the f32 weights of a model: a file that holds nothing else, or a training checkpoint, of which the
/// best are taken. What wrappers put before all names is taken off.
///
/// # Errors
/// As [`load_f32`].
pub fn load_weights(path: &Path, device: &Device) -> Result<LoadedWeights> {
    let mut tensors = load_f32(path, device)?;
    if tensors.keys().any(|name| name.starts_with(BEST)) {
        let best =
            |(name, tensor): (String, Tensor)| Some((name.strip_prefix(BEST)?.to_string(), tensor));
        tensors = tensors.into_iter().filter_map(best).collect();
    }
    let (tensors, wrapper) = unwrapped(tensors);
    Ok(LoadedWeights { tensors, wrapper })
}

/// Reads a safetensors file whose tensors must all be f32. PyTorch's counters of batches are left out.
///
/// # Errors
/// [`Error::Weights`] naming each tensor of another type or without any number, or the reason the file is unreadable.
pub fn load_f32(path: &Path, device: &Device) -> Result<Tensors> {
    let mut tensors = load(path, device)?;
    tensors.retain(|name, _| !name.ends_with(COUNTERS));
    let refuse = |problems| Error::Weights { path: path.to_path_buf(), problems };
    let is_empty = |(name, t): (&String, &Tensor)| {
        let shape = t.dims();
        (t.elem_count() == 0).then(|| format!("`{name}` is empty: its shape is {shape:?}"))
    };
    let empty: Vec<String> = tensors.iter().filter_map(is_empty).collect();
    if !empty.is_empty() {
        return Err(refuse(empty));
    }
    let foreign: Vec<String> = tensors
        .iter()
        .filter(|(_, t)| t.dtype() != DType::F32)
        .map(|(name, t)| format!("`{name}` is {}, expected f32", t.dtype().as_str()))
        .collect();
    if !foreign.is_empty() {
        let line =
            "convert it in Python, where `t` are its tensors: {k: v.float() for k, v in t.items()}";
        return Err(refuse(foreign.into_iter().chain([line.into()]).collect()));
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn() -> Parameters {
        let all =
            [Initial::convolution("kernel", [2, 3, 1, 1]), Initial::statistic("mean", &[2], 0.5)];
        Parameters::draw(&all, 4, &Device::Cpu).unwrap()
    }

    #[test]
    fn statistics_are_saved_and_loaded_but_neither_trained_nor_counted() {
        let parameters = drawn();
        assert_eq!((parameters.count(), parameters.variables().len()), (6, 1));
        let before = parameters.snapshot().unwrap();
        assert_eq!(before["mean"].to_vec1::<f32>().unwrap(), [0.5, 0.5]);
        assert!(
            !parameters.tensors()["mean"].track_op() && parameters.tensors()["kernel"].track_op()
        );
        let new = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        parameters.gather(&Tensors::from([("mean".into(), new)])).unwrap();
        assert_eq!(parameters.detached()["mean"].to_vec1::<f32>().unwrap(), [1.0, 2.0]);
        assert_eq!(before["mean"].to_vec1::<f32>().unwrap(), [0.5, 0.5], "a snapshot is a copy");
        parameters.assign(&before, Path::new("x")).unwrap();
        assert_eq!(parameters.detached()["mean"].to_vec1::<f32>().unwrap(), [0.5, 0.5]);
        let kernel = before["kernel"].clone();
        assert!(parameters.gather(&Tensors::from([("kernel".into(), kernel.clone())])).is_err());
        assert!(
            parameters.assign(&Tensors::from([("kernel".into(), kernel)]), Path::new("x")).is_err()
        );
    }

    #[test]
    fn two_tensors_of_one_name_are_refused() {
        let twice = [Initial::convolution("k", [1; 4]), Initial::statistic("k", &[1], 0.0)];
        assert!(matches!(
            Parameters::draw(&twice, 0, &Device::Cpu),
            Err(Error::Configuration { .. })
        ));
    }

    #[test]
    fn values_are_functions_of_seed_and_name() {
        let first = |seed, name: &str| Initial::convolution(name, [1; 4]).values(seed)[0];
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }
}
