//! The units that flags ask for, and what they are run with.

use crate::cli::flags::{AlgorithmFlags, DataFlags, DeviceFlags, MemoryFlags, ThreadFlags};
use crate::cli::provenance::COMMIT;
use crate::cli::selection::Selection;
use candle_core::Device;
use clap::Args;
use fernn::data::Sources;
use fernn::experiments::{Observer, Origin, Profile, Request, Session, Unit};
use fernn::training::Alone;
use std::path::{Path, PathBuf};

/// Units at a time where nobody says how many.
const MOST_JOBS: usize = 4;

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
    /// Units at a time.
    pub jobs: usize,
}

impl UnitFlags {
    /// What is asked for, as one unit after the other; threads and memory are set for the process.
    pub fn asked(&self) -> anyhow::Result<Asked> {
        self.asked_side_by_side(Some(1))
    }

    /// The same with so many units at a time, or as many as the profile has: memory is divided among them.
    pub fn asked_side_by_side(&self, jobs: Option<usize>) -> anyhow::Result<Asked> {
        self.asked_on(self.device.device()?, jobs)
    }

    /// What is asked for, to be collected and not run: a device of the flags need not be here.
    pub fn asked_to_collect(&self) -> anyhow::Result<Asked> {
        let mut asked = self.asked_on(Device::Cpu, Some(1))?;
        asked.origin.device = self.device.kind();
        Ok(asked)
    }

    fn asked_on(&self, device: Device, jobs: Option<usize>) -> anyhow::Result<Asked> {
        let algorithm = self.algorithm.algorithm();
        let request = Request { algorithm, device, ..self.selection.request()? };
        let units = self.selection.units(&request)?;
        let threads = self.threads.apply()?;
        let jobs = jobs.unwrap_or(match request.profile {
            Profile::Quick | Profile::Desk => MOST_JOBS, // small models, of which many fit
            Profile::Paper => 1,
        });
        let jobs = jobs.min(threads).min(units.len());
        self.memory.apply(jobs);
        let origin = Origin::here(COMMIT, &request.device);
        Ok(Asked { request, units, sources: self.data.sources(), origin, jobs })
    }

    /// The output folder that is named, or that of the profile.
    pub fn out(&self, named: Option<&PathBuf>) -> PathBuf {
        let profile = Profile::from(self.selection.settings.profile);
        named.cloned().unwrap_or_else(|| PathBuf::from("results/local").join(profile.name()))
    }
}

impl Asked {
    /// A session that runs them into a folder, in this process alone.
    pub fn session<'a>(&'a self, out: &'a Path, observer: Observer<'a>) -> Session<'a> {
        let Self { sources, origin, jobs, .. } = self;
        Session { out, sources, origin, jobs: *jobs, ranks: &Alone, observer }
    }
}
