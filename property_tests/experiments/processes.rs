//! Processes that share the units of a session: the first measures and writes, the others follow.

use super::threads::Threads;
use super::{small, unit};
use candle_core::Device;
use fernn::data::Sources;
use fernn::experiments::forecasting::Settings;
use fernn::experiments::{
    Event, Evidence, Metric, Origin, PROVENANCE, Profile, Record, Session, Unit,
};
use fernn::training::{Alone, Ranks};
use fernn::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A small unit whose batches have two parts.
fn divided() -> Unit {
    let mut settings = small(Settings::translation(Profile::Quick)).with_velocities(1);
    settings.schedule.parts = 2;
    unit(settings)
}

fn origin(commit: &str) -> Origin {
    Origin::here(commit, &Device::Cpu)
}

/// What a session of one unit measures, in the first process, and the trainings that began there.
fn session(out: &Path, origin: &Origin, ranks: &dyn Ranks) -> Result<(Evidence, usize)> {
    let (sources, begun) = (Sources::embedded(), AtomicUsize::new(0));
    let observer = |event: Event<'_>| {
        begun.fetch_add(usize::from(matches!(event, Event::Training { .. })), Ordering::Relaxed);
    };
    let session = Session { out, sources: &sources, origin, jobs: 1, ranks, observer: &observer };
    let units = [divided()];
    let measured = match ranks.rank() {
        0 => rayon::scope(|_| session.run(&units))?,
        _ => {
            session.follow(&units)?;
            Evidence::default()
        }
    };
    Ok((measured, begun.into_inner()))
}

/// The files of a folder's runs, and their bytes.
fn files(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let all = std::fs::read_dir(out.join("runs")).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = all.filter(|path| path.is_file()).collect();
    all.sort();
    all.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Records without the provenance, in which is the time.
fn values(evidence: &Evidence) -> Vec<Record> {
    let is_value = |r: &&Record| r.experiment != PROVENANCE;
    evidence.records.iter().filter(is_value).cloned().collect()
}

#[test]
fn several_processes_come_to_the_records_of_one_and_know_when_there_is_nothing_to_do() -> Result<()>
{
    let folder = tempfile::tempdir().unwrap();
    let [alone, shared] = ["alone", "shared"].map(|name| folder.path().join(name));
    let origin = &origin("a");
    let (expected, _) = session(&alone, origin, &Alone)?;
    assert!(expected.records.iter().any(|r| r.metric == Metric::MSE));
    let run = || -> Result<Vec<_>> {
        Threads::new(2).each(|ranks| session(&shared, origin, ranks)).into_iter().collect()
    };
    let first = run()?;
    assert_eq!(values(&first[0].0), values(&expected));
    assert_eq!(first[0].0.pictures, expected.pictures);
    assert!(first[0].1 > 0 && first[1].0 == Evidence::default(), "the first alone measures");
    let written = files(&shared);
    let checkpoints = |files: &[(PathBuf, Vec<u8>)]| -> Vec<Vec<u8>> {
        let is_one = |(path, _): &&(PathBuf, Vec<u8>)| path.extension().unwrap() == "safetensors";
        files.iter().filter(is_one).map(|(_, bytes)| bytes.clone()).collect()
    };
    assert_eq!(checkpoints(&written).len(), 2, "where it stood, and its best weights");
    assert_eq!(checkpoints(&written), checkpoints(&files(&alone)));
    let again = run()?;
    assert_eq!(again[0].1, 0, "nothing is trained");
    assert_eq!(values(&again[0].0), values(&expected));
    assert_eq!(files(&shared), written);
    Ok(())
}

#[test]
fn a_process_of_another_program_or_with_other_kernels_ends_all() {
    assert_ended(|origin| origin.commit = "b".into());
    assert_ended(|origin| origin.kernels = "of another CPU".into());
}

fn assert_ended(differ: impl Fn(&mut Origin) + Sync) {
    let folder = tempfile::tempdir().unwrap();
    let ended = Threads::new(2).each(|ranks| {
        let mut origin = origin("a");
        if ranks.rank() == 1 {
            differ(&mut origin);
        }
        session(folder.path(), &origin, ranks)
    });
    let said: Vec<String> = ended.into_iter().map(|one| one.unwrap_err().to_string()).collect();
    assert!(said[1].contains("is another one in the first process"), "{said:?}");
    assert!(said[0].contains("another process has ended"), "{said:?}");
    let is_part = |(path, _): &(PathBuf, Vec<u8>)| path.extension().unwrap() == "csv";
    assert!(!files(folder.path()).iter().any(is_part), "nothing is measured");
}

#[test]
fn several_units_at_a_time_are_not_shared() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Threads::new(2).each(|ranks| -> Result<()> {
        let (sources, origin) = (Sources::embedded(), origin("a"));
        let (out, observer) = (folder.path(), &|_: Event<'_>| ());
        let session = Session { out, sources: &sources, origin: &origin, jobs: 2, ranks, observer };
        session.run(&[divided()]).map(|_| ())
    });
    for refusal in refused {
        let refusal = refusal.unwrap_err();
        assert!(matches!(refusal, Error::Configuration { .. }), "{refusal}");
    }
}

#[test]
fn whoever_trained_and_whoever_measured_a_unit_are_both_told() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let origins = |(evidence, _): (Evidence, usize)| -> Vec<String> {
        let rows = evidence.records.into_iter().filter(|r| r.metric == Metric::ORIGIN);
        rows.map(|r| r.note).collect()
    };
    let (first, second) = (origin("first"), origin("second"));
    assert_eq!(origins(session(out, &first, &Alone)?), [first.to_string()]);
    assert_eq!(origins(session(out, &second, &Alone)?), [first.to_string()], "it was finished");
    let is_part = |path: &Path| path.extension().unwrap() == "csv";
    for (path, _) in files(out).into_iter().filter(|(path, _)| is_part(path)) {
        std::fs::remove_file(path).unwrap();
    }
    // Its training is at its end; only measured anew.
    let both = [second.to_string(), first.to_string()];
    for _ in ["as it is measured", "as it is read again"] {
        assert_eq!(origins(session(out, &second, &Alone)?), both);
    }
    Ok(())
}
