//! Records the commit that the binary is built from.

use std::path::Path;
use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}

fn main() {
    let of_git = ["HEAD", "logs/HEAD", "index"].map(|name| git(&["rev-parse", "--git-path", name]));
    let own = ["src", "Cargo.toml", "Cargo.lock", "build.rs"].map(|path| Some(path.to_string()));
    // A path that does not exist would run this again at every build.
    for path in of_git.into_iter().chain(own).flatten().filter(|p| Path::new(p).exists()) {
        println!("cargo:rerun-if-changed={path}");
    }
    // A crate unpacked inside another repository must not claim that repository's commit.
    let is_own = git(&["ls-files", "--error-unmatch", "build.rs"]).is_some();
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).filter(|_| is_own);
    let is_dirty = git(&[
        "--no-optional-locks",
        "status",
        "--porcelain",
        "--",
        "src",
        "Cargo.toml",
        "Cargo.lock",
    ])
    .is_some_and(|changes| !changes.is_empty());
    let commit = commit.map_or("unknown".to_string(), |c| c + if is_dirty { "-dirty" } else { "" });
    println!("cargo:rustc-env=FERNN_COMMIT={commit}");
}
