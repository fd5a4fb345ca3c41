//! `fernn list`: the experiments, and their settings by profile.

use super::Finding;
use super::reproduce::Scale;
use clap::Args;
use fernn::experiments::{CATALOGUE, Profile, find};

/// Lists the experiments, or shows the settings of one.
#[derive(Args)]
pub struct Arguments {
    /// An experiment whose settings to show as TOML
    #[arg(value_name = "EXPERIMENT")]
    experiment: Option<String>,
    /// The profile of the settings
    #[arg(long, value_enum, default_value_t = Scale::Quick)]
    profile: Scale,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Finding> {
    let profile: Profile = arguments.profile.into();
    let Some(name) = &arguments.experiment else {
        for e in CATALOGUE {
            let profiles: Vec<&str> = e.profiles.iter().map(|p| p.name()).collect();
            outln!("{:<14} {}\n{:15}profiles: {}", e.name, e.title, "", profiles.join(", "))?;
            let models: Vec<String> = (e.models)(profile).iter().map(|m| m.name()).collect();
            outln!("{:15}models: {}", "", models.join(", "))?;
        }
        return Ok(Finding::Fine);
    };
    let experiment = find(name).ok_or_else(|| {
        fernn::Error::configuration(
            "EXPERIMENT",
            format!("`{name}` is unknown"),
            "`fernn list` without arguments names them",
        )
    })?;
    outln!("{}", toml::to_string(&(experiment.settings)(profile))?.trim_end())?;
    Ok(Finding::Fine)
}
