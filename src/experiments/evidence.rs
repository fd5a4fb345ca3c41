//! What was measured, in memory and in files: `records.csv`, and `pictures.csv` beside it.

use super::legacy;
use super::picture::{self, Picture};
use super::record::{COLUMNS, PROVENANCE, Record};
use crate::atomic_file::write_atomically;
use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The records and pictures of some units, or of a whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The records.
    pub records: Vec<Record>,
    /// The pictures.
    pub pictures: Vec<Picture>,
}

/// The file of pictures beside `records.csv`; beside another file it has that one's name before it.
pub const PICTURES: &str = "pictures.csv";

fn pictures_beside(records: &Path) -> PathBuf {
    match records.file_stem().and_then(|stem| stem.to_str()) {
        None | Some("records") => records.with_file_name(PICTURES),
        Some(stem) => records.with_file_name(format!("{stem}.{PICTURES}")),
    }
}

impl Evidence {
    /// Adds what other units measured.
    pub fn extend(&mut self, other: Self) {
        self.records.extend(other.records);
        self.pictures.extend(other.pictures);
    }

    /// Reads a file of records, and the pictures beside it where there are any.
    ///
    /// Rows may come from several runs and programs, in any order; line ends may have been rewritten.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Format`] with the line of the first row that is
    /// no record, or that contradicts another one, or when there is none.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let mut evidence = read_records(&bytes, path)?;
        let pictures = pictures_beside(path);
        match std::fs::read(&pictures) {
            Ok(bytes) => evidence.pictures.extend(read_pictures(&bytes, &pictures)?),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io(&pictures)(e)),
        }
        Ok(evidence)
    }

    /// Writes both files, the pictures first; no pictures, no file.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that could not be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        if !self.pictures.is_empty() {
            let rows = self.pictures.iter().map(Picture::to_row);
            write_atomically(&pictures_beside(path), &csv_bytes(rows))?;
        }
        write_atomically(path, &csv_bytes(self.records.iter().cloned()))
    }
}

fn csv_bytes<T: serde::Serialize>(rows: impl Iterator<Item = T>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).expect("a row is flat and memory does not fail");
    }
    writer.into_inner().expect("memory does not fail")
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
        legacy::convert(rows(bytes, path)?)
    } else {
        if let Some(unknown) = headers.iter().find(|name| !COLUMNS.contains(name)) {
            let known = COLUMNS.join(", ");
            return Err(refuse(path, Some(1), format!("has no column `{unknown}`, but {known}")));
        }
        Evidence { records: consistent(rows(bytes, path)?, path)?, pictures: vec![] }
    };
    if evidence.records.is_empty() && evidence.pictures.is_empty() {
        return Err(refuse(path, None, "holds no records; run `fernn reproduce` first"));
    }
    Ok(evidence)
}

/// The records without repetitions; two unequal values for one place are refused.
fn consistent(rows: Vec<(u64, Record)>, path: &Path) -> Result<Vec<Record>> {
    let mut first: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut kept: Vec<(u64, Record)> = Vec::with_capacity(rows.len());
    for (line, record) in rows {
        // Merged runs each have their own provenance.
        let is_provenance = record.experiment == PROVENANCE;
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

fn read_pictures(bytes: &[u8], path: &Path) -> Result<Vec<Picture>> {
    let picture = |(line, row): (u64, picture::Row)| {
        Picture::from_row(row).map_err(|problem| refuse(path, Some(line), problem))
    };
    rows(bytes, path)?.into_iter().map(picture).collect()
}
