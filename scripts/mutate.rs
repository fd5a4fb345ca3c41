//! Plants the faults of `mutations.toml` one at a time in a copy of the sources, runs the tests, and
//! writes which of them noticed: `cargo run --release --example mutate -- [REPORT] [--only PARTS]`, run in the
//! repository. REPORT is a Markdown file; PARTS of the descriptions of the faults to plant, divided
//! by |; the rows of the others are kept. REPORT is written after every fault, so that a run
//! that is cut off keeps what it learned. A fault runs the suites that it names, or else those of
//! [`SUITES`], and of these the tests that it names, if any.
//!
//! Faults within the bodies of functions are built together: such a body stands in the copy once for
//! each of its faults and once without, and [`CHOICE`] says at run time which is taken. The others, and
//! those that say `alone`, are a build each.
//!
//! Exit code 1 when a fault goes unnoticed, 2 when one cannot be planted.

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Range;
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
    /// The suites that may notice; `lib` and `bin` stand for the unit tests.
    #[serde(default)]
    suites: Vec<String>,
    /// Parts of the names of the tests that are run of them: all, if there are none.
    #[serde(default)]
    tests: Vec<String>,
    /// Where two bodies cannot stand in one function: one that returns an `impl Trait`.
    #[serde(default)]
    alone: bool,
}

impl Fault {
    fn suites(&self) -> BTreeSet<&str> {
        match self.suites.is_empty() {
            true => SUITES.into_iter().collect(),
            false => self.suites.iter().map(String::as_str).collect(),
        }
    }

    /// Where it is planted.
    fn place(&self, sound: &str) -> anyhow::Result<Range<usize>> {
        let places: Vec<_> = sound.match_indices(&self.find).collect();
        ensure!(places.len() == 1, "{}: {} places in {}", self.what, places.len(), self.file);
        Ok(places[0].0..places[0].0 + self.find.len())
    }
}

