//! Units that are run one by one, side by side, on several machines, and under other settings.

use super::{fernn, read, records, refused};
use fernn::experiments::{PROVENANCE, Record};
use std::path::{Path, PathBuf};

/// Six units of a second: three models under two seeds.
const SMALL: [&str; 16] = [
    "--only",
    "translation",
    "--seeds",
    "2",
    "--steps",
    "6",
    "--set",
    "schedule.interval=3",
    "--set",
    "validation_sequences=4",
    "--set",
    "test_sequences=4",
    "--set",
    "horizon_sequences=2",
    "--set",
    "batch=2",
];

/// Runs a command over these units; returns what it said on both streams.
fn small(command: &[&str], out: &Path, code: i32) -> (String, String) {
    let command = fernn().args(command).args(SMALL).arg("--out").arg(out).assert().code(code);
    let output = command.get_output();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn measured(folder: &Path) -> Vec<Record> {
    records(folder).into_iter().filter(|r| r.experiment != PROVENANCE).collect()
}

fn runs(out: &Path, begin: &str, end: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(out.join("runs")).unwrap().map(|entry| entry.unwrap().path());
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(begin) && name.ends_with(end) && !name.contains("pictures")
    };
    all.filter(is_it).collect()
}

#[test]
fn units_alone_side_by_side_and_on_several_machines_come_to_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let [whole, jobs, left, right, all] = ["whole", "jobs", "left", "right", "all"].map(at);
    small(&["reproduce"], &whole, 0);
    small(&["reproduce", "--jobs", "3", "--threads", "2"], &jobs, 0);
    assert_eq!(measured(&jobs), measured(&whole));
    assert_eq!(read(jobs.join("pictures.csv")), read(whole.join("pictures.csv")));
    let count = fernn().args(["plan", "--count"]).args(SMALL).assert().success();
    assert_eq!(count.get_output().stdout, b"6\n");
    for number in 1..=6 {
        let (out, number) = (if number < 4 { &left } else { &right }, number.to_string());
        let (told, _) = small(&["run-unit", &number, "--threads", "1"], out, 0);
        assert!(
            told.contains(&format!("unit {number} of 6")) && told.contains("finished"),
            "{told}"
        );
    }
    assert!(!left.join("records.csv").exists(), "that is what `collect` writes");

    let (_, gaps) = small(&["collect"], &left, 1);
    assert_eq!(gaps.matches("not run").count(), 3, "{gaps}");
    assert!(gaps.contains("not run: unit 4, translation FERNN-V1 seed 1"), "{gaps}");
    let (told, gaps) =
        small(&["collect", left.to_str().unwrap(), right.to_str().unwrap()], &all, 0);
    assert!(told.contains("6 units") && gaps.is_empty(), "{told}\n{gaps}");
    assert_eq!(measured(&all), measured(&whole));
    assert_eq!(read(all.join("pictures.csv")), read(whole.join("pictures.csv")));
    let name = "weights/translation-fernn-v2-seed1.safetensors";
    assert_eq!(read(all.join(name)), read(whole.join(name)));
    // What was collected is finished: nothing is trained.
    let (_, told) = small(&["reproduce"], &all, 0);
    assert_eq!(told.matches("already done").count(), 6, "{told}");
}

#[test]
fn a_changed_unit_is_run_beside_what_was_there_and_the_old_one_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let weights = out.join("weights/translation-g-rnn-seed0.safetensors");
    small(&["reproduce"], &out, 0);
    let (before, weights_before) = (measured(&out), read(weights.clone()));
    let changed = ["reproduce", "--set", "schedule.adam.learning_rate=0.01"];
    let (_, told) = small(&changed, &out, 0);
    assert!(!told.contains("already done"), "{told}");
    assert_ne!(measured(&out), before);
    assert_ne!(read(weights.clone()), weights_before);
    assert_eq!(runs(&out, "translation-g-rnn-seed0-", ".csv").len(), 2, "both are there");
    let (_, told) = small(&["reproduce"], &out, 0);
    assert_eq!(told.matches("already done").count(), 6, "{told}");
    assert_eq!(measured(&out), before);
    assert_eq!(read(weights), weights_before, "and its weights");
    let foreign =
        ["runs/notes.csv", "runs/translation-g-rnn-seed0.csv", "weights/mine.safetensors"];
    foreign.iter().for_each(|name| std::fs::write(out.join(name), "of somebody else").unwrap());
    small(&["reproduce", "--fresh"], &out, 0);
    for name in foreign {
        assert_eq!(read(out.join(name)), b"of somebody else", "{name}");
        std::fs::remove_file(out.join(name)).unwrap();
    }
    assert_eq!(runs(&out, "translation-g-rnn-seed0-", ".csv").len(), 2, "--fresh is for its own");
    assert_eq!(measured(&out), before);
}

#[test]
fn units_that_are_not_there_are_refused_with_what_is() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    for number in ["0", "7", "18446744073709551615"] {
        let flags = [&["run-unit", number][..], &SMALL, &["--out", out]].concat();
        refused(&flags, &[number, "units 1 to 6"]);
    }
    let nothing = folder.path().join("nothing");
    let collect = ["collect", nothing.to_str().unwrap(), "--out", out];
    refused(&[&collect[..], &SMALL].concat(), &["nothing", "holds no units"]);
    let none = [&["collect", "--out", out][..], &SMALL].concat();
    refused(&none, &["holds no units"]);
    assert!(!Path::new(out).exists(), "nothing is made");
    small(&["run-unit", "1"], Path::new(out), 0);
    refused(&[&none[..], &["--set", "seen=5"]].concat(), &["none of the units"]);
}

#[test]
fn a_flipped_byte_in_what_is_kept_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    small(&["run-unit", "1"], &out, 0);
    let part = runs(&out, "translation-g-rnn-seed0-", ".csv").remove(0);
    let checkpoint = part.with_extension("safetensors");
    let (whole, begun) = (read(part.clone()), read(checkpoint.clone()));
    let flags = ["run-unit", "1", "--out", out.to_str().unwrap()];
    for place in [whole.len() / 3, whole.len() / 2, whole.len() - 20] {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        std::fs::write(&part, damaged).unwrap();
        refused(&[&flags[..], &SMALL].concat(), &["remove it: the unit then goes on"]);
    }
    // Without its records the unit goes on from the checkpoint, which here is its end.
    std::fs::remove_file(&part).unwrap();
    for place in [9, begun.len() / 2, begun.len() - 5] {
        let mut damaged = begun.clone();
        damaged[place] ^= 1;
        std::fs::write(&checkpoint, damaged).unwrap();
        refused(&[&flags[..], &SMALL].concat(), &["remove it to train from the beginning"]);
    }
    std::fs::write(&checkpoint, begun).unwrap();
    small(&["run-unit", "1"], &out, 0);
    let rows = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        let rows = text.lines().filter(|row| !row.starts_with("provenance"));
        rows.map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(rows(read(part)), rows(whole));
}
