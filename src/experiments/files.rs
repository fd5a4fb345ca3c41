//! The files of what was measured: `records.csv`, and `pictures.csv` beside it.

use super::evidence::Evidence;
use super::legacy;
use super::metric::Metric;
use super::picture::{self, Picture};
use super::record::{COLUMNS, PROVENANCE, Record};
use crate::atomic_file::{read_if_there, write_atomically};
use crate::comma_separated::csv_bytes;
use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file of pictures beside `records.csv`; beside another file it has that one's name before it.
pub const PICTURES: &str = "pictures.csv";

fn pictures_beside(records: &Path) -> PathBuf {
    match records.file_stem().and_then(|stem| stem.to_str()) {
        None | Some("records") => records.with_file_name(PICTURES),
        Some(stem) => records.with_file_name(format!("{stem}.{PICTURES}")),
    }
}

impl Evidence {
    /// Reads a file of records, and the pictures beside it where there are any.
    ///
    /// Rows may come from several runs and programs, in any order; line ends may have been rewritten.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Format`] with the line of the first row that is
    /// no record, or that contradicts another one, or when there is none.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&std::fs::read(path).map_err(Error::io(path))?, path)
    }

    /// The same of a file that there may be, and that is no pipe.
    ///
    /// # Errors
    /// As [`Evidence::read`].
    pub fn read_if_there(path: &Path) -> Result<Option<Self>> {
        read_if_there(path)?.map(|bytes| Self::parse(&bytes, path)).transpose()
    }

    /// Refuses a file that is none of pictures, as one that is not ours; none is well.
    ///
    /// # Errors
    /// [`Error::Format`] naming it.
    pub fn expect_pictures(path: &Path) -> Result<()> {
        let Some(bytes) = read_if_there(path)? else { return Ok(()) };
        read_pictures(&bytes, path).map(|_| ())
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let mut evidence = read_records(bytes, path)?;
        let pictures = pictures_beside(path);
        if let Some(bytes) = read_if_there(&pictures)? {
            evidence.pictures.extend(read_pictures(&bytes, &pictures)?);
        }
        Ok(evidence)
    }

    /// Writes both files, the pictures first; no pictures, no file, not even an earlier one.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that could not be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let pictures = pictures_beside(path);
        if !self.pictures.is_empty() {
            let rows = self.pictures.iter().map(Picture::to_row);
            write_atomically(&pictures, &csv_bytes(rows))?;
        } else if pictures.exists() {
            std::fs::remove_file(&pictures).map_err(Error::io(&pictures))?;
        }
        write_atomically(path, &csv_bytes(self.records.iter().cloned()))
    }
}

fn refuse(path: &Path, line: Option<u64>, problem: impl Into<String>) -> Error {
    Error::Format { path: path.to_path_buf(), line, problem: problem.into() }
}

/// The rows of a CSV file with their lines.
fn rows<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<Vec<(u64, T)>> {
    let mut reader = csv::Reader::from_reader(bytes);
    let wrong = |e: csv::Error| refuse(path, e.position().map(|p| p.line()), e.to_string());
    let headers = reader.headers().map_err(wrong)?.clone();
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        let line = row.position().map_or(0, |p| p.line());
        rows.push((line, row.deserialize(Some(&headers)).map_err(wrong)?));
    }
    Ok(rows)
}

/// Parses `records.csv`; `path` is named in errors.
fn read_records(bytes: &[u8], path: &Path) -> Result<Evidence> {
    let mut reader = csv::Reader::from_reader(bytes);
    let headers = reader.headers().map_err(|e| refuse(path, Some(1), e.to_string()))?;
    let evidence = if legacy::is_legacy(headers) {
        let converted = legacy::convert(rows(bytes, path)?).map_err(|line| {
            let problem = "has another value for a pixel that stands before; keep one of them";
            refuse(path, Some(line), problem)
        })?;
        let records = consistent(converted.records, path)?;
        Evidence { records, pictures: converted.pictures }
    } else {
        if let Some(unknown) = headers.iter().find(|name| !COLUMNS.contains(name)) {
            let known = COLUMNS.join(", ");
            return Err(refuse(path, Some(1), format!("has no column `{unknown}`, but {known}")));
        }
        Evidence { records: consistent(rows(bytes, path)?, path)?, pictures: vec![] }
    };
    one_profile_each(&evidence.records, path)?;
    if evidence.records.is_empty() && evidence.pictures.is_empty() {
        return Err(refuse(path, None, "holds no records; run `fernn reproduce` first"));
    }
    Ok(evidence)
}

