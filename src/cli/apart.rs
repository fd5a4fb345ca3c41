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

/// Refuses a folder with files of other people under the names of those that a command writes there. The first one is
/// looked into, and stands for all: where it is of ours, they are, and they never lie there without it.
///
/// # Errors
/// [`Error::Configuration`] naming the file.
pub fn expect_ours(
    folder: &Path,
    (first, is_ours): (&str, impl Fn(&Path) -> bool),
    others: &[&str],
) -> fernn::Result<()> {
    let is_there = |name: &&str| folder.join(name).symlink_metadata().is_ok();
    let foreign = match is_there(&first) {
        true => Some(first).filter(|name| !is_ours(&folder.join(name))),
        false => others.iter().copied().find(|name| is_there(name)),
    };
    let Some(foreign) = foreign else { return Ok(()) };
    let file = folder.join(foreign).display().to_string();
    let remedy = "move it away, or choose another --out";
    Err(Error::configuration(file, "was not written by this command", remedy))
}
