//! What was measured: records and pictures.

use super::picture::Picture;
use super::record::Record;
use crate::comma_separated::csv_bytes;
use crate::digest::Digest;

/// The records and pictures of some units, or of a whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The records.
    pub records: Vec<Record>,
    /// The pictures.
    pub pictures: Vec<Picture>,
}

impl Evidence {
    /// The same with each record and picture once.
    pub(super) fn without_repetitions(&self) -> Self {
        let mut once = Self::default();
        for record in &self.records {
            if !once.records.contains(record) {
                once.records.push(record.clone());
            }
        }
        for picture in &self.pictures {
            if !once.pictures.contains(picture) {
                once.pictures.push(picture.clone());
            }
        }
        once
    }

    /// SHA-256 of records and pictures as they are written.
    pub(crate) fn digest(&self) -> String {
        let mut digest = Digest::new();
        digest.update(csv_bytes(self.records.iter().cloned()));
        digest.update(csv_bytes(self.pictures.iter().map(Picture::to_row)));
        digest.hex()
    }

    /// Adds what other units measured.
    pub fn extend(&mut self, other: Self) {
        self.records.extend(other.records);
        self.pictures.extend(other.pictures);
    }
}
