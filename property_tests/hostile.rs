//! Files of anybody: every reader refuses what it cannot use, in words, and what it takes can be used. Sound files
//! are damaged at random; the fuzz targets of `property_tests/fuzz` go on where chance does not lead, and what they
//! reached is read here again.

use fernn::experiments::CATALOGUE;
use fernn::report::{Format, write_report};
use hostile::damage::{Damage, damaged, damages};
use hostile::memory::Counting;
use hostile::{readers, sound};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

mod hostile {
    pub mod damage;
    pub mod memory;
    pub mod readers;
    pub mod sound;
}
use readers::READERS;

#[global_allocator]
static MEMORY: Counting = Counting::new();

/// What all tests of this process together may take.
const MOST_MEMORY: usize = 1 << 30;
/// What a file of some kilobytes may take on a machine that does other things as well.
const MOST_TIME: Duration = Duration::from_secs(10);

/// Sound files, and those of the fuzzer's corpus, by reader.
static FILES: LazyLock<BTreeMap<&str, Vec<Vec<u8>>>> = LazyLock::new(|| {
    let all = |name: &'static str| {
        let found = corpus(name).into_iter().map(|(_, bytes)| bytes);
        (name, sound::starts(name).into_iter().chain(found).collect())
    };
    READERS.into_iter().map(|(name, _)| all(name)).collect()
});

/// The files of a target's corpus; none where the crate was published without them.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("property_tests/fuzz/corpus").join(name);
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Runs a reader within time and memory; whether it took the bytes.
fn read(name: &str, bytes: &[u8]) -> bool {
    let (_, reader) = READERS.into_iter().find(|(known, _)| *known == name).unwrap();
    let start = Instant::now();
    let is_taken = reader(bytes);
    assert!(start.elapsed() < MOST_TIME, "{:?}", start.elapsed());
    assert!(MEMORY.most() < MOST_MEMORY, "{} bytes", MEMORY.most());
    is_taken
}

/// A file of a reader, damaged.
fn damaged_file(name: &str, (file, other): (Index, Index), changes: &[Damage]) -> Vec<u8> {
    let files = &FILES[name];
    let [file, other] = [file, other].map(|which| &files[which.index(files.len())]);
    damaged(file, other, changes)
}

/// Which file is damaged, which other one parts come from, and how.
fn any_damage() -> impl Strategy<Value = ((Index, Index), Vec<Damage>)> {
    ((any::<Index>(), any::<Index>()), damages())
}

/// A property of a reader's damaged files.
macro_rules! refused_or_used {
    ($($test:ident: $reader:literal, $cases:literal;)*) => {
        $(proptest! {
            #![proptest_config(ProptestConfig::with_cases($cases))]
            #[test]
            fn $test((files, changes) in any_damage()) {
                read($reader, &damaged_file($reader, files, &changes));
            }
        })*
    };
}

refused_or_used! {
    damaged_images_are_refused_or_used: "idx_images", 500;
    damaged_labels_are_refused_or_used: "idx_labels", 500;
    a_damaged_annotation_is_refused_or_used: "annotation", 500;
    damaged_weights_are_refused_or_used: "weights", 400;
    damaged_inputs_are_refused_or_used: "inputs", 400;
    a_damaged_checkpoint_is_refused_or_resumed: "checkpoint", 400;
    damaged_records_are_refused_or_used: "records", 300;
    a_damaged_baseline_is_refused_or_used: "baseline", 500;
    damaged_settings_are_refused_or_used: "settings", 300;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn what_is_read_of_damaged_records_is_drawn((files, changes) in any_damage()) {
        let bytes = damaged_file("records", files, &changes);
        if let Some(evidence) = readers::evidence(&bytes) {
            let folder = tempfile::tempdir().unwrap();
            let formats = [Format::Markdown, Format::Html, Format::Latex, Format::Pdf];
            if let Err(error) = write_report(&evidence, CATALOGUE, &formats, folder.path()) {
                prop_assert!(error.is_usage(), "{error:?}");
            }
            prop_assert!(MEMORY.most() < MOST_MEMORY, "{} bytes", MEMORY.most());
        }
    }
}

/// Damage proves nothing of readers that refuse everything.
#[test]
fn every_sound_file_is_taken() {
    for (name, _) in READERS {
        for (which, bytes) in sound::files(name).iter().enumerate() {
            assert!(read(name, bytes), "{name}, file {which}:\n{}", String::from_utf8_lossy(bytes));
        }
    }
}

#[test]
fn what_fuzzing_reached_is_refused_or_used() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("property_tests/fuzz");
    for (name, _) in READERS {
        let found = corpus(name);
        // The package that is published has no crate within it.
        assert!(!fuzz.exists() || !found.is_empty(), "no corpus of {name}");
        for (path, bytes) in found {
            let done = std::panic::catch_unwind(|| read(name, &bytes));
            assert!(done.is_ok(), "{}", path.display());
        }
    }
}

/// The negative control of all of these: what is damaged is no longer the file that it was.
#[test]
fn damage_is_done() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut unchanged = 0;
    for _ in 0..200 {
        let ((file, other), changes) = any_damage().new_tree(&mut runner).unwrap().current();
        let damaged = damaged_file("annotation", (file, other), &changes);
        unchanged += usize::from(FILES["annotation"].contains(&damaged));
    }
    assert!(unchanged < 40, "{unchanged} of 200 files came as they were sent");
}

/// Where the fuzzer begins: `cargo test --release --test hostile -- --ignored`, after a change of a format.
#[test]
#[ignore = "writes sound files into the fuzzer's corpus"]
fn the_corpus_begins_with_sound_files() {
    for (name, _) in READERS {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("property_tests/fuzz/corpus").join(name);
        for (which, bytes) in sound::starts(name).iter().enumerate() {
            fernn::atomic_file::write_atomically(&folder.join(format!("sound-{which}")), bytes)
                .unwrap();
        }
    }
}
