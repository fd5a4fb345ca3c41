//! Processes that `mpirun` or `srun` started together, to train one model.

#[cfg(feature = "mpi")]
use crate::cli::finding::exit_code;
#[cfg(feature = "mpi")]
use fernn::training::MpiRanks;
use fernn::training::{Alone, Ranks};

/// This process, and those that were started with it.
pub struct Processes {
    #[cfg(feature = "mpi")]
    together: Option<MpiRanks>,
}

impl Processes {
    /// Joins the others, where there are any.
    ///
    /// # Errors
    /// Those of [`MpiRanks::join`].
    #[cfg(feature = "mpi")]
    pub fn join() -> fernn::Result<Self> {
        let together = started_by_mpi().then(MpiRanks::join).transpose()?;
        if together.is_some() {
            // One that panics would take its leave of MPI in good order, for which it waits for the others.
            let say = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                say(panic);
                MpiRanks::abort(101);
            }));
        }
        Ok(Self { together })
    }

    /// Alone: this program was built without MPI.
    #[cfg(not(feature = "mpi"))]
    pub fn join() -> fernn::Result<Self> {
        if started_by_mpi() {
            errln!(
                "note: started by mpirun or srun, but built without MPI: this process runs its unit alone"
            );
        }
        Ok(Self {})
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
        if self.together.is_some() {
            errln!("error: {error:#}");
            MpiRanks::abort(exit_code(error).into());
        }
        #[cfg(not(feature = "mpi"))]
        let _ = error; // there are none
    }
}

/// Whether this process was started by one of the launchers of MPI, as Open MPI, MPICH and Slurm say in the environment.
fn started_by_mpi() -> bool {
    let names = ["OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMIX_RANK"];
    names.iter().any(|name| std::env::var_os(name).is_some())
}
