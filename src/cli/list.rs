//! `fernn list`: the experiments, and the settings of their units.

use super::finding::Finding;
use super::reproduce::Scale;
use clap::Args;
use fernn::experiments::{CATALOGUE, Request, Unit, find};
use fernn::ops::ConvAlgorithm;

/// Lists the experiments, or shows the settings of one.
#[derive(Args)]
pub struct Arguments {
    /// An experiment whose settings to show as TOML, a text for each model
    #[arg(value_name = "EXPERIMENT")]
    experiment: Option<String>,
    /// The profile of the settings
    #[arg(long, value_enum, default_value_t = Scale::Quick)]
    profile: Scale,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let request = Request {
        profile: arguments.profile.into(),
        seed: 0,
        seeds: Some(1),
        steps: None,
        algorithm: ConvAlgorithm::Auto,
        device: candle_core::Device::Cpu,
    };
    let Some(name) = &arguments.experiment else {
        for e in CATALOGUE {
            let profiles: Vec<&str> = e.profiles().iter().map(|p| p.name()).collect();
            outln!("{:<17} {}", e.name(), e.title())?;
            if !profiles.is_empty() {
                outln!("{:18}profiles: {}", "", profiles.join(", "))?;
            }
            let subject = |unit: &Unit| unit.key.subject.to_string();
            let models: Vec<String> = e.units(&request)?.iter().map(subject).collect();
            if !models.is_empty() {
                outln!("{:18}models: {}", "", models.join(", "))?;
            }
        }
        return Ok(Finding::Fine);
    };
    for unit in find(name)?.units(&request)? {
        outln!("# {}\n{}", unit.key.subject, unit.settings)?;
    }
    Ok(Finding::Fine)
}
