//! `fernn list`: the experiments, and the settings of their units.

use super::finding::Finding;
use super::selection::SettingsFlags;
use clap::Args;
use fernn::experiments::{CATALOGUE, Unit, find, plan};

/// Lists the experiments, or shows the settings of one.
#[derive(Args)]
pub struct Arguments {
    /// An experiment whose settings to show as TOML, a text for each model
    #[arg(value_name = "EXPERIMENT")]
    experiment: Option<String>,
    #[command(flatten)]
    settings: SettingsFlags,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let request = arguments.settings.request()?;
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
    for unit in plan(&[find(name)?], &request)? {
        outln!("# {}\n{}", unit.key.subject, unit.settings)?;
    }
    Ok(Finding::Fine)
}
