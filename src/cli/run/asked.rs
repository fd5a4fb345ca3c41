//! The units that flags ask for, and what they are run with.

use crate::cli::flags::{AlgorithmFlags, DataFlags, DeviceFlags, MemoryFlags, ThreadFlags};
use crate::cli::selection::Selection;
use clap::Args;
use fernn::data::Sources;
use fernn::experiments::{Observer, Origin, Request, Session, Unit};
use fernn::training::Alone;
use std::path::{Path, PathBuf};

/// What this binary was built from.
const COMMIT: &str = env!("FERNN_COMMIT");

/// The same flags give the same units in the same order, in every command.
#[derive(Args)]
pub struct UnitFlags {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    data: DataFlags,
    #[command(flatten)]
    algorithm: AlgorithmFlags,
    #[command(flatten)]
    device: DeviceFlags,
    #[command(flatten)]
    threads: ThreadFlags,
    #[command(flatten)]
    memory: MemoryFlags,
}

/// Units with what they are run with.
pub struct Asked {
    pub request: Request,
    pub units: Vec<Unit>,
    pub sources: Sources,
    pub origin: Origin,
}

impl UnitFlags {
    /// What is asked for; threads and memory, of which so many jobs have a share each, are set for the process.
    pub fn asked(&self, jobs: usize) -> anyhow::Result<Asked> {
        let request = Request {
            algorithm: self.algorithm.algorithm(),
            device: self.device.device()?,
            ..self.selection.request()?
        };
        let units = self.selection.units(&request)?;
        self.memory.apply(jobs);
        self.threads.apply()?;
        let origin = Origin::here(COMMIT, &request.device);
        Ok(Asked { request, units, sources: self.data.sources(), origin })
    }

    /// The output folder where none is named.
    pub fn default_out(&self) -> PathBuf {
        let profile = fernn::experiments::Profile::from(self.selection.settings.profile);
        PathBuf::from("results/local").join(profile.name())
    }
}

impl Asked {
    /// A session that runs them into a folder, in this process alone.
    pub fn session<'a>(
        &'a self,
        out: &'a Path,
        jobs: usize,
        observer: Observer<'a>,
    ) -> Session<'a> {
        let (sources, origin) = (&self.sources, &self.origin);
        Session { out, sources, origin, jobs, ranks: &Alone, observer }
    }
}
