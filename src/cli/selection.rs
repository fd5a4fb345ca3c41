//! What is to be run, as flags of several commands.

use clap::{Args, ValueEnum};
use fernn::Error;
use fernn::experiments::{Changes, Experiment, Profile, Request, Unit, find, of_profile, plan};
use fernn::ops::ConvAlgorithm;
use std::path::PathBuf;

/// The profiles as values of a flag.
#[derive(Clone, Copy, ValueEnum)]
pub enum Scale {
    /// Minutes on two cores: a small torus, embedded digits
    Quick,
    /// Days on two cores: longer training of small models, more test sequences
    Desk,
    /// The paper's own hyper-parameters: days on many cores
    Paper,
}

impl From<Scale> for Profile {
    fn from(scale: Scale) -> Self {
        match scale {
            Scale::Quick => Profile::Quick,
            Scale::Desk => Profile::Desk,
            Scale::Paper => Profile::Paper,
        }
    }
}

/// Settings: a profile's, and what is changed of them.
#[derive(Args)]
pub struct SettingsFlags {
    /// How much to run
    #[arg(long, value_enum, default_value_t = Scale::Quick)]
    pub profile: Scale,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Optimiser steps [default: the profile's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub steps: Option<u64>,
    /// Settings in the place of the profile's: TOML as `fernn list EXPERIMENT` prints it, or some of its
    /// lines; in a table [EXPERIMENT] for that one alone
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting in the place of the profile's, such as schedule.adam.learning_rate=3e-3, or
    /// kth.windows=redrawn for one experiment; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl SettingsFlags {
    /// What is asked of experiments, for one seed on the CPU.
    pub fn request(&self) -> fernn::Result<Request> {
        let file = self.config.as_deref().map(Changes::from_file).transpose()?;
        let changes = file.unwrap_or_default().and(Changes::from_assignments(&self.set)?);
        if self.seed > u64::MAX - u64::from(u16::MAX) {
            let problem = format!("{} is too large", self.seed);
            return Err(Error::configuration("--seed", problem, "count from a smaller one"));
        }
        Ok(Request {
            profile: self.profile.into(),
            seed: self.seed,
            seeds: Some(1),
            steps: self.steps,
            changes,
            algorithm: ConvAlgorithm::Auto,
            device: candle_core::Device::Cpu,
        })
    }
}

/// Experiments, seeds and settings.
#[derive(Args)]
pub struct Selection {
    /// Only these experiments, separated by commas; `fernn list` names them [default: all of the
    /// profile]
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub only: Vec<String>,
    /// Number of seeds [default: the profile's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub seeds: Option<u64>,
    #[command(flatten)]
    pub settings: SettingsFlags,
}

impl Selection {
    /// What is asked of experiments, on the CPU.
    pub fn request(&self) -> fernn::Result<Request> {
        Ok(Request { seeds: self.seeds, ..self.settings.request()? })
    }

    /// The units of the experiments asked for, each once.
    pub fn units(&self, request: &Request) -> fernn::Result<Vec<Unit>> {
        plan(&self.experiments()?, request)
    }

    fn experiments(&self) -> fernn::Result<Vec<&'static dyn Experiment>> {
        if self.only.is_empty() {
            return Ok(of_profile(self.settings.profile.into()));
        }
        let mut names: Vec<&String> = Vec::new();
        for name in &self.only {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.into_iter().map(|name| find(name)).collect()
    }
}
