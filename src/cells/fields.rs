//! How kernels come about from what is trained: as they are, or expanded from steerable filters.

use crate::error::{Error, Result};
use crate::ops::SteerableBasis;
use crate::parameters::{Draw, Initial, Tensors};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What hidden maps are made of, and so what kernels between them are trained as.
///
/// Names end in `weight` for kernels that are trained as they are (the public code's names), and in
/// `coefficients` for those that are expanded.
#[derive(Clone, Debug)]
pub enum Fields {
    /// A map is a plane, and every number of a kernel is trained.
    Plain,
    /// A map is a regular field of N planes, and kernels are sums of steerable functions.
    Steerable(SteerableBasis),
}

/// Between which maps a kernel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// From the channels of a frame to hidden maps.
    FrameAndHidden,
    /// From hidden maps to hidden maps.
    Hidden,
    /// From hidden maps to the channels of a frame.
    HiddenAndFrame,
}

/// A kernel before it exists: between which maps, how many of them, and its extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maps {
    /// Maps made; over steerable fields, fields.
    pub outputs: usize,
    /// Maps read.
    pub inputs: usize,
    /// Height and width of the kernel.
    pub size: usize,
}

impl Fields {
    /// Planes of a hidden map.
    pub fn planes(&self) -> usize {
        match self {
            Self::Plain => 1,
            Self::Steerable(basis) => basis.orientations(),
        }
    }

    /// The full name of the tensor behind a kernel.
    pub fn name(&self, kernel: &str) -> String {
        match self {
            Self::Plain => format!("{kernel}.weight"),
            Self::Steerable(_) => format!("{kernel}.coefficients"),
        }
    }

    /// What is trained of a kernel. `shares` > 1 are that many kernels whose results are added.
    ///
    /// Plain kernels have PyTorch's default, uniform in ±1/√fan_in. Steerable coefficients are normal, of a
    /// variance with which a layer makes maps of the size of those that it reads (He et al. 2015,
    /// generalised to steerable filters by Weiler et al. 2018, without their factor 2 for the ReLU: a
    /// recurrence adds the input at every step).
    ///
    /// # Shapes
    /// Plain (C_out, C_in, k, k); steerable (C_out, C_in, D) to or from a frame, (C_out, C_in, N, D)
    /// between hidden fields; with shares a dimension in front.
    pub fn initial(&self, kernel: &str, between: Between, maps: Maps, shares: usize) -> Initial {
        let Maps { outputs, inputs, size } = maps;
        let one = match (self, between) {
            (Self::Plain, _) => vec![outputs, inputs, size, size],
            (Self::Steerable(basis), Between::Hidden) => {
                vec![outputs, inputs, basis.orientations(), basis.len()]
            }
            (Self::Steerable(basis), _) => vec![outputs, inputs, basis.len()],
        };
        let read = (shares * one[1..].iter().product::<usize>()) as f64;
        let draw = match self {
            Self::Plain => Draw::Uniform(1.0 / read.sqrt()),
            Self::Steerable(_) => Draw::Normal((1.0 / read).sqrt()),
        };
        let shape = if shares == 1 { one } else { [vec![shares], one].concat() };
        Initial::trained(self.name(kernel), &shape, draw)
    }

    /// The kernel (planes out, planes in, k, k) that the operations read, on the graph of what is trained.
    ///
    /// # Errors
    /// [`Error::Weights`] when the tensor is missing, `source` being named; [`Error::Shape`] when its
    /// extents are not those of [`Fields::initial`].
    pub fn kernel(
        &self,
        tensors: &Tensors,
        kernel: &str,
        between: Between,
        source: &Path,
    ) -> Result<Tensor> {
        let tensor = named(tensors, &self.name(kernel), source)?;
        self.expand(tensor, between)
    }

