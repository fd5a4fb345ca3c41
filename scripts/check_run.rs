//! Parses every file of a finished run: `cargo run --release --example check_run -- FOLDER`.
//!
//! Used by CI on the quick reproduction; exits with an error at the first file that is missing,
//! empty or cannot be parsed.

use anyhow::{Context, ensure};
use fernn::data::Split;
use fernn::experiments::{CATALOGUE, Evidence, Metric, Outcome, Records, Subject, Verdict};
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).context("usage: check_run FOLDER")?;
    let folder = Path::new(&folder);
    let read = |name: &str| std::fs::read(folder.join(name)).with_context(|| name.to_string());
    let evidence = Evidence::read(&folder.join("records.csv"))?;
    ensure!(!evidence.pictures.is_empty(), "pictures.csv shows nothing");
    let records = Records(&evidence);
    let text = String::from_utf8(read("REPORT.md")?)?;
    for (kind, magic) in [("svg", &b"<svg"[..]), ("png", &b"\x89PNG\r\n\x1a\n"[..])] {
        for name in
            ["training_curves", "mse_by_horizon", "mse_by_velocity", "film", "hidden_states"]
        {
            for name in [name.to_string(), format!("rotation_{name}")] {
                let bytes = read(&format!("figures/{name}.{kind}"))?;
                let is_picture = bytes.starts_with(magic) && bytes.len() > 2000;
                ensure!(is_picture, "{name}.{kind} is no picture");
                ensure!(text.contains(&name), "REPORT.md does not show {name}");
            }
        }
    }
    // Three models of digits and two or three of actions; beside forecasts three baselines, beside
    // accuracies two.
    for (name, rows) in [
        ("table1_translation", 3 + 3),
        ("training_speed", 3),
        ("length_generalization", 3 + 3),
        ("velocity_generalization", 3 + 3),
        ("table1_rotation", 3 + 3),
        ("rotation_training_speed", 3),
        ("rotation_length_generalization", 3 + 3),
        ("rotation_velocity_generalization", 3 + 3),
        ("table2_kth", 3 + 2),
        ("kth_padding", 3),
        ("kth_redrawn_windows", 3),
        ("kth_velocity_generalization", 2 + 2),
    ] {
        let bytes = read(&format!("tables/{name}.csv"))?;
        let got =
            csv::Reader::from_reader(bytes.as_slice()).records().collect::<Result<Vec<_>, _>>()?;
        ensure!(got.len() == rows, "tables/{name}.csv has {} rows, expected {rows}", got.len());
        ensure!(read(&format!("tables/{name}.md"))?.starts_with(b"| model |"), "tables/{name}.md");
    }
    for name in [
        "kth_training_curves",
        "kth_accuracy_by_velocity",
        "kth_confusion",
        "kth_velocity_generalization",
    ] {
        ensure!(read(&format!("figures/{name}.png"))?.len() > 2000, "{name}.png is no picture");
        ensure!(text.contains(name), "REPORT.md does not show {name}");
    }
    let mut verdicts = Vec::new();
    for experiment in CATALOGUE.iter().filter(|e| records.experiments().contains(&e.name())) {
        verdicts.extend(experiment.claims(records)?.into_iter().map(|claim| claim.judge()));
    }
    ensure!(verdicts.len() == 22, "{} claims instead of 22", verdicts.len());
    // Of models that take too long for a first look.
    const LEFT_OUT: [&str; 2] = ["kth/between", "kth/known-shifts-lead"];
    let not_run = verdicts.iter().filter(|v| v.outcome == Outcome::NotRun);
    let not_run: Vec<&str> = not_run.map(|v| v.claim.id.as_str()).collect();
    ensure!(not_run == LEFT_OUT, "not run: {not_run:?}");
    for verdict in &verdicts {
        ensure!(text.contains(&verdict.rule), "REPORT.md lacks the rule `{}`", verdict.rule);
    }
    check_page(&String::from_utf8(read("report.html")?)?, folder, &verdicts)?;
    let mse = |model| {
        let is_test = |r: &fernn::experiments::Record| r.split == Some(Split::Test);
        let by_seed = records.by_seed("translation", &Subject::new(model), &Metric::MSE, is_test);
        fernn::statistics::mean(&by_seed.into_values().collect::<Vec<_>>())
    };
    let (g, v1, v2) = (mse("G-RNN"), mse("FERNN-V1"), mse("FERNN-V2"));
    println!("test MSE: G-RNN {g:.4}, FERNN-V1 {v1:.4}, FERNN-V2 {v2:.4}; ratio {:.2}", g / v2);
    ensure!(v2 < v1 && v1 < g && g / v2 >= 4.0, "the claim of Table 1 is not visible");
    println!("every file of {} can be parsed", folder.display());
    Ok(())
}

/// The largest page that is still opened at once, in bytes.
const LARGEST_PAGE: usize = 3 << 20;

/// That report.html is whole and has every claim, table and figure.
fn check_page(page: &str, folder: &Path, verdicts: &[Verdict]) -> anyhow::Result<()> {
    let is_whole = page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n");
    ensure!(is_whole, "report.html is no whole page");
    ensure!(page.len() < LARGEST_PAGE, "report.html has {} bytes", page.len());
    for verdict in verdicts {
        let claim = format!("id=\"claim-{}\"", verdict.claim.id);
        ensure!(page.matches(&claim).count() == 1, "report.html lacks {claim}");
    }
    for (kind, extension) in [("table", "csv"), ("figure", "svg")] {
        for file in std::fs::read_dir(folder.join(format!("{kind}s")))? {
            let file = file?.path();
            if file.extension().is_some_and(|e| e == extension) {
                let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let exhibit = format!("id=\"{kind}-{name}\"");
                ensure!(page.matches(&exhibit).count() == 1, "report.html lacks {exhibit}");
            }
        }
    }
    Ok(())
}
