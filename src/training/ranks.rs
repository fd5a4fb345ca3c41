//! Processes that train one model together, each on parts of every batch.

use crate::error::{Error, Result};
use std::ops::Range;

/// Processes that exchange what they have. All of them call in the same order.
pub trait Ranks: Sync {
    /// The number of this process, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn size(&self) -> usize;

    /// Gives every process what each of them has, by rank; all have equally much.
    ///
    /// # Errors
    /// Those of the connection.
    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>>;

    /// Gives another process what this one has, and returns what that one has, which is equally much.
    ///
    /// # Errors
    /// Those of the connection.
    fn exchange(&self, with: usize, own: &[u8]) -> Result<Vec<u8>>;
}

/// This process alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Ranks for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>> {
        Ok(vec![own.to_vec()])
    }

    fn exchange(&self, _: usize, own: &[u8]) -> Result<Vec<u8>> {
        Ok(own.to_vec())
    }
}

/// What the first process has, for all of them.
///
/// # Errors
/// Those of the connection.
pub fn of_the_first<const N: usize>(ranks: &dyn Ranks, own: [u8; N]) -> Result<[u8; N]> {
    let all = ranks.gather(&own)?;
    Ok(all[0].as_slice().try_into().expect("all have equally much"))
}

/// A part of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 0.
    pub number: u64,
    /// Of how many.
    pub of: u64,
}

impl Part {
    /// A whole batch.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// What of a range it is: parts differ by one at most.
    ///
    /// ```
    /// use fernn::training::Part;
    /// let parts: Vec<_> = (0..3).map(|number| Part { number, of: 3 }.within(&(10..18))).collect();
    /// assert_eq!(parts, [10..12, 12..15, 15..18]);
    /// ```
    pub fn within(self, all: &Range<u64>) -> Range<u64> {
        let length = all.end - all.start;
        all.start + length * self.number / self.of..all.start + length * (self.number + 1) / self.of
    }
}

/// The parts of a batch that a process computes.
///
/// # Errors
/// [`Error::Configuration`] unless processes are a power of two that divides the parts: only then do sums of
/// gradients not depend on how many there are.
pub(super) fn own_parts(ranks: &dyn Ranks, parts: u64) -> Result<Vec<Part>> {
    let size = ranks.size() as u64;
    if !size.is_power_of_two() || !parts.is_multiple_of(size) {
        let problem = format!("cannot share the {parts} parts of a batch alike");
        let remedy = "start a power of two of them, and set schedule.parts to a multiple of it";
        return Err(Error::configuration(format!("{size} processes"), problem, remedy));
    }
    let (each, first) = (parts / size, ranks.rank() as u64);
    Ok((first * each..(first + 1) * each).map(|number| Part { number, of: parts }).collect())
}

/// A sum of terms, each half for itself and then both: a process may sum its block first, and the bits are the same.
///
/// # Panics
/// Without any term.
pub(super) fn sum_by_halves<T>(mut terms: Vec<T>, add: &impl Fn(T, T) -> T) -> T {
    if terms.len() == 1 {
        return terms.remove(0);
    }
    let upper = terms.split_off(terms.len() / 2);
    add(sum_by_halves(terms, add), sum_by_halves(upper, add))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that is asked for its number alone.
    struct One {
        rank: usize,
        size: usize,
    }

    impl Ranks for One {
        fn rank(&self) -> usize {
            self.rank
        }

        fn size(&self) -> usize {
            self.size
        }

        fn gather(&self, _: &[u8]) -> Result<Vec<Vec<u8>>> {
            unreachable!("nothing is exchanged here")
        }

        fn exchange(&self, _: usize, _: &[u8]) -> Result<Vec<u8>> {
            unreachable!("nothing is exchanged here")
        }
    }

    #[test]
    fn sums_by_halves_do_not_depend_on_who_summed_the_blocks() {
        let mut stream = crate::rng::Stream::new(0, "terms", 0);
        let terms: Vec<f32> = (0..24).map(|_| stream.normal() as f32).collect();
        let add = |a: f32, b: f32| a + b;
        let whole = sum_by_halves(terms.clone(), &add);
        for ranks in [1, 2, 4, 8] {
            let blocks = terms.chunks(24 / ranks).map(|b| sum_by_halves(b.to_vec(), &add));
            assert_eq!(sum_by_halves(blocks.collect(), &add).to_bits(), whole.to_bits(), "{ranks}");
        }
        let in_order = terms.iter().sum::<f32>();
        assert_ne!(whole.to_bits(), in_order.to_bits(), "the order of these matters");
    }

    #[test]
    fn parts_are_shared_by_powers_of_two() {
        let numbers = |rank, size, parts| -> Result<Vec<u64>> {
            Ok(own_parts(&One { rank, size }, parts)?.iter().map(|part| part.number).collect())
        };
        assert_eq!(numbers(2, 4, 12).unwrap(), [6, 7, 8]);
        for (size, parts) in [(4, 6), (3, 12)] {
            let refusal = numbers(0, size, parts).unwrap_err().to_string();
            assert!(refusal.contains("schedule.parts"), "{refusal}");
        }
    }
}
