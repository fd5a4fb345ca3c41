//! Units that are run one by one, side by side, on several machines, and under other settings.

use super::{fernn, read, records, refused};
use fernn::experiments::{Evidence, PROVENANCE, Record};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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

#[test]
fn the_list_for_programs_has_a_row_for_every_unit_and_its_numbers_run_them() {
    let output =
        fernn().args(["plan", "--csv"]).args(SMALL).assert().success().get_output().clone();
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let names = reader.headers().unwrap().iter().map(String::from).collect::<Vec<_>>();
    let cost = ["core_hours", "memory_bytes", "checkpoint_bytes"];
    let place = ["unit", "experiment", "model", "seed", "steps"];
    assert_eq!(names, [&place[..], &cost].concat());
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(String::from).collect()).collect();
    let places: Vec<String> = rows.iter().map(|row| row[..5].join(" ")).collect();
    let expected = ["G-RNN", "FERNN-V1", "FERNN-V2"].map(|model| [(model, 0), (model, 1)]);
    let expected = (1..).zip(expected.concat());
    let expected =
        expected.map(|(unit, (model, seed))| format!("{unit} translation {model} {seed} 6"));
    assert_eq!(places, expected.collect::<Vec<_>>());
    let costs: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| row[5..].iter().map(|cost| cost.parse().unwrap()).collect())
        .collect();
    assert!(costs.iter().flatten().all(|cost| *cost > 0.0), "{costs:?}");
    // Twenty-five velocities take more of everything but weights than none.
    assert!(costs[4][0] > costs[0][0] && costs[4][1] > costs[0][1], "{costs:?}");
    assert_eq!(costs[4], costs[5], "the seeds of a model cost the same");

    let folder = tempfile::tempdir().unwrap();
    small(&["run-unit", "4"], folder.path(), 0);
    assert_eq!(runs(folder.path(), "translation-fernn-v1-seed1-", ".csv").len(), 1);
    let unread = Command::new("bash")
        .args([
            "-c",
            "\"$0\" plan --csv | true; exit ${PIPESTATUS[0]}",
            env!("CARGO_BIN_EXE_fernn"),
        ])
        .status();
    assert!(unread.is_ok_and(|status| status.success()), "nobody reads the list");
}

#[test]
fn a_unit_that_diverges_alone_is_told_by_the_exit_code_and_collected_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let diverging = ["--set", "schedule.adam.learning_rate=1000"];
    let run = ["run-unit", "3"];
    let (told, _) = small(&[&run[..], &diverging].concat(), out, 1);
    assert!(told.contains("FERNN-V1 seed 0: failed"), "{told}");
    let (told, gaps) = small(&[&["collect"][..], &diverging].concat(), out, 1);
    assert!(
        told.contains("Failed units (1)") && told.contains("lower the learning rate"),
        "{told}"
    );
    assert_eq!(gaps.matches("not run").count(), 5, "one that failed is no gap: {gaps}");
}

/// A process that does not outlive the test, however that ends.
struct Ended(Child);

