//! Working memory that is kept for the next call: aligned to cache lines, and never cleared.
//!
//! Fresh memory costs a page fault per 4 KiB, several times more than the arithmetic on it.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long memory may lie idle before a request that none fits frees it: longer than most training
/// steps, so that the next one finds all that this one used.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([u8; 64]);

// SAFETY: bytes, of which zeros are some.
unsafe impl bytemuck::Zeroable for CacheLine {}
// SAFETY: 64 bytes aligned to 64, so that there is no padding; every bit pattern is valid.
unsafe impl bytemuck::Pod for CacheLine {}

/// Memory that lies idle, by its number of lines, the latest used last.
static IDLE: Mutex<BTreeMap<usize, Vec<Idle>>> = Mutex::new(BTreeMap::new());

/// Since when, and what.
type Idle = (Instant, Vec<CacheLine>);

/// `length` numbers, whatever values they had before; goes back to the pool when dropped.
#[derive(Debug)]
pub(crate) struct Buffer<T> {
    lines: Vec<CacheLine>,
    length: usize,
    number: std::marker::PhantomData<T>,
}

impl std::fmt::Debug for CacheLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CacheLine")
    }
}

impl<T: bytemuck::Pod> Buffer<T> {
    /// Memory with unspecified (but initialised) contents.
    pub fn take(length: usize) -> Self {
        let count = (length * size_of::<T>()).div_ceil(size_of::<CacheLine>());
        let lines = reuse(count).unwrap_or_else(|| vec![CacheLine([0; 64]); count]);
        Self { lines, length, number: std::marker::PhantomData }
    }

    /// Memory filled with zeros.
    pub fn zeros(length: usize) -> Self {
        let mut buffer = Self::take(length);
        buffer.fill(T::zeroed());
        buffer
    }
}

/// The smallest idle allocation that fits without wasting half of it, of these the latest used.
/// Where there is none, what has been idle for long is freed.
fn reuse(count: usize) -> Option<Vec<CacheLine>> {
    let mut idle = IDLE.lock().expect("no panic while the pool is locked");
    let mut fitting = idle.range_mut(count..=2 * count);
    if let Some((_, lines)) = fitting.find_map(|(_, same)| same.pop()) {
        return Some(lines);
    }
    idle.retain(|_, same| {
        same.retain(|(since, _)| since.elapsed() < PATIENCE);
        !same.is_empty()
    });
    None
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if let Ok(mut idle) = IDLE.lock() {
            idle.entry(lines.len()).or_default().push((Instant::now(), lines));
        }
    }
}

impl<T: bytemuck::Pod> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.lines)[..self.length]
    }
}

impl<T: bytemuck::Pod> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_aligned_and_with_the_asked_length() {
        for length in [0, 1, 16, 1000] {
            let buffer = Buffer::<f32>::zeros(length);
            assert_eq!(buffer.len(), length);
            assert_eq!(buffer.as_ptr() as usize % 64, 0);
            assert!(buffer.iter().all(|&x| x == 0.0));
        }
    }
}
