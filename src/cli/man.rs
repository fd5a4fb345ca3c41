//! `fernn man`: the manual's pages.

use super::finding::Finding;
use clap::Args;
use clap_mangen::Man;
use fernn::Error;
use std::path::{Path, PathBuf};

/// Prints the manual's page of the program, or writes a page for it and for each of its commands.
#[derive(Args)]
#[command(after_help = "Examples:\n\
    \x20 fernn man | man -l -\n\
    \x20 fernn man --out ~/.local/share/man/man1")]
pub struct Arguments {
    /// The folder to write all pages to [default: the program's alone, on standard output]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, mut program: clap::Command) -> anyhow::Result<Finding> {
    program.build();
    let Some(folder) = &arguments.out else {
        std::io::Write::write_all(&mut std::io::stdout(), &page(program)?)?;
        return Ok(Finding::Fine);
    };
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    write_pages(program, "fernn", folder)?;
    Ok(Finding::Fine)
}

/// Writes the page of a command as `NAME.1`, and those of its subcommands as `NAME-SUBCOMMAND.1`.
fn write_pages(command: clap::Command, name: &str, folder: &Path) -> anyhow::Result<()> {
    for subcommand in command.get_subcommands().filter(|c| c.get_name() != "help") {
        let name = format!("{name}-{}", subcommand.get_name());
        write_pages(subcommand.clone(), &name, folder)?;
    }
    let named = command.display_name(name.to_string());
    fernn::atomic_file::write_atomically(&folder.join(format!("{name}.1")), &page(named)?)?;
    Ok(())
}

fn page(command: clap::Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}
