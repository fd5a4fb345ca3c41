//! What is seen of a run while it runs: event files of its curves, and lines where no terminal is.

use crate::{fernn, read, records, refused, small_run};
use fernn::data::Split;
use fernn::experiments::{Metric, Record};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Values by tag and step.
type Scalars = BTreeMap<(String, u64), f32>;

/// CRC-32C bit by bit, masked as TensorFlow does.
fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 };
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xA282_EAD8)
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().unwrap())
}

/// The records of a file, whose checksums are right.
fn framed(mut file: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while !file.is_empty() {
        let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        assert_eq!(word(&file[8..]), checksum(&file[..8]));
        let (bytes, rest) = file[12..].split_at(length);
        assert_eq!(word(rest), checksum(bytes));
        all.push(bytes);
        file = &rest[4..];
    }
    all
}

/// A field of a message.
enum Field<'a> {
    Integer(u64),
    Bytes(&'a [u8]),
    Float(f32),
}

/// Cuts bytes off.
fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (own, rest) = bytes.split_at(length);
    *bytes = rest;
    own
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let own = take(bytes, length).iter().rev();
    own.fold(0, |value, byte| value << 7 | u64::from(byte & 0x7F))
}

/// The fields of a message with their numbers.
fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut all = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let field = match key & 7 {
            0 => Field::Integer(varint(&mut message)),
            2 => {
                let length = varint(&mut message) as usize;
                Field::Bytes(take(&mut message, length))
            }
            5 => Field::Float(f32::from_bits(word(take(&mut message, 4)))),
            other => panic!("wire type {other}"),
        };
        all.push((key >> 3, field));
    }
    all
}

/// The scalars of an event file; no tag has a step twice.
fn scalars(file: &[u8]) -> Scalars {
    let events = framed(file);
    let [(3, Field::Bytes(b"brain.Event:2"))] = fields(events[0])[..] else { panic!("no version") };
    let mut all = Scalars::new();
    for event in &events[1..] {
        let event = fields(event);
        let [(2, Field::Integer(step)), (5, Field::Bytes(summary))] = event[..] else {
            panic!("an event of other fields")
        };
        for (number, value) in fields(summary) {
            let (1, Field::Bytes(value)) = (number, value) else { panic!("no value") };
            let [(1, Field::Bytes(tag)), (2, Field::Float(value))] = fields(value)[..] else {
                panic!("a value of other fields")
            };
            let tag = String::from_utf8(tag.to_vec()).unwrap();
            assert!(all.insert((tag, step), value).is_none(), "step {step} is there twice");
        }
    }
    all
}

/// The curve of a model in the records.
fn recorded(records: &[Record], model: &str) -> Scalars {
    let tag = |record: &Record| match record.split? {
        Split::Train => Some("loss/train".to_string()),
        Split::Validation => Some("score/validation".to_string()),
        Split::Test => None,
    };
    let of_it = |r: &&Record| r.subject.to_string() == model && r.metric == Metric::LOSS;
    let rows = records.iter().filter(of_it);
    rows.filter_map(|r| Some(((tag(r)?, r.step?), r.value? as f32))).collect()
}

fn event_file(out: &Path, unit: &str) -> PathBuf {
    out.join("tensorboard").join(unit).join("events.out.tfevents.0.fernn")
}

#[test]
fn event_files_hold_the_curves_of_the_records_however_often_a_run_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let run = || {
        let done = fernn().args(small_run(&out)).arg("--tensorboard").assert().success();
        String::from_utf8(done.get_output().stderr.clone()).unwrap()
    };
    let said = run();
    assert!(said.contains("1/3 translation G-RNN seed 3\n"), "{said}");
    assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "no table: {said:?}");
    let records = records(&out);
    let units = ["G-RNN", "FERNN-V1", "FERNN-V2"];
    let path =
        |model: &str| event_file(&out, &format!("translation-{}-seed3", model.to_lowercase()));
    for model in units {
        let curve = recorded(&records, model);
        assert_eq!(curve.len(), 6, "three evaluations");
        assert_eq!(scalars(&read(path(model))), curve);
    }
    let files = units.map(|model| read(path(model)));
    std::fs::remove_file(path("G-RNN")).unwrap();
    std::fs::write(path("FERNN-V1"), &files[1][..files[1].len() - 3]).unwrap();
    std::fs::write(path("FERNN-V2"), "something else").unwrap();
    assert!(run().contains("3/3 translation FERNN-V2 seed 3: already done"));
    assert_eq!(units.map(|model| read(path(model))), files, "made whole again from the records");
    fernn().args(small_run(&out)).arg("--fresh").assert().success();
    assert!(units.iter().all(|model| !path(model).exists()), "curves of the run before");
}

#[test]
fn a_model_that_is_trained_alone_has_its_curve_beside_its_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let flags = "train translation --model G-RNN --steps 60 --tensorboard --out";
    fernn().args(flags.split(' ')).arg(&path).assert().success();
    let steps: Vec<u64> = scalars(&read(event_file(folder.path(), "translation-g-rnn-seed0")))
        .into_keys()
        .map(|(_, step)| step)
        .collect();
    assert_eq!(steps, [50, 60, 50, 60]);
}

#[test]
fn a_folder_that_cannot_be_is_refused_before_anything_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tensorboard"), "a file").unwrap();
    let out = folder.path().display().to_string();
    refused(
        &["reproduce", "--only", "translation", "--tensorboard", "--out", &out],
        &["tensorboard"],
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
}
