//! Outputs that would replace what the same command reads, or what is somebody else's.

use fernn::Error;
use std::path::Path;

/// A flag and the path that it names.
pub type Named<'a> = (&'a str, &'a Path);

/// Refuses an output that is one of the inputs, by whatever path: what was read would be lost.
///
/// # Errors
/// [`Error::Configuration`] naming both flags.
pub fn expect_apart((flag, output): Named<'_>, inputs: &[Named<'_>]) -> fernn::Result<()> {
    let Ok(place) = output.canonicalize() else { return Ok(()) }; // nothing is there yet
    let is_it = |(_, input): &&Named<'_>| input.canonicalize().is_ok_and(|input| input == place);
    let Some((same, _)) = inputs.iter().find(is_it) else { return Ok(()) };
    let problem = format!("would replace {}, which is that of {same}", output.display());
    Err(Error::configuration(flag, problem, "name another one"))
}

/// Refuses an output that is a file or a folder already, unless it is known as one that the command wrote; pipes and
/// devices are there to be written to.
///
/// # Errors
/// [`Error::Configuration`] naming it.
pub fn expect_ours(output: &Path, is_ours: impl Fn(&Path) -> bool) -> fernn::Result<()> {
    let is_kept = output.metadata().is_ok_and(|found| found.is_file() || found.is_dir());
    if !is_kept || is_ours(output) {
        return Ok(());
    }
    let (problem, remedy) = ("may be somebody else's", "move it away, or choose another --out");
    Err(Error::configuration(output.display().to_string(), problem, remedy))
}
