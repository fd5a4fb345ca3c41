//! Weights in files of the paper's public code: which names they have, and what is wrong with them.

use super::decoder::layer_name;
use crate::cells::{Between, CellKind, CellShape, Fields};
use crate::error::{Error, Result};
use crate::parameters::Tensors;
use candle_core::Tensor;
use std::path::Path;

/// The kernels of a forecaster, taken from a file.
pub(super) struct NamedKernels {
    /// Those of the cell under this crate's names.
    pub cell: Tensors,
    /// Those of the decoder in order.
    pub decoder: Vec<Tensor>,
}

/// The names that kernels have in a file.
#[derive(Clone, Copy, Debug)]
pub struct KernelNames {
    /// The kernel that reads frames.
    pub input: &'static str,
    /// The kernel between hidden maps.
    pub recurrent: &'static str,
    /// What stands before the names of the decoder.
    pub(super) before: &'static str,
}

impl KernelNames {
    /// As trained by the public code over translations.
    pub const TRAINED: Self =
        Self { input: "cell.conv_u.weight", recurrent: "cell.conv_h.weight", before: "" };
    /// Filters over rotations, expanded.
    pub const EXPANDED: Self =
        Self { input: "filters.conv_u", recurrent: "filters.conv_h", before: "weights." };
}

/// What the names of a decoder's layers begin with.
pub(super) const DECODER: &str = "decoder_conv.";

/// The learned shifts of the G-RNN+.
const SHIFTS: &str = "cell.shift.weight";

impl NamedKernels {
    /// The kernels of a cell of some kind and its decoder; a mixing cell has as many recurrent ones as
    /// `shares`, in one tensor.
    pub fn read(
        tensors: &Tensors,
        (kind, shares): (CellKind, usize),
        source: &Path,
    ) -> Result<Self> {
        let names = match tensors.keys().any(|name| name.starts_with("filters.")) {
            true => KernelNames::EXPANDED,
            false => KernelNames::TRAINED,
        };
        let decoder = format!("{}{DECODER}", names.before);
        let is_kernel = |name: &&String| name.starts_with(&decoder) && name.ends_with(".weight");
        let layers = tensors.keys().filter(is_kernel).count();
        let layer = |layer| format!("{}{}.weight", names.before, layer_name(layer));
        let decoder: Vec<String> = (0..layers.max(1)).map(layer).collect();
        let mut all = vec![names.input.to_string(), names.recurrent.to_string()];
        all.extend((kind == CellKind::LearnedShift).then(|| SHIFTS.to_string()));
        all.extend(decoder.iter().cloned());
        let refuse = |problems| Error::Weights { path: source.to_path_buf(), problems };
        let problems = missing_and_unexpected(tensors, &all);
        if !problems.is_empty() {
            return Err(refuse(problems));
        }
        let take = |name: &str| tensors[name].clone();
        let mut cell = Tensors::from([
            (KernelNames::TRAINED.input.to_string(), take(names.input)),
            (KernelNames::TRAINED.recurrent.to_string(), take(names.recurrent)),
        ]);
        if kind == CellKind::LearnedShift {
            cell.insert(SHIFTS.into(), take(SHIFTS));
        }
        let mut kernels = Self { cell, decoder: decoder.iter().map(|name| take(name)).collect() };
        let problems = kernels.problems((kind, shares), &names, &decoder);
        if !problems.is_empty() {
            return Err(refuse(problems));
        }
        if kind == CellKind::Mixing && shares == 1 {
            let only = kernels.recurrent().squeeze(0)?; // as a cell has it that is trained here
            kernels.cell.insert(KernelNames::TRAINED.recurrent.into(), only);
        }
        Ok(kernels)
    }

    fn input(&self) -> &Tensor {
        &self.cell[KernelNames::TRAINED.input]
    }

    fn recurrent(&self) -> &Tensor {
        &self.cell[KernelNames::TRAINED.recurrent]
    }

    /// What the cell's kernels go between: planes, whatever they are made of.
    pub fn cell_shape(&self) -> CellShape {
        let (u, w) = (self.input().dims(), self.recurrent().dims());
        CellShape {
            fields: Fields::Plain,
            reads: Between::FrameAndHidden,
            inputs: u[1],
            channels: w[w.len() - 3],
            kernels: (u[3], w[w.len() - 1]),
        }
    }

    /// Everything wrong with ranks, sizes and channels, in words.
    fn problems(
        &self,
        (kind, shares): (CellKind, usize),
        names: &KernelNames,
        decoder: &[String],
    ) -> Vec<String> {
        let w = self.recurrent().dims();
        let rank = if kind == CellKind::Mixing { 5 } else { 4 };
        if w.len() != rank {
            return vec![format!("`{}` has shape {w:?}, expected {rank} extents", names.recurrent)];
        }
        if rank == 5 && w[0] != shares {
            let (name, held) = (names.recurrent, w[0]);
            return vec![format!("`{name}` holds {held} kernels for {shares} neighbours")];
        }
        let channels = w[rank - 3];
        let rows = Some(kind.gates() * channels);
        let mut problems = Vec::new();
        let mut check = |name: &str, kernel: &[usize], outputs: Option<usize>, inputs| {
            problems.extend(kernel_problems(name, kernel, outputs, inputs, channels));
        };
        check(names.input, self.input().dims(), rows, None);
        check(names.recurrent, &w[rank - 4..], rows, Some(channels));
        for (number, (name, kernel)) in decoder.iter().zip(&self.decoder).enumerate() {
            let is_last = number + 1 == decoder.len();
            check(name, kernel.dims(), (!is_last).then_some(channels), Some(channels));
        }
        problems
    }
}

fn missing_and_unexpected(tensors: &Tensors, names: &[String]) -> Vec<String> {
    let missing = names.iter().filter(|name| !tensors.contains_key(*name));
    let mut problems: Vec<String> = missing.map(|name| format!("`{name}` is missing")).collect();
    let unexpected = tensors.keys().filter(|name| !names.contains(name));
    problems.extend(unexpected.map(|name| match name.ends_with(".bias") {
        true => format!("`{name}` is unexpected: no layer here has a bias"),
        false => format!("`{name}` is unexpected"),
    }));
    problems
}

/// What is wrong with one kernel (outputs, inputs, kh, kw); `None` takes any number of channels.
fn kernel_problems(
    name: &str,
    kernel: &[usize],
    outputs: Option<usize>,
    inputs: Option<usize>,
    hidden: usize,
) -> Vec<String> {
    let &[o, i, kh, kw] = kernel else {
        return vec![format!("`{name}` has shape {kernel:?}, expected four extents")];
    };
    let mut problems = Vec::new();
    if kh % 2 == 0 || kw % 2 == 0 {
        problems.push(format!("`{name}` has an even kernel size {kh}×{kw}"));
    }
    let fits = |got: usize, expected: Option<usize>| expected.is_none_or(|e| e == got);
    if !fits(o, outputs) || !fits(i, inputs) {
        problems.push(format!("`{name}` has shape {kernel:?}, expected C = {hidden}"));
    }
    problems
}
