//! Processes that `mpirun` or `srun` started together, to train one model.

use fernn::Error;
use fernn::training::{Alone, Ranks};

/// This process, and those that were started with it.
pub struct Processes {
    #[cfg(feature = "mpi")]
    together: Option<fernn::training::MpiRanks>,
}

impl Processes {
    /// Joins the others, where there are any.
    ///
    /// # Errors
    /// [`Error::Configuration`] when there are, and this program was built without MPI.
    pub fn join() -> fernn::Result<Self> {
        #[cfg(feature = "mpi")]
        {
            let is_one_of_many = started_by_mpi();
            let together = is_one_of_many.then(fernn::training::MpiRanks::join).transpose()?;
            Ok(Self { together })
        }
        #[cfg(not(feature = "mpi"))]
        match started_by_mpi() {
            false => Ok(Self {}),
            true => {
                let problem = "cannot share a unit: this program was built without MPI";
                let remedy = "build it with `--features mpi`, or start one process for each unit";
                Err(Error::configuration("several processes", problem, remedy))
            }
        }
    }

    /// How they exchange what they have.
    pub fn ranks(&self) -> &dyn Ranks {
        #[cfg(feature = "mpi")]
        if let Some(together) = &self.together {
            return together;
        }
        &Alone
    }

    /// Ends the others, which would wait for this one for ever.
    pub fn abort(&self, error: &anyhow::Error) {
        #[cfg(feature = "mpi")]
        if let Some(together) = &self.together {
            let is_usage = error.downcast_ref::<Error>().is_some_and(Error::is_usage);
            errln!("error: {error:#}");
            together.abort(if is_usage { 2 } else { 3 });
        }
        #[cfg(not(feature = "mpi"))]
        let _ = error; // there are none
    }
}

/// Whether this process is one of several: what the launchers of Open MPI, MPICH and Slurm say in the environment.
fn started_by_mpi() -> bool {
    let size = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"].into_iter().filter_map(size).any(|size| size > 1)
}