    /// Like [`Fields::kernel`] for the kernels of so many shares: (shares, planes out, planes in, k, k).
    ///
    /// # Errors
    /// As [`Fields::kernel`].
    pub fn shares(
        &self,
        tensors: &Tensors,
        (kernel, shares): (&str, usize),
        between: Between,
        source: &Path,
    ) -> Result<Tensor> {
        if shares == 1 {
            return Ok(self.kernel(tensors, kernel, between, source)?.unsqueeze(0)?);
        }
        let tensor = named(tensors, &self.name(kernel), source)?;
        let one = |i| self.expand(&tensor.get(i)?, between);
        Ok(Tensor::stack(&(0..shares).map(one).collect::<Result<Vec<_>>>()?, 0)?)
    }

    /// The kernel of what is trained.
    ///
    /// # Errors
    /// [`Error::Shape`] when extents are not those of [`Fields::initial`].
    pub fn expand(&self, trained: &Tensor, between: Between) -> Result<Tensor> {
        match (self, between) {
            (Self::Plain, _) => Ok(trained.clone()),
            (Self::Steerable(basis), Between::FrameAndHidden) => basis.lifting(trained),
            (Self::Steerable(basis), Between::Hidden) => basis.regular(trained),
            (Self::Steerable(basis), Between::HiddenAndFrame) => basis.projecting(trained),
        }
    }
}

/// The tensor of a name.
pub(crate) fn named<'a>(tensors: &'a Tensors, name: &str, source: &Path) -> Result<&'a Tensor> {
    tensors.get(name).ok_or_else(|| Error::Weights {
        path: source.to_path_buf(),
        problems: vec![format!("`{name}` is missing")],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Parameters;
    use candle_core::Device;

    const MAPS: Maps = Maps { outputs: 2, inputs: 3, size: 3 };

    #[test]
    fn kernels_whose_results_are_added_are_drawn_as_one() -> Result<()> {
        // Seven kernels of 3·3·3 numbers each add up to one output.
        let plain = Fields::Plain.initial("k", Between::Hidden, MAPS, 7);
        let bound = 1.0 / (7f64 * 27.0).sqrt();
        let expected = Initial::trained("k.weight", &[7, 2, 3, 3, 3], Draw::Uniform(bound));
        assert_eq!(plain, expected);
        let basis = SteerableBasis::new(4, 3)?;
        let functions = basis.len();
        let steerable = Fields::Steerable(basis).initial("k", Between::Hidden, MAPS, 7);
        let deviation = (1.0 / (7 * 3 * 4 * functions) as f64).sqrt();
        assert_eq!(steerable.shape, [7, 2, 3, 4, functions]);
        assert_eq!(steerable.draw, Draw::Normal(deviation));
        Ok(())
    }

    #[test]
    fn every_share_is_expanded_by_itself_and_one_share_is_the_kernel() -> Result<()> {
        let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let source = Path::new("a test");
        let steerable = Fields::Steerable(SteerableBasis::new(4, 3)?);
        for (fields, planes) in [(Fields::Plain, 1), (steerable, 4)] {
            for count in [1, 2] {
                let initial = fields.initial("k", Between::Hidden, MAPS, count);
                let name = initial.name.clone();
                let drawn = Parameters::draw(&[initial], 3, &Device::Cpu)?.detached();
                let shares = fields.shares(&drawn, ("k", count), Between::Hidden, source)?;
                assert_eq!(shares.dims(), [count, 2 * planes, 3 * planes, 3, 3]);
                let mut all = Vec::new();
                for i in 0..count {
                    let share =
                        if count == 1 { drawn[&name].clone() } else { drawn[&name].get(i)? };
                    let one = Tensors::from([(name.clone(), share)]);
                    let expected = values(&fields.kernel(&one, "k", Between::Hidden, source)?)?;
                    assert_eq!(values(&shares.get(i)?)?, expected);
                    all.push(expected);
                }
                assert!(count == 1 || all[0] != all[1]);
            }
        }
        Ok(())
    }
}
