//! `fernn completions`: what a shell completes.

use super::finding::Finding;
use clap::Args;
use clap_complete::Shell;

/// Prints the completions of a shell on standard output.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn completions bash > ~/.local/share/bash-completion/completions/fernn\n\
    \x20 fernn completions zsh > ~/.zfunc/_fernn\n\
    \x20 fernn completions fish > ~/.config/fish/completions/fernn.fish")]
pub struct Arguments {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

pub fn run(arguments: &Arguments, mut program: clap::Command) -> anyhow::Result<Finding> {
    // Written at once: the generator panics where its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "fernn", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script)?;
    Ok(Finding::Fine)
}
