//! Threads that stand for processes which train one model.

use fernn::training::Ranks;
use fernn::{Error, Result};
use std::sync::{Condvar, Mutex};

/// Some of them.
pub struct Threads {
    size: usize,
    table: Mutex<Table>,
    changed: Condvar,
}

/// Where all lay down what they have, and pick up what all have.
#[derive(Default)]
struct Table {
    laid: Vec<Option<Vec<u8>>>,
    /// How many have still to pick up.
    to_pick: usize,
    /// Whether one has ended with an error, as a process that aborts all of them.
    is_over: bool,
}

/// One of them.
struct Thread<'a> {
    rank: usize,
    all: &'a Threads,
}

impl Threads {
    pub fn new(size: usize) -> Self {
        let table = Table { laid: vec![None; size], ..Table::default() };
        Self { size, table: Mutex::new(table), changed: Condvar::new() }
    }

    /// What the work of each comes to, by rank; each computes on a thread of its own. An error of one ends the
    /// others, which then have errors too.
    pub fn each<T: Send>(&self, work: impl Fn(&dyn Ranks) -> Result<T> + Sync) -> Vec<Result<T>> {
        let one = |rank| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let result = pool.install(|| work(&Thread { rank, all: self }));
            if result.is_err() {
                self.table.lock().unwrap().is_over = true;
                self.changed.notify_all();
            }
            result
        };
        std::thread::scope(|scope| {
            let one = &one;
            let all: Vec<_> = (0..self.size).map(|rank| scope.spawn(move || one(rank))).collect();
            all.into_iter().map(|one| one.join().expect("no panic")).collect()
        })
    }

    /// Waits until something is so.
    fn until(&self, is_so: impl Fn(&Table) -> bool) -> Result<std::sync::MutexGuard<'_, Table>> {
        let table = self.table.lock().unwrap();
        let table = self.changed.wait_while(table, |t| !t.is_over && !is_so(t)).unwrap();
        if table.is_over {
            return Err(Error::configuration("another process", "has ended", "see what it said"));
        }
        Ok(table)
    }
}

impl Ranks for Thread<'_> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.all.size
    }

    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>> {
        let all = self.all;
        let mut table = all.until(|table| table.to_pick == 0)?;
        table.laid[self.rank] = Some(own.to_vec());
        if table.laid.iter().all(Option::is_some) {
            table.to_pick = all.size;
        }
        drop(table);
        all.changed.notify_all();
        let mut table = all.until(|table| table.to_pick > 0)?;
        let laid = table.laid.iter().cloned().map(|one| one.expect("all have laid down")).collect();
        table.to_pick -= 1;
        if table.to_pick == 0 {
            table.laid.fill(None);
        }
        drop(table);
        all.changed.notify_all();
        Ok(laid)
    }

    fn exchange(&self, with: usize, own: &[u8]) -> Result<Vec<u8>> {
        Ok(self.gather(own)?.swap_remove(with))
    }
}
