//! `fernn list`: the experiments, and the settings of their units.

use super::finding::Finding;
use super::selection::SettingsFlags;
use super::wrapping::{TOGETHER, columns, wrapped};
use clap::Args;
use fernn::experiments::{CATALOGUE, Experiment, Request, Unit, find, plan};

const INDENT: &str = "    ";

/// Lists the experiments, or shows the settings of one.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn list\n\
    \x20 fernn list translation --profile paper > paper.toml")]
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
        for experiment in CATALOGUE {
            for line in entry(*experiment, &request, columns())? {
                outln!("{line}")?;
            }
        }
        return Ok(Finding::Fine);
    };
    for unit in plan(&[find(name)?], &request)? {
        outln!("# {}\n{}", unit.key.subject, unit.settings)?;
    }
    Ok(Finding::Fine)
}

/// An experiment in lines of a width: its name, and below it its title, profiles and models.
fn entry(
    experiment: &dyn Experiment,
    request: &Request,
    width: usize,
) -> fernn::Result<Vec<String>> {
    let profiles: Vec<&str> = experiment.profiles().iter().map(|profile| profile.name()).collect();
    let subject = |unit: &Unit| unit.key.subject.to_string().replace(' ', TOGETHER);
    let models: Vec<String> = experiment.units(request)?.iter().map(subject).collect();
    let mut lines = vec![experiment.name().to_string()];
    for (what, text) in [
        ("", experiment.title().to_string()),
        ("profiles: ", profiles.join(", ")),
        ("models: ", models.join(", ")),
    ] {
        if !text.is_empty() {
            let broken = wrapped(&format!("{what}{text}"), width - INDENT.len());
            lines.extend(
                broken.iter().map(|line| format!("{INDENT}{}", line.replace(TOGETHER, " "))),
            );
        }
    }
    Ok(lines)
}