/// Refuses an experiment of two profiles: their values are of different problems, and would be averaged.
fn one_profile_each(records: &[Record], path: &Path) -> Result<()> {
    let mut profiles: BTreeMap<&str, &str> = BTreeMap::new();
    for r in records.iter().filter(|r| r.experiment != PROVENANCE && !r.profile.is_empty()) {
        let first = profiles.entry(&r.experiment).or_insert(&r.profile);
        if *first != r.profile {
            let problem = format!(
                "has experiment {} in profiles {first} and {}; keep those of one profile",
                r.experiment, r.profile
            );
            return Err(refuse(path, None, problem));
        }
    }
    Ok(())
}

/// The records without repetitions; two unequal values for one place are refused.
fn consistent(rows: Vec<(u64, Record)>, path: &Path) -> Result<Vec<Record>> {
    let mut first: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut kept: Vec<(u64, Record)> = Vec::with_capacity(rows.len());
    for (line, record) in rows {
        // Merged runs each have their own provenance, and a unit may have run in several places.
        let is_provenance = record.experiment == PROVENANCE || record.metric == Metric::ORIGIN;
        let place = format!("{}/{}/{:?}", record.experiment, record.metric, record.seed);
        let alike = first.entry(place).or_default();
        let same = alike.iter().map(|&i| &kept[i]).find(|(_, r)| match is_provenance {
            true => *r == record,
            false => r.is_same_place(&record),
        });
        if let Some((before, same)) = same {
            let bits = |r: &Record| (r.value.map(f64::to_bits), r.note.clone());
            if bits(same) != bits(&record) {
                let problem = format!(
                    "has another value for what line {before} measures ({} of {}); keep one of them",
                    record.metric, record.subject
                );
                return Err(refuse(path, Some(line), problem));
            }
            continue;
        }
        alike.push(kept.len());
        kept.push((line, record));
    }
    Ok(kept.into_iter().map(|(_, record)| record).collect())
}

