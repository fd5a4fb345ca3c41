//! How much memory the history of a sequence may take.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The budget where none was set: 1 GiB.
pub const DEFAULT_HISTORY_BUDGET: usize = 1 << 30;

static BUDGET: AtomicUsize = AtomicUsize::new(DEFAULT_HISTORY_BUDGET);

/// Bytes that the memories and gates of one sequence operation may take between its forward and its
/// backward pass.
///
/// Where all of them are more, only every k-th is kept, with the smallest k that fits; the backward pass
/// computes those between again, a few samples at a time and with the same bits. That costs at most one
/// more forward pass. A budget that not even the sparsest history meets is exceeded by as little as
/// possible.
pub fn history_budget() -> usize {
    BUDGET.load(Ordering::Relaxed)
}

/// Sets the budget of [`history_budget`] for the whole process, like the number of threads: no result
/// depends on it.
pub fn set_history_budget(bytes: usize) {
    BUDGET.store(bytes, Ordering::Relaxed);
}

/// Bytes that a step of a sequence needs.
#[derive(Clone, Copy)]
pub(super) struct Needs {
    /// All that the way back reads, of all samples.
    pub whole: usize,
    /// What the next step reads alone, of all samples.
    pub memories: usize,
    /// All of the samples that go back through time at once.
    pub part: usize,
}

/// Every how-manieth of `steps` is kept: all of it for every one, or else what the next step reads.
pub(super) fn stride(steps: usize, Needs { whole, memories, part }: Needs, budget: usize) -> usize {
    let needs = |stride: usize| match stride {
        1 => steps * whole, // nothing is computed again
        _ => steps.div_ceil(stride) * memories + stride * part,
    };
    let strides = 1..=steps.max(1);
    let fits = strides.clone().find(|&stride| needs(stride) <= budget);
    fits.or_else(|| strides.min_by_key(|&stride| needs(stride))).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::{Needs, stride};

    #[test]
    fn as_many_states_are_kept_as_fit() {
        // 16 states of 100 bytes, parts of 10.
        let stride = |steps, state, part, budget| {
            stride(steps, Needs { whole: state, memories: state, part }, budget)
        };
        assert_eq!(stride(16, 100, 10, 1600), 1);
        assert_eq!(stride(16, 100, 10, 1599), 2, "8 states and a stretch of two");
        assert_eq!(stride(16, 100, 10, 819), 3, "6 states and a stretch of three");
        assert_eq!(stride(16, 100, 10, 400), 6, "3 states and a stretch of six");
        // Nothing fits in one byte: ⌈16/k⌉·100 + 10·k is smallest at k = 16 with 260.
        assert_eq!(stride(16, 100, 10, 1), 16);
        // Nor with large parts, where the middle is best: 4·100 + 4·100.
        assert_eq!(stride(16, 100, 100, 1), 4);
    }
}