const COPY: &str = "target/mutations/copy";
/// The environment variable with the number of the fault that is planted.
const CHOICE: &str = "PLANTED_FAULT";
/// What reads it, at the end of the library's copy.
const CHOOSE: &str = r#"
/// Whether a fault is planted.
pub fn is_planted(fault: usize) -> bool {
    static CHOICE: std::sync::LazyLock<Option<usize>> =
        std::sync::LazyLock::new(|| std::env::var("PLANTED_FAULT").ok()?.parse().ok());
    *CHOICE == Some(fault)
}
"#;
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
const MORE: [&str; 15] = [
    "bin",
    "values",
    "own_kinds",
    "experiments",
    "command_line",
    "data_laws",
    "fetch",
    "kth",
    "classifier",
    "classification",
    "check",
    "guide",
    "figures",
    "report",
    "hostile",
];

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let only = match arguments.iter().position(|argument| argument == "--only") {
        Some(flag) => {
            arguments.drain(flag..).nth(1).context("--only needs parts of descriptions")?
        }
        None => String::new(),
    };
    ensure!(arguments.len() < 2, "there is no `{}`: [REPORT] [--only PARTS]", arguments[1]);
    let report = arguments.pop();
    let Faults { fault: faults } =
        toml::from_str(&std::fs::read_to_string("scripts/mutations.toml")?)?;
    let is_wanted = |fault: &&Fault| only.split('|').any(|part| fault.what.contains(part));
    let wanted: Vec<&Fault> = faults.iter().filter(is_wanted).collect();
    copy_sources()?;
    let mut selections: BTreeMap<&[String], BTreeSet<&str>> = BTreeMap::new();
    for fault in &wanted {
        selections.entry(&fault.tests).or_default().extend(fault.suites());
    }
    for suite in selections.values().flatten() {
        ensure!(SUITES.contains(suite) || MORE.contains(suite), "there is no suite `{suite}`");
    }
    let together = build_together(&wanted)?;
    for (tests, suites) in &selections {
        let failing = caught_by(suites, tests, None)?.context("the sources do not compile")?;
        ensure!(failing.is_empty(), "the tests fail without any fault: {failing:?}");
    }
    let mut rows = Rows::read(report.as_deref());
    let mut unnoticed = 0;
    let (chosen, alone): (Vec<usize>, Vec<usize>) =
        (0..wanted.len()).partition(|number| together.contains(number));
    for number in chosen.into_iter().chain(alone) {
        let fault = wanted[number];
        let noticed = match together.contains(&number) {
            true => caught_by(&fault.suites(), &fault.tests, Some(number))?,
            false => plant(fault)?,
        };
        let Some(noticed) = noticed else { bail!("{}: it does not compile", fault.what) };
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

/// A fresh copy of what git has or would take, beside the build folder that all faults share.
fn copy_sources() -> anyhow::Result<()> {
    if Path::new(COPY).is_dir() {
        std::fs::remove_dir_all(COPY)?;
    }
    let listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(listed).output()?;
    ensure!(output.status.success(), "git does not list the sources");
    for name in String::from_utf8(output.stdout)?.split_terminator('\0') {
        let copy = in_copy(name);
        std::fs::create_dir_all(copy.parent().context("it lies in the copy")?)?;
        std::fs::copy(name, copy).with_context(|| name.to_string())?;
    }
    Ok(())
}

fn in_copy(file: &str) -> std::path::PathBuf {
    Path::new(COPY).join(file)
}

/// Where the body of a function lies, and the faults in it.
type FaultyBody = (Range<usize>, Vec<usize>);

/// Puts into the copy, beside the sound body of every function, those with one of the faults each;
/// returns the places in `faults` of what was planted so.
fn build_together(faults: &[&Fault]) -> anyhow::Result<BTreeSet<usize>> {
    let mut bodies: BTreeMap<(&str, usize), FaultyBody> = BTreeMap::new();
    for (number, fault) in faults.iter().enumerate().filter(|(_, fault)| !fault.alone) {
        let sound = std::fs::read_to_string(in_copy(&fault.file))?;
        if let Some(body) = body_around(&sound, fault.place(&sound)?) {
            let key = (fault.file.as_str(), body.start);
            bodies.entry(key).or_insert((body, vec![])).1.push(number);
        }
    }
    // From the last body of a file to its first, so that places stay.
    for ((file, _), (body, numbers)) in bodies.iter().rev() {
        let text = std::fs::read_to_string(in_copy(file))?;
        let sound = &text[body.clone()];
        let crate_name = if file.starts_with("src/cli") { "fernn" } else { "crate" };
        let mut chosen = String::new();
        for &number in numbers {
            let faulty = sound.replacen(&faults[number].find, &faults[number].put, 1);
            let condition = format!("if {crate_name}::is_planted({number})");
            write!(chosen, "{condition} {{\n{faulty}}} else ")?;
        }
        let all = [&text[..body.start], &chosen, "{\n", sound, "}\n", &text[body.end..]];
        std::fs::write(in_copy(file), all.concat())?;
    }
    let library = in_copy("src/lib.rs");
    std::fs::write(&library, std::fs::read_to_string(&library)? + CHOOSE)?;
    Ok(bodies.into_values().flat_map(|(_, numbers)| numbers).collect())
}

/// The lines between the braces of the innermost function around a place, in sources as rustfmt
/// leaves them: a function ends with the first brace below its own indentation.
fn body_around(source: &str, place: Range<usize>) -> Option<Range<usize>> {
    let mut lines = Vec::new();
    for line in source.split_inclusive('\n') {
        let start = lines.last().map_or(0, |(range, _): &(Range<usize>, &str)| range.end);
        lines.push((start..start + line.len(), line.trim_end()));
    }
    let is_head = |line: &str| {
        let words = line.trim_start();
        let words = words.strip_prefix("pub ").unwrap_or(words);
        ["fn ", "pub(crate) fn ", "pub(super) fn "].iter().any(|head| words.starts_with(head))
    };
    let body = |head: usize| {
        let indentation = lines[head].1.len() - lines[head].1.trim_start().len();
        let close = format!("{}}}", " ".repeat(indentation));
        let first = head + 1 + lines[head..].iter().position(|(_, line)| line.ends_with('{'))?;
        let last = first + lines[first..].iter().position(|(_, line)| *line == close)?;
        Some(lines[first].0.start..lines[last].0.start)
    };
    let heads = (0..lines.len()).rev().filter(|&i| is_head(lines[i].1));
    heads.filter_map(body).find(|body| body.start <= place.start && place.end <= body.end)
}

/// Plants a fault that was not built with others, runs the tests, and takes it out again.
fn plant(fault: &Fault) -> anyhow::Result<Option<BTreeSet<String>>> {
    let path = in_copy(&fault.file);
    let before = std::fs::read_to_string(&path)?;
    let sound = std::fs::read_to_string(&fault.file).with_context(|| fault.file.clone())?;
    let (place, end) = (fault.place(&sound)?, if fault.file == "src/lib.rs" { CHOOSE } else { "" });
    let faulty = [&sound[..place.start], &fault.put, &sound[place.end..], end].concat();
    std::fs::write(&path, faulty)?;
    let noticed = caught_by(&fault.suites(), &fault.tests, None);
    std::fs::write(&path, before)?;
    noticed
}

/// The tests of some suites that fail in the copy with a fault or without; `None` when it does not
/// compile.
fn caught_by(
    suites: &BTreeSet<&str>,
    tests: &[String],
    fault: Option<usize>,
) -> anyhow::Result<Option<BTreeSet<String>>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(COPY).args(["test", "--release", "--no-fail-fast", "--quiet"]);
    for suite in suites {
        match *suite {
            "lib" => cargo.arg("--lib"),
            "bin" => cargo.args(["--bin", "fernn"]),
            name => cargo.args(["--test", name]),
        };
    }
    // What this crate depends on is built once, as ever; the crate is optimised less and compiled in
    // parts.
    for setting in ["opt-level=1", "debug=0", "codegen-units=256"] {
        cargo.args(["--config", &format!("profile.release.package.fernn.{setting}")]);
    }
    cargo.arg("--").args(tests);
    cargo.env("CARGO_TARGET_DIR", "../build").env("CARGO_INCREMENTAL", "1");
    cargo.envs(fault.map(|number| (CHOICE, number.to_string())));
    let output = cargo.env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1").output()?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if text.contains("could not compile") {
        eprintln!("{text}");
        return Ok(None);
    }
    // `---- name stdout ----` heads what a failed test printed.
    let name = |line: &str| Some(line.strip_prefix("---- ")?.split(' ').next()?.to_string());
    let failed: BTreeSet<String> = text.lines().filter_map(name).collect();
    ensure!(output.status.success() == failed.is_empty(), "the tests did not run: {text}");
    Ok(Some(failed))
}
