//! Work that is done side by side on the threads that there are.

use crate::error::Result;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};

/// Does pieces of work, `jobs` at a time but no more than there are threads, in the order of `turn`, which has each
/// number from 0 once; returns what they give by number. After an error no further piece is begun, and the
/// first of the errors is returned.
///
/// All pieces share all threads: one that is the last to run has every one of them. A pool of threads does one such
/// work at a time: two would wait for each other's threads.
pub(super) fn side_by_side<T: Send>(
    turn: &[usize],
    jobs: usize,
    work: &(dyn Fn(usize) -> Result<T> + Sync),
) -> Result<Vec<T>> {
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Vec<Mutex<Option<Result<T>>>> = turn.iter().map(|_| Mutex::new(None)).collect();
    let worker = || {
        while !is_over.load(Ordering::Relaxed) {
            let Some(&piece) = turn.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            let result = work(piece);
            is_over.fetch_or(result.is_err(), Ordering::Relaxed);
            *done[piece].lock().expect("nothing panics while it is held") = Some(result);
        }
    };
    let jobs = jobs.max(1).min(rayon::current_num_threads());
    // No thread begins with one before each has one: a thread that waits within a piece would take the next, and
    // come back to the first only when that had come to its end.
    let all_have_one = Barrier::new(jobs);
    rayon::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|_| {
                all_have_one.wait();
                worker();
            });
        }
    });
    let results = done.into_iter().map(|place| place.into_inner().expect("nothing panicked"));
    results.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use rayon::prelude::*;

    /// The sum of squares below a number, on all threads.
    fn sum(below: usize) -> usize {
        (0..below).into_par_iter().map(|i| i * i).sum()
    }

    #[test]
    fn results_are_in_order_and_each_piece_is_done_once() {
        let turn: Vec<usize> = (0..20).rev().collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for jobs in [0, 1, 2, 3, 50] {
            let begun = Mutex::new(Vec::new());
            let work = |piece| {
                begun.lock().unwrap().push(piece);
                Ok(sum(1000 * piece))
            };
            let sums = pool.install(|| side_by_side(&turn, jobs, &work));
            assert_eq!(sums.unwrap(), (0..20).map(|i| sum(1000 * i)).collect::<Vec<_>>());
            let mut begun = begun.into_inner().unwrap();
            assert!(jobs > 1 || begun == turn, "{begun:?}");
            begun.sort_unstable();
            assert_eq!(begun, (0..20).collect::<Vec<_>>());
        }
        let none = pool.install(|| side_by_side(&[], 3, &|piece| Ok(piece)));
        assert!(none.unwrap().is_empty());
    }

    #[test]
    fn as_many_run_at_a_time_as_are_asked_for() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for (jobs, expected) in [(1, 1), (2, 2), (3, 3), (9, 3)] {
            let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            pool.install(|| {
                side_by_side(&(0..12).collect::<Vec<_>>(), jobs, &|piece| {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok(piece)
                })
            })
            .unwrap();
            assert_eq!(most.into_inner(), expected, "{jobs}");
        }
    }

    #[test]
    fn after_an_error_nothing_more_is_begun() {
        let turn: Vec<usize> = (0..1000).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        for jobs in [1, 2] {
            let begun = AtomicUsize::new(0);
            let work = |piece| {
                begun.fetch_add(1, Ordering::Relaxed);
                match piece {
                    3 => Err(Error::configuration("piece 3", "failed", "none")),
                    _ => Ok(()),
                }
            };
            let failed = pool.install(|| side_by_side(&turn, jobs, &work));
            assert!(failed.unwrap_err().to_string().contains("piece 3"));
            assert!(begun.into_inner() < 1000);
        }
    }
}