/// Parses the pictures without repetitions; two unequal ones for one place are refused.
fn read_pictures(bytes: &[u8], path: &Path) -> Result<Vec<Picture>> {
    let mut kept: Vec<Picture> = Vec::new();
    for (line, row) in rows::<picture::Row>(bytes, path)? {
        let picture =
            Picture::from_row(row).map_err(|problem| refuse(path, Some(line), problem))?;
        match kept.iter().find(|other| other.is_same_place(&picture)) {
            None => kept.push(picture),
            Some(same) if same.has_same_pixels(&picture) => {}
            Some(_) => {
                let problem = format!(
                    "has other pixels for a frame that stands before ({} of {}); keep one of them",
                    picture.metric, picture.subject
                );
                return Err(refuse(path, Some(line), problem));
            }
        }
    }
    match kept.is_empty() {
        true => Err(refuse(path, None, "holds no picture")), // such a file is never written
        false => Ok(kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;
    use crate::experiments::{Metric, Records, Subject};
    use crate::flow::{DegreesPerFrame, PixelsPerFrame};

    fn record(seed: u64, value: f64) -> Record {
        Record {
            experiment: "translation".into(),
            subject: Subject::new("FERNN-V2, \"quoted\"").with_variant("tanh"),
            seed: Some(seed),
            split: Some(Split::Test),
            metric: Metric::MSE,
            velocity: Some(PixelsPerFrame::new(-2, 1).into()),
            value: Some(value),
            ..Record::default()
        }
    }

    fn read(text: &str) -> Result<Evidence> {
        read_records(text.as_bytes(), Path::new("x.csv"))
    }

    fn text(records: &[Record]) -> String {
        String::from_utf8(csv_bytes(records.iter().cloned())).expect("utf-8")
    }

    fn refusal(text: &str) -> (Option<u64>, String) {
        match read(text) {
            Err(Error::Format { line, problem, .. }) => (line, problem),
            other => panic!("expected a format error, got {other:?}"),
        }
    }

    #[test]
    fn both_files_come_back_bit_for_bit() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Record {
            value: None,
            metric: Metric::SETTINGS,
            note: "a = 1\nb = \"x, y\"\n".into(),
            ..record(3, 0.0)
        };
        let turning = Record { velocity: Some(DegreesPerFrame(-45).into()), ..record(4, 0.5) };
        let records = vec![
            Record::provenance("commit", "abc"),
            settings,
            record(3, 0.1 + 0.2),
            record(5, f64::INFINITY),
            turning,
        ];
        let picture = Picture {
            experiment: "translation".into(),
            subject: Subject::g_rnn(),
            metric: Metric::FILM_TRUTH,
            split: Some(Split::Test),
            horizon: 2,
            width: 3,
            pixels: vec![0.1, -1e-9, 0.0, 1.0, f32::MIN_POSITIVE, 0.7],
            ..Picture::default()
        };
        let evidence = Evidence { records, pictures: vec![picture] };
        for name in ["records.csv", "part.csv"] {
            let path = folder.path().join(name);
            evidence.write(&path)?;
            assert_eq!(Evidence::read(&path)?, evidence);
        }
        Ok(())
    }

    #[test]
    fn rewritten_line_ends_change_nothing() -> Result<()> {
        let settings = Record { value: None, note: "a = 1\nb = 2\n".into(), ..record(0, 0.0) };
        let unix = text(&[settings, record(1, 2.0)]);
        assert_eq!(read(&unix.replace('\n', "\r\n"))?, read(&unix)?);
        Ok(())
    }

    #[test]
    fn a_damaged_row_and_an_unknown_column_are_named() {
        let damaged = text(&[record(0, 1.0), record(1, 2.0)]).replace(",2.0,", ",two,");
        assert_eq!(refusal(&damaged).0, Some(3));
        let column = text(&[record(0, 1.0)]).replace("variant", "variety");
        let (line, problem) = refusal(&column);
        assert_eq!(line, Some(1));
        assert!(problem.contains("`variety`") && problem.contains("variant"), "{problem}");
        let split = text(&[record(0, 1.0)]).replace(",test,", ",testing,");
        assert_eq!(refusal(&split).0, Some(2));
        assert!(refusal(&text(&[])).1.contains("fernn reproduce"));
    }

    #[test]
    fn repeated_pictures_count_once_and_contradictions_are_refused() {
        let header = "experiment,model,variant,seed,profile,split,metric,horizon,width,pixels\n";
        let row = |pixels: &str| format!("a,b,,0,quick,test,film_truth,1,2,{pixels}\n");
        let read = |rows: &[String]| {
            read_pictures((header.to_string() + &rows.concat()).as_bytes(), Path::new("p.csv"))
        };
        assert_eq!(read(&[row("0 NaN"), row("0 NaN")]).expect("the same twice").len(), 1);
        match read(&[row("0 1"), row("0 0.5")]) {
            Err(Error::Format { line: Some(3), problem, .. }) => {
                assert!(problem.contains("film_truth of b"), "{problem}");
            }
            other => panic!("expected a format error, got {other:?}"),
        }
    }

    #[test]
    fn contradictions_of_the_first_version_are_refused_too() {
        let header = "experiment,model,seed,profile,split,metric,step,horizon,velocity_x,\
                      velocity_y,pixel_x,pixel_y,value,note\n";
        let mse = |value: f64| format!("translation,G-RNN,0,quick,test,mse,,,,,,,{value},\n");
        let pixel = |value: f64| format!("translation,G-RNN,0,quick,test,film,,1,,,0,0,{value},\n");
        for row in [&mse as &dyn Fn(f64) -> String, &pixel] {
            assert!(read(&[header, &row(0.5), &row(0.5)].concat()).is_ok());
            let (line, problem) = refusal(&[header, &row(0.5), &row(0.25)].concat());
            assert_eq!(line, Some(3));
            assert!(problem.contains("another value"), "{problem}");
        }
    }

    #[test]
    fn an_experiment_has_one_profile_in_a_file() {
        let of = |profile: &str, seed| Record { profile: profile.into(), ..record(seed, 0.5) };
        assert!(read(&text(&[of("quick", 0), of("quick", 1)])).is_ok());
        let (_, problem) = refusal(&text(&[of("quick", 0), of("desk", 1)]));
        assert!(problem.contains("translation in profiles quick and desk"), "{problem}");
        let other = Record { experiment: "velocity".into(), ..of("desk", 1) };
        assert!(read(&text(&[of("quick", 0), other])).is_ok(), "each experiment for itself");
    }

    #[test]
    fn pictures_of_an_earlier_run_do_not_stay() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("records.csv");
        let records = vec![record(0, 0.5)];
        let pictures = vec![Picture { width: 1, pixels: vec![0.5], ..Picture::default() }];
        Evidence { records: records.clone(), pictures }.write(&path)?;
        Evidence { records, pictures: vec![] }.write(&path)?;
        assert_eq!(Evidence::read(&path)?.pictures, []);
        Ok(())
    }

    #[test]
    fn repeated_rows_count_once_and_contradictions_are_refused() -> Result<()> {
        let twice = read(&text(&[record(0, 1.0), record(1, 2.0), record(0, 1.0)]))?;
        assert_eq!(twice.records, [record(0, 1.0), record(1, 2.0)]);
        let (line, problem) = refusal(&text(&[record(0, 1.0), record(1, 2.0), record(0, 1.5)]));
        assert_eq!(line, Some(4));
        assert!(problem.contains("line 2"), "{problem}");
        // Merged runs each have their own provenance, and their seeds stand side by side.
        let merged = [
            Record::provenance("commit", "a"),
            record(0, 1.0),
            Record::provenance("commit", "b"),
            record(1, 2.0),
        ];
        let merged = read(&text(&merged))?;
        assert_eq!(Records(&merged).notes("commit"), ["a", "b"]);
        assert_eq!(Records(&merged).all_seeds(), [0, 1]);
        Ok(())
    }

    #[test]
    fn records_of_the_first_version_keep_their_values() -> Result<()> {
        let old = "experiment,model,seed,profile,split,metric,velocities,step,horizon,velocity_x,\
                   velocity_y,velocity_deg,pixel_x,pixel_y,value,note\n\
                   provenance,,,,,seeds,,,,,,,,,,0\n\
                   provenance,,,,,commit,,,,,,,,,,abc\n\
                   length-study,FERNN-V2 4x-steps,0,quick,test,mse,,,,,,,,,0.25,\n\
                   velocity,G-RNN,0,quick,test,mse_by_velocity,,,,1,-2,,,,0.5,\n\
                   rotation,G-RNN,0,quick,test,film_truth,,,3,,,,1,0,0.75,\n\
                   rotation,G-RNN,0,quick,test,film_truth,,,3,,,,0,0,0.125,\n";
        let evidence = read(old)?;
        let [commit, study, velocity] = evidence.records.as_slice() else {
            panic!("{:?}", evidence.records)
        };
        assert_eq!(commit, &Record::provenance("commit", "abc"));
        assert_eq!(study.subject, Subject::new("FERNN-V2").with_variant("4x-steps"));
        assert_eq!((study.value, study.split), (Some(0.25), Some(Split::Test)));
        assert_eq!(velocity.velocity, Some(PixelsPerFrame::new(1, -2).into()));
        let [picture] = evidence.pictures.as_slice() else { panic!("one picture") };
        assert_eq!((picture.width, picture.horizon), (2, 3));
        assert_eq!(picture.pixels, [0.125, 0.75]);
        Ok(())
    }
}