impl Ended {
    fn end(&mut self) {
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
fn no_unit_is_run_by_two_processes_and_no_folder_by_a_whole_run_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let longer = SMALL.map(|flag| if flag == "6" { "100000" } else { flag });
    let place = ["--out", out.to_str().unwrap()];
    let same = [&["run-unit", "5"][..], &longer, &place].concat();
    let mut long = Command::new(env!("CARGO_BIN_EXE_fernn"));
    long.args(&same).stdout(Stdio::null()).stderr(Stdio::null());
    let mut long = Ended(long.spawn().unwrap());
    let start = Instant::now();
    let is_taken =
        || out.join("runs").is_dir() && !runs(out, "translation-fernn-v2", "in-use").is_empty();
    while !is_taken() {
        assert!(start.elapsed() < Duration::from_secs(60), "the unit does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    let owner = format!("process {}", long.0.id());
    refused(&same, &["the training of translation-fernn-v2-seed0 is being run by", &owner]);
    refused(&[&["reproduce"][..], &SMALL, &place].concat(), &[&format!("in use by {owner}")]);
    small(&["run-unit", "1"], out, 0); // another one is
    long.end();
    small(&["run-unit", "5"], out, 0);
}

#[test]
fn files_of_somebody_else_are_neither_replaced_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let weights = "weights/translation-g-rnn-seed0.safetensors";
    let table = "tables/table1_translation.csv";
    let names =
        ["records.csv", "REPORT.md", "report.html", "pictures.csv", weights, table, "runs/in-use"];
    for name in names {
        let out = folder.path().join(name.replace('/', "-"));
        let path = out.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match name {
            "runs/in-use" => {
                std::fs::write(folder.path().join("notes"), "of somebody else").unwrap();
                #[cfg(unix)]
                std::os::unix::fs::symlink(folder.path().join("notes"), &path).unwrap();
            }
            _ => std::fs::write(&path, "of somebody else").unwrap(),
        }
        for command in [&["reproduce"][..], &["reproduce", "--fresh"]] {
            let flags = [command, &SMALL, &["--out", out.to_str().unwrap()]].concat();
            refused(&flags, &[name]);
            assert_eq!(read(path.clone()), b"of somebody else", "{name}");
        }
    }
    let lock = folder.path().join("locked/runs/in-use");
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    std::fs::write(&lock, "of somebody else").unwrap();
    let out = folder.path().join("locked").display().to_string();
    refused(&[&["reproduce"][..], &SMALL, &["--out", &out]].concat(), &["no lock says"]);
    assert_eq!(read(lock), b"of somebody else");
}

#[test]
fn best_weights_that_were_damaged_replace_no_sound_ones() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    small(&["reproduce"], &out, 0);
    let published = out.join("weights/translation-g-rnn-seed0.safetensors");
    let sound = read(published.clone());
    let best = runs(&out, "translation-g-rnn-seed0-", ".best.safetensors").remove(0);
    let mut damaged = sound.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&best, damaged).unwrap();
    for command in [&["reproduce"][..], &["collect", out.to_str().unwrap()]] {
        let to = if command[0] == "collect" { folder.path().join("all") } else { out.clone() };
        let flags = [command, &SMALL, &["--out", to.to_str().unwrap()]].concat();
        refused(&flags, &[".best.safetensors", "goes on from its checkpoint"]);
    }
    assert!(read(published) == sound);
}

#[test]
fn another_selection_adds_to_the_folder_and_what_is_stale_goes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let run = |only: &str, code: i32| {
        let flags =
            "--seeds 1 --steps 6 --set validation_sequences=4 --set test_sequences=4 --set batch=2";
        let of_it = match only {
            "velocity" => "velocity_sequences=2",
            _ => "horizon_sequences=2",
        };
        let mut command = fernn();
        command.args(["reproduce", "--only", only]).args(flags.split(' '));
        let output = command.args(["--set", of_it, "--out"]).arg(out).assert().code(code);
        String::from_utf8(output.get_output().stderr.clone()).unwrap()
    };
    let of =
        |name: &str| measured(out).into_iter().filter(|r| r.experiment == name).collect::<Vec<_>>();
    let is_there = |name: &str| out.join("tables").join(name).exists();
    let tables = ["table1_translation.csv", "velocity_generalization.csv"];
    run("translation", 0);
    let first = of("translation");
    assert!(!first.is_empty() && is_there(tables[0]));
    let said = run("velocity", 0);
    assert!(!said.contains("changed since"), "{said}");
    assert!(of("translation") == first && !of("velocity").is_empty());
    assert!(tables.into_iter().all(is_there));
    let report = String::from_utf8(read(out.join("REPORT.md"))).unwrap();
    for title in ["## translation: ", "## velocity: "] {
        assert!(report.contains(title), "{title}");
    }
    // What somebody changed is said, by the next run and by a report; of rows that are gone no table stays.
    let path = out.join("records.csv");
    let change = |change: &dyn Fn(&mut Vec<Record>)| {
        let mut evidence = Evidence::read(&path).unwrap();
        change(&mut evidence.records);
        evidence.write(&path).unwrap();
    };
    change(&|records| {
        let measured = |r: &&mut Record| r.experiment == "velocity" && r.value.is_some();
        let value = &mut records.iter_mut().find(measured).unwrap().value;
        *value = value.map(|value| value + 1.0);
    });
    let said = run("translation", 0);
    assert!(said.contains("records.csv or the pictures beside it changed"), "{said}");
    change(&|records| records.retain(|record| record.experiment != "translation"));
    let said = fernn().args(["report", "--out"]).arg(out).assert().success();
    let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
    assert!(said.contains("records.csv or the pictures beside it changed"), "{said}");
    assert!(!is_there(tables[0]), "a table of records that are gone");
}
