//! Work that is done side by side, each piece with its share of the threads.

use crate::error::{Error, Result};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Does pieces of work 0 to `count` − 1, `jobs` at a time, and returns what they give in their order; after an
/// error no further piece is begun, and the first of them in that order is returned.
///
/// One job works on the threads that there are; several divide them, at least one each.
pub(super) fn side_by_side<T: Send>(
    count: usize,
    jobs: usize,
    work: &(dyn Fn(usize) -> Result<T> + Sync),
) -> Result<Vec<T>> {
    let jobs = jobs.min(count).max(1);
    if jobs == 1 {
        return (0..count).map(work).collect();
    }
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Vec<Mutex<Option<Result<T>>>> = (0..count).map(|_| Mutex::new(None)).collect();
    let worker = || {
        while !is_over.load(Ordering::Relaxed) {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = done.get(piece) else { return };
            let result = work(piece);
            is_over.fetch_or(result.is_err(), Ordering::Relaxed);
            *place.lock().expect("nothing panics while it is held") = Some(result);
        }
    };
    let pools = (0..jobs).map(|job| pool(rayon::current_num_threads(), job, jobs));
    let pools = pools.collect::<Result<Vec<_>>>()?;
    std::thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| pool.install(worker));
        }
    });
    let results = done.into_iter().map(|place| place.into_inner().expect("nothing panicked"));
    results.flatten().collect()
}

/// The threads of one of several jobs.
fn pool(threads: usize, job: usize, jobs: usize) -> Result<rayon::ThreadPool> {
    let share = (threads / jobs + usize::from(job < threads % jobs)).max(1);
    rayon::ThreadPoolBuilder::new().num_threads(share).build().map_err(|e| {
        let remedy = "take fewer --jobs or --threads";
        Error::configuration(format!("{share} threads for a job"), e.to_string(), remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_each_piece_is_done_once_on_its_share_of_the_threads() {
        for jobs in [1, 2, 3, 50] {
            let begun = AtomicUsize::new(0);
            let squares = side_by_side(20, jobs, &|piece| {
                begun.fetch_add(1, Ordering::Relaxed);
                let share = rayon::current_num_threads();
                assert!(jobs == 1 || share <= 1.max(rayon::max_num_threads() / jobs));
                Ok(piece * piece)
            });
            assert_eq!(squares.unwrap(), (0..20).map(|i| i * i).collect::<Vec<_>>());
            assert_eq!(begun.into_inner(), 20);
        }
        assert!(side_by_side(0, 3, &|piece| Ok(piece)).unwrap().is_empty());
    }

    #[test]
    fn threads_are_divided_to_the_last() {
        let shares = |threads, jobs| -> Vec<usize> {
            let of = |job| pool(threads, job, jobs).unwrap().current_num_threads();
            (0..jobs).map(of).collect()
        };
        assert_eq!(shares(7, 3), [3, 2, 2]);
        assert_eq!(shares(2, 3), [1, 1, 1]);
    }

    #[test]
    fn after_an_error_nothing_more_is_begun() {
        for jobs in [1, 2] {
            let begun = AtomicUsize::new(0);
            let failed = side_by_side(1000, jobs, &|piece| {
                begun.fetch_add(1, Ordering::Relaxed);
                match piece {
                    3 => Err(Error::configuration("piece 3", "failed", "none")),
                    _ => Ok(()),
                }
            });
            assert!(failed.unwrap_err().to_string().contains("piece 3"));
            assert!(begun.into_inner() < 1000);
        }
    }
}
