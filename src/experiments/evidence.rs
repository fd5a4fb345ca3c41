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
    /// Adds what other units measured.
    pub fn extend(&mut self, other: Self) {
        self.records.extend(other.records);
        self.pictures.extend(other.pictures);
    }
}
