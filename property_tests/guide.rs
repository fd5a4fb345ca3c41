//! The guide does what it says: its crate is built and tested, its code is that of the example, and what
//! it shows of a report is what a run reports.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The example, whose functions the guide shows.
#[path = "../scripts/own_cell.rs"]
#[allow(dead_code)]
mod own_cell;

const GUIDE: &str = include_str!("../docs/own_cell.md");
const EXAMPLE: &str = include_str!("../scripts/own_cell.rs");
const MANIFEST: &str = include_str!("../Cargo.toml");

/// Lines of a cell and its check at most, beside empty ones.
const MOST_LINES: usize = 20;
const LONGEST_LINE: usize = 100;

/// What else cargo tells a test in its environment.
const TOLD: [&str; 4] = ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "OUT_DIR"];

/// The blocks of the guide in a language, attributes of its name included.
fn blocks(language: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let (mut is_inside, mut is_wanted) = (false, false);
    for line in GUIDE.lines() {
        match line.strip_prefix("```") {
            Some(_) if is_inside => is_inside = false,
            Some(name) => {
                (is_inside, is_wanted) = (true, name == language);
                if is_wanted {
                    found.push(String::new());
                }
            }
            None if is_inside && is_wanted => {
                let block = found.last_mut().expect("a block was opened");
                *block += line;
                block.push('\n');
            }
            None => {}
        }
    }
    found
}

/// The lines, however far each is indented.
fn unindented(code: &str) -> String {
    code.lines().map(|line| line.trim().to_string() + "\n").collect()
}

/// The profiles of this crate, so that a build of the other one finds the dependencies built.
fn profiles() -> String {
    let of_profile = |section: &&str| section.starts_with("[profile.");
    MANIFEST.split("\n\n").filter(of_profile).map(|section| format!("\n{section}\n")).collect()
}

/// Writes the crate that the guide describes, and returns its folder: always the same one, so that a second
/// run finds it built.
fn fresh_crate(dependencies: &str, code: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crate_of_the_guide");
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let package =
        "[package]\nname = \"crate-of-the-guide\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let here = dependencies.replace("../fernn", env!("CARGO_MANIFEST_DIR"));
    assert_ne!(here, dependencies, "the guide depends on a folder");
    let manifest = format!("{package}\n{here}{}\n[workspace]\n", profiles());
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.join("src/lib.rs"), code).unwrap();
    // The versions that are here already: nothing is looked up.
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    std::fs::copy(lock, folder.join("Cargo.lock")).unwrap();
    folder
}

#[test]
fn a_fresh_crate_needs_twenty_lines_for_a_cell_and_its_check() {
    let (dependencies, code) = (&blocks("toml")[0], &blocks("rust,no_run")[0]);
    let lines: Vec<&str> = code.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!(lines.len() <= MOST_LINES, "{} lines:\n{}", lines.len(), lines.join("\n"));
    assert!(lines.iter().all(|line| line.chars().count() <= LONGEST_LINE));

    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is inside the target");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(fresh_crate(dependencies, code)).env("CARGO_TARGET_DIR", target);
    cargo.args(["test", "--offline", "--lib"]);
    // This crate is compiled once more as a dependency: what is tested does not need it to be fast.
    for setting in ["opt-level=1", "codegen-units=256"] {
        cargo.args(["--config", &format!("profile.release.package.fernn.{setting}")]);
    }
    // What cargo tells a test of its package would make the dependencies that read it be built again, now
    // and by the next cargo outside.
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| name.starts_with("CARGO_PKG_") || TOLD.contains(&&**name)) {
        cargo.env_remove(name);
    }
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let run = cargo.output().expect("cargo runs, for it runs this test");
    let (out, told) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}\n{told}");
    assert!(out.contains("1 passed; 0 failed"), "{out}\n{told}");
    assert!(!told.contains("`crate-of-the-guide` (lib"), "it compiles with warnings:\n{told}");
}

#[test]
fn the_code_of_the_guide_is_that_of_the_example() {
    let example = unindented(EXAMPLE);
    let shown = blocks("rust,ignore");
    assert!(shown.len() >= 4, "only {} blocks were found", shown.len());
    for block in shown {
        assert!(example.contains(&unindented(&block)), "not in scripts/own_cell.rs:\n{block}");
    }
}

#[test]
fn the_guide_names_the_version_of_candle() {
    let line = MANIFEST.lines().find_map(|line| line.strip_prefix("candle-core = \""));
    let version = line.and_then(|rest| rest.split('"').next()).expect("a dependency on candle");
    assert!(GUIDE.contains(&format!("candle {version}")), "candle is {version} here");
}

#[test]
fn the_report_in_the_guide_is_what_a_run_says() {
    let report = own_cell::zero_padded().unwrap().to_string();
    let shown = &blocks("text")[0];
    assert!(shown.contains("BROKEN") && shown.contains("The breach begins at"), "{shown}");
    for part in shown.split("…\n") {
        assert!(report.contains(part.trim_end()), "{part}\nis not in\n{report}");
    }
}
