//! `fernn verify`: formats, choices, baselines.

use crate::{fernn, read};
use std::collections::HashMap;

/// Standard output of `verify` with the flags, which must exit with `code`.
fn verify(flags: &[&str], code: i32) -> (String, String) {
    let output = fernn().arg("verify").args(flags).assert().code(code).get_output().clone();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

pub fn rows_of(csv: &str) -> Vec<HashMap<String, String>> {
    csv::Reader::from_reader(csv.as_bytes()).deserialize().map(|r| r.unwrap()).collect()
}

/// The verdicts that the default table counts, in its order.
const VERDICTS: [&str; 4] = ["exact", "rounding", "discretisation", "BROKEN"];

/// The numbers at the end of a line of the default table.
fn counts(line: &str) -> Vec<usize> {
    let numbers = line.split_whitespace().rev().take(6).map(|word| word.parse().unwrap());
    let reversed: Vec<usize> = numbers.collect();
    reversed.into_iter().rev().collect()
}

#[test]
fn verify_tells_at_a_glance_what_its_rows_say() {
    let some = ["--cell", "rnn", "--cell", "dense", "--flow", "translation", "--dtype", "f32"];
    let (glance, _) = verify(&some, 0);
    assert!(glance.lines().all(|line| line.chars().count() <= 60), "{glance}");
    let rows = rows_of(&verify(&[&some[..], &["--format", "csv"]].concat(), 0).0);
    for cell in ["rnn", "dense"] {
        let title = format!("{cell} · translation ");
        let line = glance.lines().find(|line| line.starts_with(&title)).unwrap();
        let of_it: Vec<_> = rows.iter().filter(|row| row["cell"] == cell).collect();
        let has = |verdict: &str| of_it.iter().filter(|row| row["verdict"] == verdict).count();
        let expected = [&[of_it.len()][..], &VERDICTS.map(has), &[0]].concat();
        assert_eq!(counts(line), expected, "{glance}");
    }
    let summary = format!("{} statements, 0 unexpected", rows.len());
    assert_eq!(glance.lines().last().unwrap(), summary);
}

#[test]
fn verify_paints_nothing_off_a_terminal_whatever_no_color_says() {
    let flags = ["verify", "--cell", "mixing", "--flow", "1,0", "--dtype", "f32"];
    let run = |all: &[&str], no_color: Option<&str>| {
        let mut command = fernn();
        command
            .args(flags)
            .args(all)
            .env_remove("NO_COLOR")
            .envs(no_color.map(|v| ("NO_COLOR", v)));
        String::from_utf8(command.assert().code(0).get_output().stdout.clone()).unwrap()
    };
    for all in [&[][..], &["--all"]] {
        let plain = run(all, None);
        assert!(!plain.contains('\x1b'), "{plain}");
        assert_eq!(plain, run(all, Some("1")), "the same bytes each time");
    }
}

#[test]
fn verify_passes_and_its_formats_agree() {
    let some = ["--cell", "rnn", "--cell", "lstm", "--cell", "dense"];
    let run = |flags: &[&str]| verify(&[&some[..], flags].concat(), 0).0;
    let table = run(&["--all"]);
    assert!(table.contains("exact") && table.contains("BROKEN (must)"));
    assert!(table.lines().all(|line| line.chars().count() <= 60), "{table}");
    let json: serde_json::Value = serde_json::from_str(&run(&["--format", "json"])).unwrap();
    let rows = rows_of(&run(&["--all", "--format", "csv"]));
    assert_eq!(rows.len(), json.as_array().unwrap().len());
    let indented = table.lines().filter(|line| line.starts_with("    "));
    assert_eq!(rows.len(), indented.count() - 1, "a row each, and the heading of columns");
    for row in &rows {
        let error = row["error_f64"].parse::<f64>().unwrap();
        match row["expected"].as_str() {
            "exact" => assert_eq!(error, 0.0, "{row:?}"),
            "rounding" => assert!(error < 1e-12, "{row:?}"),
            "BROKEN" => assert!(error >= 0.1, "{row:?}"),
            "discretisation" => assert!(error < 0.5, "{row:?}"),
            other => panic!("{other} is no diagnosis"),
        }
        assert_eq!(row["holds"], "true");
    }
    let has = |cell: &str, verdict: &str| {
        rows.iter().any(|r| r["cell"] == cell && r["verdict"] == verdict)
    };
    assert!(has("lstm", "exact") && has("lstm", "rounding") && has("dense", "BROKEN"));
}

#[test]
fn verify_measures_what_it_is_asked_for() {
    let flags =
        ["--cell", "gru", "--format", "csv", "--dtype", "f64", "--flow=1,-1", "--seed", "7"];
    let rows = rows_of(&verify(&flags, 0).0);
    assert!(!rows.is_empty());
    let of_group = |row: &HashMap<String, String>| row["property"] == "group action";
    assert!(rows.iter().all(|r| r["cell"] == "gru" || of_group(r)));
    assert!(rows.iter().all(|r| r["error_f32"].is_empty()));
    let other = rows_of(&verify(&[&flags[..8], &["8"]].concat(), 0).0);
    assert_ne!(rows, other, "another seed");
    let turned = verify(&["--cell", "gru", "--format", "csv", "--flow=-45deg"], 0).0;
    assert!(rows_of(&turned).iter().all(|r| r["group"] == "rotation-8"));
    for row in rows_of(&verify(&["--cell", "gru", "--format", "csv", "--flow", "90deg"], 0).0) {
        let is_exact = row["group"] == "rotation-4";
        assert!(!is_exact || row["verdict"] != "discretisation", "quarter turns: {row:?}");
    }
    for (flags, word) in [
        (&["--cell", "gruu"][..], "mixing"),
        (&["--flow", "0,0"], "stands still"),
        (&["--flow", "sideways"], "translation"),
        (&["--flow", "30deg"], "45deg"),
        (&["--flow=0deg"], "stands still"),
        (&["--minutes", "1"], "--thorough"),
        (&["--baseline", "/nowhere.csv"], "/nowhere.csv"),
    ] {
        let (stdout, stderr) = verify(flags, 2);
        assert!(stdout.is_empty() && stderr.contains(word), "{flags:?}: {stderr}");
    }
}

#[test]
fn verify_fails_on_what_is_worse_than_its_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baseline.csv");
    let name = path.to_str().unwrap();
    let only = ["--cell", "rnn"];
    let out = ["--out", folder.path().to_str().unwrap()];
    let (csv, _) = verify(&[&only[..], &["--format", "csv"], &out].concat(), 0);
    assert_eq!(read(folder.path().join("equivariance.csv")), csv.as_bytes());
    let figures = ["error_by_cell", "error_by_step", "counter_example", "read_out_by_velocity"];
    for figure in figures {
        let path = folder.path().join("equivariance").join(figure);
        assert!(read(path.with_extension("png")).starts_with(b"\x89PNG"));
        assert!(read(path.with_extension("svg")).starts_with(b"<svg"));
    }
    let written = folder.path().join("equivariance.csv").display().to_string();
    let replacing = [&["verify"], &only[..], &out, &["--baseline", &written]].concat();
    crate::refused(&replacing, &["--out would replace", "--baseline"]);
    std::fs::write(&path, &csv).unwrap();
    let against = [&only[..], &["--baseline", name]].concat();
    verify(&against, 0);
    // Pretend that a rounded statement used to be exact.
    let rounded = csv.lines().find(|line| line.contains(",rounding,rounding,")).unwrap();
    let fields: Vec<&str> = rounded.split(',').collect();
    let exact = [&fields[..7], &["exact", "exact", "0.0", "0.0", "1.0", "true"]].concat().join(",");
    std::fs::write(&path, csv.replace(rounded, &exact)).unwrap();
    let (_, stderr) = verify(&against, 1);
    assert!(stderr.contains("worse than the baseline") && stderr.contains("was exact"), "{stderr}");
    std::fs::write(&path, "property,cell\nx,y\n").unwrap();
    let (_, stderr) = verify(&against, 2);
    assert!(stderr.contains("baseline.csv, line 2"), "{stderr}");

    // Rows that no comparison would look at are no baseline.
    let row = csv.lines().nth(3).unwrap();
    let columns: Vec<&str> = row.split(',').collect();
    let with = |place: usize, value: &str| {
        let mut columns = columns.clone();
        columns[place] = value;
        columns.join(",")
    };
    for (bad, needle) in [
        (with(2, "foo"), "`foo`"),
        (with(4, "scaling"), "`scaling`"),
        (with(8, "perfect"), "`perfect`, which is no verdict"),
        (row.to_string(), "once more"),
    ] {
        std::fs::write(&path, format!("{csv}{bad}\n")).unwrap();
        let line = format!("line {}", csv.lines().count() + 1);
        crate::refused(&[&["verify"], &against[..]].concat(), &["baseline.csv", &line, needle]);
    }
}

#[test]
fn a_thorough_search_is_counted_and_ends() {
    let (_, stderr) = verify(&["--cell", "mixing", "--thorough", "--minutes", "0"], 0);
    assert!(stderr.contains("256 random cases, no counterexample"), "{stderr}");
    let (_, stderr) = verify(&["--cell", "dense", "--thorough", "--minutes", "0"], 2);
    assert!(stderr.contains("no control"), "{stderr}");
}
