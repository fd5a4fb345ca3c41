//! Plants the faults of `mutations.toml` one at a time in a copy of the sources, runs the tests, and
//! writes which of them noticed: `cargo run --release --example mutate -- [REPORT [ONLY]]`, run in the
//! repository. REPORT is a Markdown file; ONLY parts of the descriptions of the faults to plant,
//! divided by |; the rows of the others are kept. REPORT is written after every fault, so that a run
//! that is cut off keeps what it learned. A fault runs the suites that it names, or else those of
//! [`SUITES`].
//!
//! Exit code 1 when a fault goes unnoticed, 2 when one cannot be planted.

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, ExitCode};

#[derive(Deserialize)]
struct Faults {
    fault: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    what: String,
    file: String,
    find: String,
    put: String,
    /// The suites that may notice; `lib` stands for the unit tests.
    #[serde(default)]
    suites: Vec<String>,
}

impl Fault {
    fn suites(&self) -> Vec<&str> {
        match self.suites.is_empty() {
            true => SUITES.to_vec(),
            false => self.suites.iter().map(String::as_str).collect(),
        }
    }
}

const COPY: &str = "target/mutations/copy";
const COPIED: [&str; 7] =
    ["src", "property_tests", "benchmarks", "scripts", "build.rs", "Cargo.toml", "Cargo.lock"];
/// The suites of a fault that names none: of the floors below training. The others take longer.
const SUITES: [&str; 7] = [
    "lib",
    "flow_equivariance",
    "equivariance_measure",
    "cells",
    "operations",
    "sequence",
    "rotation",
];
/// The suites that a fault may name besides.
const MORE: [&str; 4] = ["values", "experiments", "command_line", "data_laws"];

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let report = arguments.next();
    let only = arguments.next().unwrap_or_default();
    let Faults { fault: faults } =
        toml::from_str(&std::fs::read_to_string("scripts/mutations.toml")?)?;
    let is_wanted = |fault: &&Fault| only.split('|').any(|part| fault.what.contains(part));
    copy_sources()?;
    let suites: BTreeSet<&str> = faults.iter().filter(is_wanted).flat_map(Fault::suites).collect();
    for suite in &suites {
        ensure!(SUITES.contains(suite) || MORE.contains(suite), "there is no suite `{suite}`");
    }
    let failing = caught_by(&suites)?.context("the sources do not compile")?;
    ensure!(failing.is_empty(), "the tests fail without any fault: {failing:?}");
    let mut rows = Rows::read(report.as_deref());
    let mut unnoticed = 0;
    for fault in faults.iter().filter(is_wanted) {
        let noticed = plant(fault)?;
        unnoticed += usize::from(noticed.is_empty());
        let names = named(&noticed);
        println!("{}: {names}", fault.what);
        rows.0.insert(fault.what.clone(), format!("| `{}` | {names} |", fault.file));
        if let Some(path) = &report {
            rows.write(path, &faults)?;
        }
    }
    Ok(ExitCode::from(u8::from(unnoticed > 0)))
}

/// Rows of the report by what was planted: the cells after that.
struct Rows(BTreeMap<String, String>);

impl Rows {
    /// Those of a report that there may be.
    fn read(report: Option<&str>) -> Self {
        let text = report.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let row = |line: &str| {
            let (what, others) = line.strip_prefix("| ")?.split_once(" | `")?;
            Some((what.to_string(), format!("| `{others}")))
        };
        Self(text.lines().filter_map(row).collect())
    }

    /// The report, in the order of the faults; of what is no longer a fault no row is kept.
    fn write(&self, path: &str, faults: &[Fault]) -> anyhow::Result<()> {
        let mut table = String::from("| fault | planted in | noticed by |\n|---|---|---|\n");
        for fault in faults {
            if let Some(others) = self.0.get(&fault.what) {
                writeln!(table, "| {} {others}", fault.what)?;
            }
        }
        std::fs::write(path, format!("{HEAD}{table}")).with_context(|| path.to_string())
    }
}

/// The first of the tests that noticed, and how many more.
fn named(noticed: &BTreeSet<String>) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = noticed.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match noticed.len() {
        0 => "**nothing**".into(),
        count if count > SHOWN => format!("{} and {} more", shown.join(", "), count - SHOWN),
        _ => shown.join(", "),
    }
}

const HEAD: &str = "# Planted faults, and what noticed them

Written by `cargo run --release --example mutate -- property_tests/MUTATIONS.md`, which plants each fault of
`scripts/mutations.toml` in a copy of the sources and runs the suites that may notice.

";

/// A fresh copy of the sources, beside the build folder that all faults share.
fn copy_sources() -> anyhow::Result<()> {
    std::fs::create_dir_all(COPY)?;
    for name in COPIED {
        let old = Path::new(COPY).join(name);
        if old.is_dir() {
            std::fs::remove_dir_all(&old)?;
        }
        let status = Command::new("cp").args(["-r", name, COPY]).status()?;
        ensure!(status.success(), "{name} could not be copied");
    }
    Ok(())
}

/// Plants a fault, runs the tests, and takes the fault out again.
fn plant(fault: &Fault) -> anyhow::Result<BTreeSet<String>> {
    let path = Path::new(COPY).join(&fault.file);
    let sound = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let places = sound.matches(&fault.find).count();
    ensure!(places == 1, "{}: {places} places in {}", fault.what, fault.file);
    std::fs::write(&path, sound.replacen(&fault.find, &fault.put, 1))?;
    let noticed = caught_by(&fault.suites().into_iter().collect());
    std::fs::write(&path, sound)?;
    match noticed? {
        Some(noticed) => Ok(noticed),
        None => bail!("{}: the sources no longer compile", fault.what),
    }
}

/// The tests of some suites that fail in the copy; `None` when it does not compile.
fn caught_by(suites: &BTreeSet<&str>) -> anyhow::Result<Option<BTreeSet<String>>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(COPY).args(["test", "--release", "--no-fail-fast", "--quiet"]);
    for suite in suites {
        match *suite {
            "lib" => cargo.arg("--lib"),
            name => cargo.args(["--test", name]),
        };
    }
    // Each fault is one more build of this crate, so that it is optimised less and compiled in parts;
    // what it depends on is built once, as ever.
    for setting in ["opt-level=1", "debug=0", "codegen-units=256"] {
        cargo.args(["--config", &format!("profile.release.package.fernn.{setting}")]);
    }
    cargo.env("CARGO_TARGET_DIR", "../build").env("CARGO_INCREMENTAL", "1");
    let output = cargo.env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1").output()?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if text.contains("could not compile") {
        return Ok(None);
    }
    // `---- name stdout ----` heads what a failed test printed.
    let name = |line: &str| Some(line.strip_prefix("---- ")?.split(' ').next()?.to_string());
    let failed: BTreeSet<String> = text.lines().filter_map(name).collect();
    ensure!(output.status.success() == failed.is_empty(), "the tests did not run: {text}");
    Ok(Some(failed))
}
