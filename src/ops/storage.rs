//! Reading candle's tensors as slices, and making tensors from slices.

use super::kernels::Float;
use candle_core::{CpuStorage, Layout, Storage, StorageRef, Tensor};

/// The numbers of a contiguous tensor on the CPU.
pub(super) fn contiguous<'a, T: Float>(
    storage: &'a CpuStorage,
    layout: &Layout,
) -> candle_core::Result<&'a [T]> {
    let all = T::cpu_storage_as_slice(storage)?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&all[start..end]),
        None => candle_core::bail!("this operation needs a contiguous tensor"),
    }
}

/// A tensor's numbers on the CPU, locked for reading.
pub(super) struct CpuView<'a> {
    storage: StorageRef<'a>,
    layout: &'a Layout,
}

impl<'a> CpuView<'a> {
    pub fn of(tensor: &'a Tensor) -> Self {
        let (storage, layout) = tensor.storage_and_layout();
        Self { storage, layout }
    }

    /// The numbers of a contiguous tensor.
    pub fn slice<T: Float>(&self) -> candle_core::Result<&[T]> {
        match &*self.storage {
            Storage::Cpu(storage) => contiguous(storage, self.layout),
            _ => candle_core::bail!("this operation runs on the CPU only"),
        }
    }
}

/// Pixels of `from` channels copied to pixels of `to` channels: cut, or filled up with zeros.
pub(super) fn restore_channels<T: Float>(source: &[T], from: usize, target: &mut [T], to: usize) {
    if from == to {
        return target.copy_from_slice(source);
    }
    let kept = from.min(to);
    for (source, target) in source.chunks_exact(from).zip(target.chunks_exact_mut(to)) {
        target[..kept].copy_from_slice(&source[..kept]);
        target[kept..].fill(T::default());
    }
}
