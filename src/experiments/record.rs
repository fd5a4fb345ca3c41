//! Records: one row per measured value, the only thing that experiments produce and reports read.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The experiment name of rows that describe the run instead of a measurement: the metric names
/// the property and the note holds it.
pub const PROVENANCE: &str = "provenance";

/// One measured value in long form. Columns that do not apply are empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The experiment's name in the catalogue.
    pub experiment: String,
    /// The model's name, as in the paper.
    pub model: String,
    /// The seed of initialisation and data.
    pub seed: Option<u64>,
    /// `quick`, `desk` or `paper`.
    pub profile: String,
    /// `train`, `validation` or `test`.
    pub split: String,
    /// What was measured.
    pub metric: String,
    /// Velocities |V| of the model, where that is what varies.
    #[serde(default)]
    pub velocities: Option<u32>,
    /// Optimiser steps taken.
    pub step: Option<u64>,
    /// Predicted frame, counted from 1; 0 is the last frame seen. Of hidden states: the frame seen,
    /// counted from 1.
    pub horizon: Option<u32>,
    /// Velocity of the test sequences, columns per frame.
    pub velocity_x: Option<i32>,
    /// Velocity of the test sequences, rows per frame.
    pub velocity_y: Option<i32>,
    /// Velocity of the test sequences, degrees per frame.
    #[serde(default)]
    pub velocity_deg: Option<i32>,
    /// Column of a pixel.
    pub pixel_x: Option<u32>,
    /// Row of a pixel.
    pub pixel_y: Option<u32>,
    /// The value; empty in rows of provenance.
    pub value: Option<f64>,
    /// Text, in rows of provenance.
    pub note: String,
}

/// Records as CSV with a header line.
pub fn write_records(records: &[Record]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.serialize(record).expect("a record is flat and memory does not fail");
    }
    writer.into_inner().expect("memory does not fail")
}

/// Reads records from CSV bytes; `path` is named in errors.
///
/// # Errors
/// [`Error::Format`] with the line of the first row that is not a record, or when there is none.
pub fn read_records(bytes: &[u8], path: &Path) -> Result<Vec<Record>> {
    let refuse = |line, problem: String| Error::Format { path: path.to_path_buf(), line, problem };
    let mut reader = csv::Reader::from_reader(bytes);
    let records: Vec<Record> = reader
        .deserialize()
        .collect::<std::result::Result<_, csv::Error>>()
        .map_err(|e| refuse(e.position().map(|p| p.line()), e.to_string()))?;
    if records.is_empty() {
        return Err(refuse(None, "holds no records; run `fernn reproduce` first".into()));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_a_round_trip_bit_for_bit() -> Result<()> {
        let record = Record {
            experiment: "translation".into(),
            model: "FERNN-V2, \"quoted\"".into(),
            seed: Some(3),
            value: Some(0.1 + 0.2),
            velocity_x: Some(-2),
            ..Record::default()
        };
        let infinite = Record { value: Some(f64::INFINITY), ..record.clone() };
        let records = vec![record, infinite];
        assert_eq!(read_records(&write_records(&records), Path::new("x"))?, records);
        Ok(())
    }

    #[test]
    fn a_damaged_row_is_named_by_its_line() {
        let text = write_records(&[Record::default(), Record::default()]);
        let text = String::from_utf8(text).expect("utf-8").replacen(",,,", ",,,,,", 2);
        match read_records(text.as_bytes(), Path::new("x.csv")) {
            Err(Error::Format { line, .. }) => assert_eq!(line, Some(2)),
            other => panic!("expected a format error, got {other:?}"),
        }
    }
}
