//! What one unit measured, as files of its own that say what they belong to and whether they are whole.

use super::evidence::Evidence;
use super::metric::Metric;
use super::origin::Origin;
use super::picture::Picture;
use super::query::Records;
use super::record::{PROVENANCE, Record};
use crate::comma_separated::csv_bytes;
use crate::error::{Error, Result};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The measurements of a unit, and what ran it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Records and pictures.
    pub evidence: Evidence,
    /// Rows of provenance: of the program, the machine and the time.
    pub provenance: Vec<Record>,
}

/// Named in rows of provenance: what identifies the unit.
const UNIT: &str = "unit";
/// The digest of everything else in the files.
const DIGEST: &str = "digest";
/// When it was finished, in seconds since 1970.
const FINISHED: &str = "finished";
/// How long its last process took.
const SECONDS: &str = "seconds";

impl Part {
    /// What a unit measured here and now.
    pub(super) fn new(evidence: Evidence, origin: &Origin, took: Duration) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut provenance = origin.rows();
        provenance.push(Record::provenance(FINISHED, now.as_secs().to_string()));
        provenance.push(Record::provenance(SECONDS, format!("{:.1}", took.as_secs_f64())));
        Self { evidence: evidence.without_repetitions(), provenance }
    }

    /// Writes it as that of a unit.
    ///
    /// # Errors
    /// Those of [`Evidence::write`].
    pub(super) fn write(&self, path: &Path, unit: &str) -> Result<()> {
        let mut whole = self.evidence.clone();
        whole.records.extend(self.provenance.clone());
        whole.records.push(Record::provenance(UNIT, unit));
        let digest = whole.digest();
        whole.records.push(Record::provenance(DIGEST, digest));
        whole.write(path)
    }

    /// Reads that of a unit; nothing where there is no file.
    ///
    /// # Errors
    /// [`Error::Format`] when the file is damaged or belongs to another unit; [`Error::Io`] when it cannot be
    /// read.
    pub(super) fn read(path: &Path, unit: &str) -> Result<Option<Self>> {
        let mut whole = match Evidence::read_if_there(path) {
            Ok(Some(whole)) => whole,
            Ok(None) => return Ok(None),
            Err(Error::Format { path, problem, .. }) => return Err(refused(&path, &problem)),
            Err(other) => return Err(other),
        };
        let is_digest = |r: &Record| r.experiment == PROVENANCE && r.metric.name() == DIGEST;
        let told: Vec<String> =
            Records(&whole).notes(DIGEST).iter().map(|d| d.to_string()).collect();
        whole.records.retain(|r| !is_digest(r));
        if told != [whole.digest()] {
            return Err(refused(path, "is damaged: its digest is another one"));
        }
        if Records(&whole).notes(UNIT) != [unit] {
            return Err(refused(path, "belongs to another unit"));
        }
        let (provenance, records) =
            whole.records.into_iter().partition(|r: &Record| r.experiment == PROVENANCE);
        let evidence = Evidence { records, pictures: whole.pictures };
        let mut part = Self { evidence, provenance };
        part.provenance.retain(|r| r.metric.name() != UNIT);
        Ok(Some(part))
    }

    /// Rows of provenance for the records of a whole run: what can be the same for many units.
    pub(super) fn facts(&self) -> impl Iterator<Item = &Record> {
        let is_own = |r: &Record| [FINISHED, SECONDS].contains(&r.metric.name());
        self.provenance.iter().filter(move |r| !is_own(r))
    }

    /// What of the measurements another part of the same unit has another value for.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        let measured = |part: &Self| {
            let rows = part.evidence.records.clone().into_iter();
            rows.filter(|r| r.metric != Metric::ORIGIN).collect::<Vec<_>>()
        };
        // As they are written, where what is no number is the same as itself.
        let written = |r: &Record| csv_bytes([r.clone()]);
        let (ours, theirs) = (measured(self), measured(other));
        let pair = ours.iter().zip(&theirs).find(|(a, b)| written(a) != written(b));
        let pixels = |part: &Self| csv_bytes(part.evidence.pictures.iter().map(Picture::to_row));
        match pair {
            Some((a, _)) => Some(a.metric.to_string()),
            None if ours.len() != theirs.len() => Some("number of records".into()),
            None => (pixels(self) != pixels(other)).then(|| "pictures".into()),
        }
    }
}

