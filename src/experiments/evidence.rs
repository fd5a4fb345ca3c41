//! What was measured: records and pictures.

use super::picture::Picture;
use super::record::Record;

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

    /// Adds what other units measured.
    pub fn extend(&mut self, other: Self) {
        self.records.extend(other.records);
        self.pictures.extend(other.pictures);
    }
}
