//! Processes that `mpirun` or `srun` started together.

use super::ranks::Ranks;
use crate::error::{Error, Result};
use mpi::Threading;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator as _, CommunicatorCollectives as _};

/// The processes of `MPI_COMM_WORLD`.
pub struct MpiRanks {
    /// MPI ends when it is dropped, in the thread that began it.
    _universe: Universe,
    rank: usize,
    size: usize,
}

impl MpiRanks {
    /// Joins the others. Once in a process, in its first thread.
    ///
    /// # Errors
    /// [`Error::Configuration`] when MPI has begun already, or does not let other threads call it.
    pub fn join() -> Result<Self> {
        let refuse = |problem: &str| {
            Error::configuration("MPI", problem, "use an MPI library with MPI_THREAD_SERIALIZED")
        };
        let (universe, threading) = mpi::initialize_with_threading(Threading::Serialized)
            .ok_or_else(|| refuse("has begun already"))?;
        if threading < Threading::Serialized {
            return Err(refuse("takes calls from its first thread alone"));
        }
        let world = universe.world();
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        Ok(Self { _universe: universe, rank, size })
    }

    /// Ends all of the processes: one that failed would leave the others waiting.
    pub fn abort(code: i32) -> ! {
        SimpleCommunicator::world().abort(code)
    }
}

// SAFETY: the universe is kept only to be dropped, by the thread that holds these ranks; `gather` and
// `exchange` make their calls through a communicator of their own, from one thread at a time, which `Threading::Serialized` allows.
unsafe impl Sync for MpiRanks {}

impl Ranks for MpiRanks {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut all = vec![0; own.len() * self.size];
        SimpleCommunicator::world().all_gather_into(own, &mut all[..]);
        Ok(all.chunks(own.len().max(1)).map(<[u8]>::to_vec).collect())
    }

    fn exchange(&self, with: usize, own: &[u8]) -> Result<Vec<u8>> {
        let world = SimpleCommunicator::world();
        let other = world.process_at_rank(with as i32);
        let mut received = vec![0; own.len()];
        mpi::point_to_point::send_receive_into(own, &other, &mut received[..], &other);
        Ok(received)
    }
}