fn refused(path: &Path, problem: &str) -> Error {
    let problem = format!("{problem}; remove it: the unit then goes on from its checkpoint");
    Error::Format { path: path.to_path_buf(), line: None, problem }
}

#[cfg(test)]
mod tests {
    use super::super::origin::DeviceKind;
    use super::super::subject::Subject;
    use super::*;

    fn picture(pixel: f32) -> Picture {
        let experiment = "translation".into();
        Picture { experiment, width: 1, pixels: vec![pixel], ..Picture::default() }
    }

    fn origin() -> Origin {
        Origin {
            commit: "a".into(),
            cpu: "b".into(),
            kernels: "c".into(),
            device: DeviceKind::Cpu,
            threads: 2,
        }
    }

    fn part(value: f64) -> Part {
        let record = Record {
            experiment: "translation".into(),
            subject: Subject::g_rnn(),
            seed: Some(3),
            metric: Metric::MSE,
            value: Some(value),
            note: "in\ntwo lines".into(),
            ..Record::default()
        };
        let evidence = Evidence { records: vec![record], pictures: vec![picture(0.5)] };
        Part::new(evidence, &origin(), Duration::from_secs(2))
    }

    #[test]
    fn a_part_comes_back_and_is_known_by_its_unit() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("part.csv");
        assert_eq!(Part::read(&path, "unit")?, None);
        let written = part(0.1);
        written.write(&path, "unit")?;
        assert_eq!(Part::read(&path, "unit")?, Some(written.clone()));
        let facts: Vec<String> = written.facts().map(|r| r.metric.to_string()).collect();
        assert_eq!(facts, ["commit", "CPU", "kernels", "device", "threads"]);
        match Part::read(&path, "another") {
            Err(Error::Format { problem, .. }) => assert!(problem.contains("another unit")),
            other => panic!("{other:?}"),
        }
        Ok(())
    }

    #[test]
    fn no_changed_byte_goes_unnoticed() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("part.csv");
        let written = part(0.1);
        written.write(&path, "unit")?;
        for file in [&path, &folder.path().join("part.pictures.csv")] {
            let bytes = std::fs::read(file).expect("it was written");
            for place in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1;
                std::fs::write(file, &damaged).expect("it is writable");
                let read = Part::read(&path, "unit");
                let is_same = read.as_ref().is_ok_and(|read| read.as_ref() == Some(&written));
                assert!(read.is_err() || is_same, "{} byte {place}: {read:?}", file.display());
            }
            std::fs::write(file, &bytes[..bytes.len() / 2]).expect("it is writable");
            assert!(Part::read(&path, "unit").is_err());
            std::fs::write(file, &bytes).expect("it is writable");
        }
        Ok(())
    }

    #[test]
    fn what_is_no_file_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let refusal = Part::read(folder.path(), "unit").expect_err("it is a folder").to_string();
        assert!(refusal.contains("is no file"), "{refusal}");
    }

    #[test]
    fn the_first_difference_is_named() {
        let changed = |change: &dyn Fn(&mut Evidence)| {
            let mut part = part(0.1);
            change(&mut part.evidence);
            part
        };
        let difference = |other: Part| part(0.1).difference(&other);
        assert_eq!(difference(part(0.1)), None);
        assert_eq!(part(f64::NAN).difference(&part(f64::NAN)), None);
        assert_eq!(difference(part(0.2)), Some("mse".into()));
        let more = changed(&|all| all.records.push(all.records[0].clone()));
        assert_eq!(difference(more), Some("number of records".into()));
        assert_eq!(
            difference(changed(&|all| all.pictures = vec![picture(0.25)])),
            Some("pictures".into())
        );
        let elsewhere = changed(&|all| {
            all.records.push(Record { metric: Metric::ORIGIN, ..all.records[0].clone() });
        });
        assert_eq!(difference(elsewhere), None, "who ran it is no measurement");
    }

    #[test]
    fn what_a_job_says_twice_is_kept_once() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("part.csv");
        let once = part(0.1).evidence;
        let mut twice = once.clone();
        twice.extend(once.clone());
        let part = Part::new(twice, &origin(), Duration::ZERO);
        assert_eq!(part.evidence, once);
        part.write(&path, "unit")?;
        assert_eq!(Part::read(&path, "unit")?, Some(part));
        Ok(())
    }
}
