//! Tables as comma-separated values.

use crate::experiments::exhibit::Table;

/// Comma-separated values with a header line.
pub(super) fn csv(table: &Table) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    for row in std::iter::once(&table.header).chain(&table.rows) {
        writer.write_record(row).expect("rows are as wide as the header; memory does not fail");
    }
    writer.into_inner().expect("memory does not fail")
}
